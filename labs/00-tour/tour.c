/* The program of lab 0. Its numbers come from a seed, and it prints none of them: you find them with the debugger. */

#ifndef SEED
#include "seed.h"
#endif
#include "registers.h"

#define NR_mmap 9
#define NR_arch_prctl 158
#define NR_sched_yield 24
#define ARCH_SET_GS 0x1001

/* Station 1 is a SYSCALL, station 2 an INT 0x80: a breakpoint at the label stops in front of it. */
CALL_WITH(syscall_with, "syscall", station_1, after_1);
CALL_WITH(int80_with, "int $0x80", station_2, after_2);

/* Calls that fail, each in its own way. */
static void failing_call(word way)
{
	switch (way % 4) {
	case 0: /* close(2) of no file */
		in_regs[RAX] = 3;
		in_regs[RDI] = 1000 + way % 977;
		break;
	case 1: /* write(2) from an address that is not the program's */
		in_regs[RAX] = 1;
		in_regs[RDI] = 1;
		in_regs[RSI] = 0xffffffff80000000 + way % 4096;
		in_regs[RDX] = 16;
		break;
	case 2: /* a number that no table has */ in_regs[RAX] = 600 + way % 300; break;
	default: /* lseek(2) with no known whence */
		in_regs[RAX] = 8;
		in_regs[RDI] = 1;
		in_regs[RDX] = 50 + way % 50;
		break;
	}
}

/* Station 3 touches memory that is not there. */
static void touch(word address, word way)
{
	switch (way % 3) {
	case 0:
		__asm__ volatile(".globl station_3\nstation_3:\nmov (%0), %%rcx" ::"r"(address) : "rcx", "memory");
		break;
	case 1:
		__asm__ volatile(".globl station_3_write\nstation_3_write:\nmov %%rcx, (%0)" ::"r"(address) : "memory");
		break;
	default: __asm__ volatile(".globl station_3_jump\nstation_3_jump:\njmp *%0" ::"r"(address) : "memory");
	}
}

static int lab_main(int argc, char **argv)
{
	(void)argc, (void)argv;
	random_state = SEED;
	for (int i = 0; i < 20; i++)
		next_random();
	syscall64(NR_arch_prctl, ARCH_SET_GS, next_random() >> 18, 0, 0, 0, 0);
    /* A stack that no compiler and no linker decides about: pages at an address of the seed's. */
	word area = 0x10000000 + (next_random() >> 40 << 12);
	syscall64(NR_mmap, area, 4096, 3, 0x32, (word)-1, 0);
	for (word i = 100 + next_random() % 800; i > 0; i--)
		syscall64(NR_sched_yield, 0, 0, 0, 0, 0, 0);

	fill();
	in_regs[RSP] = area + 8 * (100 + next_random() % 300);
	failing_call(next_random());
	syscall_with();

	fill();
	in_regs[RSP] = area + 8 * (100 + next_random() % 300);
	in_regs[RAX] |= 1 << 30; /* beyond the table */
	int80_with();

	touch(0x500000000000 + (next_random() >> 20), next_random());
	return 1;
}
