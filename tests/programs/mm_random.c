/* covers: kernel/src/vm/ kernel/src/mm/ */
/* Random mmap, munmap, mprotect, mremap, madvise, mlock, mincore, fork and file calls in an
   arena of 64 pages. Every few steps the arena's part of /proc/self/maps and the contents of its
   pages go into a hash, which is the same on Linux for the same seed.

   Usage: mm_random FIRST_SEED SEEDS STEPS [LEVEL]: level 1 prints each step, level 2 the pages
   too, to find the step at which two kernels differ. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.h"

enum { PAGE = 4096, PAGES = 64, FILE_PAGES = 20 };

/* Nothing else is mapped here, in 64- and 32-bit programs alike. */
static char *const arena = (char *)0x20000000;

static unsigned long long hash;
static int level;
static int content; /* The file that is mapped, open for reading and writing... */
static int content_read_only; /* ...and for reading. */
static int scratch; /* A file through which the kernel copies to and from the arena. */
static char content_name[] = "/dev/shm/mm-random-XXXXXX";

struct range {
	char *start;
	int page, pages;
	size_t size;
	int protection;
};

static void mix(unsigned long long value)
{
	hash = (hash ^ value) * 0x100000001b3ull;
	hash ^= hash >> 29;
}

static int some_protection(void)
{
	static const int protections[] = {
		PROT_NONE,
		PROT_READ,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_EXEC,
		PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	return ONE_OF(protections);
}

/* Mostly a few pages, sometimes many or none; the size may end inside a page. */
static struct range some_range(void)
{
	struct range range = {.page = below(PAGES), .protection = some_protection()};

	range.pages = 1 + below(one_in(4) ? PAGES : 4);
	if (range.page + range.pages > PAGES)
		range.pages = PAGES - range.page;
	range.start = arena + range.page * PAGE;
	range.size = range.pages * PAGE - (one_in(3) ? below(PAGE) : 0);
	if (one_in(40))
		range.size = 0;
	return range;
}

static off_t some_file_page(void)
{
	return below(12) * PAGE;
}

static long map(struct range r, int protection, int flags, int fd, off_t offset)
{
	return (long)mmap(r.start, r.size, protection, flags | MAP_FIXED, fd, offset);
}

static long map_private(struct range r)
{
	return map(r, r.protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long map_shared(struct range r)
{
	return map(r, r.protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static long map_where_free(struct range r)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	return (long)mmap(r.start, r.size, r.protection, flags, -1, 0);
}

static long map_file_private(struct range r)
{
	int fd = one_in(2) ? content_read_only : content;

	return map(r, r.protection, MAP_PRIVATE, fd, some_file_page());
}

static long map_file_shared(struct range r)
{
	int fd = one_in(4) ? content_read_only : content;

	return map(r, r.protection, MAP_SHARED, fd, some_file_page());
}

static long unmap(struct range r)
{
	return munmap(r.start, r.size);
}

static long protect(struct range r)
{
	return mprotect(r.start, r.size, r.protection);
}

static long forget(struct range r)
{
	return madvise(r.start, r.size, MADV_DONTNEED);
}

/* All advice with a defined effect: MADV_FREE may keep the pages or not. */
static long advise(struct range r)
{
	static const int advices[] = {MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK,
		22 /* MADV_POPULATE_READ */, 23 /* MADV_POPULATE_WRITE */, MADV_WILLNEED,
		24 /* MADV_DONTNEED_LOCKED */};

	return madvise(r.start, r.size, ONE_OF(advices));
}

static long lock(struct range r)
{
	return one_in(2) ? munlock(r.start, r.size) : mlock(r.start, r.size);
}

static long check_residency(struct range r)
{
	unsigned char pages[PAGES] = {0};
	long result = mincore(r.start, r.size, pages);

	for (int i = 0; i < r.pages && result == 0; i++) {
		mix(pages[i] & 1);
		if (level)
			printf("   page %d %s\n", r.page + i, pages[i] & 1 ? "resident" : "not resident");
	}
	return result;
}

/* Maps a new area with some content, to be moved or resized. */
static void prepare(struct range r)
{
	int protection = r.protection | PROT_READ;

	if (one_in(2))
		map(r, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else
		map(r, protection, one_in(2) ? MAP_SHARED : MAP_PRIVATE, content, some_file_page());
	pread(content, r.start, 1, PAGE);
}

static long move(struct range r)
{
	int page = below(PAGES), pages = 1 + below(8);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	if (page + pages > PAGES)
		pages = PAGES - page;
	if (!r.size || (page < r.page + r.pages && r.page < page + pages))
		return 0;
	prepare(r);
	return (long)mremap(r.start, r.size, pages * PAGE, flags, arena + page * PAGE);
}

/* MREMAP_DONTUNMAP: the pages move, the old mapping stays. */
static long move_pages(struct range r)
{
	int page = below(PAGES), pages = r.pages;
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED | 4 /* MREMAP_DONTUNMAP */;

	if (page + pages > PAGES || !r.size || (page < r.page + r.pages && r.page < page + pages))
		return 0;
	prepare(r);
	return (long)mremap(r.start, r.size, r.size, flags, arena + page * PAGE);
}

/* Maps shared pages a second time (old size 0). */
static long map_again(struct range r)
{
	int page = below(PAGES);

	if (page + r.pages > PAGES || !r.size)
		return 0;
	return (long)mremap(r.start, 0, r.size, MREMAP_MAYMOVE | MREMAP_FIXED, arena + page * PAGE);
}

static long resize(struct range r)
{
	int pages = 1 + below(8);

	if (r.page + pages > PAGES)
		pages = PAGES - r.page;
	if (!r.size)
		return 0;
	prepare(r);
	return (long)mremap(r.start, r.size, pages * PAGE, 0);
}

/* The kernel stores into the arena, across pages. */
static long read_into(struct range r)
{
	int size = 1 + below(300), shift = below(PAGE);

	return pread(content, r.start + shift, size, below(19) * PAGE + below(PAGE));
}

/* Stores one byte into each page. */
static long store_into_each(struct range r)
{
	char byte = next_random();
	long stored = 0;

	for (int i = 0; i < r.pages; i++, byte++) {
		pwrite(scratch, &byte, 1, 1);
		stored += pread(scratch, r.start + i * PAGE + 7, 1, 1) == 1;
	}
	return stored;
}

/* Changes the file below its mappings. */
static long write_file(struct range r)
{
	char bytes[200];

	(void)r;
	memset(bytes, next_random(), sizeof bytes);
	return pwrite(content, bytes, sizeof bytes, below(19) * PAGE + below(3800));
}

static const struct operation {
	const char *name;
	long (*run)(struct range);
} operations[] = {
	{"map private", map_private},
	{"map private", map_private},
	{"map shared", map_shared},
	{"map file private", map_file_private},
	{"map file shared", map_file_shared},
	{"map where free", map_where_free},
	{"unmap", unmap},
	{"protect", protect},
	{"protect", protect},
	{"protect", protect},
	{"move", move},
	{"move pages", move_pages},
	{"map again", map_again},
	{"resize", resize},
	{"advise", advise},
	{"advise", advise},
	{"lock", lock},
	{"check residency", check_residency},
	{"forget", forget},
	{"read into", read_into},
	{"store into each", store_into_each},
	{"write file", write_file},
};

/* A byte of the arena, or the negative error of reading it. */
static int byte_at(const char *place)
{
	unsigned char byte = 0;

	if (pwrite(scratch, place, 1, 0) != 1)
		return -errno;
	pread(scratch, &byte, 1, 0);
	return byte;
}

static void look_at_pages(void)
{
	for (int i = 0; i < PAGES; i++) {
		int first = byte_at(arena + i * PAGE + 7);
		int last = byte_at(arena + i * PAGE + PAGE - 1);

		mix(first);
		mix(last);
		if (level > 1)
			printf("%d:%d/%d ", i, first, last);
	}
	if (level > 1)
		printf("\n");
}

struct area {
	unsigned long start, end, offset;
	char protection[8];
	int is_file;
};

/* Whether two adjacent areas could be one: kernels may merge them or not. */
static int is_continued_by(const struct area *area, const struct area *next)
{
	return area->end == next->start && area->is_file == next->is_file &&
	       !strcmp(area->protection, next->protection) &&
	       (!area->is_file || area->offset + area->end - area->start == next->offset);
}

static void mix_area(const struct area *area)
{
	if (!area->end)
		return;
	mix(area->start);
	mix(area->end);
	mix(area->offset);
	for (const char *c = area->protection; *c; c++)
		mix(*c);
	if (level)
		printf("   %lx-%lx %s %lx\n", area->start, area->end, area->protection, area->offset);
}

static void look_at_maps(void)
{
	char line[300];
	struct area area = {0};
	FILE *file = fopen("/proc/self/maps", "r");

	while (file && fgets(line, sizeof line, file)) {
		struct area next = {0};

		if (sscanf(line, "%lx-%lx %4s %lx", &next.start, &next.end, next.protection, &next.offset) != 4)
			continue;
		if (next.start < (long)arena || next.start >= (long)arena + PAGES * PAGE)
			continue;
		next.is_file = strstr(line, content_name) != NULL;
		/* The offsets of anonymous mappings have no meaning. */
		if (!next.is_file)
			next.offset = 0;
		if (area.end && is_continued_by(&area, &next)) {
			area.end = next.end;
		} else {
			mix_area(&area);
			area = next;
		}
	}
	mix_area(&area);
	if (file)
		fclose(file);
}

static void look(void)
{
	look_at_maps();
	look_at_pages();
	if (level)
		printf("   hash %016llx\n", hash);
}

static void store(char byte)
{
	pwrite(scratch, &byte, 1, 1);
	pread(scratch, arena + below(PAGES) * PAGE + 7, 1, 1);
}

/* A child changes its copy; the parent's must stay unchanged. */
static void continue_in_a_child(void)
{
	int status = 0, pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 20; i++) {
			store(next_random());
			if (i % 5 == 4)
				mprotect(arena + below(PAGES) * PAGE, PAGE, some_protection());
			if (i % 7 == 6)
				munmap(arena + below(PAGES) * PAGE, PAGE);
		}
		look();
		fflush(stdout);
		_exit(hash & 0x7f);
	}
	waitpid(pid, &status, 0);
	mix(status);
	if (one_in(2))
		store(99);
	look();
}

static void one_step(int number)
{
	const struct operation *operation = &ONE_OF(operations);
	struct range range = some_range();
	long result;

	errno = 0;
	result = operation->run(range);
	mix(result);
	mix(result == -1 ? errno : 0);
	if (level)
		printf("%d: %s, page %d, size %zu, protection %d = %lx %s\n", number, operation->name, range.page,
			range.size, range.protection, result, result == -1 ? strerror(errno) : "");
}

static void fill_content(void)
{
	char bytes[PAGE];

	ftruncate(content, 0);
	for (int i = 0; i < FILE_PAGES; i++) {
		memset(bytes, i + 1, sizeof bytes);
		pwrite(content, bytes, sizeof bytes, i * PAGE);
	}
	ftruncate(content, (FILE_PAGES - 1) * PAGE + 100);
}

int main(int count, char **words)
{
	char scratch_name[] = "/tmp/mm-scratch-XXXXXX";
	int first, seeds, steps;

	if (count < 4)
		return 2;
	first = atoi(words[1]);
	seeds = atoi(words[2]);
	steps = atoi(words[3]);
	level = count > 4 ? atoi(words[4]) : 0;
	mkdir("/tmp", 01777);
	/* A file on a tmpfs if there is one: on other file systems the resident pages differ. */
	content = mkstemp(content_name);
	if (content < 0) {
		strcpy(content_name, "/tmp/mm-random-XXXXXX");
		content = mkstemp(content_name);
	}
	content_read_only = open(content_name, O_RDONLY);
	scratch = mkstemp(scratch_name);
	for (int seed = first; seed < first + seeds; seed++) {
		seed_random(seed);
		hash = 14695981039346656037ull;
		munmap(arena, PAGES * PAGE);
		fill_content();
		for (int step = 0; step < steps; step++) {
			one_step(step);
			if (step % 8 == 7)
				look();
			if (step % 37 == 36)
				continue_in_a_child();
		}
		look();
		printf("seed %d: hash %016llx\n", seed, hash);
	}
	unlink(content_name);
	unlink(scratch_name);
	return 0;
}
