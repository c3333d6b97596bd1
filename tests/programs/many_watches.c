/* covers: kernel/src/vfs/ */
/* One file with as many epoll items as a user may have (max_user_watches): one more fails with
   ENOSPC, the cost of removing an item doesn't depend on their number, and another user may have as
   many. The machine counts time in instructions (-icount). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>

#include "children.h"
#include "random.h"

enum {
	/* Descriptors of the watched file, each watched by each instance. */
	NAMES = 3000,
	INSTANCES = 100,
	/* The limit for removing an item, with few and with many others. */
	LEAVING_NS = 8000,
	USERS = 2,
	FIRST_USER = 1000,
};

static int names[NAMES];
static int instances[INSTANCES];

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static long read_limit(void)
{
	char text[32] = "";
	int fd = open("/proc/sys/fs/epoll/max_user_watches", O_RDONLY);

	read(fd, text, sizeof text - 1);
	close(fd);
	return atol(text);
}

/* Adds up to `most` items, until an error; returns their number. */
static long watch(long most)
{
	struct epoll_event event = {EPOLLIN, {0}};
	long count = 0;

	for (int i = 0; i < INSTANCES; i++) {
		instances[i] = epoll_create1(0);
		for (int j = 0; j < NAMES && count < most; j++, count++)
			if (epoll_ctl(instances[i], EPOLL_CTL_ADD, names[j], &event))
				return count;
	}
	return count;
}

/* Closes all instances in random order; returns the nanoseconds per item. */
static long unwatch(long items)
{
	long start = now_ns();

	for (int left = INSTANCES; left > 0; left--) {
		int chosen = below(left);

		if (instances[chosen])
			close(instances[chosen]);
		instances[chosen] = instances[left - 1];
		instances[left - 1] = 0;
	}
	return (now_ns() - start) / items;
}

static int check_user(int user)
{
	struct rlimit limit;
	long max = read_limit(), count, few, many;

	setresuid(user, user, user);
	seed_random(user);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	names[0] = eventfd(0, 0);
	for (int i = 1; i < NAMES; i++)
		names[i] = dup(names[0]);
	/* The order of insertion is not the order in the instance. */
	for (int i = NAMES - 1; i > 0; i--) {
		int other = below(i), name = names[i];

		names[i] = names[other];
		names[other] = name;
	}
	few = unwatch(watch(1000));
	count = watch(max + 1);
	printf("user %d: %ld of %ld items, then %s\n", user, count, max, strerror(errno));
	many = unwatch(count);
	printf("removal took %ld ns per item, with few items %ld ns\n", many, few);
	return count == max && errno == ENOSPC && few < LEAVING_NS && many < LEAVING_NS;
}

int main(void)
{
	int status, good = 1;

	only_as_init();
	/* The second user adds items while the first one is at its limit. */
	for (int i = 0; i < USERS; i++)
		if (fork() == 0)
			_exit(!check_user(FIRST_USER + i));
	for (int i = 0; i < USERS; i++) {
		wait(&status);
		good &= status == 0;
	}
	printf(good ? "all as it should be\n" : "WRONG\n");
	return !good;
}
