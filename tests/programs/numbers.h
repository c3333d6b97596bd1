/* For the numbers_*.c programs: boundary values for each call that takes an offset, a length, a count
   or a time. The output has one line per call, with the result for each value. */
#ifndef NUMBERS_H
#define NUMBERS_H
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Bad numbers are intended. */
#pragma GCC diagnostic ignored "-Wnonnull"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wstringop-overflow"

#define PAGE 4096

static const long long numbers[] = {0, 1, -1, -2, 511, PAGE - 1, PAGE, PAGE + 1, -PAGE, -PAGE - 1, -2 * PAGE, 999999,
	1000000, 999999999, 1000000000, INT_MAX, 1ll << 31, -(1ll << 31), (1ll << 31) + PAGE, (1ll << 32) - PAGE,
	(1ll << 32) - 1, 1ll << 32, (1ll << 32) + 1, (1ll << 47) - PAGE, 1ll << 47, 1ll << 52, LLONG_MAX / 1000000000,
	LLONG_MAX / 1000000000 + 1, 18446744073ll, 18446744074ll, 1ll << 62, LLONG_MAX - 2 * PAGE + 1,
	LLONG_MAX - PAGE + 1, LLONG_MAX - 9, LLONG_MAX, LLONG_MIN, LLONG_MIN + PAGE};

/* The number as a `long`. */
#define V_LONG ((long)v)
#define V_SIZE ((unsigned long)v)

/* Two pages, followed by unmapped ones. */
static char *pages;

/* Maps the pages again, before each call. */
static inline void fresh_pages(void)
{
	if (!pages)
		pages = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mmap(pages, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	munmap(pages + 2 * PAGE, 2 * PAGE);
}

static inline void print_result(long long result)
{
	if (result == -1)
		printf(" %s", errno ? strerrorname_np(errno) : "-1");
	else
		printf(" %lld", result);
}

/* Prints the call's result for each `v` for which `where` is true. */
#define EACH(what, where, call)                                                                                        \
	do {                                                                                                           \
		printf("%s:", what);                                                                                   \
		for (unsigned n_ = 0; n_ < sizeof numbers / sizeof *numbers; n_++) {                                   \
			long long v = numbers[n_];                                                                     \
			fresh_pages();                                                                                 \
			if (!(where))                                                                                  \
				continue;                                                                              \
			errno = 0;                                                                                     \
			print_result((long long)(call));                                                               \
		}                                                                                                      \
		printf("\n");                                                                                          \
	} while (0)

/* As EACH, but prints only success or failure. */
#define IS_OK(call) ((long)(call) == -1 ? -1 : 0)
#endif
