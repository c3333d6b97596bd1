/* covers: kernel/src/syscall/ */
/* A tour of common C library functions. The expected output is the host's: it depends only on the
   C library and the kernel's ABI. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static double sum_of_roots(int count)
{
	double sum = 0;

	for (int i = 1; i <= count; i++)
		sum += 1.0 / ((double)i * i);
	return sum;
}

static void arguments(int argc, char **argv)
{
	printf("argc %d:", argc);
	for (int i = 1; i < argc; i++)
		printf(" [%s]", argv[i]);
	printf("\n");
}

static void memory(void)
{
	size_t total = 0;

	for (int i = 0; i < 2000; i++) {
		char *block = malloc(i * 37);
		memset(block, i, i * 37);
		total += i * 37;
		if (i % 3)
			free(block);
	}
	char *map = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map[0] = 1;
	map[(8 << 20) - 1] = 2;
	int shrunk = munmap(map + (4 << 20), 4 << 20);
	int locked = mprotect(map, 4096, PROT_READ);
	printf("memory: %zu bytes, map %d %d %d\n", total, map[0], shrunk, locked);
}

/* Prints the result and error message of a call that should fail. */
static void failed(const char *what, long result)
{
	printf("%s: %ld, %s\n", what, result, strerror(errno));
}

static void files(void)
{
	char buffer[16];
	struct stat status;
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_RDWR);
	void *volatile nowhere = (void *)1;

	printf("null: %zd", read(null, buffer, 16));
	printf(" %zd\n", write(null, buffer, 7));
	memset(buffer, 1, sizeof(buffer));
	printf("zero: %zd", read(zero, buffer, 16));
	printf(", first %d\n", buffer[0]);
	fstat(zero, &status);
	printf("type of /dev/zero: %o\n", status.st_mode & S_IFMT);
	failed("full", write(open("/dev/full", O_WRONLY), "x", 1));
	failed("missing", open("/no/such/file", O_RDONLY));
	failed("closed", read(99, buffer, 1));
	failed("bad pointer", write(1, nowhere, 1));
}

static void clocks(void)
{
	struct timespec before, after, wall, resolution;
	struct timeval day;

	clock_gettime(CLOCK_MONOTONIC, &before);
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	clock_gettime(CLOCK_MONOTONIC, &after);
	long long slept = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
	printf("slept at least 20 ms: %d\n", slept >= 20000000);
	clock_gettime(CLOCK_REALTIME, &wall);
	gettimeofday(&day, NULL);
	printf("clocks agree: %d\n",
		llabs((long long)wall.tv_sec - day.tv_sec) <= 1 && llabs((long long)time(NULL) - day.tv_sec) <= 1);
	clock_getres(CLOCK_MONOTONIC, &resolution);
	printf("resolution: %ld\n", (long)resolution.tv_nsec);
	failed("no such clock", clock_gettime(12345, &wall));
}

int main(int argc, char **argv)
{
	/* Line buffering keeps the order of stdio's output and direct writes. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	arguments(argc, argv);
	memory();
	files();
	clocks();
	printf("floating point: %.12f %Lf\n", sum_of_roots(100000), 1.0L / 3);
	struct iovec pieces[] = {{"one, ", 5}, {"two\n", 4}};
	printf("writev: %zd\n", writev(1, pieces, 2));
	printf("page size: %ld, auxv %lu, pid is positive: %d\n", sysconf(_SC_PAGESIZE), getauxval(AT_PAGESZ),
		getpid() > 0);
	printf("random bytes differ: %d\n", memcmp((void *)getauxval(AT_RANDOM), argv, 16) != 0);
	return 0;
}
