// What single instructions cost: each in a loop of its own, less the empty loop.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

enum { BATCHES = 25, TIMES = 1000, NODES = 1 << 20 };

// A chain through 64 MB in random order, each node in a cache line of its own.
static struct node {
	struct node *next;
	char rest[56];
} nodes[NODES];

static struct node *at;

static void chain(void)
{
	static uint32_t order[NODES];
	uint64_t seed = 1;
	for (int i = 0; i < NODES; i++)
		order[i] = i;
	for (int i = NODES - 1; i > 0; i--) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		int other = (seed >> 33) % (i + 1);
		uint32_t kept = order[i];
		order[i] = order[other];
		order[other] = kept;
	}
	for (int i = 0; i < NODES; i++)
		nodes[order[i]].next = &nodes[order[(i + 1) % NODES]];
	at = nodes;
}

#define LOOP(text)                                                                                                     \
	({                                                                                                             \
		unsigned long least = -1;                                                                              \
		for (int i = 0; i < BATCHES; i++) {                                                                    \
			unsigned long start = __rdtsc(), left = TIMES;                                                 \
			__asm__ volatile("1: " text "\n dec %0\n jnz 1b"                                               \
				: "+r"(left), "+S"(at)                                                                 \
				: "D"(here)                                                                            \
				: "rax", "rbx", "rcx", "rdx", "memory");                                               \
			unsigned long took = __rdtsc() - start;                                                        \
			if (took < least)                                                                              \
				least = took;                                                                          \
		}                                                                                                      \
		least;                                                                                                 \
	})

#define ROW(name, text) printf("%-34s %9.1f\n", name, (double)(long)(LOOP(text) - empty) / TIMES)

int main(void)
{
	static long word;
	long *here = &word;
	chain();
	unsigned long empty = LOOP("");
	printf("ticks\n");
	// ANCHOR: rows
	ROW("add rax, 1", "add $1, %%rax");
	ROW("load, in the cache", "mov (%%rdi), %%rax");
	ROW("load, not in the cache", "mov (%%rsi), %%rsi");
	ROW("lock add", "lock addq $1, (%%rdi)");
	ROW("lfence", "lfence");
	ROW("rdtsc", "rdtsc");
	ROW("rdtscp", "rdtscp");
	ROW("cpuid", "xor %%eax, %%eax\n cpuid");
	// ANCHOR_END: rows
	return 0;
}
