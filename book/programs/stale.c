// A descriptor changes in memory, and the CPU keeps the old one. 32-bit.
#include <asm/ldt.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int one = 1, two = 2;
static struct user_desc to_one = {.entry_number = 0, .limit = 3, .seg_32bit = 1, .useable = 1};
struct user_desc to_two;
struct timespec moment = {0, 1000000};
int found[6];

void probe(void);

// clang-format off
// ANCHOR: probe
asm(".intel_syntax noprefix\n"
    "probe: pusha; push es; push fs\n"
    "mov eax, 7\n"                               // row 0 of the LDT, ring 3
    "mov es, eax; mov fs, eax\n"                 // the CPU reads the descriptor now, and keeps it
    "mov eax, es:[0]; mov found, eax; mov eax, fs:[0]; mov found + 4, eax\n"
    "mov eax, 123; mov ebx, 0x11; lea ecx, to_two; mov edx, 16\n"
    "int 0x80\n"                                 // modify_ldt: another base
    "mov eax, es:[0]; mov found + 8, eax; mov eax, fs:[0]; mov found + 12, eax\n"
    "mov eax, 162; lea ebx, moment; xor ecx, ecx\n"
    "int 0x80\n"                                 // nanosleep: the CPU runs something else
    "mov eax, es:[0]; mov found + 16, eax; mov eax, fs:[0]; mov found + 20, eax\n"
    "pop fs; pop es; popa; ret\n"
    ".att_syntax\n");
// ANCHOR_END: probe
// clang-format on

int main(void)
{
	to_one.base_addr = (unsigned long)&one;
	to_two = to_one;
	to_two.base_addr = (unsigned long)&two;
	syscall(SYS_modify_ldt, 0x11, &to_one, sizeof to_one);
	probe();
	static const char *when[] = {"loaded", "changed", "after a switch"};
	for (int i = 0; i < 3; i++)
		printf("%-15s es:[0] = %d, fs:[0] = %d\n", when[i], found[2 * i], found[2 * i + 1]);
	return 0;
}
