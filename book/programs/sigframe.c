// The words that a signal handler finds: the interrupted program, as the kernel saved it.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

extern const char at_trap[], after_trap[];

static void handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *saved = context;
	greg_t *r = saved->uc_mcontext.gregs;
	unsigned long *frame = (unsigned long *)context - 1;
	printf("handler: rip of the program is after_trap %+lld\n", r[REG_RIP] - (long)after_trap);
	printf("handler: r15 %#llx, rax %#llx, flags %#llx\n", r[REG_R15], r[REG_RAX], r[REG_EFL]);
	printf("handler: its frame is %lld bytes below the program's rsp\n", r[REG_RSP] - (long long)(long)frame);
	r[REG_RAX] = 7;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigaction(SIGTRAP, &action, NULL);
	long rax = 5;
	asm volatile("mov $0xf15, %%r15d\n"
		     "at_trap: int3\n"
		     "after_trap:"
		: "+a"(rax)
		:
		: "r15", "memory");
	printf("main: rax is %ld\n", rax);
}
