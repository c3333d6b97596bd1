/* covers: kernel/src/syscall/ kernel/src/vm/ */
/* Boundary values in calls on memory (numbers.h). The output is the same on Linux. */
#include "numbers.h"
#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Ranges that don't include memory of the program. */
#define IS_SMALL (V_SIZE <= 2 * PAGE)
#define IS_PAST_ALL (sizeof(long) == 8 ? V_SIZE >= 1ul << 47 : V_SIZE >= -8ul * PAGE)
#define IS_SAFE (IS_SMALL || IS_PAST_ALL)
/* Lengths that wrap. With other lengths madvise continues after holes, up to the stack. */
#define WRAPS (sizeof(long) == 8 && v < 0 && v >= -2 * PAGE)

static int file, zero;
static char *area;
static unsigned long area_length;

static int none_mapped(void)
{
	if (area_length)
		munmap(area, area_length);
	area_length = 0;
	return 1;
}

/* Replaces the current mapping, `area`. */
static int map(unsigned long length, int prot, int flags, int fd, long long offset)
{
	none_mapped();
	area = mmap(NULL, length, prot, flags, fd, offset);
	if (area == MAP_FAILED)
		return -1;
	area_length = length;
	return 0;
}

static int map_file(unsigned long length, int flags, int fd, long long offset)
{
	return map(length, PROT_READ | PROT_WRITE, flags, fd, offset);
}

