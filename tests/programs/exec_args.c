/* covers: kernel/src/process/ */
/* Arguments and environment of execve(2): total size and number of strings under each stack
   limit, what the new program finds, and bad pointers. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "children.h"

extern char **environ;

/* A path of fixed length, as its length counts against the limit. */
static char self[] = "/proc/self/exe";

enum { PAGE = 4096, STRING_MAX = 32 * PAGE, KIB = 1024, MIB = 1024 * 1024 };

static unsigned hash(unsigned sum, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * 16777619u;
	return sum;
}

/* Reads a whole file; returns its length. */
static size_t read_all(const char *name, unsigned *sum)
{
	static char part[70000];
	size_t total = 0;
	ssize_t got;
	int fd = open(name, O_RDONLY);
	while (fd >= 0 && (got = read(fd, part, sizeof part)) > 0) {
		*sum = hash(*sum, part, got);
		total += got;
	}
	close(fd);
	return total;
}

/* The new program's report; argv[0] is "show". */
static int show(int argc, char **argv)
{
	unsigned args = 0, env = 0, in_memory = 0, cmdline = 0, environment = 0, again = 0;
	size_t size = 0, env_size = 0;
	int envc = 0;
	for (int i = 0; i < argc; i++) {
		args = hash(args, argv[i], strlen(argv[i]) + 1);
		size += strlen(argv[i]) + 1;
	}
	for (; environ[envc]; envc++) {
		env = hash(env, environ[envc], strlen(environ[envc]) + 1);
		env_size += strlen(environ[envc]) + 1;
	}
	in_memory = hash(0, argv[0], size);
	size_t seen = read_all("/proc/self/cmdline", &cmdline);
	size_t env_seen = read_all("/proc/self/environ", &environment);
	printf("argc %d, %zu bytes, envc %d, %zu bytes, NULLs %d, %x %x", argc, size, envc, env_size,
		argv[argc] == NULL && (char **)&argv[argc + 1] == environ, args, env);
	printf(", contiguous %d", in_memory == args);
	printf(", cmdline %s, environ %s", seen == size && cmdline == args ? "right" : "wrong",
		env_seen == env_size && environment == env ? "right" : "wrong");
	/* The auxiliary vector after the environment, and /proc/self/auxv. */
	char **at = environ + envc + 1;
	size_t pairs = 0;
	unsigned vector = 0;
	unsigned long (*words)[2] = (void *)at;
	while (words[pairs++][0] != AT_NULL)
		;
	vector = hash(0, (char *)words, pairs * sizeof *words);
	size_t vector_seen = read_all("/proc/self/auxv", &again);
	printf(", auxv %s",
		vector_seen >= pairs * sizeof *words && getauxval(AT_RANDOM) > (unsigned long)argv ? "right" : "wrong");
	(void)vector;
	printf(", path %s, stack %% 16 = %d\n", (char *)getauxval(AT_EXECFN), (int)((unsigned long)(argv - 1) % 16));
	return 0;
}

/* Calls execve with these strings and this RLIMIT_STACK, and prints the result. */
static void attempt(const char *label, char **argv, char **envp, rlim_t limit)
{
	printf("%s: ", label);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		struct rlimit stack = {limit, RLIM_INFINITY};
		setrlimit(RLIMIT_STACK, &stack);
		execve(self, argv, envp);
		printf("%s\n", strerrorname_np(errno));
		fflush(stdout);
		_exit(0);
	}
	tell_bad_end(child);
}

/* `count` strings of `length` bytes with their NULs, the first one "show". */
static char **strings(int count, size_t length)
{
	char **array = calloc(count + 1, sizeof *array);
	char *text = malloc(length);
	memset(text, 'x', length - 1);
	text[length - 1] = 0;
	for (int i = 0; i < count; i++)
		array[i] = text;
	return array;
}

static char *string(size_t length, char fill)
{
	char *text = malloc(length + 1);
	memset(text, fill, length);
	text[length] = 0;
	return text;
}

/* The largest total size, and one byte more, in `count` arguments. */
static void edge(const char *label, rlim_t limit, long total, int count)
{
	char text[80];
	char **argv = calloc(count + 1, sizeof *argv);
	/* The pointers count, too: eight bytes each in either width; so does the path. */
	long left = total - 8 * count - (long)sizeof self - 5;
	argv[0] = "show";
	for (int i = 1; i < count; i++) {
		long length = left / (count - i) - 1;
		argv[i] = string(length, 'a' + i % 26);
		left -= length + 1;
	}
	for (int more = 0; more < 2; more++) {
		snprintf(text, sizeof text, "%s, %d strings, %d over", label, count, more);
		if (more)
			argv[count - 1] = string(strlen(argv[count - 1]) + 1, 'z');
		attempt(text, argv, (char *[]){NULL}, limit);
	}
	/* The environment counts as well. */
	attempt("with an environment", argv, (char *[]){"a=b", NULL}, limit);
}

