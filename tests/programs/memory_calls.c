/* covers: kernel/src/vm/ */
/* Memory calls: madvise, mincore, mlock, mremap, limits, process_vm_*, and the details of mmap
   and mprotect. The output has no addresses and is the same on every Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define P 4096
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

static void print(const char *what, long result)
{
	printf("%s: %s\n", what, result == -1 ? strerrorname_np(errno) : "ok");
}

static void *area(size_t pages, int prot, int flags)
{
	return mmap(0, pages * P, prot, flags | MAP_ANONYMOUS, -1, 0);
}

static char *fresh(size_t pages)
{
	char *at = area(pages, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	memset(at, 7, pages * P);
	return at;
}

static sigjmp_buf back;
static void caught(int signal)
{
	siglongjmp(back, signal);
}

// Accesses a byte; returns 0 or the signal.
static int touch(volatile char *at, int store)
{
	int signal = sigsetjmp(back, 1);
	if (signal)
		return signal;
	if (store)
		*at = 1;
	else
		(void)*at;
	return 0;
}

static void in_child(const char *what, int (*child)(void))
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		int status = child();
		fflush(stdout);
		_exit(status);
	}
	int status;
	waitpid(pid, &status, 0);
	printf("%s: %s %d\n", what, WIFEXITED(status) ? "exit" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static void advice(void)
{
	char *at = fresh(8);
	static const int all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char name[32];
		sprintf(name, "madvise %d", all[i]);
		print(name, madvise(at, P, all[i]));
	}
	print("madvise 99", madvise(at, P, 99));
	print("madvise -1", madvise(at, P, -1));
	print("madvise unaligned", madvise(at + 1, P, MADV_DONTNEED));
	print("madvise nothing", madvise(at, 0, MADV_DONTNEED));
	memset(at, 7, 8 * P);
	munmap(at + 2 * P, P);
	print("madvise over a hole", madvise(at, 4 * P, MADV_DONTNEED));
	printf("below %d above %d beyond %d\n", at[P], at[3 * P], at[4 * P]);
	print("populate over a hole", madvise(at, 4 * P, MADV_POPULATE_WRITE));
	char *none = area(2, PROT_NONE, MAP_PRIVATE);
	print("populate PROT_NONE", madvise(none, P, MADV_POPULATE_READ));
	char *unread = area(2, PROT_WRITE, MAP_PRIVATE);
	print("populate_read write-only", madvise(unread, P, MADV_POPULATE_READ));
	print("populate_write write-only", madvise(unread, P, MADV_POPULATE_WRITE));
	mprotect(unread, P, PROT_EXEC);
	print("populate_read execute-only", madvise(unread, P, MADV_POPULATE_READ));
	mprotect(none, P, PROT_READ);
	print("populate_write read-only", madvise(none, P, MADV_POPULATE_WRITE));
	print("populate_read read-only", madvise(none, P, MADV_POPULATE_READ));
	char name[] = "/tmp/memory-calls-XXXXXX";
	int file = mkstemp(name);
	print("ftruncate", ftruncate(file, P));
	char *past = mmap(0, 2 * P, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	print("populate past the end", madvise(past, 2 * P, MADV_POPULATE_READ));
	memset(past, 5, P);
	print("remove of a file's page", madvise(past, P, MADV_REMOVE));
	char byte = 9;
	printf("read %zd", pread(file, &byte, 1, 0));
	printf(" %d mapped %d\n", byte, past[0]);
	char *ro = mmap(0, P, PROT_READ, MAP_SHARED, open(name, O_RDONLY), 0);
	unlink(name);
	print("remove read-only", madvise(ro, P, MADV_REMOVE));
	char *copy = mmap(0, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	print("remove private file", madvise(copy, P, MADV_REMOVE));
	print("free of a file", madvise(copy, P, MADV_FREE));
	print("wipeonfork of a file", madvise(copy, P, MADV_WIPEONFORK));
	char *shared = area(2, PROT_READ | PROT_WRITE, MAP_SHARED);
	memset(shared, 6, 2 * P);
	print("remove shared memory", madvise(shared, P, MADV_REMOVE));
	printf("shared %d %d\n", shared[0], shared[P]);
	print("dontneed shared", madvise(shared, 2 * P, MADV_DONTNEED));
	printf("shared %d\n", shared[P]);
}

static char *given;
static int look(void)
{
	return given[0];
}
static int lookup_signal(void)
{
	signal(SIGSEGV, SIG_DFL);
	return given[0];
}

static void forks(void)
{
	given = fresh(3);
	print("wipeonfork", madvise(given, P, MADV_WIPEONFORK));
	in_child("wiped", look);
	printf("parent's %d\n", given[0]);
	print("keeponfork", madvise(given, P, MADV_KEEPONFORK));
	in_child("kept", look);
	print("dontfork", madvise(given, P, MADV_DONTFORK));
	in_child("dontfork: unmapped", lookup_signal);
	print("dofork", madvise(given, P, MADV_DOFORK));
	in_child("dofork: mapped", look);
}

static void residence(void)
{
	unsigned char vec[8];
	char *at = area(8, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	at[P] = at[3 * P] = 1;
	print("mincore", mincore(at, 8 * P, vec));
	for (int i = 0; i < 8; i++)
		printf("%d ", vec[i] & 1);
	puts("");
	print("mincore unaligned", mincore(at + 1, P, vec));
	print("mincore to a bad pointer", mincore(at, P, (void *)8));
	munmap(at + 4 * P, P);
	print("mincore over a hole", mincore(at, 8 * P, vec));
	print("mincore of nothing", mincore(at + 4 * P, 0, vec));
	print("mincore past the end", syscall(SYS_mincore, at, -P, vec));
	at = mmap(0, 4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	print("mincore populated", mincore(at, 4 * P, vec));
	printf("%d %d\n", vec[0] & 1, vec[3] & 1);
	print("msync", msync(at, P, MS_SYNC));
	print("msync both", msync(at, P, MS_SYNC | MS_ASYNC));
	print("msync odd", msync(at, P, 64));
	munmap(at, P);
	print("msync unmapped", msync(at, 2 * P, MS_ASYNC));
}

static int locking(void)
{
	char *at = fresh(64);
	print("mlock", mlock(at + 5, 10));
	print("dontneed locked", madvise(at, P, MADV_DONTNEED));
	print("dontneed_locked", madvise(at, P, MADV_DONTNEED_LOCKED));
	print("invalidate locked", msync(at, P, MS_INVALIDATE));
	print("cold locked", madvise(at, P, MADV_COLD));
	print("munlock", munlock(at, P));
	print("dontneed unlocked", madvise(at, P, MADV_DONTNEED));
	print("mlock2 onfault", syscall(SYS_mlock2, at, P, MLOCK_ONFAULT));
	print("mlock2 odd", syscall(SYS_mlock2, at, P, 2));
	print("mlock of nothing", mlock(at, 0));
	munmap(at + 2 * P, P);
	print("mlock over a hole", mlock(at, 4 * P));
	print("munlock over a hole", munlock(at, 4 * P));
	char *none = area(1, PROT_NONE, MAP_PRIVATE);
	print("mlock PROT_NONE", mlock(none, P));
	print("mlockall 0", mlockall(0));
	print("mlockall onfault", mlockall(4));
	print("mlockall odd", mlockall(8));
	print("mlockall current", mlockall(MCL_CURRENT));
	print("munlockall", munlockall());
	if (setresuid(1000, 1000, 1000))
		return 1;
	struct rlimit limit = {8 * P, 8 * P};
	print("limit", setrlimit(RLIMIT_MEMLOCK, &limit));
	at = fresh(64);
	print("mlock 8", mlock(at, 8 * P));
	print("mlock again", mlock(at, 8 * P));
	print("mlock 9", mlock(at, 9 * P));
	print("MAP_LOCKED over", area(1, PROT_READ, MAP_PRIVATE | MAP_LOCKED) == MAP_FAILED ? -1 : 0);
	print("mlockall current over", mlockall(MCL_CURRENT));
	print("mremap over", (long)mremap(at, 8 * P, 9 * P, MREMAP_MAYMOVE));
	print("munlock", munlock(at, 8 * P));
	print("mlock 8 elsewhere", mlock(at + 20 * P, 8 * P));
	limit.rlim_cur = limit.rlim_max = 0;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	print("mlock not allowed", mlock(at, P));
	print("mlockall not allowed", mlockall(MCL_FUTURE));
	return 0;
}

/* Moves a large, nearly empty area that spans many page tables. */
static void moving_sparse(void)
{
	size_t wide = sizeof(long) == 8 ? (size_t)(1ull << 44) : 1 << 28;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	char *at = mmap(NULL, wide, PROT_READ | PROT_WRITE, flags, -1, 0);
	char *place = mmap(NULL, wide + 3 * P, PROT_NONE, flags, -1, 0);
	at[5] = 1;
	at[wide / 2 - P] = at[wide / 2] = 2;
	at[wide - 1] = 3;
	char *to = mremap(at, wide, wide, MREMAP_MAYMOVE | MREMAP_FIXED, place + 3 * P);
	printf("sparse %d\n", to == place + 3 * P);
	if (to != MAP_FAILED)
		printf("%d %d %d %d %d\n", to[5], to[wide / 2 - P], to[wide / 2], to[wide - 1], to[P]);
	print("the rest", munmap(place, wide + 3 * P));
}

