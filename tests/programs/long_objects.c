/* covers: kernel/src/sched/ kernel/src/vm/ kernel/src/vfs/ kernel/src/process/ */
/* Calls on as many objects as a program can create, and exit of a process that has them (late.h). */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "late.h"

enum {
	ITEMS = 20000,
	WATCHES = 20000,
	TIMERS = 40000,
	NAMES = 20000,
	TABLES = 8000,
	MOVED = 320 << 20,
	PIPE = 64 << 20,
};

static char *start;

static void touch(unsigned long size, unsigned long step)
{
	start = room(size);
	for (unsigned long at = 0; at < size; at += step)
		start[at] = 1;
}

static void make_pages(void)
{
	touch(MOVED, PAGE);
}

static void do_mremap(void)
{
	char *place = (char *)(1ul << 45) + PAGE;

	mremap(start, MOVED, MOVED, MREMAP_MAYMOVE | MREMAP_FIXED, place);
}

/* Empty page tables. */
static void make_tables(void)
{
	start = room((unsigned long)TABLES * TABLE);
	for (long i = 0; i < TABLES; i++) {
		start[i * TABLE] = 1;
		madvise(start + i * TABLE, PAGE, MADV_DONTNEED);
	}
}

static void do_madvise(void)
{
	madvise(start, (unsigned long)TABLES * TABLE, MADV_DONTNEED);
}

static void do_munmap(void)
{
	munmap(start, (unsigned long)TABLES * TABLE);
}

static void do_mprotect(void)
{
	mprotect(start, (unsigned long)TABLES * TABLE, PROT_READ);
}

static void make_far_descriptor(void)
{
	dup2(1, NR_OPEN - 1);
}

static int first, second;

/* Epoll items of one file under many descriptors. */
static void make_items(void)
{
	struct epoll_event event = {EPOLLIN, {0}};

	second = eventfd(0, 0);
	first = epoll_create1(0);
	for (int i = 0; i < ITEMS; i++) {
		int fd = dup2(second, 1001 + i);

		epoll_ctl(first, EPOLL_CTL_ADD, fd, &event);
	}
}

static void close_first(void)
{
	close(first);
}

static void read_fdinfo(void)
{
	char name[40];

	sprintf(name, "/proc/self/fdinfo/%d", first);
	read_all(name);
}

static void make_watches(void)
{
	char name[20];

	mkdir("/watched", 0755);
	mount("none", "/watched", "tmpfs", 0, NULL);
	first = inotify_init();
	for (int i = 0; i < WATCHES; i++) {
		sprintf(name, "/watched/%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
		inotify_add_watch(first, name, IN_ALL_EVENTS);
	}
}

static void do_close_range(void)
{
	syscall(SYS_close_range, 3, ~0U, 0);
}

static void list_descriptors(void)
{
	char names[4096];
	int directory = open("/proc/self/fd", O_RDONLY);

	while (syscall(SYS_getdents64, directory, names, sizeof names) > 0)
		;
}

static void close_second(void)
{
	close(second);
}

/* One descriptor in the interest lists of many epoll instances. */
static void make_instances(void)
{
	struct epoll_event event = {EPOLLIN, {0}};

	second = eventfd(0, 0);
	for (int i = 0; i < ITEMS; i++)
		epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, second, &event);
}

static void make_timers(void)
{
	struct sigevent none = {.sigev_notify = SIGEV_NONE};
	struct itimerspec later = {{0, 0}, {1000, 0}};
	int id;

	for (int i = 0; i < TIMERS; i++) {
		syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &id);
		syscall(SYS_timer_settime, id, 0, &later, NULL);
	}
}

static void make_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (int i = 0; i < TIMERS; i++)
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){0});
}

static void make_pipe(void)
{
	int ends[2];

	pipe2(ends, O_NONBLOCK);
	fcntl(ends[1], F_SETPIPE_SZ, PIPE);
	start = room(PIPE);
	write(ends[1], start, PIPE);
	close(ends[1]);
	first = ends[0];
}

static void make_names(void)
{
	char name[20];

	mkdir("/big", 0755);
	mount("none", "/big", "tmpfs", 0, NULL);
	for (int i = 0; i < NAMES; i++) {
		sprintf(name, "/big/%d", i);
		mkdir(name, 0755);
	}
	first = open("/big", O_RDONLY);
	start = room(NAMES * 64);
}

static void do_getdents(void)
{
	syscall(SYS_getdents64, first, start, NAMES * 64);
}

static const struct call calls[] = {
	{"mremap", make_pages, do_mremap},
	{"madvise_no_pages", make_tables, do_madvise},
	{"mprotect_no_pages", make_tables, do_mprotect},
	{"munmap_no_pages", make_tables, do_munmap},
	{"exit_no_pages", make_tables, do_exit},
	{"dup2_far", make_nothing, make_far_descriptor},
	{"fork_far_descriptor", make_far_descriptor, do_fork},
	{"exec_far_descriptor", make_far_descriptor, do_execve},
	{"exit_far_descriptor", make_far_descriptor, do_exit},
	{"close_range_far", make_far_descriptor, do_close_range},
	{"list_far_descriptor", make_far_descriptor, list_descriptors},
	{"fdinfo_epoll", make_items, read_fdinfo},
	{"fdinfo_inotify", make_watches, read_fdinfo},
	{"close_epoll", make_items, close_first},
	{"exit_epoll", make_items, do_exit},
	{"close_watched", make_instances, close_second},
	{"exit_timers", make_timers, do_exit},
	{"exec_timers", make_timers, do_execve},
	{"exit_signals", make_signals, do_exit},
	{"close_pipe", make_pipe, close_first},
	{"getdents", make_names, do_getdents},
};

int main(int count, char **words)
{
	return late_main(count, words, calls, sizeof calls / sizeof *calls);
}
