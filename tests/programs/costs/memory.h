/* Memory: areas, pages, faults, copies between processes. */
#include <sys/mman.h>
#include <sys/uio.h>

#include "row.h"

static char *area;

static char *map(long pages, int flags)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	MUST(at != MAP_FAILED);
	return at;
}

static void touch(char *at, long pages)
{
	for (long i = 0; i < pages; i++)
		((volatile char *)at)[i * PAGE] = 1;
}

static void look(char *at, long pages)
{
	for (long i = 0; i < pages; i++)
		(void)((volatile char *)at)[i * PAGE];
}

static void map_unmap(long pages)
{
	MUST(munmap(map(pages, 0), pages * PAGE) == 0);
}

static void map_touch_unmap(long pages)
{
	char *at = map(pages, 0);
	touch(at, pages);
	MUST(munmap(at, pages * PAGE) == 0);
}

static void map_look_unmap(long pages)
{
	char *at = map(pages, 0);
	look(at, pages);
	MUST(munmap(at, pages * PAGE) == 0);
}

static void populate_unmap(long pages)
{
	MUST(munmap(map(pages, MAP_POPULATE), pages * PAGE) == 0);
}

static void an_area(long pages)
{
	area = map(pages, 0);
	touch(area, pages);
}

static void no_area(long pages)
{
	MUST(munmap(area, pages * PAGE) == 0);
}

static void protect(long pages)
{
	MUST(mprotect(area, pages * PAGE, PROT_READ) == 0);
	MUST(mprotect(area, pages * PAGE, PROT_READ | PROT_WRITE) == 0);
}

static void discard_touch(long pages)
{
	MUST(madvise(area, pages * PAGE, MADV_DONTNEED) == 0);
	touch(area, pages);
}

static void in_core(long pages)
{
	MUST(mincore(area, pages * PAGE, (unsigned char *)buffer) == 0);
}

static void lock_memory(long pages)
{
	MUST(mlock(area, pages * PAGE) == 0 && munlock(area, pages * PAGE) == 0);
}

static void sync_memory(long pages)
{
	MUST(msync(area, pages * PAGE, MS_ASYNC) == 0);
}

/* To another place and back: no page is copied. */
static void move(long pages)
{
	static char *place;
	if (!place)
		place = mmap(NULL, 1L << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *to = (char *)(((unsigned long)place + (2 << 20) - 1) & -(2UL << 20)) +
		   ((unsigned long)area & ((2 << 20) - 1));
	MUST(mremap(area, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	MUST(mremap(to, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area) == area);
}

static void grow_shrink(long pages)
{
	char *at = mremap(area, pages * PAGE, (pages + 1) * PAGE, MREMAP_MAYMOVE);
	MUST(at != MAP_FAILED);
	area = at;
	MUST(mremap(area, (pages + 1) * PAGE, pages * PAGE, 0) == area);
}

static void move_break(long pages)
{
	char *end = sbrk(pages * PAGE);
	MUST(end != (void *)-1 && sbrk(-pages * PAGE) != (void *)-1);
}

/* `size` areas: every second page of a range has other rights. */
static void many_areas(long size)
{
	area = map(2 * size, 0);
	for (long i = 0; i < size; i++)
		MUST(mprotect(area + 2 * i * PAGE, PAGE, PROT_READ) == 0);
}

static void no_areas(long size)
{
	MUST(munmap(area, 2 * size * PAGE) == 0);
}

static void one_more_area(long size)
{
	(void)size;
	MUST(munmap(map(1, 0), PAGE) == 0);
}

static void fault_among(long size)
{
	char *at = area + (2 * (size / 2) + 1) * PAGE;
	MUST(madvise(at, PAGE, MADV_DONTNEED) == 0);
	touch(at, 1);
}

static void mapped_file(long pages)
{
	file_of(pages * PAGE);
}

static void map_read_file(long pages)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ, MAP_SHARED, file, 0);
	MUST(at != MAP_FAILED);
	look(at, pages);
	MUST(munmap(at, pages * PAGE) == 0);
}

static void map_write_file(long pages)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	MUST(at != MAP_FAILED);
	touch(at, pages);
	MUST(munmap(at, pages * PAGE) == 0);
}

static void other_memory(long size)
{
	struct iovec to = {buffer, size}, from = {buffer + (2 << 20), size};
	MUST(process_vm_readv(getpid(), &to, 1, &from, 1, 0) == size);
}

#define PAGES SIZES(1, 16, 256, 4096)
#define OF_AREA(name, run) {name, run, an_area, no_area, PAGES}

static const struct row MEMORY[] = {
	{"mmap_munmap", map_unmap, NULL, NULL, SIZES(1, 256, 16384)},
	{"mmap_touch_munmap", map_touch_unmap, NULL, NULL, PAGES},
	{"mmap_read_munmap", map_look_unmap, NULL, NULL, PAGES},
	{"mmap_populate_munmap", populate_unmap, NULL, NULL, PAGES},
	OF_AREA("mprotect", protect),
	OF_AREA("madvise_touch", discard_touch),
	OF_AREA("mincore", in_core),
	OF_AREA("mlock_munlock", lock_memory),
	OF_AREA("msync", sync_memory),
	{"mremap_move", move, an_area, no_area, SIZES(1, 256, 16384)},
	OF_AREA("mremap_grow", grow_shrink),
	{"brk", move_break, NULL, NULL, PAGES},
	{"mmap_among", one_more_area, many_areas, no_areas, SIZES(1, 100, 1000, 10000)},
	{"fault_among", fault_among, many_areas, no_areas, SIZES(1, 100, 1000, 10000)},
	{"mmap_read_file", map_read_file, mapped_file, no_file, SIZES(1, 16, 256)},
	{"mmap_write_file", map_write_file, mapped_file, no_file, SIZES(1, 16, 256)},
	{"process_vm_readv", other_memory, NULL, NULL, SIZES(1, 4096, 1048576)},
};
