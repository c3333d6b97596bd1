// The words that a signal handler finds: the interrupted program, as the kernel saved it.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

extern const char after_trap[];

// ANCHOR: handler
static void on_trap(int signal, siginfo_t *info, void *context)
{
	greg_t *saved = ((ucontext_t *)context)->uc_mcontext.gregs;

	printf("rip is after_trap %+lld\n", saved[REG_RIP] - (long)after_trap);
	printf("r15 %#llx, rax %lld\n", saved[REG_R15], saved[REG_RAX]);
	saved[REG_RAX] = 7;
}
// ANCHOR_END: handler

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	sigaction(SIGTRAP, &action, NULL);
	// ANCHOR: trap
	long number = 5;
	asm volatile("mov $0xf15, %%r15d\n"
		     "int3\n"
		     "after_trap:"
		: "+a"(number)
		:
		: "r15", "memory");
	printf("in main: %ld\n", number);
	// ANCHOR_END: trap
}
