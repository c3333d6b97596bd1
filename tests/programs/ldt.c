/* covers: kernel/src/arch/ kernel/src/vm/ kernel/src/process/ */
/* LDT and TLS segments: the descriptors that modify_ldt and set_thread_area accept, the effect
   of loading them, and which threads share them. The output is the same on Linux. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "children.h"

#ifndef SYS_set_thread_area
#define SYS_set_thread_area 205
#endif

static unsigned word[64] __attribute__((aligned(64)));

/* modify_ldt's result is an int, in 64-bit registers too. */
static int modify(int function, void *at, unsigned long size)
{
	long result = syscall(SYS_modify_ldt, function, at, size);

	return result == -1 ? -errno : (int)result;
}

static struct user_desc desc(unsigned entry, unsigned long base, unsigned limit, unsigned bits)
{
	struct user_desc d;
	unsigned words[4] = {entry, (unsigned)base, limit, bits};

	memset(&d, 0, sizeof d);
	memcpy(&d, words, sizeof words);
	return d;
}

static int set(int function, unsigned entry, unsigned long base, unsigned limit, unsigned bits)
{
	struct user_desc d = desc(entry, base, limit, bits);

	return modify(function, &d, sizeof d);
}

/* The segment register that the C library doesn't use. */
#ifdef __x86_64__
#define SEGMENT "gs"
#else
#define SEGMENT "fs"
#endif

static void load(unsigned short selector)
{
	asm volatile("mov %0, %%" SEGMENT : : "r"(selector));
}

#ifdef __i386__
static unsigned loaded(void)
{
	unsigned short selector;

	asm volatile("mov %%" SEGMENT ", %0" : "=r"(selector));
	return selector;
}

#endif

/* 64-bit code ignores ES; 32-bit code needs it. */
static void load_es(unsigned short selector)
{
#ifdef __x86_64__
	asm volatile("mov %0, %%es" : : "r"(selector));
#endif
}

static unsigned es(void)
{
	unsigned short selector;

	asm volatile("mov %%es, %0" : "=r"(selector));
	return selector;
}

static unsigned read_at(unsigned offset)
{
	unsigned value;

	asm volatile("movl %%" SEGMENT ":(%1), %0" : "=r"(value) : "r"((unsigned long)offset));
	return value;
}

static unsigned limit_of(unsigned short selector)
{
	unsigned limit = 0;

	asm volatile("lsl %1, %0" : "+r"(limit) : "r"((unsigned)selector));
	return limit;
}

static unsigned rights_of(unsigned short selector)
{
	unsigned rights = 0;

	asm volatile("lar %1, %0" : "+r"(rights) : "r"((unsigned)selector));
	/* Bits 16 to 19 are undefined. */
	return rights & 0xf0ff00;
}

static unsigned short local(unsigned entry)
{
	return entry << 3 | 7;
}

static void matrix(void)
{
	static const unsigned entries[] = {0, 1, 13, 8191, 8192, 0xffffffff};
	static const struct {
		unsigned base, limit;
	} spans[] = {{0, 0}, {0x12345678, 0}, {0, 0xfffff}, {0xfedc0000, 0x12345}};
	unsigned i, j, bits;

	for (i = 0; i < 6; i++)
		for (j = 0; j < 4; j++) {
			unsigned sum = 0;

			for (bits = 0; bits < 256; bits++) {
				unsigned long long table[14] = {0};
				int small = entries[i] < 14, valid = entries[i] < 8192;
				unsigned results[] = {
					set(1, entries[i], spans[j].base, spans[j].limit, bits),
					valid ? rights_of(local(entries[i])) : 0,
					set(0x11, entries[i], spans[j].base, spans[j].limit, bits),
					valid ? rights_of(local(entries[i])) : 0,
					valid ? limit_of(local(entries[i])) : 0,
					modify(0, table, sizeof table),
					small ? table[entries[i]] : 0,
					small ? table[entries[i]] >> 32 : 0,
				};
				unsigned k;

				for (k = 0; k < 8; k++)
					sum = sum * 31 + results[k];
				if (bits % 16 != 5)
					continue;
				printf("entry %x span %u bits %02x:", entries[i], j, bits);
				for (k = 0; k < 8; k++)
					printf(" %x", results[k]);
				printf("\n");
			}
			printf("entry %x span %u: %x\n", entries[i], j, sum);
		}
	for (bits = 0; bits < 128; bits++) {
		if (bits % 8 == 0)
			printf("\nold %02x:", bits);
		printf(" %d", set(1, 2, 0x1000, 0x2000, bits));
		printf(" %x", rights_of(local(2)));
		printf(" %d", set(1, 2, 0, 0, bits));
		printf(" %x;", rights_of(local(2)));
	}
}

