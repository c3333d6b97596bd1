// A getpid() with a known value in every register, for a look at the saved frame.
#include <stdio.h>

long marked_syscall(void);
long marked_int80(void);

// clang-format off
// ANCHOR: marked
asm(".intel_syntax noprefix\n"
    ".macro mark\n"
    "push rbx; push rbp; push r12; push r13; push r14; push r15\n"
    "mov edi, 0xd1; mov esi, 0x51; mov edx, 0xd2; mov ecx, 0xc1\n"
    "mov ebx, 0xb1; mov ebp, 0xb2; mov r8d, 0x8; mov r9d, 0x9\n"
    "mov r10d, 0x10; mov r11d, 0x11; mov r12d, 0x12; mov r13d, 0x13\n"
    "mov r14d, 0x14; mov r15d, 0x15\n"
    ".endm\n"
    "marked_syscall: mark; mov eax, 39\n"
    "at_syscall: syscall\n"
    "after_syscall: jmp unmark\n"
    "marked_int80: mark; mov eax, 20\n"
    "at_int80: int 0x80\n"
    "after_int80: jmp unmark\n"
// ANCHOR_END: marked
    "unmark: pop r15; pop r14; pop r13; pop r12; pop rbp; pop rbx; ret\n"
    ".att_syntax\n");
// clang-format on

int main(void)
{
	long syscall = marked_syscall(), int80 = marked_int80();
	printf("SYSCALL: %ld, INT 0x80: %ld\n", syscall, int80);
}
