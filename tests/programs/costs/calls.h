/* Calls that answer from what the kernel knows of the caller. */
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>

#include "row.h"

/* A row of a call with fixed arguments, by number: no wrapper, no cache of the C library's. */
#define CALL(name, ...)                                                                                                \
	static void call_##name(long size)                                                                             \
	{                                                                                                              \
		(void)size;                                                                                            \
		syscall(SYS_##name, ##__VA_ARGS__);                                                                    \
	}

static struct rusage usage;
static struct timespec time_spec;
static struct itimerval interval;
static struct itimerspec interval_spec;
static timer_t timer;
static gid_t groups[32];

CALL(getpid)
CALL(getppid)
CALL(gettid)
CALL(getuid)
CALL(getresuid, buffer, buffer + 8, buffer + 16)
CALL(getpgid, 0)
CALL(getsid, 0)
CALL(getgroups, 32, groups)
CALL(setgroups, 32, groups)
CALL(setresuid, -1, -1, -1)
CALL(setfsuid, 0)
CALL(uname, buffer)
CALL(sysinfo, buffer)
CALL(times, buffer)
CALL(getrusage, RUSAGE_SELF, &usage)
CALL(umask, 022)
CALL(getpriority, PRIO_PROCESS, 0)
CALL(setpriority, PRIO_PROCESS, 0, 0)
CALL(sched_yield)
CALL(sched_getscheduler, 0)
CALL(sched_getparam, 0, buffer)
CALL(sched_getaffinity, 0, 128, buffer)
CALL(prlimit64, 0, RLIMIT_NOFILE, NULL, buffer)
CALL(getrlimit, RLIMIT_NOFILE, buffer)
CALL(getcpu, buffer, buffer + 8, NULL)
CALL(set_tid_address, buffer)
CALL(get_robust_list, 0, buffer, buffer + 8)
CALL(arch_prctl, 0x1003, buffer)
CALL(personality, 0xffffffff)
CALL(gettimeofday, buffer, NULL)
CALL(time, NULL)
CALL(getitimer, ITIMER_REAL, &interval)
CALL(setitimer, ITIMER_VIRTUAL, &interval, NULL)
CALL(membarrier, 0, 0, 0)

static void call_prctl_name(long size)
{
	(void)size;
	MUST(prctl(PR_GET_NAME, buffer) == 0);
}

static void call_capget(long size)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	(void)size;
	MUST(syscall(SYS_capget, &header, buffer) == 0);
}

static void call_unknown(long size)
{
	(void)size;
	syscall(9999);
}

static void call_clock_gettime(long clock)
{
	MUST(syscall(SYS_clock_gettime, clock, &time_spec) == 0);
}

static void clock_monotonic(long size)
{
	(void)size;
	call_clock_gettime(CLOCK_MONOTONIC);
}

static void clock_cpu(long size)
{
	(void)size;
	call_clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
}

static void clock_vdso(long size)
{
	(void)size;
	clock_gettime(CLOCK_MONOTONIC, &time_spec);
}

static void call_clock_getres(long size)
{
	(void)size;
	MUST(syscall(SYS_clock_getres, CLOCK_MONOTONIC, &time_spec) == 0);
}

static void random_bytes(long size)
{
	MUST(syscall(SYS_getrandom, buffer, size, 0) == size);
}

static void create_timer(long size)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	(void)size;
	MUST(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0);
}

static void delete_timer(long size)
{
	(void)size;
	MUST(syscall(SYS_timer_delete, timer) == 0);
}

static void timer_life(long size)
{
	create_timer(size);
	delete_timer(size);
}

static void timer_set(long size)
{
	(void)size;
	interval_spec.it_value.tv_sec = 1000;
	MUST(syscall(SYS_timer_settime, timer, 0, &interval_spec, NULL) == 0);
}

/* `size` timers are set, far apart: the set must find the place of one more. */
static timer_t timers[10000];

static void many_timers(long size)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	struct rlimit most = {20000, 20000};
	MUST(setrlimit(RLIMIT_SIGPENDING, &most) == 0);
	for (long i = 0; i < size; i++) {
		struct itimerspec when = {.it_value.tv_sec = 2000 + i};
		MUST(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timers[i]) == 0);
		MUST(syscall(SYS_timer_settime, timers[i], 0, &when, NULL) == 0);
	}
	create_timer(size);
}

static void no_timers(long size)
{
	for (long i = 0; i < size; i++)
		MUST(syscall(SYS_timer_delete, timers[i]) == 0);
	delete_timer(size);
}

static void sleep_nanos(long size)
{
	struct timespec time = {0, size};
	MUST(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, NULL) == 0);
}

#define PLAIN(name) {"call_" #name, call_##name, NULL, NULL, NULL}

static const struct row CALLS[] = {
	PLAIN(getpid),
	PLAIN(getppid),
	PLAIN(gettid),
	PLAIN(getuid),
	PLAIN(getresuid),
	PLAIN(getpgid),
	PLAIN(getsid),
	PLAIN(getgroups),
	PLAIN(setgroups),
	PLAIN(setresuid),
	PLAIN(setfsuid),
	PLAIN(uname),
	PLAIN(sysinfo),
	PLAIN(times),
	PLAIN(getrusage),
	PLAIN(umask),
	PLAIN(getpriority),
	PLAIN(setpriority),
	PLAIN(sched_yield),
	PLAIN(sched_getscheduler),
	PLAIN(sched_getparam),
	PLAIN(sched_getaffinity),
	PLAIN(prlimit64),
	PLAIN(getrlimit),
	PLAIN(getcpu),
	PLAIN(set_tid_address),
	PLAIN(get_robust_list),
	PLAIN(arch_prctl),
	PLAIN(personality),
	PLAIN(gettimeofday),
	PLAIN(time),
	PLAIN(getitimer),
	PLAIN(setitimer),
	PLAIN(membarrier),
	PLAIN(prctl_name),
	PLAIN(capget),
	PLAIN(unknown),
	{"clock_monotonic", clock_monotonic, NULL, NULL, NULL},
	{"clock_process_cpu", clock_cpu, NULL, NULL, NULL},
	{"clock_vdso", clock_vdso, NULL, NULL, NULL},
	PLAIN(clock_getres),
	{"getrandom", random_bytes, NULL, NULL, SIZES(1, 16, 256, 4096, 65536)},
	{"timer_create_delete", timer_life, NULL, NULL, NULL},
	{"timer_settime", timer_set, many_timers, no_timers, SIZES(1, 100, 10000)},
	{"nanosleep", sleep_nanos, NULL, NULL, SIZES(1000, 10000, 100000, 1000000)},
};
