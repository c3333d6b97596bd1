/* Which registers a call changes: all but rsp get a pattern, the call is made, and they are compared. */
#include <stdio.h>
#include <sys/syscall.h>

#define COUNT 15

static const char *const names[COUNT] = {
	"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
unsigned long before[COUNT], after[COUNT], flags_before, flags_after, stack;

/* Loads the registers from `before`, executes one instruction, and stores them to `after`. */
#define PROBE(name, instruction)                                                                                       \
	void name(void);                                                                                               \
	asm(".text\n" #name ": push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"                     \
	    "mov %rsp, stack(%rip)\n"                                                                                  \
	    "mov before+8(%rip), %rbx; mov before+16(%rip), %rcx; mov before+24(%rip), %rdx\n"                         \
	    "mov before+32(%rip), %rsi; mov before+40(%rip), %rdi; mov before+48(%rip), %rbp\n"                        \
	    "mov before+56(%rip), %r8; mov before+64(%rip), %r9; mov before+72(%rip), %r10\n"                          \
	    "mov before+80(%rip), %r11; mov before+88(%rip), %r12; mov before+96(%rip), %r13\n"                        \
	    "mov before+104(%rip), %r14; mov before+112(%rip), %r15\n"                                                 \
	    "mov before(%rip), %rax; cmp $0, %eax; stc; pushfq; popq flags_before(%rip)\n" instruction                 \
	    "\npushfq; popq flags_after(%rip); mov %rax, after(%rip); mov %rbx, after+8(%rip)\n"                       \
	    "mov %rcx, after+16(%rip); mov %rdx, after+24(%rip); mov %rsi, after+32(%rip)\n"                           \
	    "mov %rdi, after+40(%rip); mov %rbp, after+48(%rip); mov %r8, after+56(%rip)\n"                            \
	    "mov %r9, after+64(%rip); mov %r10, after+72(%rip); mov %r11, after+80(%rip)\n"                            \
	    "mov %r12, after+88(%rip); mov %r13, after+96(%rip); mov %r14, after+104(%rip)\n"                          \
	    "mov %r15, after+112(%rip); mov stack(%rip), %rsp\n"                                                       \
	    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n")

PROBE(by_syscall, "syscall; after_it:");
PROBE(by_int80, "int $0x80");
extern const char after_it[];

static void try(const char *door, void (*probe)(void), unsigned long number)
{
	for (int i = 0; i < COUNT; i++)
		before[i] = 0x1111111111111111ul * (i + 1);
	before[0] = number;
	probe();
	printf("%-8s changes", door);
	for (int i = 0; i < COUNT; i++)
		if (before[i] != after[i])
			printf(" %s", names[i]);
	printf("; the flags are %s\n", flags_before == flags_after ? "the same" : "changed");
}

int main(void)
{
	try("SYSCALL", by_syscall, SYS_getpid);
	printf("         rcx is the return address: %s; r11 has the flags: %s\n",
		after[2] == (unsigned long)after_it ? "yes" : "no", after[10] == flags_before ? "yes" : "no");
	try("INT 0x80", by_int80, 20);
	return 0;
}
