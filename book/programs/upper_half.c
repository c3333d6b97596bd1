// Two ways to bound a number before it becomes an index, tried in user mode.
#include <stdio.h>

// Each returns the index that the CPU would use, or -1 if the number is refused.
long linux_2007(unsigned long number);
long trident(unsigned long number);

// clang-format off
asm(".intel_syntax noprefix\n"
// ANCHOR: linux-2007
    "linux_2007: mov rax, rdi\n"
    "cmp eax, 0x143\n"             // the highest number: 32 bits are compared
    "ja 1f\n"
    "ret\n"                        // call [table + rax * 8]: 64 bits are used
    "1: mov rax, -1\n"
    "ret\n"
// ANCHOR_END: linux-2007
// ANCHOR: trident
    "trident: mov rax, rdi\n"
    "cmp eax, 0x143\n"
    "cmova eax, [rip + last]\n"    // a write to eax clears the upper half of rax, always
    "ret\n"                        // call [table + rax * 8]
    "last: .long 0x144\n"          // the row behind the last call: -ENOSYS
// ANCHOR_END: trident
    ".att_syntax\n");
// clang-format on

int main(void)
{
	// ANCHOR: main
	const unsigned long table = 0xffffffff80600000; // about where it was in 2007
	unsigned long numbers[] = {20, 0x144, -1ul, 1ul << 32 | 20, 16ul << 32 | 20};
	for (int i = 0; i < 5; i++) {
		long old = linux_2007(numbers[i]), new = trident(numbers[i]);
		unsigned long address = table + old * 8;
		printf("rax %#18lx   2007: ", numbers[i]);
		if (old == -1)
			printf("%-48s", "refused");
		else
			printf("index %#12lx, a pointer at %#18lx", old, address);
		printf("   Trident: index %#lx\n", new);
	}
	// ANCHOR_END: main
	return 0;
}
