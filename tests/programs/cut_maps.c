/* covers: kernel/src/vm/ kernel/src/vfs/tmpfs/ */
/* A page of a file leaves all its mappings, thousands in two processes, when the file is truncated or a hole is punched,
   although a thread uses them meanwhile: each then shows zeros, but for private copies under a hole. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "children.h"

enum { PAGE = 4096, MAPS = 2000, ROUNDS = 12, LIMIT = 120 };

static int file;
static volatile char *shared, *private;
/* Shared with the child: the round, the number of mappings that showed something else, and who is done. */
static volatile struct {
	int round, wrong, is_checked, uses;
} *common;

static void nap(void)
{
	nanosleep(&(struct timespec){0, 20000}, NULL);
}

/* Mappings at every second page: none joins the next. */
static volatile char *map_often(int flags)
{
	char *start = mmap(NULL, MAPS * 2L * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (long i = 0; i < MAPS; i++)
		mmap(start + i * 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, file, 0);
	return start;
}

/* The number of mappings that don't show `value`; each has its page afterwards. */
static int differ(volatile char *start, char value)
{
	int count = 0;

	for (long i = 0; i < MAPS; i++)
		count += start[i * 2 * PAGE] != value;
	return count;
}

/* Uses one mapping after the other, at once when its sleep ends. */
static void *use(void *none)
{
	struct sched_param urgent = {1};

	sched_setscheduler(0, SCHED_FIFO, &urgent);
	for (unsigned i = 0;; i++) {
		(void)shared[i * 7 % MAPS * 2L * PAGE];
		(void)private[i * 11 % MAPS * 2L * PAGE];
		common->uses++;
		nap();
	}
	return none;
}

static void change(int is_hole)
{
	if (is_hole) {
		fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE);
	} else {
		/* The thread that uses the mappings would get SIGBUS between the two. */
		ftruncate(file, 0);
		ftruncate(file, PAGE);
	}
}

static void ignore_fault(int signo)
{
	(void)signo;
	nap();
}

/* The second process checks its mappings when the round is over. */
static void second(void)
{
	for (int round = 1; round <= ROUNDS; round++) {
		differ(shared, 0);
		differ(private, 0);
		common->is_checked = 1;
		while (common->round < round)
			usleep(500);
		__atomic_add_fetch(&common->wrong, differ(shared, 0) + differ(private, 0), __ATOMIC_RELAXED);
		common->is_checked = 2;
		while (common->is_checked)
			usleep(500);
	}
	_exit(0);
}

int main(void)
{
	int child;
	pthread_t thread;

	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(LIMIT);
	signal(SIGBUS, ignore_fault);
	common = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file = memfd_create("cut", 0);
	ftruncate(file, PAGE);
	shared = map_often(MAP_SHARED);
      private
	= map_often(MAP_PRIVATE);
	child = fork();
	if (child == 0)
		second();
	pthread_create(&thread, NULL, use, NULL);
	for (int round = 1; round <= ROUNDS; round++) {
		while (common->is_checked != 1)
			usleep(500);
		shared[0] = 'x';
		printf("before: %d", differ(shared, 'x') + differ(private, 'x'));
		change(round % 2);
		/* Nothing that was mapped before remains: what is written now reaches no old page. */
		printf(", after: %d", differ(shared, 0) + differ(private, 0));
		common->round = round;
		while (common->is_checked != 2)
			usleep(500);
		common->is_checked = 0;
		printf(", in the child: %d\n", common->wrong);
	}
	waitpid(child, NULL, 0);
	/* A private copy stays under a hole, and goes with the end of the file. */
      private
	[0] = 'p';
	change(1);
	printf("private copy: %d", private[0]);
	ftruncate(file, 0);
	ftruncate(file, PAGE);
	printf(" %d\n", private[0]);
	return 0;
}
