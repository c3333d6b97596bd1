/* covers: kernel/src/process/ kernel/src/sched/ */
/* Attributes that a process sets and reads back: prctl(2), priorities, scheduling policies,
   capabilities, limits, and the arguments of execve. Run as root. The output is the same on
   Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void print(const char *what, long result)
{
	if (result == -1)
		printf("%s: -1 %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
}

#define R(call) (errno = 0, print(#call, (long)(call)))
#define PR(option, a, b, c, d) R(syscall(SYS_prctl, option, a, b, c, d))

static int outcome(void (*run)(void))
{
	int status, pid;

	fflush(stdout);
	if ((pid = fork()) == 0) {
		run();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void prctls(void)
{
	static int options[] = {PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, 5, 6,
		PR_GET_KEEPCAPS, PR_SET_KEEPCAPS, 9, 10, 11, 12, PR_GET_TIMING, PR_SET_TIMING, PR_SET_NAME, PR_GET_NAME,
		17, 18, 19, 20, PR_CAPBSET_READ, PR_GET_TSC, PR_GET_SECUREBITS, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK,
		PR_MCE_KILL_GET, PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS,
		PR_GET_NO_NEW_PRIVS, PR_GET_TID_ADDRESS, PR_GET_THP_DISABLE, PR_CAP_AMBIENT, 999, -1};
	static const long values[][4] = {
		{0, 0, 0, 0}, {1, 0, 0, 0}, {2, 0, 0, 0}, {1, 1, 1, 1}, {64, 0, 0, 0}, {65, 0, 0, 0}, {-1, -1, -1, -1}};

	for (unsigned i = 0; i < sizeof options / sizeof *options; i++)
		for (unsigned j = 0; j < sizeof values / sizeof *values; j++) {
			long result;

			errno = 0;
			result = syscall(SYS_prctl, options[i], values[j][0], values[j][1], values[j][2], values[j][3]);
			printf("prctl %d %ld: %ld %s\n", options[i], values[j][0], result,
				errno ? strerrorname_np(errno) : "");
		}
}

static void keeps_across_fork_and_exec(void)
{
	char name[16] = "?";
	int value = -1;

	PR(PR_SET_NAME, "a name that is too long", 0, 0, 0);
	PR(PR_GET_NAME, name, 0, 0, 0);
	printf("%s\n", name);
	PR(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
	PR(PR_GET_PDEATHSIG, &value, 0, 0, 0);
	printf("%d\n", value);
	PR(PR_SET_DUMPABLE, 0, 0, 0, 0);
	PR(PR_GET_DUMPABLE, 0, 0, 0, 0);
	PR(PR_SET_TIMERSLACK, 1234, 0, 0, 0);
	PR(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	PR(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	PR(PR_GET_KEEPCAPS, 0, 0, 0, 0);
	PR(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	PR(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setpriority(PRIO_PROCESS, 0, 5);
	if (fork() == 0) {
		PR(PR_GET_PDEATHSIG, &value, 0, 0, 0);
		printf("%d\n", value);
		PR(PR_GET_DUMPABLE, 0, 0, 0, 0);
		PR(PR_GET_TIMERSLACK, 0, 0, 0, 0);
		PR(PR_SET_TIMERSLACK, 99, 0, 0, 0);
		PR(PR_SET_TIMERSLACK, 0, 0, 0, 0);
		PR(PR_GET_TIMERSLACK, 0, 0, 0, 0);
		PR(PR_GET_KEEPCAPS, 0, 0, 0, 0);
		PR(PR_GET_CHILD_SUBREAPER, &value, 0, 0, 0);
		printf("%d\n", value);
		PR(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
		R(getpriority(PRIO_PROCESS, 0));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	execl("/proc/self/exe", "attributes", "again", NULL);
}

static void after_exec(void)
{
	char name[16] = "?";
	int value = -1;

	PR(PR_GET_NAME, name, 0, 0, 0);
	PR(PR_GET_PDEATHSIG, &value, 0, 0, 0);
	printf("%d\n", value);
	PR(PR_GET_DUMPABLE, 0, 0, 0, 0);
	PR(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	PR(PR_GET_KEEPCAPS, 0, 0, 0, 0);
	PR(PR_GET_CHILD_SUBREAPER, &value, 0, 0, 0);
	printf("%d\n", value);
	PR(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	R(getpriority(PRIO_PROCESS, 0));
}

/* An orphan's new parent is the nearest subreaper; the orphan gets its PDEATHSIG. */
static volatile sig_atomic_t death_signal;
static void on_death_signal(int number)
{
	death_signal = number;
}

