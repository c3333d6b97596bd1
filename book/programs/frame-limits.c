// A signal handler tries to change each flag, and then the code segment, of the program it interrupted.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

static long wanted_flags, wanted_cs;
static sigjmp_buf back;

// ANCHOR: on-trap
static void on_trap(int signal, siginfo_t *info, void *context)
{
	greg_t *saved = ((ucontext_t *)context)->uc_mcontext.gregs;

	if (info->si_code == TRAP_TRACE)
		saved[REG_EFL] &= ~0x100;
	else if (wanted_cs >= 0)
		saved[REG_CSGSFS] = (saved[REG_CSGSFS] & ~0xffffl) | wanted_cs;
	else
		saved[REG_EFL] ^= wanted_flags;
}
// ANCHOR_END: on-trap

static void on_fault(int signal, siginfo_t *info, void *context)
{
	greg_t *saved = ((ucontext_t *)context)->uc_mcontext.gregs;

	printf("cs %#4lx: vector %lld, error code %#llx\n", wanted_cs, saved[REG_TRAPNO], saved[REG_ERR]);
	siglongjmp(back, 1);
}

/* The flags before and after a signal whose handler wants to change some of them. */
static void try_flag(const char *name, long flag)
{
	unsigned long before, after;

	wanted_flags = flag;
	// ANCHOR: flags
	asm volatile("pushfq\n"
		     "pop %0\n"
		     "int3\n"
		     "pushfq\n"
		     "pop %1\n"
		     "push %0\n"
		     "popfq\n"
		: "=&r"(before), "=r"(after)
		:
		: "memory", "cc");
	// ANCHOR_END: flags
	printf("%-5s %#9lx %s\n", name, flag, (before ^ after) & flag ? "changed" : "as before");
}

static void try_cs(long cs)
{
	wanted_cs = cs;
	if (sigsetjmp(back, 1) == 0)
		asm volatile("int3");
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	sigaction(SIGTRAP, &action, NULL);
	action.sa_sigaction = on_fault;
	sigaction(SIGSEGV, &action, NULL);
	wanted_cs = -1;
	// ANCHOR: tries
	try_flag("CF", 0x1);
	try_flag("TF", 0x100);
	try_flag("IF", 0x200);
	try_flag("DF", 0x400);
	try_flag("IOPL", 0x3000);
	try_flag("NT", 0x4000);
	try_flag("AC", 0x40000);
	try_flag("ID", 0x200000);
	try_cs(0x10); /* the kernel's code segment */
	try_cs(0x2b); /* the program's data segment */
	try_cs(0);
	// ANCHOR_END: tries
}
