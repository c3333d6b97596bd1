/* covers: kernel/src/vfs/ kernel/src/sched/ */
/* Exit of a process with many locks on a file on which others have as many: another process is
   scheduled meanwhile. The machine counts time in instructions (-icount). */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>

#include "children.h"

enum { HOLDERS = 6, LOCKS = 1000, LATE_US = 20000 };

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void hold_locks(int ready)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < LOCKS; i++)
		if (flock(open("/locked", O_RDWR | O_CREAT, 0666), LOCK_SH))
			_exit(1);
	write(ready, "x", 1);
	pause();
}

/* The largest lateness of sleeps of 1 ms until the pipe is written, in microseconds. */
static long watch_the_clock(int end)
{
	long latest = 0;
	char byte;

	while (read(end, &byte, 1) < 0) {
		long at = now_us();

		usleep(1000);
		at = now_us() - at - 1000;
		if (at > latest)
			latest = at;
	}
	return latest;
}

int main(void)
{
	int ready[2], end[2], status, holders[HOLDERS], watcher;
	char byte;

	only_as_init();
	for (int i = 0; i < HOLDERS; i++) {
		pipe(ready);
		holders[i] = fork();
		if (holders[i] == 0)
			hold_locks(ready[1]);
		close(ready[1]);
		/* End of file: the holder failed to lock. */
		if (read(ready[0], &byte, 1) != 1)
			return 1;
	}
	pipe(end);
	fcntl(end[0], F_SETFL, O_NONBLOCK);
	watcher = fork();
	if (watcher == 0) {
		long latest = watch_the_clock(end[0]);

		printf("others were up to %ld us late\n", latest);
		_exit(latest > LATE_US);
	}
	usleep(5000);
	for (int i = 0; i < HOLDERS; i++) {
		kill(holders[i], SIGKILL);
		waitpid(holders[i], NULL, 0);
	}
	write(end[1], "x", 1);
	waitpid(watcher, &status, 0);
	return status != 0;
}