static void reaper(void)
{
	int status, pid, ready[2], go[2];
	char c;

	pipe(ready);
	pipe(go);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if ((pid = fork()) == 0) {
		int me = getpid();

		if (fork() == 0) {
			sigset_t all;

			signal(SIGUSR2, on_death_signal);
			prctl(PR_SET_PDEATHSIG, SIGUSR2);
			sigfillset(&all);
			sigprocmask(SIG_BLOCK, &all, NULL);
			write(ready[1], "x", 1);
			sigdelset(&all, SIGUSR2);
			while (!death_signal)
				sigsuspend(&all);
			printf("orphan: signal %d, other parent %d\n", death_signal, getppid() != me);
			fflush(stdout);
			_exit(7);
		}
		read(ready[0], &c, 1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	pid = wait(&status);
	printf("reaped the orphan: %d %x\n", pid > 0, status);
}

static void priorities(void)
{
	struct sched_param param = {0};
	struct {
		unsigned size, policy;
		unsigned long long flags;
		int nice;
		unsigned priority;
		unsigned long long t[3];
	} attr;
	struct timespec turn;

	R(getpriority(PRIO_PROCESS, 0));
	R(getpriority(3, 0));
	R(getpriority(PRIO_PROCESS, 999999));
	R(getpriority(PRIO_PROCESS, -1));
	R(setpriority(PRIO_PROCESS, 0, 100));
	R(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, 0, -100));
	R(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, 999999, 0));
	R(setpriority(7, 0, 0));
	R(nice(3));
	R(syscall(SYS_getpriority, PRIO_PGRP, 0));
	R(setpriority(PRIO_PROCESS, 0, 0));
	for (int policy = -1; policy < 9; policy++)
		for (int priority = -1; priority < 101; priority += policy == 1 || policy == 2 ? 50 : 1) {
			if (policy == 6 || policy == 7 || (priority > 1 && policy != 1 && policy != 2))
				continue;
			param.sched_priority = priority;
			errno = 0;
			printf("policy %d priority %d: %ld", policy, priority,
				syscall(SYS_sched_setscheduler, 0, policy, &param));
			printf(" %d, is %ld", errno, syscall(SYS_sched_getscheduler, 0));
			syscall(SYS_sched_getparam, 0, &param);
			printf(" %d\n", param.sched_priority);
		}
	param.sched_priority = 7;
	R(syscall(SYS_sched_setscheduler, 0, SCHED_RR | 0x40000000, &param));
	R(syscall(SYS_sched_getscheduler, 0));
	R(sched_rr_get_interval(0, &turn));
	printf("%ld\n", turn.tv_nsec);
	if (fork() == 0) {
		R(syscall(SYS_sched_getscheduler, 0));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	param.sched_priority = 8;
	R(syscall(SYS_sched_setparam, 0, &param));
	memset(&attr, 0x55, sizeof attr);
	R(syscall(SYS_sched_getattr, 0, &attr, 48, 0));
	printf("%u %u %llu %d %u\n", attr.size, attr.policy, attr.flags, attr.nice, attr.priority);
	R(syscall(SYS_sched_getattr, 0, &attr, 47, 0));
	R(syscall(SYS_sched_getattr, 0, &attr, 48, 1));
	param.sched_priority = 0;
	R(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param));
	memset(&attr, 0, sizeof attr);
	attr.size = 48;
	attr.policy = SCHED_BATCH;
	attr.nice = 4;
	R(syscall(SYS_sched_setattr, 0, &attr, 0));
	R(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	R(syscall(SYS_sched_getscheduler, 0));
	attr.size = 20;
	R(syscall(SYS_sched_setattr, 0, &attr, 0));
	printf("%u\n", attr.size >= 48);
	R(syscall(SYS_sched_setscheduler, 999999, 0, &param));
	R(syscall(SYS_sched_setscheduler, 0, 0, NULL));
	R(syscall(SYS_sched_getparam, 0, NULL));
	for (int policy = -1; policy < 6; policy++)
		printf("%d to %d\n", sched_get_priority_min(policy), sched_get_priority_max(policy));
	R(syscall(SYS_ioprio_get, 1, 0));
	R(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 3));
	R(syscall(SYS_ioprio_get, 1, 0));
	R(syscall(SYS_ioprio_set, 1, 0, 3));
	R(syscall(SYS_ioprio_set, 1, 0, 4 << 13));
	R(syscall(SYS_ioprio_get, 4, 0));
	R(syscall(SYS_ioprio_get, 1, 999999));
	setpriority(PRIO_PROCESS, 0, 0);
}

static void barriers(void)
{
	R(syscall(SYS_membarrier, 0, 0, 0));
	for (int command = 1; command < 512; command *= 2)
		R(syscall(SYS_membarrier, command, 0, 0));
	for (int command = 1; command < 512; command *= 2)
		R(syscall(SYS_membarrier, command, 0, 0));
	R(syscall(SYS_membarrier, 128, 1, 0));
	R(syscall(SYS_membarrier, 8, 1, 0));
	R(syscall(SYS_membarrier, 512, 0, 0));
	R(syscall(SYS_membarrier, 3, 0, 0));
	R(syscall(SYS_membarrier, 0, 1, 0));
}

