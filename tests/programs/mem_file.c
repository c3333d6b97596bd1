/* covers: kernel/src/vm/ kernel/src/process/ */
/* /proc/self/mem, process_vm_writev and PTRACE_POKEDATA: the pages that they can access. They never
   change a page of a file that the program can't write, even while another thread maps root's file
   at the written address. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define SIZE (96 * PAGE)
#define ROUNDS 300

static char *at, *source;
static int file, memory;
static volatile int ends;

static void print(const char *what, long result)
{
	printf("%s: %ld%s%s\n", what, result < 0 ? -1 : result, result < 0 ? " " : "",
		result < 0 ? strerror(errno) : "");
}

/* The start of the VMA with this name in /proc/self/maps. */
static char *find(const char *name)
{
	char line[512];
	unsigned long start = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof line, maps))
		if (strstr(line, name))
			sscanf(line, "%lx", &start);
	if (maps)
		fclose(maps);
	return (char *)start;
}

static ssize_t vm_write(void *to, const void *from, size_t len)
{
	struct iovec here = {(void *)from, len}, there = {to, len};
	return process_vm_writev(getpid(), &here, 1, &there, 1, 0);
}

static ssize_t vm_read(const void *from, void *to, size_t len)
{
	struct iovec here = {to, len}, there = {(void *)from, len};
	return process_vm_readv(getpid(), &here, 1, &there, 1, 0);
}

static void accesses(void)
{
	char word[8] = "";
	char *vvar = find("[vvar]"), *vdso = find("[vdso]");
	print("read [vvar]", pread(memory, word, 8, (long)vvar));
	print("write [vvar]", pwrite(memory, word, 8, (long)vvar));
	print("process_vm_readv [vvar]", vm_read(vvar, word, 8));
	print("process_vm_writev [vvar]", vm_write(vvar, word, 8));
	print("read [vdso]", pread(memory, word, 8, (long)vdso));
	print("write [vdso]", pwrite(memory, word, 8, (long)vdso));
	print("process_vm_writev [vdso]", vm_write(vdso, word, 8));
	char *read_only = mmap(0, 2 * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	print("write private, read-only", pwrite(memory, "changed", 7, (long)read_only));
	printf("content: %.7s\n", read_only);
	print("process_vm_writev to it", vm_write(read_only, "changed", 7));
	char *shared = mmap(0, PAGE, PROT_READ, MAP_SHARED, file, 0);
	print("write shared, read-only", pwrite(memory, "changed", 7, (long)shared));
	print("process_vm_writev to it", vm_write(shared, "changed", 7));
	printf("content: %.7s\n", shared);
	char *own = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	print("write shared, writable", pwrite(memory, "changed", 7, (long)own));
	munmap(own + PAGE, PAGE);
	print("write up to a hole", pwrite(memory, source, 2 * PAGE, (long)own));
	print("write into it", pwrite(memory, source, PAGE, (long)own + PAGE));
	print("write from a hole", pwrite(memory, own + PAGE - 100, 200, (long)own));

	int child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(child, 0, 0);
	print("poke private, read-only", ptrace(PTRACE_POKEDATA, child, read_only, 0x11));
	print("poke shared, read-only", ptrace(PTRACE_POKEDATA, child, shared, 0x11));
	print("poke [vvar]", ptrace(PTRACE_POKEDATA, child, vvar, 0x11));
	errno = 0;
	ptrace(PTRACE_PEEKDATA, child, vvar, 0);
	printf("peek [vvar]: %s\n", strerror(errno));
	printf("content: %.7s\n", shared);
	ptrace(PTRACE_KILL, child, 0, 0);
	waitpid(child, 0, 0);
}

/* This thread runs in the middle of long writes. */
static void *remap(void *unused)
{
	while (!ends) {
		mmap(at, SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
		for (int page = 0; page < SIZE; page += PAGE)
			(void)*(volatile char *)(at + page);
		sched_yield();
		mmap(at, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		sched_yield();
	}
	return unused;
}

static int child(void)
{
	if (setgid(1000) || setuid(1000))
		return 1;
	file = open("/tmp/root.file", O_RDONLY);
	/* setuid cleared the dumpable flag: root owns /proc/self. */
	prctl(PR_SET_DUMPABLE, 1);
	memory = open("/proc/self/mem", O_RDWR);
	source = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(source, 'x', SIZE);
	at = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	accesses();
	pthread_t thread;
	pthread_create(&thread, 0, remap, 0);
	for (int round = 0; round < ROUNDS; round++) {
		/* The copy must fault these pages in first. */
		madvise(source, SIZE, MADV_DONTNEED);
		if (round % 2)
			(void)!pwrite(memory, source, SIZE, (long)at);
		else
			vm_write(at, source, SIZE);
		sched_yield();
	}
	ends = 1;
	pthread_join(thread, 0);
	return 0;
}

int main(void)
{
	static char page[PAGE];
	int status = 0, left = 0;
	setvbuf(stdout, 0, _IONBF, 0);
	mkdir("/tmp", 01777);
	mkdir("/proc", 0755);
	if (access("/proc/self", F_OK))
		mount("proc", "/proc", "proc", 0, 0);
	memset(page, 'r', PAGE);
	int out = open("/tmp/root.file", O_CREAT | O_RDWR | O_TRUNC, 0644);
	for (int i = 0; i < SIZE / PAGE; i++)
		(void)!write(out, page, PAGE);
	int pid = fork();
	if (pid == 0)
		_exit(child());
	waitpid(pid, &status, 0);
	printf("status %x\n", status);
	for (int i = 0; i < SIZE / PAGE; i++) {
		char now[PAGE];
		if (pread(out, now, PAGE, (long)i * PAGE) == PAGE && memcmp(now, page, PAGE) == 0)
			left++;
	}
	unlink("/tmp/root.file");
	printf("%d of %d pages of root's file are unchanged\n", left, SIZE / PAGE);
	return 0;
}
