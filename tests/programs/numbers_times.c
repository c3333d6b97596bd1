/* covers: kernel/src/syscall/ kernel/src/time/ */
/* Boundary values as times: durations, deadlines, intervals (numbers.h). The output is the same
   on Linux. */
#include "numbers.h"
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>

/* Not in every C library's headers. */
enum { FUTEX2_WAITV = 449, FUTEX2_WAKE = 454, FUTEX2_WAIT, FUTEX2_REQUEUE, FUTEX2_U32 = 2 };

struct waited {
	unsigned long long value, address;
	unsigned flags, zero;
};

static void on_alarm(int number)
{
	(void)number;
}

/* A signal every 2 ms interrupts the call: it doesn't sleep for long. */
static int interrupt_soon(void)
{
	struct itimerval often = {{0, 2000}, {0, 2000}};

	return setitimer(ITIMER_REAL, &often, NULL) == 0;
}

static void stop_interrupts(void)
{
	struct itimerval never = {{0, 0}, {0, 0}};

	setitimer(ITIMER_REAL, &never, NULL);
}

/* The clocks that can be slept on. Short sleeps are left out: their results depend on timing. */
static void sleeps(void)
{
	static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};
	struct timespec time;

	EACH("nanosleep seconds", v < 0 || v > 500,
		interrupt_soon() ? nanosleep(&(struct timespec){V_LONG, 0}, NULL) : 0);
	EACH("nanosleep ns", V_LONG < 0 || V_LONG > 500000000,
		interrupt_soon() ? nanosleep(&(struct timespec){0, V_LONG}, NULL) : 0);
	for (int i = 0; i < 4; i++) {
		EACH("sleep for seconds", v < 0 || v > 500,
			(interrupt_soon(), clock_nanosleep(clocks[i], 0, &(struct timespec){V_LONG, 0}, NULL)));
		EACH("sleep until", V_LONG < 1 || V_LONG > 100000000,
			(interrupt_soon(),
				clock_nanosleep(clocks[i], TIMER_ABSTIME, &(struct timespec){V_LONG, 0}, NULL)));
	}
	EACH("sigtimedwait", v < 0 || v > 500,
		(interrupt_soon(), time = (struct timespec){V_LONG, 0}, sigtimedwait(&(sigset_t){{0}}, NULL, &time)));
	EACH("futex for", v < 0 || v > 500,
		(interrupt_soon(), time = (struct timespec){V_LONG, 0},
			syscall(SYS_futex, pages, FUTEX_WAIT, 0, &time, NULL, 0)));
	EACH("futex until", V_LONG < 1 || V_LONG > 100000000,
		(interrupt_soon(), time = (struct timespec){V_LONG, 0},
			syscall(SYS_futex, pages, FUTEX_WAIT_BITSET, 0, &time, NULL, -1)));
	EACH("futex until realtime", V_LONG < 1 || V_LONG > 100000000,
		(interrupt_soon(), time = (struct timespec){V_LONG, 0},
			syscall(SYS_futex, pages, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &time, NULL, -1)));
	EACH("futex for ns", V_LONG < 0 || V_LONG > 500000000,
		(interrupt_soon(), time = (struct timespec){0, V_LONG},
			syscall(SYS_futex, pages, FUTEX_WAIT, 0, &time, NULL, 0)));
	stop_interrupts();
}

/* The kernel's time in both widths, in calls that don't wait. */
struct wide_time {
	long long seconds, ns;
};

