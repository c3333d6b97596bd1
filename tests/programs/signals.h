/* For the signal*.c programs: children that run one test each, and raw system calls where the C library
   changes arguments. */
#ifndef SIGNALS_H
#define SIGNALS_H
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>

#include "children.h"

#define KERNEL_RESTORER 0x04000000
#define KERNEL_SETSIZE 8

/* The kernel's struct sigaction. */
struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
} __attribute__((packed, aligned(4)));

static inline void print_status(const char *what, int status)
{
	if (status == CANNOT_BE_KILLED)
		printf("%s: cannot be killed\n", what);
	else if (WIFSIGNALED(status))
		printf("%s: signal %d%s\n", what, WTERMSIG(status), WCOREDUMP(status) ? ", core" : "");
	else
		printf("%s: exit %d\n", what, WEXITSTATUS(status));
}

/* Runs a function in a child, and prints its wait status. Init ignores most signals. */
static inline int in_a_child(const char *name, void (*run)(void))
{
	fflush(stdout);
	int pid = fork();

	if (pid == 0) {
		run();
		fflush(stdout);
		_exit(0);
	}
	int status = reap(pid, 10000);
	print_status(name, status);
	return status;
}

#define IN_A_CHILD(name) in_a_child(#name, name)

/* Real-time signals as RT+n: SIGRTMIN differs between C libraries. */
static inline const char *signal_name(int number)
{
	static char name[4][16];
	static int turn;

	turn = (turn + 1) % 4;
	if (number >= SIGRTMIN)
		snprintf(name[turn], sizeof name[0], "RT+%d", number - SIGRTMIN);
	else
		snprintf(name[turn], sizeof name[0], "%d", number);
	return name[turn];
}

static inline void handle(int number, void *handler, int flags, const sigset_t *mask)
{
	struct sigaction action = {.sa_flags = flags};

	if (flags & SA_SIGINFO)
		action.sa_sigaction = (void (*)(int, siginfo_t *, void *))handler;
	else
		action.sa_handler = (void (*)(int))handler;
	if (mask)
		action.sa_mask = *mask;
	sigaction(number, &action, NULL);
}

static inline sigset_t set_of(int a, int b, int c)
{
	sigset_t set;

	sigemptyset(&set);
	if (a)
		sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	if (c)
		sigaddset(&set, c);
	return set;
}

/* The thread's mask, as one number. */
static inline uint64_t blocked(void)
{
	uint64_t set = 0;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &set, KERNEL_SETSIZE);
	return set;
}

/* The 32-bit word at an offset. */
static inline uint32_t word(const void *at, size_t offset)
{
	uint32_t value;

	memcpy(&value, (const char *)at + offset, 4);
	return value;
}

/* The FXSAVE area that the context points to. */
static inline char *fpu_area(ucontext_t *context)
{
	char *area = (char *)context->uc_mcontext.fpregs;

#ifndef __x86_64__
	area += 112;
#endif
	return area;
}

#endif
