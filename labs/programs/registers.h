/* Calls with all registers known: random values, random flags, a stack pointer into an area that can be looked at. */

#include "lab.h"

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15, FLAGS, COUNT };

/* The registers before and after a call. */
word in_regs[COUNT], out_regs[COUNT], saved_rsp;

/* Carry, parity, adjust, zero, sign, overflow; direction, alignment check, ID. */
#define FREE_FLAGS (0x8d5 | 1 << 10 | 1 << 18 | 1 << 21)
/* Interrupt enable, and the bit that is always set. */
#define FIXED_FLAGS 0x202

/* Defines a function that loads all registers and flags from in_regs, executes an instruction, whose label is `place`, and stores
 * them in out_regs. The next instruction's label is `after`. */
#define CALL_WITH(name, instruction, place, after)                                                                     \
	void name(void);                                                                                               \
	extern char after[];                                                                                           \
	__asm__(".globl " #name ", " #place ", " #after "\n" #name ":\n"                                               \
		"push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"                                   \
		"mov %rsp, saved_rsp\n"                                                                                \
		"pushq in_regs+128\npopfq\n"                                                                           \
		"mov in_regs+0, %rax\nmov in_regs+8, %rbx\nmov in_regs+16, %rcx\nmov in_regs+24, %rdx\n"               \
		"mov in_regs+32, %rsi\nmov in_regs+40, %rdi\nmov in_regs+48, %rbp\nmov in_regs+56, %rsp\n"             \
		"mov in_regs+64, %r8\nmov in_regs+72, %r9\nmov in_regs+80, %r10\nmov in_regs+88, %r11\n"               \
		"mov in_regs+96, %r12\nmov in_regs+104, %r13\nmov in_regs+112, %r14\nmov in_regs+120, %r15\n" #place   \
		":\n" instruction "\n" #after ":\n"                                                                    \
		"mov %rax, out_regs+0\nmov %rbx, out_regs+8\nmov %rcx, out_regs+16\nmov %rdx, out_regs+24\n"           \
		"mov %rsi, out_regs+32\nmov %rdi, out_regs+40\nmov %rbp, out_regs+48\nmov %rsp, out_regs+56\n"         \
		"mov %r8, out_regs+64\nmov %r9, out_regs+72\nmov %r10, out_regs+80\nmov %r11, out_regs+88\n"           \
		"mov %r12, out_regs+96\nmov %r13, out_regs+104\nmov %r14, out_regs+112\nmov %r15, out_regs+120\n"      \
		"mov saved_rsp, %rsp\n"                                                                                \
		"pushfq\npopq out_regs+128\n"                                                                          \
		"pushq $0x202\npopfq\n"                                                                                \
		"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\n"                                         \
		"ret\n")

#define WORDS 128
static word stack[WORDS], stack_before[WORDS];

/* Random values in all registers, and in the stack's area. */
static void fill(void)
{
	for (int i = 0; i < COUNT; i++)
		in_regs[i] = next_random();
	in_regs[FLAGS] = (next_random() & FREE_FLAGS) | FIXED_FLAGS;
	for (int i = 0; i < WORDS; i++)
		stack[i] = stack_before[i] = next_random();
	in_regs[RSP] = (word)&stack[WORDS / 2 + next_random() % 8];
}
