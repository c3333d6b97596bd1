/* covers: kernel/src/vm/ kernel/src/mm/ */
/* VMAs under memory pressure: many of them, split, changed, copied and unmapped without free
   memory. Unmapping whole areas must not fail.

   Usage: kept_areas [WORD]: all attacks, or those with the word in their name. */
#define _GNU_SOURCE
#include "kept.h"

static void unmap_many_areas(void)
{
	char *base = areas(60000);

	leave(100);
	MUST(munmap(base, 60000l * PAGE) == 0);
}

static void make_holes(void)
{
	size_t size = 130000l * PAGE;
	char *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	leave(100);
	for (long i = 1; i < 130000; i += 2)
		if (munmap(base + i * PAGE, PAGE)) {
			MUST(errno == ENOMEM);
			/* A failed munmap changes nothing: the page is still mapped. */
			MUST(msync(base + i * PAGE, PAGE, MS_ASYNC) == 0);
			break;
		}
	MUST(munmap(base, size) == 0);
}

static void change_many_areas(void)
{
	char *base = areas(60000);

	leave(100);
	/* Afterwards everything is one VMA, except the parts whose change failed. */
	if (mprotect(base, 60000l * PAGE, PROT_READ | PROT_WRITE))
		MUST(errno == ENOMEM);
	if (madvise(base, 60000l * PAGE, MADV_DONTFORK))
		MUST(errno == ENOMEM);
	MUST(munmap(base, 60000l * PAGE) == 0);
}

static void fork_many_areas(void)
{
	areas(60000);
	leave(1000);
	for (int i = 0; i < 5; i++) {
		int pid = fork();

		if (pid == 0)
			_exit(0);
		MUST(pid > 0 || errno == ENOMEM || errno == EAGAIN);
		if (pid > 0)
			reap(pid, 5000);
	}
}

static const struct attack attacks[] = {
	{"unmap many areas", unmap_many_areas},
	{"make holes", make_holes},
	{"change many areas", change_many_areas},
	{"fork many areas", fork_many_areas},
};

int main(int count, char **words)
{
	return run_attacks(attacks, sizeof attacks / sizeof *attacks, count, words);
}
