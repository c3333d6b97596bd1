/* One row: an operation that is counted, with what it needs before and after. */
#ifndef ROW_H
#define ROW_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096 };

struct row {
	/* In the output; unique. */
	const char *name;
	/* The operation, on `size` of what the row counts. */
	void (*run)(long size);
	/* Called before and after all runs of one size, or NULL. */
	void (*before)(long size);
	void (*after)(long size);
	/* The sizes, closed by a 0; NULL: the operation has no size. */
	const long *sizes;
};

#define SIZES(...) ((const long[]){__VA_ARGS__, 0})

/* The operation must work: a cost of a failed call is no cost. */
#define MUST(what)                                                                                                     \
	do {                                                                                                           \
		if (!(what)) {                                                                                         \
			printf("costs: %s:%d: %s: %s\n", __FILE__, __LINE__, #what, strerror(errno));                  \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

/* The source and the destination of reads and writes: pages that have been touched. */
static char buffer[4 << 20] __attribute__((aligned(4096)));

#endif
