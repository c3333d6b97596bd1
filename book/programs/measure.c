// The cost of a call in ticks of the time-stamp counter: the same loop with and without the call.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <x86intrin.h>

enum { BATCHES = 15, CALLS = 5000 };

static void nothing(void) {}

static void by_syscall(void)
{
	long result = 39; // getpid
	__asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
}

static void by_int80(void)
{
	long result = 20; // getpid of the i386 table
	__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
}

static void by_vdso(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
}

// ANCHOR: batch
__attribute__((noipa)) // no call may be moved into the loop, or out of it
static unsigned long batch(void (*call)(void))
{
	unsigned long start = __rdtsc();
	for (int i = 0; i < CALLS; i++)
		call();
	return __rdtsc() - start;
}
// ANCHOR_END: batch

static int ascending(const void *a, const void *b)
{
	unsigned long x = *(unsigned long *)a, y = *(unsigned long *)b;
	return x < y ? -1 : x > y;
}

static void row(const char *name, void (*call)(void))
{
	// ANCHOR: row
	unsigned long with[BATCHES], without[BATCHES];
	for (int i = 0; i < BATCHES; i++) {
		without[i] = batch(nothing);
		with[i] = batch(call);
	}
	qsort(with, BATCHES, sizeof *with, ascending);
	qsort(without, BATCHES, sizeof *without, ascending);
	double least = (double)(with[0] - without[0]) / CALLS;
	double middle = (double)(with[BATCHES / 2] - without[0]) / CALLS;
	double most = (double)(with[BATCHES - 1] - without[0]) / CALLS;
	// ANCHOR_END: row
	printf("%-26s %8.1f %8.1f %8.1f\n", name, least, middle, most);
}

int main(void)
{
	printf("ticks of one call              least   middle     most\n");
	row("getpid, SYSCALL", by_syscall);
	row("getpid, INT 0x80", by_int80);
	row("clock_gettime, the vDSO", by_vdso);
	return 0;
}