static void wide_times(void)
{
	enum { SECONDS, NS };
	struct wide_time time;
	struct epoll_event event = {EPOLLIN, {0}};
	int ready = eventfd(1, 0), ep = epoll_create1(0), file = memfd_create("numbers", 0);

	epoll_ctl(ep, EPOLL_CTL_ADD, ready, &event);
	for (int field = SECONDS; field <= NS; field++) {
#define WITH_TIME (time = field == SECONDS ? (struct wide_time){v, 0} : (struct wide_time){1ll << 40, v}, 1)
		EACH("epoll_pwait2", WITH_TIME, syscall(SYS_epoll_pwait2, ep, &event, 1, &time, NULL, 8));
		/* The word has another value: EAGAIN, unless the time is invalid. */
		EACH("futex_wait", WITH_TIME, syscall(FUTEX2_WAIT, pages, 1, -1, FUTEX2_U32, &time, CLOCK_MONOTONIC));
		EACH("futex_waitv", WITH_TIME,
			syscall(FUTEX2_WAITV, &(struct waited){1, (unsigned long)pages, FUTEX2_U32, 0}, 1, 0, &time,
				CLOCK_MONOTONIC));
#ifdef __i386__
		EACH("futex_time64", WITH_TIME,
			syscall(SYS_futex_time64, pages, FUTEX_WAIT_BITSET, 1, &time, NULL, -1));
		EACH("ppoll_time64", WITH_TIME,
			syscall(SYS_ppoll_time64, &(struct pollfd){ready, POLLIN, 0}, 1, &time, NULL, 8));
		EACH("pselect6_time64", WITH_TIME,
			syscall(SYS_pselect6_time64, 64, (fd_set[]){{{1 << ready}}}, NULL, NULL, &time, NULL));
		EACH("timerfd_settime64", WITH_TIME,
			syscall(SYS_timerfd_settime64, 99, 0, (struct wide_time[]){time, time}, NULL));
		EACH("recvmmsg_time64", WITH_TIME, syscall(SYS_recvmmsg_time64, 99, pages, 1, 0, &time));
		EACH("utimensat_time64", WITH_TIME,
			syscall(SYS_utimensat_time64, file, NULL, (struct wide_time[]){time, time}, 0));
		EACH("clock_nanosleep_time64",
			WITH_TIME && (field == SECONDS ? v < 1 || v > 100000000 : v < 0 || v > 1000000000),
			(interrupt_soon(),
				syscall(SYS_clock_nanosleep_time64, CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL)));
		EACH("rt_sigtimedwait_time64",
			WITH_TIME && (field == SECONDS ? v < 0 || v > 500 : v < 0 || v > 1000000000),
			(interrupt_soon(), syscall(SYS_rt_sigtimedwait_time64, &(sigset_t){{0}}, NULL, &time, 8)));
		stop_interrupts();
#endif
	}
	EACH("futex_wake", 1, syscall(FUTEX2_WAKE, pages, -1, V_LONG, FUTEX2_U32));
	EACH("futex_requeue", 1,
		syscall(FUTEX2_REQUEUE,
			(struct waited[]){{0, (unsigned long)pages, FUTEX2_U32, 0},
				{0, (unsigned long)pages + 64, FUTEX2_U32, 0}},
			0, V_LONG, V_LONG));
	close(ready);
	close(ep);
	close(file);
}

static int is_far(struct timespec left)
{
	return left.tv_sec > 300;
}

/* Timers that are set and read back; none of them expires. */
static void timers(void)
{
	struct itimerval value;
	struct itimerspec spec;
	timer_t timer;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

	signal(SIGALRM, SIG_IGN);
	signal(SIGVTALRM, SIG_IGN);
	signal(SIGPROF, SIG_IGN);
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		EACH("setitimer seconds", 1,
			setitimer(which, &(struct itimerval){{0, 0}, {V_LONG, 0}}, NULL) ?
				-1 :
				which == ITIMER_REAL && (getitimer(which, &value), value.it_value.tv_sec > 300));
		EACH("setitimer us", 1, setitimer(which, &(struct itimerval){{V_LONG, 0}, {700, V_LONG}}, NULL));
		EACH("alarm after setitimer", V_LONG > 500,
			(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {V_LONG, 0}}, NULL), alarm(0) > 300));
		EACH("off", v == 0, setitimer(which, &(struct itimerval){{0, 0}, {0, 0}}, NULL));
	}
	EACH("alarm", (unsigned)v == 0 || (unsigned)v > 500, (alarm(v), alarm(0) > 300));
	timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_NONE}, &timer);
	for (int flags = 0; flags <= TIMER_ABSTIME; flags += TIMER_ABSTIME) {
		EACH("timer_settime", V_LONG < 0 || V_LONG > 2000000000,
			timer_settime(timer, flags, &(struct itimerspec){{0, 0}, {V_LONG, 0}}, NULL) ?
				-1 :
				(timer_gettime(timer, &spec), is_far(spec.it_value)));
		EACH("timer every", 1,
			timer_settime(timer, flags, &(struct itimerspec){{V_LONG, 0}, {V_LONG > 0, 0}}, NULL));
		EACH("timer ns", 1, timer_settime(timer, flags, &(struct itimerspec){{0, V_LONG}, {0, V_LONG}}, NULL));
		EACH("timerfd", V_LONG < 0 || V_LONG > 2000000000,
			timerfd_settime(fd, flags, &(struct itimerspec){{0, 0}, {V_LONG, 0}}, NULL) ?
				-1 :
				(timerfd_gettime(fd, &spec), is_far(spec.it_value)));
		EACH("timerfd every", 1,
			timerfd_settime(fd, flags, &(struct itimerspec){{V_LONG, V_LONG}, {700, 0}}, NULL));
	}
	EACH("expirations", v == 0,
		(timer_settime(timer, TIMER_ABSTIME, &(struct itimerspec){{0, 1}, {0, 1}}, NULL), usleep(1000),
			timer_getoverrun(timer)));
}

