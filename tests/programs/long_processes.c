/* covers: kernel/src/process/ kernel/src/sched/ kernel/src/time/ */
/* Calls on as many processes, signals, timers and groups as a program can make (late.h). */
#define _GNU_SOURCE
#include <grp.h>
#include <pthread.h>

#include "late.h"

enum { GROUPS = 65536, CHILDREN = 2000, AREAS = 200, MEMBERS = 250, THREADS = 1000, SIGNALS = 40000, TIMERS = 40000 };

static int stopped, file;

static void do_setgroups(void)
{
	gid_t *groups = (void *)room(GROUPS * sizeof *groups);

	for (unsigned i = 0; i < GROUPS; i++)
		groups[i] = i * 40503u % GROUPS;
	syscall(SYS_setgroups, GROUPS, groups);
}

static void make_groups(void)
{
	do_setgroups();
}

static void read_status(void)
{
	read_all("/proc/self/status");
}

/* End of file wakes them. */
static void make_children(void)
{
	setpgid(0, 0);
	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			setpgid(0, getppid());
			pause();
			_exit(0);
		}
	usleep(100000);
}

/* None of the children maps it, among the areas that they inherit. */
static void make_file(void)
{
	char *start = room(AREAS * 2ul * PAGE);

	for (unsigned long i = 0; i < AREAS; i++)
		mprotect(start + i * 2 * PAGE, PAGE, PROT_READ);
	make_children();
	file = memfd_create("cut", 0);
	ftruncate(file, 4096);
}

static void do_truncate(void)
{
	ftruncate(file, 0);
}

/* A group of stopped processes, which the exit of their parent orphans: all get SIGHUP and end. */
static void make_stopped(void)
{
	for (int i = 0; i < MEMBERS; i++) {
		int child = fork();

		if (child == 0) {
			raise(SIGSTOP);
			_exit(0);
		}
		stopped = stopped ? stopped : child;
		setpgid(child, stopped);
	}
	usleep(100000);
}

/* Here their parent stays: the exit of each concerns its group, in which the ended ones still are. */
static void kill_stopped(void)
{
	kill(-stopped, SIGKILL);
	while (wait(NULL) > 0)
		;
}

static void *sleep_long(void *none)
{
	pause();
	return none;
}

static void make_threads(void)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 16384);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread, &small, sleep_long, NULL);
}

static void do_wait(void)
{
	waitpid(-1, NULL, WNOHANG);
}

static void make_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (int i = 0; i < SIGNALS; i++)
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){0});
	sigqueue(getpid(), SIGRTMIN + 2, (union sigval){0});
}

static void do_ignore(void)
{
	signal(SIGRTMIN + 1, SIG_IGN);
}

static void do_take(void)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, SIGRTMIN + 2);
	sigtimedwait(&one, NULL, &(struct timespec){0, 0});
}

static void make_cpu_timers(void)
{
	struct sigevent none = {.sigev_notify = SIGEV_NONE};
	struct itimerspec later = {{0, 0}, {1000, 0}};
	int id;

	for (int i = 0; i < TIMERS; i++) {
		syscall(SYS_timer_create, CLOCK_PROCESS_CPUTIME_ID, &none, &id);
		syscall(SYS_timer_settime, id, 0, &later, NULL);
	}
}

static void do_compute(void)
{
	for (volatile int i = 0; i < 20000000; i++)
		;
}

static const struct call calls[] = {
	{"setgroups", make_nothing, do_setgroups},
	{"fork_groups", make_groups, do_fork},
	{"status", make_groups, read_status},
	{"wait", make_children, do_wait},
	{"truncate", make_file, do_truncate},
	{"exit_orphans", make_stopped, do_exit},
	{"kill_stopped", make_stopped, kill_stopped},
	{"exit_threads", make_threads, do_exit},
	{"exec_threads", make_threads, do_execve},
	{"ignore", make_signals, do_ignore},
	{"take", make_signals, do_take},
	{"cpu_timers", make_cpu_timers, do_compute},
	{"exit_cpu_timers", make_cpu_timers, do_exit},
};

int main(int count, char **words)
{
	return late_main(count, words, calls, sizeof calls / sizeof *calls);
}
