/* For long_calls.c: calls over the largest possible ranges. Each call has its own process, whose exit
   frees everything. */
#ifndef LONG_CALLS_H
#define LONG_CALLS_H
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "children.h"

#define FILE_SIZE (1ul << 62)
#define AREA_SIZE (1ul << 46)
#define MOST_AT_ONCE 0x7ffff000ul

enum {
	PAGE = 4096,
	/* Present pages of each large area. */
	TOUCHED = 50,
	/* Number of VMAs that an area is split into. */
	CUTS = 30000,
};

/* A sparse file: it has no pages. */
static int hollow(unsigned long size)
{
	int fd = memfd_create("hollow", 0);

	ftruncate(fd, size);
	return fd;
}

static char *area(unsigned long size, int protection)
{
	return mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static char *room(unsigned long size)
{
	return area(size, PROT_READ | PROT_WRITE);
}

static char *file_area(unsigned long size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, hollow(size), 0);
}

/* An area with TOUCHED present pages, evenly spread. */
static char *scattered(unsigned long size)
{
	char *start = room(size);

	for (int i = 0; i < TOUCHED; i++)
		start[size / TOUCHED * i] = 1;
	return start;
}

/* Adjacent VMAs with different protections: no two of them merge. */
static char *split_area(void)
{
	char *start = room(CUTS * 2ul * PAGE);

	for (unsigned long i = 0; i < CUTS; i++)
		mprotect(start + i * 2 * PAGE, PAGE, PROT_READ);
	return start;
}

static void lift_limits(void)
{
	struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &none);
	setrlimit(RLIMIT_DATA, &none);
}

static void do_mincore(void)
{
	char *start = area(AREA_SIZE, PROT_NONE), *marks = room(AREA_SIZE / PAGE);

	mincore(start, AREA_SIZE, (void *)marks);
}

static void do_mincore_of_a_file(void)
{
	char *start = file_area(AREA_SIZE), *marks = room(AREA_SIZE / PAGE);

	mincore(start, AREA_SIZE, (void *)marks);
}

static void do_msync(void)
{
	char *start = file_area(AREA_SIZE);

	msync(start, AREA_SIZE, MS_SYNC | MS_INVALIDATE);
}

static void advise(int advice)
{
	char *start = scattered(AREA_SIZE);

	madvise(start, AREA_SIZE, advice);
}

static void do_dontneed(void)
{
	advise(MADV_DONTNEED);
}

static void do_free(void)
{
	advise(MADV_FREE);
}

static void do_populate_read(void)
{
	advise(22);
}

static void do_populate_write(void)
{
	advise(23);
}

static void do_remove(void)
{
	char *start = file_area(AREA_SIZE);

	madvise(start, AREA_SIZE, MADV_REMOVE);
}

static void do_mlock(void)
{
	lift_limits();
	mlock(area(AREA_SIZE, PROT_READ), AREA_SIZE);
}

static void do_mlockall(void)
{
	lift_limits();
	area(AREA_SIZE, PROT_READ);
	mlockall(MCL_CURRENT);
}

static void do_mprotect(void)
{
	char *start = scattered(AREA_SIZE);

	mprotect(start, AREA_SIZE, PROT_READ);
	mprotect(start, AREA_SIZE, PROT_READ | PROT_WRITE);
}

static void do_mprotect_in_cuts(void)
{
	char *start = split_area();

	mprotect(start, CUTS * 2ul * PAGE, PROT_READ);
}

static void do_fork_in_cuts(void)
{
	split_area();
	for (;;) {
		if (fork() == 0)
			_exit(0);
		wait(NULL);
	}
}

static void do_mremap(void)
{
	char *start = scattered(AREA_SIZE / 4), *place = (char *)(1ul << 45);

	mremap(start, AREA_SIZE / 4, AREA_SIZE / 4, MREMAP_MAYMOVE | MREMAP_FIXED, place);
}

static void do_munmap(void)
{
	munmap(scattered(AREA_SIZE), AREA_SIZE);
}

static void do_populate(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE;

	mmap(NULL, AREA_SIZE, PROT_READ, flags, -1, 0);
}

