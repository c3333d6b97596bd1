/* covers: kernel/src/process/ */
/* Children of a process that ends, while it gives them away: siblings that one of them creates meanwhile (CLONE_PARENT),
   processes that lose their parent meanwhile, and a new parent that ends midway. None is lost: the subreaper above all
   reaps as many as were created. */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "children.h"

/* So many children that their giving away has dozens of preemption points. */
enum { CHILDREN = 3000, LIMIT = 120 };

static volatile struct {
	int created;
	/* Process ID of the process that ends, and of its parent. */
	int parent, grandparent;
	int is_ending;
} *shared;

/* Lets the calling process run at once when its sleep ends, also in the middle of another's exit. */
static void be_urgent(int priority)
{
	struct sched_param param = {priority};

	sched_setscheduler(0, SCHED_FIFO, &param);
}

static void nap(long microseconds)
{
	nanosleep(&(struct timespec){0, microseconds * 1000}, NULL);
}

static int create(unsigned long flags)
{
	__atomic_add_fetch(&shared->created, 1, __ATOMIC_RELAXED);
	return syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

static void create_child_that_ends(unsigned long flags)
{
	if (create(flags) == 0)
		_exit(0);
}

static void create_siblings(void)
{
	while (getppid() == shared->parent) {
		create_child_that_ends(CLONE_PARENT);
		nap(20);
	}
}

static void create_orphans(void)
{
	while (getppid() == shared->parent) {
		if (create(0) == 0) {
			create_child_that_ends(0);
			_exit(0);
		}
		nap(20);
	}
}

static void end_grandparent(void)
{
	while (getppid() == shared->parent)
		nap(20);
	kill(shared->grandparent, SIGKILL);
}

/* Creates the child that acts once the exit of its parent has begun. */
static void create_actor(void (*act)(void))
{
	if (create(0) == 0) {
		be_urgent(3);
		while (!shared->is_ending)
			nap(500);
		act();
		_exit(0);
	}
}

/* Children are given away in the order of their IDs. */
static void end_with_children(void (*first)(void), void (*last)(void))
{
	shared->parent = getpid();
	be_urgent(1);
	if (first)
		create_actor(first);
	for (int i = 0; i < CHILDREN; i++)
		create_child_that_ends(0);
	if (last)
		create_actor(last);
	shared->is_ending = 1;
	_exit(0);
}

static void try_one(const char *name, int takes_orphans, void (*first)(void), void (*last)(void))
{
	int reaped = 0;

	shared->created = shared->is_ending = 0;
	if (create(0) == 0) {
		prctl(PR_SET_CHILD_SUBREAPER, takes_orphans);
		be_urgent(2);
		shared->grandparent = getpid();
		if (create(0) == 0) {
			prctl(PR_SET_CHILD_SUBREAPER, takes_orphans);
			end_with_children(first, last);
		}
		/* Without SIGKILL, until the end of its child. */
		waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOWAIT);
		nap(10000);
		_exit(0);
	}
	while (waitpid(-1, NULL, 0) > 0)
		reaped++;
	if (reaped == shared->created)
		printf("%s: none is lost\n", name);
	else
		printf("%s: %d of %d are reaped\n", name, reaped, shared->created);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(LIMIT);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int takes_orphans = 0; takes_orphans < 2; takes_orphans++) {
		printf("%s\n", takes_orphans ? "the parents are subreapers" : "the parents are no subreapers");
		try_one("siblings are created meanwhile", takes_orphans, NULL, create_siblings);
		try_one("orphans are created meanwhile", takes_orphans, NULL, create_orphans);
		try_one("the new parent ends meanwhile", takes_orphans, end_grandparent, NULL);
	}
	return 0;
}
