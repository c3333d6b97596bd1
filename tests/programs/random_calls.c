/* covers: kernel/src/syscall/ kernel/src/entry/ kernel/src/usercopy/ */
/* Random system calls with plausible arguments, through each kernel entry of this width: the kernel
   survives, each child that makes them can be killed, and no memory leaks.

   Usage: random_calls FIRST_SEED CALLS CALLS_EACH: children with one seed each make CALLS_EACH
   calls, CALLS in all. */
#define _GNU_SOURCE
#include "random_call.h"

/* Runs one child per seed until `calls` are made; returns the number of children that can't be killed. */
static int run(int *seed, long calls, int each)
{
	int immortal = 0;

	for (*made = 0; *made < calls; ++*seed) {
		int pid;

		seed_random(*seed);
		pid = fork();
		if (pid == 0)
			make_calls(each, &doors[*seed % 2]);
		/* A child may legally sleep forever. */
		if (reap(pid, 50) == CANNOT_BE_KILLED) {
			printf("seed %d cannot be killed\n", *seed);
			immortal++;
		}
		/* Reaps orphans. */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		empty("/tmp");
	}
	return immortal;
}

int main(int count, char **words)
{
	/* Kernel tables that only grow. */
	enum { TOLERATED_KB = 512 };
	int first, seed, immortal;
	long calls, before, lost;

	if (count < 4)
		return 2;
	prepare();
	first = seed = atoi(words[1]);
	calls = atol(words[2]);
	/* The kernel's tables grow during the first calls. */
	immortal = run(&seed, calls / 5, atoi(words[3]));
	before = memory_in_use();
	immortal += run(&seed, calls, atoi(words[3]));
	lost = memory_in_use() - before;
	printf("%ld calls from seed %d to %d: %ld kB lost\n", *made, first, seed - 1, lost);
	puts(lost > TOLERATED_KB ? "memory was lost" : "all passed");
	return immortal != 0 || lost > TOLERATED_KB;
}
