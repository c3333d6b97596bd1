/* covers: kernel/src/process/ kernel/src/syscall/ kernel/src/vm/ */
/* Calls that change tens of thousands of areas go in parts; for other threads each is one step, as on Linux.
   A thread that sees the effect of another thread's call at the start of its range maps a page at the end: the
   call is over for it, so that the page must stay. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parts.h"

/* Two areas of a page each per pair. */
enum { PAIRS = 6000, PAGE = 4096, ROUNDS = 8 };
static const size_t SIZE = 2L * PAIRS * PAGE;

static char *range;
static void (*change)(void);
static volatile int may_start;

/* Fills the range with areas of alternating protection, each with a page. */
static void fill(void)
{
	range = mmap(range, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (range ? MAP_FIXED : 0), -1, 0);
	for (size_t at = 0; at < SIZE; at += PAGE)
		range[at] = 1;
	for (size_t at = 0; at < SIZE; at += 2 * PAGE)
		mprotect(range + at, PAGE, PROT_READ);
}

static void *run_change(void *unused)
{
	while (!may_start)
		sched_yield();
	change();
	return unused;
}

/* Whether the page has a byte in memory. */
static int is_filled(const char *page)
{
	unsigned char in_memory;

	return mincore((void *)page, PAGE, &in_memory) == 0 && in_memory & 1;
}

static int is_readable(const char *page)
{
	return access(page, F_OK) == 0 || errno != EFAULT;
}

static void unmap(void)
{
	munmap(range, SIZE);
}

static void replace(void)
{
	mmap(range, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void move_over(void)
{
	void *old = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mremap(old, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, range);
}

static void forbid(void)
{
	mprotect(range, SIZE, PROT_NONE);
}

static void forget(void)
{
	madvise(range, SIZE, MADV_DONTNEED);
}

/* Races `call`, whose effect is that `is_untouched` becomes false, against a mapping at the end of its range. */
static void race(void (*call)(void), int (*is_untouched)(const char *))
{
	int lost = 0;

	change = call;
	for (int round = 0; round < ROUNDS; round++) {
		pthread_t thread;
		char *page = range + SIZE - (1 + round % 8) * PAGE;

		fill();
		may_start = 0;
		pthread_create(&thread, NULL, run_change, NULL);
		may_start = 1;
		while (is_untouched(range))
			sched_yield();
		mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (is_readable(page))
			*page = 7;
		else
			lost++;
		pthread_join(thread, NULL);
		if (!is_readable(page) || !is_filled(page) || *page != 7)
			lost++;
	}
	printf("%s\n", lost ? "a later mapping is lost" : "all later mappings are there");
}

static void munmap_first(void)
{
	race(unmap, is_filled);
}

static void mmap_first(void)
{
	race(replace, is_filled);
}

static void mremap_first(void)
{
	race(move_over, is_filled);
}

static void mprotect_first(void)
{
	race(forbid, is_readable);
}

static void madvise_first(void)
{
	race(forget, is_filled);
}

int main(void)
{
	fill();
	PART(munmap_first);
	PART(mmap_first);
	PART(mremap_first);
	PART(mprotect_first);
	PART(madvise_first);
	return 0;
}
