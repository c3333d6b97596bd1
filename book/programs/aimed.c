// A getpid() with the stack pointer at a place of the program's choice.
#include <stdio.h>
#include <sys/mman.h>

long aimed(void *stack);

char target[4096] __attribute__((aligned(4096)));

// clang-format off
// ANCHOR: aimed
asm(".intel_syntax noprefix\n"
    "aimed: mov rbx, rsp\n"        // (for this program rbx is free)
    "mov rsp, rdi\n"               // SYSCALL doesn't look at rsp, and SYSRET doesn't change it
    "mov eax, 39\n"
    "aimed_syscall: syscall\n"
    "aimed_after: mov rsp, rbx\n"
    "ret\n"
    ".att_syntax\n");
// ANCHOR_END: aimed
// clang-format on

int main(void)
{
	target[0] = 1;
	long pid = aimed(target + 4096);
	printf("getpid() = %ld\n", pid);
	return 0;
}
