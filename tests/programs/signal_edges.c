/* covers: kernel/src/process/signal/ kernel/src/usercopy/ */

/*
 * Signal frames at the edge of accessible memory, word by word: a frame that can't be written makes
 * SIGSEGV, and sigreturn(2) from one that can't be read too. 64-bit programs.
 */

#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { PAGE = 4096, BELOW = 16 * PAGE, ABOVE = 4 * PAGE };

/* ucontext as the kernel has it: flags, link, stack, 256 bytes of registers, mask. */
enum { WORDS = 38 };

static char *area; /* BELOW bytes of one protection, then ABOVE bytes of another */
static sigjmp_buf back;
static volatile int handled;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void on_usr1(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
	handled++;
}

static void on_segv(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	siglongjmp(back, info->si_code == SI_KERNEL && info->si_addr == NULL ? 1 : 2);
}

static void handle(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = handler;
	action.sa_flags = flags;
	if (sigaction(signo, &action, NULL))
		fail("sigaction");
}

/* Frames on an alternate stack that ends `above` bytes above what may not be written. */
static void pushes(int protection)
{
	static volatile int borders, bad, last;

	borders = bad = last = 0;
	if (mprotect(area, BELOW, protection))
		fail("mprotect");
	handle(SIGUSR1, on_usr1, SA_ONSTACK);
	handle(SIGSEGV, on_segv, SA_SIGINFO);
	for (int above = 64; above <= ABOVE; above += 64) {
		stack_t stack = {.ss_sp = area, .ss_size = BELOW + above};
		sigset_t mask;
		int how, now;

		if (sigaltstack(&stack, NULL))
			fail("sigaltstack");
		handled = 0;
		how = sigsetjmp(back, 1);
		if (!how)
			kill(getpid(), SIGUSR1);
		now = handled && !how;
		bad += how == 2 || (handled && how) || (!handled && !how);
		sigprocmask(SIG_BLOCK, NULL, &mask);
		bad += sigismember(&mask, SIGUSR1) || sigismember(&mask, SIGSEGV);
		borders += now != last;
		last = now;
	}
	printf("protection %d: %d border, handled at the end: %d, bad: %d\n", protection, borders, last, bad);
	if (mprotect(area, BELOW, PROT_READ | PROT_WRITE))
		fail("mprotect");
}

static int border;
static char *closed;
static size_t closed_len;

/* Returns from a copy of the frame whose word `border` is the first above the middle of the area. */
static void on_usr2(int signo, siginfo_t *info, void *context)
{
	char *copy = area + BELOW - 8 * border;

	(void)signo;
	(void)info;
	memcpy(copy, context, 8 * WORDS);
	if (closed && mprotect(closed, closed_len, PROT_NONE))
		fail("mprotect");
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "mov %1, %%eax\n\t"
			 "syscall"
		:
		: "r"(copy), "i"(SYS_rt_sigreturn)
		: "memory");
	__builtin_unreachable();
}

static void pops(const char *name, char *from, size_t len)
{
	closed = from;
	closed_len = len;
	printf("%s:", name);
	for (border = 0; border <= WORDS; border++) {
		int status;
		pid_t child;

		fflush(stdout);
		child = fork();
		if (!child) {
			signal(SIGSEGV, SIG_DFL);
			handle(SIGUSR2, on_usr2, SA_SIGINFO);
			kill(getpid(), SIGUSR2);
			_exit(7);
		}
		if (waitpid(child, &status, 0) != child)
			fail("waitpid");
		if (WIFEXITED(status))
			printf(" exit%d", WEXITSTATUS(status));
		else
			printf(" signal%d", WTERMSIG(status));
	}
	printf("\n");
}

int main(void)
{
	area = mmap(NULL, BELOW + ABOVE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		fail("mmap");
	pushes(PROT_NONE);
	pushes(PROT_READ);
	pops("all readable", NULL, 0);
	pops("below unreadable", area, BELOW);
	pops("above unreadable", area + BELOW, ABOVE);
	return 0;
}
