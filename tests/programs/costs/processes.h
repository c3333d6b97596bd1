/* Processes and threads: their life, their groups, switches between them. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "row.h"

static pid_t children[10000];

static void wait_for(pid_t child)
{
	int status;
	MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A child by `make` that does `life`; a macro, as the child of vfork must not return. */
#define CHILD(name, make, life)                                                                                        \
	static void name(long size)                                                                                    \
	{                                                                                                              \
		pid_t child = make();                                                                                  \
		(void)size;                                                                                            \
		if (child == 0) {                                                                                      \
			life;                                                                                          \
			_exit(1);                                                                                      \
		}                                                                                                      \
		MUST(child > 0);                                                                                       \
		wait_for(child);                                                                                       \
	}

CHILD(fork_exit, fork, _exit(0))
CHILD(vfork_exit, vfork, _exit(0))
CHILD(fork_exec, fork, execl("/init", "init", "nothing", NULL))
CHILD(vfork_exec, vfork, execl("/init", "init", "nothing", NULL))

/* `size` further processes that sleep. */
static void sleepers(long size)
{
	for (long i = 0; i < size; i++) {
		children[i] = fork();
		if (children[i] == 0)
			for (;;)
				pause();
		MUST(children[i] > 0);
	}
	/* Each has reached its sleep. */
	usleep(20000 + 100 * size);
}

static void no_sleepers(long size)
{
	for (long i = 0; i < size; i++)
		MUST(kill(children[i], SIGKILL) == 0);
	for (long i = 0; i < size; i++)
		MUST(waitpid(children[i], NULL, 0) == children[i]);
}

/* The sleepers in a group of their own. */
static void group_of(long size)
{
	sleepers(size);
	for (long i = 0; i < size; i++)
		MUST(setpgid(children[i], children[0]) == 0);
}

static void probe_group(long size)
{
	(void)size;
	MUST(kill(-children[0], 0) == 0);
}

static void ignored_to_group(long size)
{
	(void)size;
	MUST(kill(-children[0], SIGWINCH) == 0);
}

static void join_group(long size)
{
	pid_t child = fork();
	(void)size;
	if (child == 0)
		_exit(setpgid(0, children[0]) != 0);
	MUST(child > 0);
	wait_for(child);
}

static void probe_process(long size)
{
	MUST(kill(children[size - 1], 0) == 0);
}

static void poll_children(long size)
{
	(void)size;
	MUST(waitpid(-1, NULL, WNOHANG) == 0);
}

static void wait_group(long size)
{
	for (long i = 0; i < size; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(0);
		MUST(children[i] > 0);
	}
	for (long i = 0; i < size; i++)
		wait_for(children[i]);
}

static void *nothing(void *argument)
{
	return argument;
}

static void thread_life(long size)
{
	pthread_t thread;
	(void)size;
	MUST(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

/* `size` further threads that sleep. */
static pthread_t threads[1000];
static int gate[2];

static void *sleep_at_gate(void *argument)
{
	MUST(read(gate[0], buffer, 1) == 0);
	return argument;
}

static void sleeping_threads(long size)
{
	pthread_attr_t attributes;
	MUST(pipe(gate) == 0 && pthread_attr_init(&attributes) == 0);
	MUST(pthread_attr_setstacksize(&attributes, 16384) == 0);
	for (long i = 0; i < size; i++)
		MUST(pthread_create(&threads[i], &attributes, sleep_at_gate, NULL) == 0);
	usleep(20000 + 100 * size);
}

static void no_threads(long size)
{
	MUST(close(gate[1]) == 0);
	for (long i = 0; i < size; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
	MUST(close(gate[0]) == 0);
}

/* Another process that answers each byte. */
static int there[2], back[2];
static pid_t partner;

static void a_partner(long size)
{
	MUST(pipe(there) == 0 && pipe(back) == 0);
	partner = fork();
	if (partner == 0) {
		close(there[1]);
		while (read(there[0], buffer, size) == size)
			MUST(write(back[1], buffer, size) == size);
		_exit(0);
	}
	MUST(partner > 0 && close(there[0]) == 0 && close(back[1]) == 0);
}

static void no_partner(long size)
{
	(void)size;
	MUST(close(there[1]) == 0 && close(back[0]) == 0);
	wait_for(partner);
}

static void there_and_back(long size)
{
	MUST(write(there[1], buffer, size) == size && read(back[0], buffer, size) == size);
}

/* Another process that yields as well: two switches. */
static void a_yielder(long size)
{
	(void)size;
	partner = fork();
	if (partner == 0)
		for (;;)
			sched_yield();
	MUST(partner > 0);
}

static void no_yielder(long size)
{
	(void)size;
	MUST(kill(partner, SIGKILL) == 0 && waitpid(partner, NULL, 0) == partner);
}

static void yield_to_other(long size)
{
	(void)size;
	sched_yield();
}

static void fork_write_exit(long pages)
{
	pid_t child = fork();
	if (child == 0) {
		touch(area, pages);
		_exit(0);
	}
	MUST(child > 0);
	wait_for(child);
}

#define PROCESSES_LIVE SIZES(1, 10, 100, 1000)

static const struct row PROCESSES[] = {
	{"fork_exit", fork_exit, NULL, NULL, NULL},
	{"vfork_exit", vfork_exit, NULL, NULL, NULL},
	{"fork_exec", fork_exec, NULL, NULL, NULL},
	{"vfork_exec", vfork_exec, NULL, NULL, NULL},
	{"fork_pages", fork_exit, an_area, no_area, SIZES(1, 100, 1000, 10000)},
	{"fork_copy_pages", fork_write_exit, an_area, no_area, SIZES(1, 100, 1000)},
	{"fork_among", fork_exit, sleepers, no_sleepers, PROCESSES_LIVE},
	{"fork_many_wait", wait_group, NULL, NULL, SIZES(1, 10, 100)},
	{"waitpid_nothing_among", poll_children, sleepers, no_sleepers, PROCESSES_LIVE},
	{"kill_0_among", probe_process, sleepers, no_sleepers, PROCESSES_LIVE},
	{"kill_0_group", probe_group, group_of, no_sleepers, PROCESSES_LIVE},
	{"kill_ignored_group", ignored_to_group, group_of, no_sleepers, PROCESSES_LIVE},
	{"fork_setpgid_group", join_group, group_of, no_sleepers, PROCESSES_LIVE},
	{"thread", thread_life, NULL, NULL, NULL},
	{"thread_among", thread_life, sleeping_threads, no_threads, SIZES(1, 10, 100, 1000)},
	{"yield_switch", yield_to_other, a_yielder, no_yielder, NULL},
	{"pipe_there_and_back", there_and_back, a_partner, no_partner, SIZES(1, 4096)},
};
