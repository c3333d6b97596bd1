/* covers: kernel/src/arch/ kernel/src/process/ */
/* PR_SET_TSC: RDTSC and RDTSCP raise SIGSEGV, per thread; inheritance. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"

static const char *err(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	char text[64];
	int len = snprintf(text, sizeof text, "signal %d code %d\n", signo, info->si_code);
	(void)!write(1, text, len);
	_exit(5);
}

static void attempt(const char *what)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
		sigaction(SIGSEGV, &action, NULL);
		unsigned low, high;
		__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
		_exit(low | high ? 0 : 1);
	}
	int status, state = 0;
	waitpid(pid, &status, 0);
	printf("%s: get %s", what, err(prctl(PR_GET_TSC, &state)));
	printf(" %d, child's status %#x\n", state, status);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && !strcmp(argv[1], "after")) {
		attempt("after execve");
		return 0;
	}
	attempt("initially");
	printf("set 0 %s", err(prctl(PR_SET_TSC, 0)));
	printf(" 3 %s\n", err(prctl(PR_SET_TSC, 3)));
	printf("bad pointer %s\n", err(prctl(PR_GET_TSC, 8)));
	printf("set %s\n", err(prctl(PR_SET_TSC, PR_TSC_SIGSEGV)));
	attempt("inherited");
	// A child's setting doesn't affect the parent's, across context switches.
	pid_t pid = fork();
	if (pid == 0) {
		printf("enabled again %s\n", err(prctl(PR_SET_TSC, PR_TSC_ENABLE)));
		attempt("in the child");
		for (int i = 0; i < 100; i++)
			sched_yield();
		_exit(0);
	}
	for (int i = 0; i < 100; i++)
		sched_yield();
	waitpid(pid, NULL, 0);
	attempt("in the parent");
	run_again(argv, "after");
	printf("set %s\n", err(prctl(PR_SET_TSC, PR_TSC_ENABLE)));
	attempt("enabled");
	return 0;
}
