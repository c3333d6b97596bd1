/* What ring 3 may and may not do: the selectors of a program, then forbidden instructions with the
   exception that each one raises. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

static sigjmp_buf back;
static int vector;
static unsigned long error_code;

/* Keeps the number of the exception and its error code, and leaves the instruction. */
static void on_exception(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *program = context;

	(void)info;
	vector = program->uc_mcontext.gregs[REG_TRAPNO];
	error_code = program->uc_mcontext.gregs[REG_ERR];
	siglongjmp(back, signal);
}

/* Executes an instruction, and prints what happened. */
#define TRY(text, ...)                                                                                                 \
	do {                                                                                                           \
		printf("%-28s ", text);                                                                                \
		if (sigsetjmp(back, 1) == 0) {                                                                         \
			asm volatile(__VA_ARGS__);                                                                     \
			printf("is executed\n");                                                                       \
		} else {                                                                                               \
			printf("vector %2d, error code %#lx\n", vector, error_code);                                   \
		}                                                                                                      \
	} while (0)

int main(void)
{
	unsigned short cs, ss, ds;

	asm("mov %%cs, %0; mov %%ss, %1; mov %%ds, %2" : "=r"(cs), "=r"(ss), "=r"(ds));
	printf("cs = %#x, ss = %#x, ds = %#x\n", cs, ss, ds);

	struct sigaction action = {.sa_sigaction = on_exception, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);

	/* ANCHOR: tries */
	TRY("hlt", "hlt");
	TRY("cli", "cli");
	TRY("in al, 0x60", "in $0x60, %%al" :: : "eax");
	TRY("rdmsr", "rdmsr" ::"c"(0xc0000082) : "eax", "edx");
	TRY("mov rax, cr0", "mov %%cr0, %%rax" :: : "rax");
	TRY("mov ds, 0x2b", "mov %0, %%ds" ::"r"(0x2b));
	TRY("mov ds, 0x18", "mov %0, %%ds" ::"r"(0x18));
	TRY("mov ss, 0x18", "mov %0, %%ss" ::"r"(0x18));
	TRY("mov al, [0xffffffff80000000]", "movb 0xffffffff80000000, %%al" :: : "eax");
	/* ANCHOR_END: tries */
	return 0;
}
