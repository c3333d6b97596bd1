/* covers: kernel/src/process/ */
/* RLIMIT_SIGPENDING: print_queued signals and timers of all processes of a user count together. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "children.h"

enum { LIMIT = 10 };

static int signo;

/* Queues signals with a value to `pid` until the limit; returns their number. */
static int fill(int pid)
{
	int sent = 0;

	while (sent < 2 * LIMIT && !sigqueue(pid, signo, (union sigval){0}))
		sent++;
	return sent;
}

static void print_queued(const char *when)
{
	char line[200];
	FILE *status = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof line, status))
		if (!strncmp(line, "SigQ:", 5))
			printf("%s: %s", when, line);
	fclose(status);
}

static int timers(timer_t *made)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	int count = 0;

	while (count < 2 * LIMIT && !syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &made[count]))
		count++;
	return count;
}

/* Runs `what` in a child with the user ID. */
static void as(int uid, void (*what)(void))
{
	int pid = fork();

	if (pid == 0) {
		if (setresuid(uid, uid, uid))
			_exit(1);
		what();
		fflush(stdout);
		_exit(0);
	}
	printf("ended with %d\n", reap(pid, 20000));
}

static void alone(void)
{
	printf("queued: %d\n", fill(getpid()));
}

static void several(void)
{
	int ready[2], pids[2];
	char byte;

	pipe(ready);
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			for (int n = 0; n < 3; n++)
				sigqueue(getpid(), signo, (union sigval){0});
			write(ready[1], "", 1);
			pause();
		}
		read(ready[0], &byte, 1);
	}
	print_queued("three pending for each of two others");
	printf("more: %d\n", fill(getpid()));
	printf("standard, without a value: %d\n", kill(getpid(), SIGUSR2));
	printf("to another process: %d\n", fill(pids[0]));
	print_queued("all");
	fflush(stdout);
	/* SIGCHLD is pending, too, from here on. */
	for (int i = 0; i < 2; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	printf("after their exit: %d\n", fill(getpid()));
}

static void of_timers(void)
{
	timer_t made[2 * LIMIT];
	int count = timers(made);

	printf("timers: %d\n", count);
	printf("more: %d\n", fill(getpid()));
	for (int i = 0; i < 4; i++)
		syscall(SYS_timer_delete, made[i]);
	printf("after deleting four: %d\n", fill(getpid()));
	printf("more timers: %d\n", timers(made));
}

int main(void)
{
	struct rlimit limit = {LIMIT, LIMIT};
	sigset_t set;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* User IDs without other processes: the limit counts the signals of all of a user's processes. */
	int user = 100000 + 2 * getpid(), other = user + 1;
	signo = SIGRTMIN + 1;
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setrlimit(RLIMIT_SIGPENDING, &limit);
	as(user, alone);
	as(other, alone);
	as(user, several);
	as(user, of_timers);
	as(user, alone);
	return 0;
}
