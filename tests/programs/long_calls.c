/* covers: kernel/src/sched/ kernel/src/entry/ kernel/src/syscall/ */
/* Preemption of long system calls: in the middle of a call over the largest possible range,
   another process runs when its time slice comes, and SIGKILL ends the caller soon. The machine
   counts time in instructions (-icount); otherwise the figures mean nothing.

   Usage: long_calls [NAME]: only one call. */
#define _GNU_SOURCE
#include <time.h>

#include "long_calls.h"

enum {
	/* Duration of the test of each call. */
	RUN_MS = 60,
	/* Limits: lateness of a sleep of 1 ms, and time from SIGKILL to exit. */
	LATE_MS = 20,
	DYING_MS = 200,
	USER = 1000,
};

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Makes the call repeatedly as another user, each time in a new process, then kills all of them. */
static int is_slow(int number)
{
	long start = now_us(), latest = 0, killed;
	int pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		setresuid(USER, USER, USER);
		for (;;) {
			if (fork() == 0) {
				calls[number].make();
				_exit(0);
			}
			wait(NULL);
		}
	}
	for (long at; (at = now_us()) - start < RUN_MS * 1000;) {
		usleep(1000);
		at = now_us() - at - 1000;
		if (at > latest)
			latest = at;
	}
	killed = now_us();
	kill(-pid, SIGKILL);
	while (wait(NULL) > 0)
		;
	killed = now_us() - killed;
	printf("%s: others up to %ld us late, dead after %ld us\n", calls[number].name, latest, killed);
	return latest > LATE_MS * 1000 || killed > DYING_MS * 1000;
}

int main(int count, char **words)
{
	int slow = 0;

	only_as_init();
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (count < 2 || !strcmp(words[1], calls[i].name))
			slow += is_slow(i);
	printf("%d calls are too slow\n", slow);
	return slow > 0;
}
