/* covers: kernel/src/vm/ kernel/src/vfs/tmpfs/ */
/* A mapped file is truncated, has a hole punched, and is sealed, among 10,000 processes that don't map it: that takes as
   many instructions as with none (-icount counts time in instructions). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

#include "children.h"

enum { PAGE = 4096, PAGES = 8, FORKED = 1000, SHARING = 9000, STACK = 1024 };

/* Instructions that may be added: a timer interrupt or two. */
enum { MORE = 20000 };

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static int file;
static char *at;

static void cut(void)
{
	if (ftruncate(file, 0) || ftruncate(file, PAGES * PAGE))
		_exit(2);
}

static void punch(void)
{
	if (fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGES * PAGE))
		_exit(2);
}

/* Refused: the mapping may write. */
static void seal(void)
{
	if (fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) == 0)
		_exit(2);
}

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {{"truncation", cut}, {"hole", punch}, {"seal", seal}};

enum { CALLS = sizeof calls / sizeof *calls };

static long cost_of(int i)
{
	long before;

	memset(at, 1, PAGES * PAGE);
	before = now();
	calls[i].call();
	return now() - before;
}

static int idle(void *nothing)
{
	(void)nothing;
	for (;;)
		pause();
}

int main(void)
{
	long alone[CALLS];
	char *stacks;
	int failed = 0;

	only_as_init();
	file = memfd_create("cut", MFD_ALLOW_SEALING);
	ftruncate(file, PAGES * PAGE);
	for (int i = 0; i < FORKED; i++)
		if (fork() == 0)
			idle(NULL);
	stacks = mmap(NULL, SHARING * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	for (int i = 0; i < CALLS; i++)
		/* The first time is not measured. */
		alone[i] = (cost_of(i), cost_of(i));
	for (int i = 0; i < SHARING; i++)
		if (clone(idle, stacks + (i + 1) * STACK, CLONE_VM | SIGCHLD, NULL) < 0)
			return 1;
	/* All of them are idle before the calls are measured. */
	usleep(100000);
	for (int i = 0; i < CALLS; i++) {
		long among = cost_of(i);

		printf("%s: %ld instructions, %ld alone\n", calls[i].name, among, alone[i]);
		failed |= among > alone[i] + MORE;
	}
	return failed;
}
