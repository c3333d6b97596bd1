/* covers: kernel/src/vm/ */
/* mremap(2) to where whole page tables fit, and to where they don't: content, protections and the resident set are the
   same at the new place. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "children.h"

enum { PAGE = 4096, TABLE = 512 * PAGE, ROUNDS = 60, LIMIT = 120 };

static uint32_t state = 1;
static sigjmp_buf denied;

static uint32_t random_below(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % limit;
}

static void on_fault(int signo)
{
	(void)signo;
	siglongjmp(denied, 1);
}

/* The resident set in pages. */
static long resident(void)
{
	static char line[100];
	long size = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file && fgets(line, sizeof line, file))
		sscanf(line, "%ld %ld", &size, &pages);
	if (file)
		fclose(file);
	return pages;
}

/* Sum of the content of the present pages, each with its number and whether it is writable. */
static uint64_t digest(volatile char *start, long pages, const unsigned char *present)
{
	volatile uint64_t sum = 0;

	for (volatile long i = 0; i < pages; i++) {
		int is_writable = 0;

		if (!present[i])
			continue;
		if (sigsetjmp(denied, 1) == 0) {
			start[i * PAGE + 1] = 1;
			is_writable = 1;
		}
		sum = sum * 31 + (uint64_t)(i * 512 + (unsigned char)start[i * PAGE] * 2 + is_writable);
	}
	return sum;
}

static void one_round(int round)
{
	static unsigned char present[4 * 512 + 8];
	static const long shifts[] = {0, PAGE, 511L * PAGE, 0};
	long pages = (1 + random_below(3)) * 512 + random_below(8), before, after;
	/* Both are below 2 GiB and 1 GiB apart: for 32-bit programs too. */
	char *from = (char *)0x20000000ul + shifts[random_below(4)],
	     *to = (char *)0x40000000ul + shifts[random_below(4)];
	uint64_t sum;

	memset(present, 0, sizeof present);
	if (mmap(from, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != from)
		_exit(1);
	madvise(from, pages * PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < 300; i++) {
		long page = random_below(pages);

		from[page * PAGE] = random_below(256);
		present[page] = 1;
	}
	if (round % 3 == 0) {
		long page = random_below(pages - 4);

		mprotect(from + page * PAGE, 3 * PAGE, PROT_READ);
		/* Linux 6.1 moves one area at a time. */
		pages = page;
	}
	sum = digest(from, pages, present);
	before = resident();
	if (mremap(from, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		printf("%d: not moved\n", round);
	after = resident();
	if (digest(to, pages, present) != sum)
		printf("%d: other content\n", round);
	if (after - before > 16 || before - after > 16)
		printf("%d: %ld pages resident, not %ld\n", round, after, before);
	/* The place that the pages left is usable: it shows zeros. */
	mmap(from, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (long i = 0; i < pages; i += 7)
		if (from[i * PAGE])
			printf("%d: content is left\n", round);
	munmap(from, (4 * 512 + 8L) * PAGE);
	munmap(to, (4 * 512 + 8L) * PAGE);
	printf("round %d\n", round);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(LIMIT);
	if (getpid() == 1) {
		mkdir("/proc", 0755);
		mount("none", "/proc", "proc", 0, NULL);
	}
	signal(SIGSEGV, on_fault);
	for (int round = 0; round < ROUNDS; round++)
		one_round(round);
	return 0;
}
