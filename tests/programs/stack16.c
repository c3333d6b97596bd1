/* covers: kernel/src/entry/ kernel/src/arch/ */
/* A 16-bit stack segment: kernel entries preserve the upper half of ESP (espfix), and the removal of
   the segment during a system call kills only the program. 32-bit only. The output is the same on
   Linux. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "children.h"

static int set(int function, unsigned entry, unsigned long base, unsigned limit, unsigned bits)
{
	unsigned words[4] = {entry, base, limit, bits};

	return syscall(SYS_modify_ldt, function, words, sizeof words);
}

static unsigned short local(unsigned entry)
{
	return entry << 3 | 7;
}

static void small_stack(void)
{
	unsigned before, after, old;

	printf("16-bit stack: %d\n", set(1, 7, 0, 0xffff, 0));
	asm volatile("mov %%ss, %2\n mov %%esp, %0\n mov %3, %%ss\n mov $20, %%eax\n int $0x80\n"
		     "mov %%esp, %1\n mov %0, %%esp\n mov %2, %%ss\n"
		: "=&S"(before), "=&D"(after), "=&b"(old)
		: "c"((unsigned)local(7))
		: "eax", "memory");
	printf("esp %s\n", before == after ? "kept" : "changed");
	/* Across a handled page fault, and across timer interrupts. */
	char *fresh = mmap(0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	asm volatile("mov %%ss, %2\n mov %%esp, %0\n mov %3, %%ss\n movb $1, (%4)\n"
		     "mov %%esp, %1\n mov %0, %%esp\n mov %2, %%ss\n"
		: "=&S"(before), "=&D"(after), "=&b"(old)
		: "c"((unsigned)local(7)), "d"(fresh)
		: "eax", "memory");
	printf("esp %s\n", before == after ? "kept" : "changed");
	unsigned long long spins = 0;

	asm volatile("mov %%ss, %2\n mov %%esp, %0\n mov %4, %%ss\n"
		     "mov $10000000, %%ecx\n"
		     "1: cmp %0, %%esp\n jne 2f\n dec %%ecx\n jnz 1b\n 2:\n"
		     "mov %%esp, %1\n mov %0, %%esp\n mov %2, %%ss\n"
		: "=&S"(before), "=&D"(after), "=&b"(old), "+A"(spins)
		: "c"((unsigned)local(7))
		: "memory");
	printf("esp %s\n", before == after ? "kept" : "changed");
}

/* modify_ldt removes the stack segment before it returns. */
static void gone(int function, unsigned last_word)
{
	static unsigned words[4] = {7, 0, 0, 0};

	words[3] = last_word;
	words[2] = last_word ? 0xffff : 0;
	asm volatile("mov %0, %%ss\n mov $123, %%eax\n int $0x80\n"
		:
		: "r"((unsigned)local(7)), "b"(function), "c"(words), "d"(16)
		: "eax", "memory");
}

static int outcome(int function, unsigned last_word)
{
	int pid;

	fflush(stdout);
	if ((pid = fork()) == 0) {
		gone(function, last_word);
		_exit(0);
	}
	return reap(pid, 5000);
}

int main(void)
{
	small_stack();
	printf("cleared: %x\n", outcome(1, 0));
	printf("absent: %x\n", outcome(17, 0x20));
	printf("read-only: %x\n", outcome(17, 8));
	small_stack();
	return 0;
}
