/* Counts instructions of operations, as init of Trident and of Linux, in a machine whose time stamp
   counter advances by one for each instruction (QEMU's -icount shift=0): one line `bench: NAME/SIZE
   COUNT` for each row and size. Each figure is the least of several batches, with the loop of the batch
   in it: some five instructions.

   Usage: costs [PREFIX]: only the rows whose names begin so. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mount.h>
#include <x86intrin.h>

#include "row.h"

#include "calls.h"
#include "files.h"
#include "memory.h"
#include "processes.h"
#include "signals.h"
#include "waiting.h"
#include "channels.h"
#include "procfs.h"

enum {
	BATCHES = 7,
	/* A batch takes about so many instructions, so that most have no timer interrupt. */
	BATCH = 300000,
	MOST_RUNS = 200,
};

/* Linux must not wait for entropy, which a machine without devices gathers slowly. */
static void seed(void)
{
	struct {
		int bits, bytes;
		char seed[64];
	} entropy = {512, 64, {1}};
	int fd = open("/dev/random", O_RDWR);
	/* RNDADDENTROPY; Trident's generator is seeded from boot on. */
	ioctl(fd, 0x40085203, &entropy);
	close(fd);
}

static double batch(const struct row *row, long size, long runs)
{
	unsigned long long before = __rdtsc();
	for (long i = 0; i < runs; i++)
		row->run(size);
	return (double)(__rdtsc() - before) / runs;
}

static void measure(const struct row *row, long size)
{
	double least, found;
	long runs;
	if (row->before)
		row->before(size);
	/* The first runs fill caches: pages, tables, free lists. */
	batch(row, size, 2);
	least = batch(row, size, 1);
	runs = BATCH / least;
	runs = runs < 1 ? 1 : runs > MOST_RUNS ? MOST_RUNS : runs;
	for (int i = 0; i < BATCHES; i++) {
		found = batch(row, size, runs);
		least = found < least ? found : least;
	}
	if (row->after)
		row->after(size);
	if (row->sizes)
		printf("bench: %s/%ld %.1f\n", row->name, size, least);
	else
		printf("bench: %s %.1f\n", row->name, least);
}

static void measure_all(const struct row *rows, size_t count, const char *prefix)
{
	for (const struct row *row = rows; row < rows + count; row++) {
		if (strncmp(row->name, prefix, strlen(prefix)) != 0)
			continue;
		if (!row->sizes)
			measure(row, 1);
		for (const long *size = row->sizes; size && *size; size++)
			measure(row, *size);
		fflush(stdout);
	}
}

#define ALL(rows) measure_all(rows, sizeof rows / sizeof *rows, prefix)

int main(int argc, char **argv)
{
	const char *prefix = argc > 1 ? argv[1] : "";
	if (strcmp(prefix, "nothing") == 0)
		return 0;
	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mkdir("/tmp", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666");
	MUST(mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0 && chdir("/tmp") == 0);
	memset(buffer, 1, sizeof buffer);
	seed();
	ALL(CALLS);
	ALL(FILES);
	ALL(MEMORY);
	/* Before the threads, whose stacks the C library keeps as areas. */
	ALL(PROCFS);
	ALL(PROCESSES);
	ALL(SIGNALS);
	ALL(WAITING);
	ALL(CHANNELS);
	printf("bench: end\n");
	fflush(stdout);
	return 0;
}