/* Arguments of type int: clocks, signals, process IDs; and resource limits. */
static void counts(void)
{
	struct timespec time;
	struct rusage used;
	struct rlimit limit;

	EACH("clock_gettime", v < -1000 || v > 11, clock_gettime(v, &time));
	EACH("clock_getres", v < -1000 || v > 11, clock_getres(v, &time));
	EACH("timer_create", v < -1000 || v > 11, timer_create(v, NULL, &(timer_t){0}));
	EACH("timerfd_create", v > 11 || v < 0, timerfd_create(v, 0));
	EACH("getitimer", (int)v > 2 || (int)v < 0, getitimer((int)v, (void *)pages));
	EACH("getrusage", (int)v > 1 || (int)v < -2, getrusage((int)v, &used));
	EACH("getrlimit", (unsigned)v > 15, getrlimit((int)v, &limit));
	EACH("setrlimit to NULL", 1, syscall(SYS_setrlimit, V_LONG, NULL));
	EACH("setpriority", 1, setpriority(PRIO_PROCESS, 0, v) ? -1 : getpriority(PRIO_PROCESS, 0));
	EACH("sched_get_priority_max", (unsigned)v > 6, sched_get_priority_max(v));
	EACH("timer slack", v > 0, prctl(PR_SET_TIMERSLACK, V_LONG) ? -1 : prctl(PR_GET_TIMERSLACK));
	EACH("death signal", (unsigned long)V_LONG > 64, prctl(PR_SET_PDEATHSIG, V_LONG));
	EACH("kill", (int)v > 1 << 22 || (int)v == INT_MIN, kill(v, 0));
	EACH("kill by", (unsigned)v > 64, kill(getpid(), v));
	EACH("tgkill", (int)v <= 0 || (int)v > 1 << 22, syscall(SYS_tgkill, V_LONG, V_LONG, 0));
	EACH("waitpid", (int)v == INT_MIN || (int)v > 1 << 22, waitpid(v, NULL, WNOHANG));
	EACH("RLIMIT_FSIZE", 1,
		(limit = (struct rlimit){(unsigned long long)v, -1}, setrlimit(RLIMIT_FSIZE, &limit)) ?
			-1 :
			(getrlimit(RLIMIT_FSIZE, &limit), (long long)limit.rlim_cur));
	EACH("RLIMIT_STACK", 1,
		(limit = (struct rlimit){(unsigned long long)v, -1}, setrlimit(RLIMIT_STACK, &limit)) ?
			-1 :
			(getrlimit(RLIMIT_STACK, &limit), (long long)limit.rlim_cur));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	fflush(stdout);
	/* In a child: init ignores signals without a handler. */
	if (fork() == 0) {
		struct sigaction action = {.sa_handler = on_alarm};

		sigaction(SIGALRM, &action, NULL);
		sleeps();
		wide_times();
		timers();
		counts();
		fflush(stdout);
		_exit(0);
	}
	int status;

	wait(&status);
	printf("status %x\n", status);
	return 0;
}