static void moving(void)
{
	moving_sparse();
	char *at = fresh(8), *to;
	char *place = area(16, PROT_NONE, MAP_PRIVATE);
	to = mremap(at, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	printf("fixed %d %d\n", to == place, to[P]);
	at += 4 * P;
	at[P] = 9;
	to = mremap(at, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	printf("dontunmap moved %d, old %d new %d\n", to != at, at[P], to[P]);
	char *fixed = mremap(to, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, place);
	printf("dontunmap fixed %d, old %d new %d\n", fixed == place, to[P], place[P]);
	print("dontunmap, unaligned address", (long)mremap(at, P, P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, at + 1));
	print("dontunmap onto itself", (long)mremap(at, P, P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, at));
	print("dontunmap resizing", (long)mremap(at, P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	print("dontunmap without maymove", (long)mremap(at, P, P, MREMAP_DONTUNMAP));
	print("old_len 0 of private memory", (long)mremap(at, 0, P, MREMAP_MAYMOVE));
	char *shared = area(4, PROT_READ | PROT_WRITE, MAP_SHARED);
	shared[P] = 3;
	char *twin = mremap(shared, 0, 4 * P, MREMAP_MAYMOVE);
	twin[2 * P] = 4;
	printf("twin %d %d %d\n", twin != shared, twin[P], shared[2 * P]);
	print("old_len 0 in place", (long)mremap(shared, 0, 4 * P, 0));
	print("odd flags", (long)mremap(at, P, P, 8));
	print("fixed without maymove", (long)mremap(at, P, P, MREMAP_FIXED, place));
	print("unaligned", (long)mremap(at + 1, P, P, 0));
	print("to nothing", (long)mremap(at, P, 0, 0));
	print("onto itself", (long)mremap(at, 3 * P, 3 * P, MREMAP_MAYMOVE | MREMAP_FIXED, at + P));
	print("unmapped", (long)mremap((void *)0x10000, P, 2 * P, MREMAP_MAYMOVE));
	// Several areas: shrinking is munmap.
	char *row = fresh(6);
	mprotect(row + 2 * P, P, PROT_READ);
	printf("shrunk in place %d\n", mremap(row, 6 * P, P, 0) == row);
	print("growing over several", (long)mremap(fresh(2), 3 * P, 4 * P, MREMAP_MAYMOVE));
}

static void growing(void)
{
	char *room = area(600, PROT_NONE, MAP_PRIVATE);
	munmap(room, 600 * P);
	char *at = mmap(room + 590 * P, P, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	printf("grows by a page %d\n", touch(at - P, 1));
	printf("grows by more %d\n", touch(at - 40 * P, 1));
	print("mprotect growsdown", mprotect(at, P, PROT_READ | PROT_GROWSDOWN));
	printf("store to the first page %d, to the grown part %d\n", touch(at, 1), touch(at - 40 * P, 1));
	print("growsdown of a plain area", mprotect(fresh(1), P, PROT_READ | PROT_GROWSDOWN));
	print("both ways", mprotect(at, P, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
	print("growsdown shared", (long)area(1, PROT_READ, MAP_SHARED | MAP_GROWSDOWN));
	print("mprotect odd", mprotect(at, P, 64));
	print("mprotect unaligned", mprotect(at + 1, P, PROT_READ));
	char *two = fresh(4);
	munmap(two + 2 * P, P);
	print("mprotect over a hole", mprotect(two, 4 * P, PROT_READ));
	printf("below the hole %d, above %d\n", touch(two, 1), touch(two + 3 * P, 1));
	print("noreplace", (long)mmap(two, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
}

// Mappings below 4 GiB: by MAP_32BIT, and by an i386 call.
static void low(void)
{
#ifdef __x86_64__
	char *at = area(3, PROT_READ, MAP_PRIVATE | MAP_32BIT);
	printf("32bit %d\n", (unsigned long)at >= 0x40000000 && (unsigned long)at < 0x80000000);
	print("too much", (long)area(0x50000, PROT_NONE, MAP_PRIVATE | MAP_32BIT));
	long result;
	asm volatile("push %%rbp; mov $0, %%ebp; int $0x80; pop %%rbp"
		: "=a"(result)
		: "0"(192L), "b"(0L), "c"(3L * P), "d"(1L), "S"(0x22L), "D"(-1L)
		: "memory", "r8", "r9", "r10", "r11");
	printf("by INT 0x80 %d\n", result > 0x10000 && result < 0x100000000);
	printf("reads %d\n", touch((char *)result, 0));
#endif
}

static int limits(void)
{
	struct rlimit limit;
	void *start = sbrk(0);
	getrlimit(RLIMIT_DATA, &limit);
	limit.rlim_cur = 64 * P;
	setrlimit(RLIMIT_DATA, &limit);
	print("data over", (long)area(64, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	print("read-only is no data", (long)area(64, PROT_READ, MAP_PRIVATE));
	print("shared is no data", (long)area(64, PROT_READ | PROT_WRITE, MAP_SHARED));
	char *later = area(64, PROT_READ, MAP_PRIVATE);
	print("made data", mprotect(later, 64 * P, PROT_READ | PROT_WRITE));
	printf("brk over %d\n", brk((char *)start + 65 * P));
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_DATA, &limit);
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_AS, &limit);
	print("mmap over", (long)area(1024, PROT_NONE, MAP_PRIVATE));
	printf("brk over %d\n", brk((char *)start + 1024 * P));
	return 0;
}

static int deep(void)
{
	struct rlimit limit = {512 << 10, 512 << 10};
	setrlimit(RLIMIT_STACK, &limit);
	char here;
	printf("within the limit %d\n", touch(&here - (256 << 10), 1));
	printf("past the limit %d\n", touch(&here - (768 << 10), 1));
	return 0;
}

static void others(void)
{
	static char there[64] = "over there";
	char here[64] = "", part[4] = "";
	int pipes[2];
	if (pipe(pipes))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		strcpy(there, "child's own");
		if (write(pipes[1], "x", 1) != 1)
			_exit(2);
		pause();
	}
	if (read(pipes[0], here, 1) != 1)
		return;
	struct iovec local[2] = {{part, 3}, {here, 20}}, remote[2] = {{there, 5}, {there + 5, 7}};
	printf("readv %zd", process_vm_readv(pid, local, 2, remote, 2, 0));
	printf(" %.3s|%s\n", part, here);
	struct iovec out = {"changed", 8}, in = {there, 8}, bad = {(void *)8, 8}, none = {there, 0};
	printf("writev %zd\n", process_vm_writev(pid, &out, 1, &in, 1, 0));
	struct iovec all = {here, 12}, all_there = {there, 12};
	printf("reads %zd %s\n", process_vm_readv(pid, &all, 1, &all_there, 1, 0), here);
	print("bad there", process_vm_readv(pid, &all, 1, &bad, 1, 0));
	print("bad here", process_vm_readv(pid, &bad, 1, &in, 1, 0));
	struct iovec mixed[2] = {{there, 4}, {(void *)8, 8}};
	printf("half %zd\n", process_vm_readv(pid, &all, 1, mixed, 2, 0));
	struct iovec text = {(void *)others, 4};
	print("write to code", process_vm_writev(pid, &out, 1, &text, 1, 0));
	printf("nothing %zd\n", process_vm_readv(pid, &none, 1, &in, 1, 0));
	print("flags", process_vm_readv(pid, &all, 1, &in, 1, 1));
	print("too many", process_vm_readv(pid, &all, 2000, &in, 1, 0));
	print("no such process", process_vm_readv(99999999, &all, 1, &in, 1, 0));
	fflush(stdout);
	pid_t other = fork();
	if (other == 0) {
		if (setresuid(1000, 1000, 1000))
			_exit(1);
		print("another user's", process_vm_readv(pid, &all, 1, &in, 1, 0));
		fflush(stdout);
		_exit(0);
	}
	waitpid(other, 0, 0);
	kill(pid, SIGKILL);
	waitpid(pid, 0, 0);
}

int main(void)
{
	// The caller's /tmp, if it has none.
	mkdir("/tmp", 0777);
	struct sigaction action = {.sa_handler = caught};
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	sigaltstack(&stack, 0);
	action.sa_flags = SA_ONSTACK;
	sigaction(SIGSEGV, &action, 0);
	sigaction(SIGBUS, &action, 0);
	advice();
	forks();
	residence();
	in_child("locking", locking);
	moving();
	growing();
	low();
	in_child("limits", limits);
	in_child("deep", deep);
	others();
	return 0;
}
