/* covers: kernel/src/syscall/ kernel/src/sync/ kernel/src/mm/ */
/* Random system calls by several processes at once, as root and as another user, while one process
   exhausts memory: the kernel survives, each process can be killed, and no memory leaks.

   Usage: random_race FIRST_SEED CALLS CALLS_EACH RACERS: RACERS children at a time make
   CALLS_EACH calls each, CALLS in all. */
#define _GNU_SOURCE
#include "random_call.h"

enum {
	MAX_RACERS = 16,
	/* Time limit of a racer; many sleep forever. */
	TURN_MS = 100,
	/* After a round all processes are killed, and memory is counted. */
	ROUND_MS = 4000,
	ROUNDS = 10,
	/* Kernel tables that only grow. */
	TOLERATED_KB = 768,
};

struct racer {
	int pid;
	int seed;
	int age_ms;
};

static struct racer racers[MAX_RACERS];
static int racing;
static int next_seed;
static int each;

static void start_racer(struct racer *racer)
{
	racer->seed = next_seed++;
	racer->age_ms = 0;
	seed_random(racer->seed);
	/* fork may fail for lack of memory: the slot stays empty this time. */
	racer->pid = fork();
	if (racer->pid == 0)
		make_calls(each, &doors[racer->seed % 2]);
}

/* A process that allocates memory in steps, anonymous or in a file, until little is free; then waits and
exits. */
static int start_eater(void)
{
	int pid = fork();

	if (pid != 0)
		return pid;
	seed_random(next_seed);
	for (;;) {
		long left_kb = 200 + below(4000);
		int file = open("/tmp", O_TMPFILE | O_RDWR, 0600), in_file = one_in(3);
		size_t size = 0;
		static char block[16 * PAGE];

		while (memory_info("MemFree") > left_kb) {
			char *more =
				mmap(NULL, sizeof block, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (in_file && write(file, block, sizeof block) <= 0)
				break;
			if (!in_file && more == MAP_FAILED)
				break;
			if (!in_file)
				memset(more, 1, sizeof block);
			size += sizeof block;
		}
		usleep(1000 * below(60));
		close(file);
		/* The exit frees the memory. */
		if (size > 0)
			_exit(0);
	}
}

/* Kills all children; whether they are gone within three seconds. */
static int kill_all(void)
{
	for (int i = 0; i < 3000; i++) {
		int pid;

		kill(-1, SIGKILL);
		do
			pid = waitpid(-1, NULL, WNOHANG);
		while (pid > 0);
		if (pid < 0)
			return 1;
		usleep(1000);
	}
	return 0;
}

/* Reaps children, kills racers whose time is over, and starts new ones in the free slots. */
static void look_after(int *eater, int step_ms)
{
	int pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (pid == *eater)
			*eater = 0;
		for (int i = 0; i < racing; i++)
			if (racers[i].pid == pid)
				racers[i].pid = 0;
	}
	for (int i = 0; i < racing; i++) {
		racers[i].age_ms += step_ms;
		if (racers[i].pid <= 0)
			start_racer(&racers[i]);
		else if (racers[i].age_ms > TURN_MS)
			kill(racers[i].pid, SIGKILL);
	}
	if (*eater <= 0)
		*eater = start_eater();
}

/* Runs until `calls` are made or the round's time is over; whether all processes could be killed. */
static int run_round(long calls)
{
	int eater = 0;

	for (int i = 0; i < racing; i++)
		racers[i].pid = 0;
	for (int time = 0; time < ROUND_MS && *made < calls; time += 2) {
		look_after(&eater, 2);
		usleep(2000);
	}
	if (!kill_all())
		return 0;
	/* A racer may have turned process accounting on. */
	acct(NULL);
	empty("/tmp");
	return 1;
}

int main(int count, char **words)
{
	long calls, before = 0, lost;
	int rounds = 0;

	if (count < 5)
		return 2;
	prepare();
	next_seed = atoi(words[1]);
	calls = atol(words[2]);
	each = atoi(words[3]);
	racing = atoi(words[4]);
	if (racing < 1 || racing > MAX_RACERS)
		return 2;
	while (*made < calls || rounds < 2) {
		if (!run_round(*made + calls / ROUNDS)) {
			puts("some process cannot be killed");
			return 1;
		}
		/* The kernel's tables grow during the first round. */
		if (rounds++ == 0)
			before = memory_in_use();
	}
	lost = memory_in_use() - before;
	printf("%ld calls, %d rounds, seeds to %d: %ld kB lost\n", *made, rounds, next_seed - 1, lost);
	puts(lost > TOLERATED_KB ? "memory was lost" : "all passed");
	return lost > TOLERATED_KB;
}
