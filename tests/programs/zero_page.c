/* covers: kernel/src/vm/ kernel/src/mm/ */
/* Private memory that was never written reads as zeros, whatever is done to it and to memory beside it: loads, stores,
   copies of the kernel, fork, mprotect, madvise, mremap, mlock, process_vm_writev, /proc/self/mem and a tracer's stores
   in random order, compared with a model. And what was only read isn't resident.

   Usage: zero_page FIRST_SEED SEEDS STEPS */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.h"

enum { PAGE = 4096, PAGES = 48, AT = 7 };

/* Nothing else is mapped here, in 64- and 32-bit programs alike. */
static char *const arena = (char *)0x20000000;
static const char zeros[PAGE];

/* The model: the byte at AT of each page, the rest of which is zeros, and the protection. */
static unsigned char value[PAGES];
static int protection[PAGES];
static int pipe_ends[2], memory;
static const char *doing;

static void fail(int page, const char *what)
{
	printf("page %d after %s: %s\n", page, doing, what);
	fflush(stdout);
	_exit(1);
}

static char *at(int page)
{
	return arena + page * PAGE;
}

static int is_readable(int page)
{
	return protection[page] != PROT_NONE;
}

static int is_writable(int page)
{
	return protection[page] & PROT_WRITE;
}

static void check(int page)
{
	char *bytes = at(page);

	if (!is_readable(page))
		return;
	if ((unsigned char)bytes[AT] != value[page])
		fail(page, "another value");
	if (memcmp(bytes, zeros, AT) || memcmp(bytes + AT + 1, zeros, PAGE - AT - 1))
		fail(page, "not zero beside the value");
}

static void check_all(void)
{
	for (int page = 0; page < PAGES; page++)
		check(page);
}

static void map_page(int page, int protect)
{
	if (mmap(at(page), PAGE, protect, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at(page))
		fail(page, "no mapping");
	value[page] = 0;
	protection[page] = protect;
}

static int some_protection(void)
{
	static const int protections[] = {PROT_NONE, PROT_READ, PROT_READ, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE | PROT_EXEC};

	return ONE_OF(protections);
}

static void load(int page)
{
	check(page);
}

static void store(int page)
{
	if (is_writable(page))
		at(page)[AT] = value[page] = next_random();
}

static void map_anew(int page)
{
	map_page(page, some_protection());
}

static void protect(int page)
{
	protection[page] = some_protection();
	if (mprotect(at(page), PAGE, protection[page]))
		fail(page, "mprotect");
}

static void forget(int page)
{
	if (madvise(at(page), PAGE, MADV_DONTNEED) == 0)
		value[page] = 0;
}

static void populate(int page)
{
	madvise(at(page), PAGE, 22 /* MADV_POPULATE_READ */ + below(2));
}

static void lock_and_unlock(int page)
{
	mlock(at(page), PAGE);
	check(page);
	munlock(at(page), PAGE);
}

static void move(int page)
{
	int to = below(PAGES);

	if (to == page)
		return;
	if (mremap(at(page), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(to)) != at(to))
		fail(page, "mremap");
	value[to] = value[page];
	protection[to] = protection[page];
	map_page(page, some_protection());
	check(to);
}

/* The kernel stores for the program. */
static void read_into(int page)
{
	unsigned char byte = next_random();
	long done;

	write(pipe_ends[1], &byte, 1);
	done = read(pipe_ends[0], at(page) + AT, 1);
	if ((done == 1) != !!is_writable(page))
		fail(page, "read succeeds or fails wrongly");
	if (done == 1)
		value[page] = byte;
	else
		read(pipe_ends[0], &byte, 1);
}

static void write_to_process(int page)
{
	unsigned char byte = next_random();
	struct iovec from = {&byte, 1}, to = {at(page) + AT, 1};
	long done = process_vm_writev(getpid(), &from, 1, &to, 1, 0);

	if ((done == 1) != !!is_writable(page))
		fail(page, "process_vm_writev succeeds or fails wrongly");
	if (done == 1)
		value[page] = byte;
}

static void read_from_process(int page)
{
	static char copy[PAGE];
	struct iovec to = {copy, PAGE}, from = {at(page), PAGE};

	if (!is_readable(page))
		return;
	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != PAGE || (unsigned char)copy[AT] != value[page])
		fail(page, "process_vm_readv");
}

