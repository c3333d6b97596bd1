/* covers: kernel/src/vm/ kernel/src/fs/procfs/ */
/* Calls on as many areas of memory as a program may have (late.h). */
#define _GNU_SOURCE
#include "late.h"

enum { AREAS = 20000, FILES = 4000, TABLES = 8000, LARGE = 300 << 20 };

static char *start, *source, *top;
static int shown;
static volatile int sink;

/* Neighbours that differ: none of the areas joins the next. */
static void make_areas(void)
{
	start = room(AREAS * 2ul * PAGE);
	for (unsigned long i = 0; i < AREAS; i++)
		mprotect(start + i * 2 * PAGE, PAGE, PROT_READ);
}

/* Of one file, or each of a file of its own. */
static void map_files(int is_one)
{
	int fd = -1;

	start = room(AREAS * 2ul * PAGE);
	for (unsigned long i = 0; i < (is_one ? AREAS : FILES); i++) {
		if (!is_one || !i) {
			close(fd);
			fd = memfd_create("mapped", 0);
			ftruncate(fd, 2 * PAGE);
		}
		mmap(start + i * 2 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	}
	shown = fd;
}

static void make_file_areas(void)
{
	map_files(1);
}

/* The areas with their page, which is one page of the file. */
static void make_present_file_areas(void)
{
	map_files(1);
	for (long i = 0; i < AREAS; i++)
		sink += start[i * 2 * PAGE];
}

/* One area with many pages of a file. */
static void make_large_file_area(void)
{
	shown = memfd_create("large", 0);
	ftruncate(shown, LARGE);
	start = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED, shown, 0);
	for (long at = 0; at < LARGE; at += PAGE)
		start[at] = 1;
}

/* The same of memory that processes share without a file. */
static void make_large_shared_area(void)
{
	start = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (long at = 0; at < LARGE; at += PAGE)
		start[at] = 1;
}

static void make_files(void)
{
	map_files(0);
}

/* Page tables without a page in them. */
static void make_tables(void)
{
	start = room((unsigned long)TABLES * TABLE);
	for (long i = 0; i < TABLES; i++) {
		start[i * TABLE] = 1;
		madvise(start + i * TABLE, PAGE, MADV_DONTNEED);
	}
}

/* As many areas as there may be, with room for one page between them: in the first 2 GiB, or where mmap(2) begins to
   search. */
static void fill(int flags)
{
	enum { MOST = 65000 };

	start = mmap(NULL, MOST * 2ul * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	for (unsigned long i = 0; i < MOST; i++)
		munmap(start + (i * 2 + 1) * PAGE, PAGE);
}

static void make_low_areas(void)
{
	fill(MAP_32BIT);
}

static void make_high_areas(void)
{
	top = room(PAGE);
	source = room(PAGE);
	fill(0);
}

static void do_mmap_low(void)
{
	for (int i = 0; i < 20; i++)
		mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
}

/* The search begins at the top again. */
static void do_mmap_high(void)
{
	for (int i = 0; i < 20; i++) {
		munmap(top, PAGE);
		room(4 * PAGE);
		mmap(top, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
}

static void do_mremap_high(void)
{
	for (int i = 0; i < 20; i++) {
		munmap(top, PAGE);
		source = mremap(source, PAGE, 4 * PAGE, MREMAP_MAYMOVE);
		source = mremap(source, 4 * PAGE, PAGE, 0);
		mmap(top, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
}

static void do_munmap(void)
{
	munmap(start, AREAS * 2ul * PAGE);
}

static void do_mmap(void)
{
	mmap(start, AREAS * 2ul * PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* And one to move over them. */
static void make_source(void)
{
	source = room(AREAS * 2ul * PAGE);
	make_areas();
}

static void do_mremap_fixed(void)
{
	mremap(source, AREAS * 2ul * PAGE, AREAS * 2ul * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, start);
}

static void do_mremap_shrink(void)
{
	mremap(start, AREAS * 2ul * PAGE, PAGE, 0);
}

static void make_heap(void)
{
	start = sbrk(0);
	sbrk(AREAS * 2ul * PAGE);
	for (unsigned long i = 0; i < AREAS; i++)
		mprotect((char *)((unsigned long)start & -PAGE) + (i * 2 + 1) * PAGE, PAGE, PROT_READ);
}

static void do_brk(void)
{
	brk(start);
}

static void do_mprotect(void)
{
	mprotect(start, AREAS * 2ul * PAGE, PROT_NONE);
}

static void do_madvise(void)
{
	madvise(start, AREAS * 2ul * PAGE, MADV_DONTFORK);
}

static void do_mlock(void)
{
	mlock(start, AREAS * 2ul * PAGE);
}

static void do_munlockall(void)
{
	munlockall();
}

static void do_mlockall(void)
{
	mlockall(MCL_CURRENT | MCL_ONFAULT);
}

static void do_msync(void)
{
	msync(start, AREAS * 2ul * PAGE, MS_ASYNC);
}

static void do_mincore(void)
{
	static unsigned char marks[AREAS * 2];

	mincore(start, AREAS * 2ul * PAGE, marks);
}

static void do_punch(void)
{
	fallocate(shown, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE);
}

static void do_truncate(void)
{
	ftruncate(shown, 0);
}

static void do_remove(void)
{
	madvise(start, LARGE, MADV_REMOVE);
}

static void do_open_write(void)
{
	fcntl(shown, F_ADD_SEALS, 8);
}

static void read_maps(void)
{
	read_all("/proc/self/maps");
}

static void read_smaps(void)
{
	read_all("/proc/self/smaps");
}

static void read_rollup(void)
{
	read_all("/proc/self/smaps_rollup");
}

static const struct call calls[] = {
	{"munmap", make_areas, do_munmap},
	{"mmap", make_areas, do_mmap},
	{"mmap_low", make_low_areas, do_mmap_low},
	{"mmap_high", make_high_areas, do_mmap_high},
	{"mremap_high", make_high_areas, do_mremap_high},
	{"mremap_fixed", make_source, do_mremap_fixed},
	{"mremap_shrink", make_areas, do_mremap_shrink},
	{"brk", make_heap, do_brk},
	{"mprotect", make_areas, do_mprotect},
	{"madvise", make_areas, do_madvise},
	{"mlock", make_areas, do_mlock},
	{"mlockall", make_areas, do_mlockall},
	{"munlockall", make_areas, do_munlockall},
	{"msync", make_areas, do_msync},
	{"mincore", make_areas, do_mincore},
	{"fork", make_areas, do_fork},
	{"exec", make_areas, do_execve},
	{"exit", make_areas, do_exit},
	{"maps", make_areas, read_maps},
	{"smaps", make_areas, read_smaps},
	{"rollup", make_areas, read_rollup},
	{"munmap_file", make_file_areas, do_munmap},
	{"fork_file", make_file_areas, do_fork},
	{"exit_file", make_file_areas, do_exit},
	{"punch", make_file_areas, do_punch},
	{"seal", make_file_areas, do_open_write},
	{"truncate", make_present_file_areas, do_truncate},
	{"punch_present", make_present_file_areas, do_punch},
	{"truncate_large", make_large_file_area, do_truncate},
	{"remove_large", make_large_file_area, do_remove},
	{"remove_shared", make_large_shared_area, do_remove},
	{"munmap_files", make_files, do_munmap},
	{"exit_files", make_files, do_exit},
	{"fork_no_pages", make_tables, do_fork},
};

int main(int count, char **words)
{
	return late_main(count, words, calls, sizeof calls / sizeof *calls);
}