static int grow(int fd, long long offset)
{
	char *grown;

	/* Linux counts a device's pages past 2^64 bytes. */
	if (fd == zero && offset < 0)
		return -1;
	if (map_file(PAGE, MAP_SHARED, fd, offset) < 0)
		return -1;
	grown = mremap(area, PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	if (grown == MAP_FAILED)
		return -1;
	area = grown;
	area_length = 8 * PAGE;
	return 0;
}

/* File mappings at these offsets, and mremap that extends them past the maximum offset. */
static void offsets(void)
{
	EACH("shared file at", 1, map_file(PAGE, MAP_SHARED, file, v));
	EACH("private file at", 1, map_file(PAGE, MAP_PRIVATE, file, v));
	EACH("two pages at", 1, map_file(PAGE + 1, MAP_SHARED, file, v));
	EACH("zeros at", 1, map_file(PAGE, MAP_SHARED, zero, v));
	EACH("no file at", 1, map_file(PAGE, MAP_SHARED, 99, v));
	for (int fd = file; fd != -1; fd = fd == file ? zero : -1) {
		EACH("grown", v % PAGE == 0, grow(fd, v));
		EACH("hole in all of it", grow(fd, v) == 0, madvise(area, 8 * PAGE, MADV_REMOVE));
		EACH("hole at its start", grow(fd, v) == 0, madvise(area, PAGE, MADV_REMOVE));
		EACH("hole at its end", grow(fd, v) == 0, madvise(area + 7 * PAGE, PAGE, MADV_REMOVE));
		EACH("halves", grow(fd, v) == 0 && !munmap(area + 4 * PAGE, PAGE),
			madvise(area, 8 * PAGE, MADV_NORMAL));
	}
	none_mapped();
}

static void mappings(void)
{
	EACH("mmap of", V_SIZE < 1ul << 31 || IS_PAST_ALL,
		map(V_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	none_mapped();
	/* The C library takes the last page's addresses for error numbers. */
	EACH("mmap at", IS_PAST_ALL && V_SIZE < -1ul * PAGE,
		IS_OK(mmap((void *)V_LONG, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)));
	EACH("mmap of a file", IS_SAFE, map(V_SIZE, PROT_READ, MAP_PRIVATE, file, 0));
	none_mapped();
	EACH("munmap of", IS_SAFE, munmap(pages, V_SIZE));
	EACH("munmap at", IS_PAST_ALL, munmap((void *)V_LONG, PAGE));
	EACH("mprotect of", 1, mprotect(pages, V_SIZE, PROT_READ));
	EACH("mprotect at", IS_PAST_ALL, mprotect((void *)V_LONG, PAGE, PROT_READ));
	EACH("mprotect downwards", IS_PAST_ALL, mprotect(pages, V_SIZE, PROT_READ | PROT_GROWSDOWN));
	EACH("madvise of", 1, madvise(pages, V_SIZE, MADV_NORMAL));
	EACH("madvise at", IS_PAST_ALL, madvise((void *)V_LONG, PAGE, MADV_DONTNEED));
	EACH("dontneed of", IS_SMALL || WRAPS, madvise(pages, V_SIZE, MADV_DONTNEED));
	EACH("populate of", IS_SAFE, madvise(pages, V_SIZE, MADV_POPULATE_READ));
	EACH("mincore of", 1, mincore(pages, V_SIZE, (void *)pages));
	EACH("mincore at", IS_PAST_ALL, mincore((void *)V_LONG, PAGE, (void *)pages));
	EACH("msync of", 1, msync(pages, V_SIZE, MS_ASYNC));
	EACH("msync at", IS_PAST_ALL, msync((void *)V_LONG, PAGE, MS_ASYNC));
	EACH("mremap of", IS_SAFE, IS_OK(mremap(pages, V_SIZE, PAGE, MREMAP_MAYMOVE)));
	EACH("mremap to", IS_SAFE, IS_OK(mremap(pages, PAGE, V_SIZE, 0)));
	EACH("mremap from", IS_PAST_ALL, IS_OK(mremap((void *)V_LONG, PAGE, PAGE, MREMAP_MAYMOVE)));
	EACH("mremap onto", IS_PAST_ALL,
		IS_OK(mremap(pages, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)V_LONG)));
	EACH("brk", IS_PAST_ALL, syscall(SYS_brk, V_LONG) == syscall(SYS_brk, 0));
}

/* Locked memory of an unprivileged user who has locked two pages already. */
static void locking(void)
{
	struct rlimit limit = {4 * PAGE, 4 * PAGE};
	char *locked = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setresuid(1000, 1000, 1000) || mlock(locked, 2 * PAGE))
		puts("cannot prepare");
	EACH("mlock of", 1, mlock(pages, V_SIZE));
	EACH("mlock at", IS_PAST_ALL, mlock((void *)V_LONG, PAGE));
	EACH("mlock all from 0 of", IS_PAST_ALL, mlock(NULL, V_SIZE));
	EACH("munlock of", IS_SAFE, munlock(pages, V_SIZE));
	EACH("munlock at", IS_PAST_ALL, munlock((void *)V_LONG, PAGE));
}

/* Copies to and from user memory, of each length and at each address. */
static void copies(void)
{
	struct iovec here, there;

	EACH("vm_readv here", IS_SMALL || v < 0,
		(here = (struct iovec){pages, V_SIZE}, there = (struct iovec){pages, PAGE},
			process_vm_readv(getpid(), &here, 1, &there, 1, 0)));
	EACH("vm_readv there", IS_SMALL || v < 0,
		(here = (struct iovec){pages, PAGE}, there = (struct iovec){pages, V_SIZE},
			process_vm_readv(getpid(), &here, 1, &there, 1, 0)));
	EACH("vm_readv at", IS_PAST_ALL,
		(here = (struct iovec){pages, PAGE}, there = (struct iovec){(void *)V_LONG, PAGE},
			process_vm_readv(getpid(), &here, 1, &there, 1, 0)));
	EACH("sigprocmask of", 1, syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, pages, V_LONG));
	EACH("sigaltstack of", 1, (here = (struct iovec){pages, 0}, sigaltstack(&(stack_t){pages, 0, V_SIZE}, NULL)));
	EACH("no sigaltstack", v == 0, sigaltstack(&(stack_t){NULL, SS_DISABLE, 0}, NULL));
	EACH("robust list of", V_SIZE != 3 * sizeof(long), syscall(SYS_set_robust_list, pages, V_SIZE));
	EACH("futex at", IS_PAST_ALL, syscall(SYS_futex, V_LONG, FUTEX_WAKE, 1, NULL, NULL, 0));
	EACH("futex wake of", 1, syscall(SYS_futex, pages, FUTEX_WAKE, V_LONG, NULL, NULL, 0));
	EACH("futex requeue of", 1, syscall(SYS_futex, pages, FUTEX_REQUEUE, V_LONG, V_LONG, pages + 64, 0));
	EACH("getaffinity of", 1, syscall(SYS_sched_getaffinity, 0, V_LONG, pages) > 0 ? 1 : -1);
}

static void in_a_child(void (*run)(void))
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		run();
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	printf("status %x\n", status);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	file = memfd_create("numbers", 0);
	ftruncate(file, 4 * PAGE);
	(void)!pwrite(file, "x", 1, 0);
	zero = open("/dev/zero", O_RDWR);
	in_a_child(offsets);
	in_a_child(mappings);
	in_a_child(locking);
	in_a_child(copies);
	return 0;
}