static void bad_pointers(void)
{
	char *room = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(room + 2 * PAGE, PAGE);
	char *end = room + 2 * PAGE;
	char **array = (char **)end - 3;
	char *none[] = {NULL};
	memset(room, 'q', 2 * PAGE - 1);
	end[-1] = 0;
	attempt("to the page's end", (char *[]){"show", end - 5000, end - 1, NULL}, none, 8 * MIB);
	end[-1] = 'q';
	attempt("past the page's end", (char *[]){"show", end - 5000, NULL}, none, 8 * MIB);
	attempt("in the environment", (char *[]){"show", NULL}, (char *[]){end - 1, NULL}, 8 * MIB);
	attempt("a bad string", (char *[]){"show", (char *)8, NULL}, none, 8 * MIB);
	attempt("a kernel address", (char *[]){"show", (char *)-4096L, NULL}, none, 8 * MIB);
	array[0] = array[1] = "show";
	array[2] = NULL;
	attempt("an array to the end", array, array + 2, 8 * MIB);
	array[2] = "more";
	attempt("an array past the end", array, none, 8 * MIB);
	attempt("a bad array", (char **)8, none, 8 * MIB);
	attempt("a bad environment", (char *[]){"show", NULL}, (char **)8, 8 * MIB);
	attempt("no environment", (char *[]){"show", NULL}, NULL, 8 * MIB);
	/* An unterminated array. */
	char **page = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < 64 * PAGE / sizeof *page; i++)
		page[i] = "endless";
	munmap(page + 63 * PAGE / sizeof *page, PAGE);
	attempt("an endless array", page, none, 8 * MIB);
}

int main(int argc, char **argv)
{
	if (argc == 1 && argv[0][0] == 0) {
		printf("argv[0] is empty\n");
		return 0;
	}
	if (strcmp(argv[0], "show") == 0 || argv[0][0] == 'x')
		return show(argc, argv);
	char *none[] = {NULL};
	attempt("few", (char *[]){"show", "", "b", NULL}, (char *[]){"c=d", "", NULL}, 8 * MIB);
	attempt("no arguments", none, none, 8 * MIB);
	attempt("no array", NULL, none, 8 * MIB);

	attempt("the longest string", (char *[]){"show", string(STRING_MAX - 1, 's'), NULL}, none, 8 * MIB);
	attempt("one longer", (char *[]){"show", string(STRING_MAX, 's'), NULL}, none, 8 * MIB);
	attempt("much longer", (char *[]){"show", string(MIB, 's'), NULL}, none, 8 * MIB);
	attempt("in the environment", (char *[]){"show", NULL}, (char *[]){string(STRING_MAX - 1, 'e'), NULL}, 8 * MIB);
	attempt("one longer", (char *[]){"show", NULL}, (char *[]){string(STRING_MAX, 'e'), NULL}, 8 * MIB);

	attempt("20000 words", strings(20000, 6), none, 8 * MIB);
	attempt("6000 names", strings(6000, 60), none, 8 * MIB);
	attempt("200 KB of variables", (char *[]){"show", NULL}, strings(200, 1000), 8 * MIB);
	attempt("many empty ones", (char *[]){"show", NULL}, strings(200000, 1), 8 * MIB);
	attempt("too many empty ones", (char *[]){"show", NULL}, strings(240000, 1), 8 * MIB);
	attempt("pointers alone too many", (char *[]){"show", NULL}, strings(262144, 1), 8 * MIB);

	edge("8 MiB", 8 * MIB, 2 * MIB, 20);
	edge("8 MiB", 8 * MIB, 2 * MIB, 5000);
	edge("1 MiB", MIB, 256 * KIB, 3);
	edge("1000001 bytes", 1000001, 250000, 700);
	edge("512 KiB", 512 * KIB, 128 * KIB, 2);
	edge("300 KiB", 300 * KIB, 128 * KIB, 9);
	edge("64 MiB", 64 * MIB, 6 * MIB, 60);
	edge("no limit", RLIM_INFINITY, 6 * MIB, 1000);
	/* Below the minimum of 128 KiB the stack limit itself applies. */
	attempt("64 KiB, 40 KB", (char *[]){"show", string(40000, 'l'), NULL}, none, 64 * KIB);
	attempt("64 KiB, 70 KB", (char *[]){"show", string(70000, 'l'), NULL}, none, 64 * KIB);
	bad_pointers();
	return 0;
}
