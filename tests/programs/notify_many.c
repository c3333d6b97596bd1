/* covers: kernel/src/vfs/ */
/* An inotify instance with 100,000 watches: its release is preemptible, also as part of a process's
   exit. Don't run it on the host.

   Usage: notify_many WATCHES */
#include "notify.h"
#include <sys/resource.h>

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/* Prints whether any sleep of 1 ms took more than 3 ms, until the other process exits. */
static void sleeper(int until)
{
	long long worst = 0;
	struct pollfd end = {until, POLLIN, 0};

	while (poll(&end, 1, 0) == 0) {
		long long before = now();

		usleep(1000);
		if (now() - before - 1000000 > worst)
			worst = now() - before - 1000000;
	}
	printf("late: %s\n", worst < 2000000 ? "no" : "yes");
	if (worst >= 2000000)
		printf("by %lld us\n", worst / 1000);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 100000, ends[2], done = 0, fd;
	char name[30];

	begin_watching();
	mkdir("/proc", 0755);
	if (access("/proc/self", F_OK))
		mount("proc", "/proc", "proc", 0, NULL);
	fd = open("/proc/sys/fs/inotify/max_user_watches", O_WRONLY);
	write(fd, "1000000\n", 8);
	close(fd);
	mkdir("many", 0755);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof name, "many/%d", i);
		mknod(name, S_IFREG | 0644, 0);
	}
	pipe(ends);
	for (int way = 0; way < 2; way++) {
		pid_t other = fork();

		if (other == 0) {
			fd = inotify_init();
			for (int i = 0; i < count; i++) {
				snprintf(name, sizeof name, "many/%d", i);
				done += inotify_add_watch(fd, name, IN_ALL_EVENTS) > 0;
			}
			printf("%d watches\n", done);
			fflush(stdout);
			int gate[2];

			pipe(gate);
			pid_t timer = fork();

			if (timer == 0) {
				close(fd);
				close(gate[1]);
				sleeper(gate[0]);
			}
			close(gate[0]);
			usleep(10000);
			if (way == 0)
				close(fd);
			else
				_exit(0);
			close(gate[1]);
			waitpid(timer, NULL, 0);
			_exit(0);
		}
		waitpid(other, NULL, 0);
		usleep(50000);
	}
	/* The released watches don't count against the limit. */
	fd = open("/proc/sys/fs/inotify/max_user_watches", O_WRONLY);
	write(fd, "1\n", 2);
	T(inotify_add_watch(instance, "many", IN_OPEN));
	T(inotify_add_watch(instance, "/", IN_OPEN));
	write(fd, "1000000\n", 8);
	end();
	return 0;
}