/* Whatever the protection. */
static void write_memory_file(int page)
{
	unsigned char byte = next_random(), before = 0;

	if (pread(memory, &before, 1, (long)at(page) + AT) != 1 || before != value[page])
		fail(page, "read of /proc/self/mem");
	if (pwrite(memory, &byte, 1, (long)at(page) + AT) != 1)
		fail(page, "write of /proc/self/mem");
	value[page] = byte;
}

static void wait_for(int child, int page)
{
	int status;

	if (waitpid(child, &status, 0) != child || status)
		fail(page, "the child fails");
}

/* A child and its parent change their copies. */
static void fork_off(int page)
{
	int child = fork();

	if (child == 0) {
		check_all();
		for (int i = 0; i < 10; i++) {
			int other = below(PAGES);

			store(other);
			check(other);
		}
		write_to_process(page);
		check_all();
		_exit(0);
	}
	for (int i = 0; i < 5; i++)
		store(below(PAGES));
	check_all();
	wait_for(child, page);
	check_all();
}

/* A tracer stores into a page of a child, whatever its protection. */
static void poke(int page)
{
	unsigned char byte = next_random();
	int status, child = fork();
	long word;

	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		value[page] = byte;
		check_all();
		store(page);
		check(page);
		_exit(0);
	}
	waitpid(child, &status, 0);
	word = ptrace(PTRACE_PEEKDATA, child, at(page), 0);
	if (((unsigned char *)&word)[AT % sizeof word] != (sizeof word > AT ? value[page] : 0))
		fail(page, "PTRACE_PEEKDATA");
	word = ptrace(PTRACE_PEEKDATA, child, at(page) + AT / sizeof word * sizeof word, 0);
	((unsigned char *)&word)[AT % sizeof word] = byte;
	if (ptrace(PTRACE_POKEDATA, child, at(page) + AT / sizeof word * sizeof word, word))
		fail(page, "PTRACE_POKEDATA");
	check(page);
	ptrace(PTRACE_CONT, child, 0, 0);
	wait_for(child, page);
	check_all();
}

static const struct operation {
	const char *name;
	void (*run)(int page);
} operations[] = {
	{"a load", load},
	{"a load", load},
	{"a load", load},
	{"a store", store},
	{"mmap", map_anew},
	{"mprotect", protect},
	{"mprotect", protect},
	{"MADV_DONTNEED", forget},
	{"MADV_DONTNEED", forget},
	{"MADV_POPULATE", populate},
	{"mlock", lock_and_unlock},
	{"mremap", move},
	{"read", read_into},
	{"process_vm_writev", write_to_process},
	{"process_vm_readv", read_from_process},
	{"/proc/self/mem", write_memory_file},
	{"fork", fork_off},
	{"ptrace", poke},
};

/* Resident pages, as /proc/self/statm counts them. */
static long resident(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		pages = -1;
	if (file)
		fclose(file);
	return pages;
}

static void touch(volatile char *start, int pages, int stores)
{
	for (int i = 0; i < pages; i++)
		if (stores)
			start[i * PAGE] = 1;
		else
			(void)start[i * PAGE];
}

static void count_resident(void)
{
	enum { MANY = 1000 };
	char *start = mmap(NULL, MANY * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long before = resident(), read, written;

	touch(start, MANY, 0);
	read = resident() - before;
	touch(start, MANY, 1);
	written = resident() - before;
	printf("read pages are %sresident, written pages are %sresident\n", read < MANY / 4 ? "not " : "",
		written < MANY ? "not " : "");
	munmap(start, MANY * PAGE);
}

int main(int count, char **words)
{
	if (count < 4)
		return 2;
	mkdir("/proc", 0755);
	memory = open("/proc/self/mem", O_RDWR);
	pipe(pipe_ends);
	for (int seed = atoi(words[1]); seed < atoi(words[1]) + atoi(words[2]); seed++) {
		seed_random(seed);
		for (int page = 0; page < PAGES; page++)
			map_page(page, PROT_READ | PROT_WRITE);
		for (int step = 0; step < atoi(words[3]); step++) {
			const struct operation *operation = &ONE_OF(operations);
			int page = below(PAGES);

			doing = operation->name;
			operation->run(page);
			check(page);
			if (step % 16 == 15)
				check_all();
		}
	}
	count_resident();
	printf("as the model\n");
	return 0;
}
