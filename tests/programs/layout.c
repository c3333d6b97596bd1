/* covers: kernel/src/vm/ */
/* Placement of mappings under each stack limit and personality(2), and the room for stack growth.
   Address randomization is off: the distances in MiB are the same on each machine. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024ul * 1024)
/* The end of user addresses: the top of the stack. */
#define TOP ((unsigned long)(sizeof(long) == 8 ? 0x7ffffffff000 : 0xffffe000))
#define NO_LIMIT (~0ul)

static int deeper(long left)
{
	volatile char room[1 << 16];
	room[0] = left;
	return left > 0 ? deeper(left - (1 << 16)) + room[0] : 0;
}

/* Whether the stack can grow to `bytes`. */
static const char *grows(unsigned long bytes)
{
	static char text[32];
	pid_t child = fork();
	if (child == 0) {
		deeper(bytes);
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	snprintf(text, sizeof text, status ? "signal %d" : "yes", WTERMSIG(status));
	return text;
}

static int where(char **argv)
{
	unsigned long stack = strtoul(argv[2], NULL, 0);
	char *first = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *second = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *hint = mmap((char *)0x1000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("%lu MiB below the top, %s, stack %lu MiB", (TOP - (unsigned long)first) / MIB,
		first > second ? "downwards" : "upwards", (TOP - (unsigned long)&stack) / MIB);
	printf(", a low hint %s", hint < (char *)0x20000 ? "low" : "elsewhere");
	if (stack)
		printf(", grows to %lu MiB: %s", stack / MIB, grows(stack));
	printf("\n");
	return 0;
}

static void attempt(const char *self, unsigned long limit, unsigned long persona, unsigned long stack)
{
	char text[32];
	snprintf(text, sizeof text, "%lu", stack);
	printf("limit %#lx, %lx: ", limit, persona);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		struct rlimit rlimit = {limit == NO_LIMIT ? RLIM_INFINITY : limit, RLIM_INFINITY};
		setrlimit(RLIMIT_STACK, &rlimit);
		syscall(SYS_personality, ADDR_NO_RANDOMIZE | persona);
		execl(self, self, "where", text, (char *)0);
		_exit(9);
	}
	int status;
	waitpid(child, &status, 0);
	if (status)
		printf("status %#x\n", status);
}

/* A limit raised at run time: the stack still has room to grow. */
static void raised(void)
{
	struct rlimit rlimit = {110 * MIB, RLIM_INFINITY};
	setrlimit(RLIMIT_STACK, &rlimit);
	printf("raised to 110 MiB, 100 MiB: %s\n", grows(100 * MIB));
	printf("raised to 110 MiB, 109 MiB: %s\n", grows(109 * MIB));
	printf("raised to 110 MiB, 111 MiB: %s\n", grows(111 * MIB));
}

/* Mapping page 0: only root may (vm.mmap_min_addr). */
static void page_zero(uid_t user)
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		if (user && setuid(user))
			_exit(9);
		void *none = NULL;
		char *fresh = mmap(none, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		printf("user %d: page 0 %s", user, fresh == MAP_FAILED ? strerror(errno) : "mapped");
		if (fresh != MAP_FAILED) {
			*(volatile char *)fresh = 42;
			printf(", holds %d", *(volatile char *)fresh);
			munmap(none, 4096);
		}
		char *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		other[0] = 43;
		char *moved = mremap(other, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, none);
		printf(", moved there: %s", moved == MAP_FAILED ? strerror(errno) : "yes");
		if (moved != MAP_FAILED)
			printf(", holds %d", *(volatile char *)moved);
		printf("\n");
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	if (argc > 2)
		return where(argv);
	static const unsigned long limits[] = {64 * 1024, MIB, 8 * MIB, 100 * MIB, 127 * MIB, 128 * MIB, 300 * MIB,
		300 * MIB + 5, 1024 * MIB, NO_LIMIT};
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		attempt(argv[0], limits[i], 0, limits[i] <= 128 * MIB ? limits[i] * 9 / 10 : 0);
	attempt(argv[0], 8 * MIB, 0, 9 * MIB);
	attempt(argv[0], 8 * MIB, ADDR_COMPAT_LAYOUT, 7 * MIB);
	attempt(argv[0], NO_LIMIT, ADDR_COMPAT_LAYOUT, 0);
	attempt(argv[0], 8 * MIB, 0x8000000 /* ADDR_LIMIT_3GB */, 7 * MIB);
	page_zero(0);
	page_zero(1000);
	raised();
	return 0;
}