static void capabilities(void)
{
	struct __user_cap_header_struct h = {0, 0};
	struct __user_cap_data_struct d[2];

	R(syscall(SYS_capget, &h, d));
	printf("%x\n", h.version);
	h.version = 0;
	R(syscall(SYS_capget, &h, NULL));
	memset(d, 0x55, sizeof d);
	R(syscall(SYS_capget, &h, d));
	printf("%d %d %x\n", d[0].effective == d[0].permitted, d[1].effective == d[1].permitted, d[0].inheritable);
	R(syscall(SYS_capset, &h, d));
	h.pid = -1;
	R(syscall(SYS_capget, &h, d));
	h.pid = 999999;
	R(syscall(SYS_capget, &h, d));
	R(syscall(SYS_capset, &h, d));
	R(syscall(SYS_capget, NULL, d));
	h.pid = 0;
	setresuid(1000, 1000, 1000);
	R(syscall(SYS_capget, &h, d));
	printf("%x %x\n", d[0].effective, d[0].permitted);
	d[0].effective = 1;
	R(syscall(SYS_capset, &h, d));
	R(setpriority(PRIO_PROCESS, 0, -1));
	R(setpriority(PRIO_PROCESS, 0, 1));
	R(setpriority(PRIO_PROCESS, 0, 0));
	R(setpriority(PRIO_PROCESS, getppid(), 1));
	R(syscall(SYS_unshare, CLONE_NEWNS));
	R(syscall(SYS_prctl, PR_SET_MM, 0, 0, 0, 0));
}

/* fork of a user that reaches RLIMIT_NPROC. */
static void process_limit(void)
{
	struct rlimit r = {5, 5};
	int pids[10], i, made = 0, status;
	/* The limit counts all processes of a user: each concurrent run has a user of its own. */
	uid_t user = 100000 + getpid();

	setresuid(user, user, user);
	setrlimit(RLIMIT_NPROC, &r);
	for (i = 0; i < 10; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			pause();
			_exit(0);
		}
		made += pids[i] > 0;
	}
	printf("made %d of 10: %s\n", made, strerrorname_np(errno));
	for (i = 0; i < made; i++)
		kill(pids[i], SIGKILL), waitpid(pids[i], &status, 0);
	i = fork();
	if (i == 0)
		_exit(0);
	printf("then: %d\n", i > 0);
	wait(NULL);
}

static void exec_by_descriptor(void)
{
	char *argv[] = {"attributes", "where", NULL}, *envp[] = {NULL};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	R(syscall(SYS_execveat, fd, "", argv, envp, 1));
	R(syscall(SYS_execveat, fd, "", argv, envp, 0));
	R(syscall(SYS_execveat, 99, "", argv, envp, AT_EMPTY_PATH));
	R(syscall(SYS_execveat, AT_FDCWD, "", argv, envp, AT_EMPTY_PATH));
	R(syscall(SYS_execveat, AT_FDCWD, "/proc/self/exe", argv, envp, AT_SYMLINK_NOFOLLOW));
	R(syscall(SYS_execveat, fd, "x", argv, envp, 0));
	R(syscall(SYS_execveat, fd, "x", argv, envp, 1));
	fflush(stdout);
	R(syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH));
}

static void exec_relative(void)
{
	char *argv[] = {"attributes", "where", NULL}, *envp[] = {NULL};
	int fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	fflush(stdout);
	R(syscall(SYS_execveat, fd, "exe", argv, envp, 0));
}

static void shares(void)
{
	R(unshare(0));
	R(unshare(CLONE_FILES));
	R(unshare(CLONE_FS));
	R(unshare(CLONE_VM));
	R(unshare(CLONE_THREAD));
	R(unshare(CLONE_SIGHAND));
	R(unshare(CLONE_SYSVSEM));
	R(unshare(CLONE_PARENT));
	R(unshare(CLONE_SETTLS));
	R(setns(-1, 0));
	R(setns(0, 0));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, 0, _IOFBF, 1 << 15);
	if (argc > 1 && !strcmp(argv[1], "again")) {
		after_exec();
		fflush(stdout);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "where")) {
		char *name = (char *)getauxval(AT_EXECFN);

		printf("started as %s\n", name);
		fflush(stdout);
		return 3;
	}
	/* Independent of the inherited niceness. */
	setpriority(PRIO_PROCESS, 0, 0);
	printf("%x\n", outcome(prctls));
	printf("%x\n", outcome(keeps_across_fork_and_exec));
	printf("%x\n", outcome(reaper));
	printf("%x\n", outcome(priorities));
	printf("%x\n", outcome(barriers));
	printf("%x\n", outcome(capabilities));
	printf("%x\n", outcome(process_limit));
	printf("%x\n", outcome(exec_by_descriptor));
	printf("%x\n", outcome(exec_relative));
	printf("%x\n", outcome(shares));
	fflush(stdout);
	return 0;
}
