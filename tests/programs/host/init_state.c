/* On the host: runs a program in the initial state that Trident gives init, however the tests are run:
   niceness 0 under SCHED_OTHER, no I/O priority, umask 022, no signal blocked or ignored, init's soft
   limits (or the hard ones, where they are lower), no personality, oom_score_adj 0, and no descriptors
   but the first three.

   Usage: init_state [disturbed] -- PROGRAM [ARGUMENT...]
   With "disturbed" all of this is changed first: the test of this program. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* init's soft limits (kernel/src/abi/limits.rs). */
static const struct {
	int resource;
	rlim_t soft;
} LIMITS[] = {
	{RLIMIT_CPU, RLIM_INFINITY},
	{RLIMIT_FSIZE, RLIM_INFINITY},
	{RLIMIT_DATA, RLIM_INFINITY},
	{RLIMIT_STACK, 8 << 20},
	{RLIMIT_CORE, 0},
	{RLIMIT_RSS, RLIM_INFINITY},
	{RLIMIT_NPROC, 4096},
	{RLIMIT_NOFILE, 1024},
	{RLIMIT_MEMLOCK, 8 << 20},
	{RLIMIT_AS, RLIM_INFINITY},
	{RLIMIT_LOCKS, RLIM_INFINITY},
	{RLIMIT_SIGPENDING, 4096},
	{RLIMIT_MSGQUEUE, 819200},
};

static void set_score(const char *score)
{
	int file = open("/proc/self/oom_score_adj", O_WRONLY);
	/* Only root may lower it. */
	if (file >= 0 && write(file, score, strlen(score)) >= 0)
		close(file);
}

static void set_soft_limit(int resource, rlim_t soft)
{
	struct rlimit limit;
	if (getrlimit(resource, &limit) == 0) {
		limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
		setrlimit(resource, &limit);
	}
}

/* Changes every part of the state that a test runner may have changed. */
static void disturb(void)
{
	struct sched_param common = {0};
	sigset_t all;
	umask(077);
	setpriority(PRIO_PROCESS, 0, 7);
	sched_setscheduler(0, SCHED_BATCH, &common);
	personality(ADDR_NO_RANDOMIZE);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGRTMAX, SIG_IGN);
	set_soft_limit(RLIMIT_STACK, 64 << 10);
	set_soft_limit(RLIMIT_NOFILE, 64 << 10);
	dup2(1, 17);
	set_score("300");
}

static int begin(void)
{
	/* Raw calls: the C library refuses its two internal signals. */
	static const unsigned long default_action[4];
	struct sched_param common = {0};
	sigset_t none;
	umask(022);
	sched_setscheduler(0, SCHED_OTHER, &common);
	if (setpriority(PRIO_PROCESS, 0, 0) != 0)
		return -1;
	/* IOPRIO_WHO_PROCESS, no I/O priority: the niceness decides. */
	syscall(SYS_ioprio_set, 1, 0, 0);
	personality(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		syscall(SYS_rt_sigaction, signal, default_action, NULL, 8);
	for (unsigned i = 0; i < sizeof LIMITS / sizeof *LIMITS; i++)
		set_soft_limit(LIMITS[i].resource, LIMITS[i].soft);
	set_score("0");
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	return 0;
}

int main(int argc, char **argv)
{
	int at = 1;
	if (at < argc && strcmp(argv[at], "disturbed") == 0) {
		disturb();
		at++;
	}
	if (at + 1 >= argc || strcmp(argv[at], "--") != 0) {
		fprintf(stderr, "usage: init_state [disturbed] -- PROGRAM [ARGUMENT...]\n");
		return 127;
	}
	if (begin() != 0) {
		perror("init_state: niceness");
		return 127;
	}
	execvp(argv[at + 1], argv + at + 1);
	perror(argv[at + 1]);
	return 127;
}
