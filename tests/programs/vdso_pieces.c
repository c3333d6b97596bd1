/* covers: kernel/src/vm/ */
/* The vDSO's code can't be cut, nor its data be changed, by any call that changes mappings: the error of
   each. What a call names with the data and a piece of the code stays whole, too. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

struct area {
	char *start;
	size_t size;
};

/* The last data area lies right below the code. */
static struct area data, code;
static int count;

static void find(void)
{
	char line[256];
	unsigned long from, to;
	FILE *maps = fopen("/proc/self/maps", "r");

	count = 0;
	while (fgets(line, sizeof line, maps)) {
		struct area *area = strstr(line, "[vdso]") ? &code : strstr(line, "[vvar") ? &data : NULL;

		if (!area || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		*area = (struct area){(char *)from, to - from};
		count++;
	}
	fclose(maps);
}

static const char *err(long result)
{
	return result == -1 ? strerrorname_np(errno) : "ok";
}

static long map_over(char *at, size_t size)
{
	return (long)mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static long move(char *at, size_t old, size_t new)
{
	/* No other mapping is near. */
	return (long)mremap(at, old, new, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x10000000);
}

#ifdef __i386__
/* Calls on a range that ends or begins in the middle of the code. */
static void cut(const char *what, char *at, size_t size)
{
	printf("%s: munmap %s", what, err(munmap(at, size)));
	printf(" map over %s", err(map_over(at, size)));
	/* Linux 6.17 moves several mappings at once. */
	if (at >= code.start)
		printf(" move %s", err(move(at, size, size)));
	printf(" protect %s", err(mprotect(at, size, PROT_NONE)));
	printf(" %s", err(mprotect(at, size, PROT_READ)));
	printf(" lock %s unlock %s", err(mlock(at, size)), err(munlock(at, size)));
	printf("\n");
}

static void code_in_pieces(void)
{
	char *end = code.start + code.size;

	cut("first page", code.start, PAGE);
	cut("last page", end - PAGE, PAGE);
	cut("data and first page", data.start, data.size + PAGE);
	printf("shrink %s", err((long)mremap(code.start, code.size, PAGE, 0)));
	printf(" shrink and move %s\n", err(move(code.start, code.size, PAGE)));
}
#else
/* The 64-bit code may be a single page. */
static void code_in_pieces(void) {}
#endif

static void whole(const char *what, struct area area)
{
	static const int prots[] = {PROT_WRITE, PROT_READ | PROT_WRITE, PROT_EXEC, PROT_READ | PROT_EXEC};

	printf("%s: grow %s", what, err((long)mremap(area.start, area.size, area.size + PAGE, 0)));
	printf(" %s", err((long)mremap(area.start, area.size, area.size + PAGE, MREMAP_MAYMOVE)));
	printf(" %s", err(move(area.start, area.size, area.size + PAGE)));
	printf(" keep %s", err((long)mremap(area.start, area.size, area.size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0)));
	printf(" copy %s", err((long)mremap(area.start, 0, area.size, MREMAP_MAYMOVE)));
	printf(" lock %s unlock %s\n", err(mlock(area.start, area.size)), err(munlock(area.start, area.size)));
	/* 32-bit calls return into the code. */
	if (area.start == data.start)
		for (unsigned i = 0; i < sizeof prots / sizeof *prots; i++)
			printf("%s: protection %d %s\n", what, prots[i],
				err(mprotect(area.start, area.size, prots[i])));
}

/* Advice that a data page takes: it must not become anonymous, freed, or shared with others. */
static void advices(void)
{
	/* MADV_MERGEABLE and MADV_UNMERGEABLE are an option of Linux. */
	for (int advice = 0; advice < 26; advice++)
		if (advice < 5 || (advice > 7 && advice < 12) || advice > 13)
			printf("data: advice %d %s\n", advice, err(madvise(data.start, data.size, advice)));
	for (int advice = 100; advice <= 101; advice++)
		printf("data: advice %d %s\n", advice, err(madvise(data.start, data.size, advice)));
}

static void moved(void)
{
	char *was = data.start;

	printf("data moved %s", err(move(data.start, data.size, data.size)));
	find();
	printf(": %d", data.start != was);
	printf(" writable %s\n", err(mprotect(data.start, data.size, PROT_READ | PROT_WRITE)));
	printf("mapped over %s", err(map_over(data.start, data.size)));
	was = data.start;
	data.start = NULL;
	find();
	printf(": %d\n", data.start != was);
}

int main(void)
{
	int before;

	setvbuf(stdout, NULL, _IONBF, 0);
	/* As init of Linux. */
	mkdir("/proc", 0555);
	if (access("/proc/self", F_OK))
		mount("proc", "/proc", "proc", 0, NULL);
	find();
	before = count;
	code_in_pieces();
	whole("code", code);
	whole("data", data);
	find();
	printf("unchanged number of mappings: %d\n", before == count);
	if (fork() == 0) {
		advices();
		_exit(0);
	}
	wait(NULL);
	moved();
	return 0;
}
