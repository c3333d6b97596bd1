/* covers: kernel/src/vm/ kernel/src/process/ kernel/src/vfs/tmpfs/ */
/* All address spaces are searched although they change meanwhile. A page of a file leaves a child's mappings too, when
   the file is truncated or a hole is punched while fork(2) copies thousands of them; and a file can't be sealed
   against writing whose only writable mapping moves about. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "children.h"
#include "random.h"

enum { PAGE = 4096, MAPS = 1200, ROUNDS = 60, BETWEEN = 10000, TRIES = 60, LIMIT = 240 };

static int file;
static volatile char *maps;
/* Shared by all processes: the round whose change is made next, the last that is made, the value in all mappings, and
   what was wrong. */
static volatile struct {
	int next, done, value, wrong, is_over;
	int naps[ROUNDS + 1];
} *common;

static void nap(long microseconds)
{
	nanosleep(&(struct timespec){0, microseconds * 1000}, NULL);
}

static void wait_for(volatile int *number, int value)
{
	while (*number != value)
		nap(100);
}

/* Mappings at every second page: none joins the next. */
static volatile char *map_often(int flags, int from, int count)
{
	char *start = mmap(NULL, count * 2L * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (long i = 0; i < count; i++)
		mmap(start + i * 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, from, 0);
	return start;
}

/* The number of mappings that don't show `value`. */
static int differ(char value)
{
	int count = 0;

	for (long i = 0; i < MAPS; i++)
		count += maps[i * 2 * PAGE] != value;
	return count;
}

static void be_urgent(void)
{
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1});
}

static void change(int is_hole)
{
	if (is_hole) {
		fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE);
	} else {
		ftruncate(file, 0);
		ftruncate(file, PAGE);
	}
}

/* Makes the changes of odd or even rounds, each some time after its fork has begun. */
static void *make_changes(void *odd)
{
	be_urgent();
	for (int round = odd ? 1 : 2; round <= ROUNDS; round += 2) {
		wait_for(&common->next, round);
		nap(common->naps[round]);
		change(round / 2 % 2);
		common->done = round;
	}
	return NULL;
}

static void child(int round)
{
	wait_for(&common->done, round);
	common->wrong += differ(0);
	common->value = round;
	wait_for(&common->value, -round);
	common->wrong += differ((char)-round);
	_exit(0);
}

static void cut_during_forks(void)
{
	pthread_t thread;
	int other;

	file = memfd_create("cut", 0);
	ftruncate(file, PAGE);
	maps = map_often(MAP_SHARED, file, MAPS);
	seed_random(7);
	for (int round = 1; round <= ROUNDS; round++)
		common->naps[round] = (int)below(2500);
	other = fork();
	if (other == 0) {
		make_changes(NULL);
		_exit(0);
	}
	pthread_create(&thread, NULL, make_changes, (void *)1);
	for (int round = 1; round <= ROUNDS; round++) {
		int pid;

		maps[0] = 'x';
		common->wrong += differ('x');
		common->next = round;
		pid = fork();
		if (pid == 0)
			child(round);
		/* Parent and child see the same page. */
		wait_for(&common->value, round);
		maps[MAPS / 2 * 2L * PAGE] = (char)-round;
		common->value = -round;
		waitpid(pid, NULL, 0);
		printf("round %d: %d wrong\n", round, common->wrong);
	}
	pthread_join(thread, NULL);
	waitpid(other, NULL, 0);
}

/* Moves the only writable mapping from one end of thousands of others to the other end and back. */
static void move(int by_map, char *low, char *high)
{
	char *at = high, *to = low, *swap;

	be_urgent();
	while (!common->is_over) {
		nap(200);
		if (by_map) {
			mmap(to, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
			munmap(at, PAGE);
		} else if (mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED) {
			_exit(1);
		}
		*to = 1;
		swap = at, at = to, to = swap;
		common->value++;
	}
	_exit(0);
}

static void seal_what_moves(int by_map)
{
	char *room = mmap(NULL, (BETWEEN * 2L + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *high = room + (BETWEEN * 2L + 1) * PAGE;
	int pid, sealed = 0;

	file = memfd_create("moves", MFD_ALLOW_SEALING);
	ftruncate(file, PAGE);
	for (long i = 0; i < BETWEEN; i++)
		mprotect(room + (i * 2 + 1) * PAGE, PAGE, PROT_READ);
	common->is_over = 0;
	common->value = 0;
	pid = fork();
	if (pid == 0) {
		mmap(high, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
		move(by_map, room, high);
	}
	while (common->value < 3)
		nap(100);
	for (int i = 0; i < TRIES; i++) {
		sealed += fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) == 0;
		nap(below(300));
	}
	common->is_over = 1;
	tell_bad_end(pid);
	printf("sealed while mapped: %d, afterwards: %d\n", sealed, fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
	munmap(room, (BETWEEN * 2L + 2) * PAGE);
	close(file);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(LIMIT);
	common = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cut_during_forks();
	seal_what_moves(0);
	seal_what_moves(1);
	return 0;
}
