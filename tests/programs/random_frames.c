/* covers: kernel/src/process/ kernel/src/entry/ */
/* Random frames for sigreturn(2): handlers overwrite a few words of their signal frame and return.
   The process continues or gets a signal, and the kernel survives.

   Usage: random_frames SEED PROCESSES */
#include "signals.h"

#include "random.h"

static long odd(void)
{
	/* Selectors, magic words, sizes, and unmapped addresses. */
	static const unsigned long values[] = {0, 1, 8, 0x10, 0x23, 0x2b, 0x33, 0x63, 0x67, 0x7b, 0xfff8, 512, 832,
		0x46505853, 0x46505845, -1, -8, 1ul << (sizeof(long) * 6 - 1)};

	switch (below(3)) {
	case 0: return (long)next_random();
	case 1: return ONE_OF(values);
	default: return (long)__builtin_frame_address(0) + below(4096);
	}
}

/* Overwrites words of the context, and around the software-reserved bytes of the FPU area. */
static void spoil(long *context, int words, char *area)
{
	for (int i = below(8); i > 0; i--)
		context[below(words)] = odd();
	for (int i = below(4); i > 0; i--)
		((long *)(area + 448))[below(48)] = odd();
}

static void with_context(int number, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;
	char *area = (char *)context->uc_mcontext.fpregs;

	(void)number;
	(void)info;
#ifdef __x86_64__
	spoil(pointer, 38, area);
	/* CS and SS share a word; uc_flags has UC_STRICT_RESTORE_SS. */
	if (one_in(3)) {
		context->uc_mcontext.gregs[REG_CSGSFS] = (long)next_random() << 32 | 0x33;
		context->uc_flags = below(8);
	}
#else
	spoil(pointer, 29, area + 112);
#endif
}

static void leave(int number)
{
	(void)number;
	_exit(0);
}

/* Installs the handler that damages its frame, and one for the fault that may follow. */
static void set_handlers(int turn)
{
	static char stack[65536];
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};

	sigaltstack(&alternate, NULL);
	handle(SIGSEGV, leave, SA_ONSTACK, NULL);
#ifndef __x86_64__
	extern char old_handler[];
	struct {
		void *handler;
		uint32_t mask, flags;
		void *restorer;
	} old = {old_handler, 0, 0, 0};

	if (turn % 2) {
		syscall(SYS_sigaction, SIGUSR1, &old, NULL);
		return;
	}
#endif
	(void)turn;
	handle(SIGUSR1, with_context, SA_SIGINFO, NULL);
}

#ifndef __x86_64__
/* The old frame: its sigcontext at 8, the mask's upper half at 720. */
__attribute__((used)) static void spoil_old(char *frame) asm("spoil_old");
static void spoil_old(char *frame)
{
	char *area;

	memcpy(&area, frame + 8 + 76, 4);
	spoil((long *)(frame + 8), 22, area + 112);
	if (one_in(4))
		((long *)frame)[180] = odd();
}
asm(".globl old_handler\nold_handler: movl %esp, %eax\npushl %eax\ncall spoil_old\n"
    "addl $4, %esp\nret\n");
#endif

int main(int count, char **words)
{
	unsigned seed = count > 1 ? strtoul(words[1], NULL, 0) : 1;
	int processes = count > 2 ? atoi(words[2]) : 1000, unkillable = 0;

	for (int turn = 0; turn < processes; turn++) {
		int pid = fork();

		if (pid == 0) {
			seed_random(seed * 100003 + turn);
			set_handlers(turn);
			/* Ends the process, whatever it executes after sigreturn. */
			alarm(2);
			syscall(SYS_kill, getpid(), SIGUSR1);
			_exit(0);
		}
		unkillable += reap(pid, 5000) == CANNOT_BE_KILLED;
	}
	printf("seed %u: %d of %d cannot be killed\n", seed, unkillable, processes);
	printf("%s\n", unkillable ? "failed" : "all frames passed");
	return unkillable != 0;
}