static void do_remap_file_pages(void)
{
	remap_file_pages(file_area(AREA_SIZE), 1ul << 34, 0, 1, 0);
}

static void do_fallocate(void)
{
	fallocate(hollow(0), 0, 0, 1ul << 40);
}

static void do_punch_a_hole(void)
{
	int fd = hollow(FILE_SIZE);

	pwrite(fd, "x", 1, FILE_SIZE / 2);
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, FILE_SIZE);
}

static void do_seek(void)
{
	int fd = hollow(FILE_SIZE);

	pwrite(fd, "x", 1, FILE_SIZE / 2);
	lseek(fd, 0, SEEK_DATA);
	lseek(fd, FILE_SIZE / 2, SEEK_HOLE);
}

static void do_read(void)
{
	read(hollow(FILE_SIZE), room(MOST_AT_ONCE), MOST_AT_ONCE);
}

static void do_preadv(void)
{
	static struct iovec parts[1024];
	char *bytes = room(PAGE << 8);

	for (int i = 0; i < 1024; i++)
		parts[i] = (struct iovec){bytes, PAGE << 8};
	preadv(hollow(FILE_SIZE), parts, 1024, 0);
}

static void do_read_zeros(void)
{
	read(open("/dev/zero", O_RDONLY), room(MOST_AT_ONCE), MOST_AT_ONCE);
}

static void do_write_random(void)
{
	write(open("/dev/urandom", O_WRONLY), room(MOST_AT_ONCE), MOST_AT_ONCE);
}

static void do_getrandom(void)
{
	getrandom(room(MOST_AT_ONCE), MOST_AT_ONCE, 0);
}

static void do_sendfile(void)
{
	off_t at = 0;

	sendfile(open("/dev/null", O_WRONLY), hollow(FILE_SIZE), &at, FILE_SIZE);
}

static void do_copy_file_range(void)
{
	copy_file_range(hollow(FILE_SIZE), NULL, hollow(0), NULL, FILE_SIZE, 0);
}

static void do_readahead(void)
{
	readahead(hollow(FILE_SIZE), 0, FILE_SIZE);
}

static void do_process_vm_writev(void)
{
	static struct iovec parts[1024];
	char *bytes = room(PAGE << 8);

	for (int i = 0; i < 1024; i++)
		parts[i] = (struct iovec){bytes, PAGE << 8};
	process_vm_writev(getpid(), parts, 1024, parts, 1024, 0);
}

static void do_read_memory(void)
{
	char *start = area(AREA_SIZE, PROT_READ);

	pread(open("/proc/self/mem", O_RDONLY), room(MOST_AT_ONCE), MOST_AT_ONCE, (off_t)start);
}

static void do_read_pagemap(void)
{
	area(AREA_SIZE, PROT_READ);
	pread(open("/proc/self/pagemap", O_RDONLY), room(MOST_AT_ONCE), MOST_AT_ONCE, 0);
}

static void do_read_smaps(void)
{
	scattered(AREA_SIZE);
	read(open("/proc/self/smaps", O_RDONLY), room(MOST_AT_ONCE), MOST_AT_ONCE);
}

#define CALL(name) {#name, do_##name}
static const struct {
	const char *name;
	void (*make)(void);
} calls[] = {CALL(mincore), CALL(mincore_of_a_file), CALL(msync), CALL(dontneed), CALL(free), CALL(populate_read),
	CALL(populate_write), CALL(remove), CALL(mlock), CALL(mlockall), CALL(mprotect), CALL(mprotect_in_cuts),
	CALL(fork_in_cuts), CALL(mremap), CALL(munmap), CALL(populate), CALL(remap_file_pages), CALL(fallocate),
	CALL(punch_a_hole), CALL(seek), CALL(read), CALL(preadv), CALL(read_zeros), CALL(write_random), CALL(getrandom),
	CALL(sendfile), CALL(copy_file_range), CALL(readahead), CALL(process_vm_writev), CALL(read_memory),
	CALL(read_pagemap), CALL(read_smaps)};
#endif
