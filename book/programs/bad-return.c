// sigreturn(2) to addresses that no program may run at: what arrives, and where.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

static long target;
static sigjmp_buf back;

// ANCHOR: handlers
static void redirect(int signal, siginfo_t *info, void *context)
{
	ucontext_t *saved = context;
	saved->uc_mcontext.gregs[REG_RIP] = target;
}

static void report(int signal, siginfo_t *info, void *context)
{
	ucontext_t *saved = context;
	greg_t *r = saved->uc_mcontext.gregs;

	printf("rip %#18llx: %-11s vector %2lld, error code %#llx\n", r[REG_RIP],
		info->si_code == SI_KERNEL ? "SI_KERNEL" : "SEGV_MAPERR", r[REG_TRAPNO], r[REG_ERR]);
	siglongjmp(back, 1);
}
// ANCHOR_END: handlers

int main(void)
{
	struct sigaction action = {.sa_sigaction = redirect, .sa_flags = SA_SIGINFO};
	sigaction(SIGUSR1, &action, NULL);
	action.sa_sigaction = report;
	sigaction(SIGSEGV, &action, NULL);
	static const long targets[] = {0x10, 0x7ffffffff000, 1ul << 47, 1ul << 63, 0xffffffff80000000};
	for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
		target = targets[i];
		if (sigsetjmp(back, 1) == 0)
			raise(SIGUSR1);
	}
}