static void arguments(void)
{
	struct user_desc d = desc(0, 0, 1, 1);
	char page[8192];
	unsigned size;

	printf("functions:");
	for (int i = -1; i < 20; i++)
		printf(" %d", modify(i, page, 0));
	printf("\nsizes:");
	for (size = 0; size < 20; size++)
		printf(" %d/%d", modify(1, &d, size), modify(0x11, &d, size));
	printf("\nbad pointers: %d %d %d %d\n", modify(0, NULL, 64), modify(1, NULL, 16), modify(2, NULL, 16),
		modify(0x11, NULL, 16));
	memset(page, 0x55, sizeof page);
	printf("default: %d %d %d\n", modify(2, page, 5), modify(2, page, 128), modify(2, page, 5000));
	for (size = 0; page[size] == 0; size++)
		;
	printf("default bytes: %u\n", size);
	set(1, 100, 0x123000, 0x456, 0x51);
	for (size = 0; size < 8192; size = size * 2 + 3) {
		unsigned sum = 0, i;

		memset(page, 0x55, sizeof page);
		printf("read %u: %d", size, modify(0, page, size));
		for (i = 0; i < sizeof page; i++)
			sum = sum * 31 + (unsigned char)page[i];
		printf(" %x\n", sum);
	}
	printf("read much: %d\n", modify(0, mmap(0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1 << 20));
}

static unsigned in_child(void (*run)(void))
{
	int pid = fork();

	if (pid == 0) {
		run();
		_exit(0);
	}
	return reap(pid, 10000);
}

static void absent(void)
{
	load(local(4));
}
static void past_table(void)
{
	load(local(8000));
}
static void empty(void)
{
	load(local(9));
}
static void code_as_stack(void)
{
	asm volatile("mov %0, %%ss" : : "r"((unsigned)local(6)));
}
static void own_fork(void)
{
	/* A child's changes don't affect the parent. */
	set(1, 3, (unsigned long)word + 8, 0xfff, 1);
	load(local(3));
	printf("child reads %u\n", read_at(0));
	fflush(stdout);
}

static void loading(void)
{
	int i;
	unsigned long at = (unsigned long)word;

	for (i = 0; i < 64; i++)
		word[i] = 1000 + i;
	printf("set: %d\n", set(1, 3, at, 0xfff, 1));
	load(local(3));
	printf("reads %u %u\n", read_at(0), read_at(20));
	printf("moved: %d,", set(1, 3, at + 40, 0xfff, 1));
	load(local(3));
	printf(" reads %u\n", read_at(0));
	load_es(local(3));
	printf("es %x\n", es());
	printf("child: %x\n", in_child(own_fork));
	printf("still %u\n", read_at(0));
	sched_yield();
	printf("still %u, es %x\n", read_at(0), es());
	set(0x11, 4, at, 0xfff, 0x21);
	set(0x11, 6, 0, 0xfffff, 0x15);
	printf("absent: %x\n", in_child(absent));
	printf("past the table: %x\n", in_child(past_table));
	printf("empty: %x\n", in_child(empty));
	printf("code as stack: %x\n", in_child(code_as_stack));
	/* A selector whose entry is removed becomes null. */
	load(local(3));
	printf("clear: %d,", set(1, 3, 0, 0, 0));
	printf(" es %x\n", es());
	sched_yield();
	load(0);
}

#ifdef __i386__
static void area(unsigned entry, unsigned long base, unsigned limit, unsigned bits)
{
	struct user_desc d = desc(entry, base, limit, bits);
	long result = syscall(SYS_set_thread_area, &d);

	printf("area %d limit %x bits %02x: %ld %s entry %d\n", (int)entry, limit, bits, result,
		result ? strerror(errno) : "", (int)d.entry_number);
}

static void areas(void)
{
	static const unsigned entries[] = {0, 11, 13, 15, 12345};
	unsigned i, bits;

	for (i = 0; i < 5; i++)
		area(entries[i], 0x1000, 0x10, 0x51);
	for (bits = 0; bits < 128; bits += 1 + (bits > 0x30) * 4)
		area(13, 0x1000, 0x10, bits), area(13, 0, 0, bits);
	area(13, 0, 0, 0x28);
	area(14, 0, 0, 0x28);
	for (i = 0; i < 3; i++)
		area(-1, (unsigned long)word, 0xfffff, 0x51);
	load(13 << 3 | 3);
	printf("reads %u\n", read_at(0));
	area(13, (unsigned long)word + 4, 0xfffff, 0x51);
	printf("reads %u\n", read_at(0));
	area(13, 0, 0, 0x28);
	printf("cleared: %x\n", loaded());
}

#else
static void areas(void) {}
#endif

int main(int argc, char **argv)
{
	setvbuf(stdout, 0, _IOFBF, 1 << 16);
	if (argc > 1 && !strcmp(argv[1], "again")) {
		char table[64];

		printf("after exec: %d\n", modify(0, table, sizeof table));
		fflush(stdout);
		return 0;
	}
	printf("none: %d\n", modify(0, word, sizeof word));
	arguments();
	matrix();
	printf("\n");
	loading();
	areas();
	fflush(stdout);
	execl("/proc/self/exe", "ldt", "again", NULL);
	printf("exec failed: %s\n", strerror(errno));
	return 1;
}
