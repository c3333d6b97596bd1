// A value is used once as an index, and thrown away. Which line of the cache remembers it?
#include <stdint.h>
#include <stdio.h>
#include <x86intrin.h>

enum { LINES = 256, SPACING = 4096, TRIES = 200 };

static char lines[LINES * SPACING] __attribute__((aligned(SPACING)));
static int hits[LINES];

// ANCHOR: leak
// The secret is read, and its value isn't kept anywhere.
static void use(unsigned char secret)
{
	*(volatile char *)&lines[secret * SPACING];
}
// ANCHOR_END: leak

// ANCHOR: look
static uint64_t time_of_load(int line)
{
	unsigned aux;
	_mm_mfence();
	uint64_t start = __rdtscp(&aux);
	*(volatile char *)&lines[line * SPACING];
	uint64_t end = __rdtscp(&aux);
	_mm_lfence();
	return end - start;
}
// ANCHOR_END: look

int main(void)
{
	const char secret[] = "vDSO";
	for (int i = 0; i < LINES; i++)
		lines[i * SPACING] = 1;
	for (int at = 0; secret[at]; at++) {
		for (int i = 0; i < LINES; i++)
			hits[i] = 0;
		for (int try = 0; try < TRIES; try++) {
			// ANCHOR: round
			for (int line = 0; line < LINES; line++)
				_mm_clflush(&lines[line * SPACING]);
			_mm_mfence();
			use(secret[at]);
			int fastest = 0;
			uint64_t least = -1;
			for (int i = 0; i < LINES; i++) {
				int line = (i * 167 + 13) % LINES; // no order that a prefetcher knows
				uint64_t took = time_of_load(line);
				if (took < least) {
					least = took;
					fastest = line;
				}
			}
			hits[fastest]++;
			// ANCHOR_END: round
		}
		int best = 0;
		for (int i = 0; i < LINES; i++)
			if (hits[i] > hits[best])
				best = i;
		printf("line %3d ('%c') was the fastest in %d of %d rounds\n", best,
			best >= ' ' && best < 127 ? best : '?', hits[best], TRIES);
	}
	return 0;
}
