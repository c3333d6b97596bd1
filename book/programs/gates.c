/* Tries the gates of the interrupt descriptor table from ring 3, with INT n. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

static sigjmp_buf back;
static int vector;

static void on_exception(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *program = context;

	(void)info;
	vector = program->uc_mcontext.gregs[REG_TRAPNO];
	siglongjmp(back, signal);
}

/* clang-format off */
/* ANCHOR: try */
/* Executes INT n. Vector 0x80 is a system call: number 20 of its table is getpid(2). */
#define TRY(n)                                                         \
	do {                                                           \
		long rax = 20;                                         \
		int signal = sigsetjmp(back, 1);                       \
		if (signal == 0) {                                     \
			asm volatile("int $" #n : "+a"(rax));          \
			printf("int %-4s  returns, rax = %s\n", #n,    \
			       rax > 0 ? "a pid" : "?");               \
		} else {                                               \
			printf("int %-4s  %s, by vector %d\n", #n,     \
			       sigabbrev_np(signal), vector);          \
		}                                                      \
	} while (0)
/* ANCHOR_END: try */
/* clang-format on */

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_exception, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	TRY(0);
	TRY(2);
	TRY(3);
	TRY(4);
	TRY(8);
	TRY(14);
	TRY(0x20);
	TRY(0x80);
	TRY(0x81);
	return 0;
}
