/* covers: kernel/src/time/ kernel/src/process/ */
/* Timers that send signals, and calls that signals interrupt. The output doesn't depend on
durations. */
#include "fs.h"
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timex.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static volatile sig_atomic_t caught, code, value, overruns;

static long long now(int clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void count(int signo, siginfo_t *info, void *context)
{
	caught++;
	code = info->si_code;
	value = info->si_value.sival_int;
	overruns = info->si_overrun;
}

static void handle(int signo, int flags)
{
	struct sigaction action = {.sa_sigaction = count, .sa_flags = SA_SIGINFO | flags};

	sigaction(signo, &action, NULL);
}

static void block(int how, int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(how, &set, NULL);
}

/* Sleeps until the handler has run `times` times. */
static void until_caught(int times)
{
	while (caught < times)
		usleep(300);
}

/* Uses CPU time until the handler has run. */
static void burn(void)
{
	for (volatile long i = 0; !caught && i < 20000000000; i++)
		;
}

static void itimers(void)
{
	struct itimerval set = {{0, 0}, {0, 2000}}, old;
	long long start;

	handle(SIGALRM, 0);
	handle(SIGVTALRM, 0);
	handle(SIGPROF, 0);
	T(getitimer(3, &old));
	T(setitimer(3, &set, NULL));
	T(syscall(SYS_getitimer, ITIMER_REAL, NULL));
	T(getitimer(ITIMER_REAL, &old));
	printf("%d %d\n", (int)old.it_value.tv_sec, (int)old.it_value.tv_usec);
	start = now(CLOCK_MONOTONIC);
	T(setitimer(ITIMER_REAL, &set, &old));
	until_caught(1);
	T(now(CLOCK_MONOTONIC) - start >= 2000000);
	printf("%d %d\n", caught, code == SI_KERNEL);
	T(getitimer(ITIMER_REAL, &old));
	printf("%d %d\n", (int)old.it_value.tv_sec, (int)old.it_value.tv_usec);
	/* A periodic timer. */
	caught = 0;
	set.it_interval.tv_usec = 1000;
	T(setitimer(ITIMER_REAL, &set, NULL));
	T(pause());
	until_caught(3);
	set = (struct itimerval){{0, 0}, {1000, 0}};
	T(setitimer(ITIMER_REAL, &set, &old));
	printf("%d\n", (int)old.it_interval.tv_usec);
	T(alarm(50));
	T(alarm(0));
	T(alarm(0));
	set.it_value.tv_usec = 1000000;
	T(setitimer(ITIMER_REAL, &set, NULL));
	set.it_value.tv_usec = -1;
	T(setitimer(ITIMER_REAL, &set, NULL));
	/* fork doesn't copy timers. */
	set = (struct itimerval){{7, 0}, {1000, 0}};
	setitimer(ITIMER_REAL, &set, NULL);
	fflush(stdout);
	if (!fork()) {
		getitimer(ITIMER_REAL, &old);
		printf("child: %d %d\n", (int)old.it_value.tv_sec, (int)old.it_interval.tv_sec);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	alarm(0);
	/* CPU timers. */
	for (int which = ITIMER_VIRTUAL; which <= ITIMER_PROF; which++) {
		caught = 0;
		set = (struct itimerval){{0, 0}, {0, 30000}};
		T(setitimer(which, &set, NULL));
		T(getitimer(which, &old));
		printf("%d\n", old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 40000);
		burn();
		printf("%d %d\n", caught, code == SI_KERNEL);
	}
}

static int make(int clock, int notify, int signo, int number, timer_t *timer)
{
	struct sigevent event = {0};

	event.sigev_notify = notify;
	event.sigev_signo = signo;
	event.sigev_value.sival_int = number;
	if (notify == SIGEV_THREAD_ID)
		event.sigev_notify_thread_id = syscall(SYS_gettid);
	return timer_create(clock, &event, timer);
}

static void posix(void)
{
	timer_t t, other;
	struct itimerspec set = {{0, 0}, {0, 1000000}}, old;

	handle(SIGUSR1, 0);
	handle(SIGRTMIN, 0);
	caught = 0;
	T(make(CLOCK_MONOTONIC, SIGEV_SIGNAL, 0, 0, &t));
	T(make(CLOCK_MONOTONIC, SIGEV_SIGNAL, 65, 0, &t));
	T(make(CLOCK_MONOTONIC, 9, SIGUSR1, 0, &t));
	T(make(99, SIGEV_SIGNAL, SIGUSR1, 0, &t));
	T(make(CLOCK_MONOTONIC_RAW, SIGEV_SIGNAL, SIGUSR1, 0, &t));
	T(make(CLOCK_MONOTONIC_COARSE, SIGEV_SIGNAL, SIGUSR1, 0, &t));
	T(make(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1, 42, &t));
	T(timer_gettime(t, &old));
	printf("%d %d\n", (int)old.it_value.tv_sec, (int)old.it_value.tv_nsec);
	T(timer_settime(t, 0, &set, &old));
	until_caught(1);
	printf("%d %d %d %d\n", caught, code == SI_TIMER, value, overruns);
	T(timer_getoverrun(t));
	T(timer_gettime(t, &old));
	printf("%d %d\n", (int)old.it_value.tv_sec, (int)old.it_value.tv_nsec);
	/* An absolute time in the past, then one in the future. */
	caught = 0;
	set.it_value.tv_sec = 1;
	T(timer_settime(t, TIMER_ABSTIME, &set, NULL));
	until_caught(1);
	set.it_value.tv_sec = now(CLOCK_REALTIME) / 1000000000 + 500;
	T(timer_settime(t, TIMER_ABSTIME, &set, NULL));
	T(timer_gettime(t, &old));
	printf("%d\n", old.it_value.tv_sec > 490 && old.it_value.tv_sec <= 500);
	set.it_value.tv_nsec = 1000000000;
	T(timer_settime(t, 0, &set, NULL));
	T(timer_delete(t));
	/* Blocked: one signal is pending, the other expirations count as overruns. */
	block(SIG_BLOCK, SIGRTMIN);
	caught = 0;
	T(make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGRTMIN, 43, &t));
	set = (struct itimerspec){{0, 1000000}, {0, 1000000}};
	T(timer_settime(t, 0, &set, NULL));
	usleep(6500);
	T(caught);
	siginfo_t info;
	sigset_t taken;
	sigemptyset(&taken);
	sigaddset(&taken, SIGRTMIN);
	T(sigwaitinfo(&taken, &info) == SIGRTMIN);
	printf("%d %d %d\n", info.si_code == SI_TIMER, info.si_value.sival_int, info.si_overrun >= 5);
	T(timer_getoverrun(t) == info.si_overrun);
	block(SIG_UNBLOCK, SIGRTMIN);
	until_caught(3);
	T(timer_gettime(t, &old));
	printf("%d\n", (int)old.it_interval.tv_nsec);
	/* An ignored signal doesn't stop the timer. */
	signal(SIGRTMIN, SIG_IGN);
	usleep(2500);
	caught = 0;
	handle(SIGRTMIN, 0);
	until_caught(1);
	set = (struct itimerspec){{0, 0}, {0, 0}};
	T(timer_settime(t, 0, &set, &old));
	printf("%d\n", old.it_value.tv_nsec > 0);
	/* timer_delete discards the pending signal. */
	block(SIG_BLOCK, SIGRTMIN);
	set.it_value.tv_nsec = 1;
	T(timer_settime(t, 0, &set, NULL));
	usleep(2000);
	T(timer_delete(t));
	caught = 0;
	block(SIG_UNBLOCK, SIGRTMIN);
	T(caught);
	/* SIGEV_NONE: no notification; the remaining time counts down. */
	T(make(CLOCK_BOOTTIME, SIGEV_NONE, 0, 0, &t));
	set = (struct itimerspec){{0, 0}, {100, 0}};
	T(timer_settime(t, 0, &set, NULL));
	T(timer_gettime(t, &old));
	printf("%d\n", old.it_value.tv_sec >= 90 && old.it_value.tv_sec < 100);
	T(timer_delete(t));
	/* CPU-time clocks of the process and of the thread. */
	int clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
	for (int i = 0; i < 2; i++) {
		caught = 0;
		T(make(clocks[i], SIGEV_SIGNAL, SIGUSR1, 50 + i, &t));
		set = (struct itimerspec){{0, 0}, {0, 20000000}};
		long long start = now(clocks[i]);
		T(timer_settime(t, 0, &set, NULL));
		burn();
		printf("%d %d %d\n", caught, value, now(clocks[i]) - start >= 19000000);
		T(timer_delete(t));
	}
	/* Without a sigevent: SIGALRM, with the timer ID as its value. */
	handle(SIGALRM, 0);
	caught = 0;
	T(timer_create(CLOCK_MONOTONIC, NULL, &t));
	T(timer_create(CLOCK_MONOTONIC, NULL, &other));
	set = (struct itimerspec){{0, 0}, {0, 1}};
	T(timer_settime(t, 0, &set, NULL));
	until_caught(1);
	printf("%d\n", code == SI_TIMER);
	T(syscall(SYS_timer_delete, 12345));
	T(syscall(SYS_timer_settime, 12345, 0, &set, NULL));
	T(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, NULL));
	fflush(stdout);
	/* fork doesn't copy POSIX timers. */
	if (!fork()) {
		T(timer_gettime(t, &old));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

/* SIGALRM in 1 ms, then every `interval` microseconds unless it is 0. */
static void soon(int interval)
{
	struct itimerval set = {{0, interval}, {0, 1000}};

	caught = 0;
	setitimer(ITIMER_REAL, &set, NULL);
}

/* A call that at least one signal interrupts. */
#define I(call)                                                                                                        \
	do {                                                                                                           \
		soon(2000);                                                                                            \
		T(call);                                                                                               \
		alarm(0);                                                                                              \
	} while (0)

static void interrupted(void)
{
	struct timespec span = {1000, 0}, rest = {0, 0};
	struct timeval tv = {1000, 0};
	struct pollfd p;
	int fd[2], ep = epoll_create1(0);
	sigset_t none, all;
	struct epoll_event event;
	char byte;

	pipe(fd);
	p = (struct pollfd){fd[0], POLLIN, 0};
	sigemptyset(&none);
	sigfillset(&all);
	handle(SIGALRM, SA_RESTART);
	I(nanosleep(&span, &rest));
	printf("%d %d\n", rest.tv_sec >= 900 && rest.tv_sec <= 1000, caught > 0);
	I(clock_nanosleep(CLOCK_REALTIME, 0, &span, &rest));
	span.tv_sec += now(CLOCK_MONOTONIC) / 1000000000;
	rest.tv_sec = 77;
	I(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &span, &rest));
	T(rest.tv_sec);
	I(poll(&p, 1, -1));
	I(poll(&p, 1, 100000));
	span.tv_sec = 1000;
	I(ppoll(&p, 1, &span, NULL));
	I(select(0, NULL, NULL, NULL, &tv));
#if defined(__GLIBC__) && !defined(__USE_TIME64_REDIRECTS)
	printf("%d\n", tv.tv_sec >= 900 && tv.tv_sec <= 1000);
#endif
	I(epoll_wait(ep, &event, 1, -1));
	/* read restarts after the handler. */
	fflush(stdout);
	if (!fork()) {
		usleep(5000);
		write(fd[1], "x", 1);
		_exit(0);
	}
	I(read(fd[0], &byte, 1));
	wait(NULL);
	/* Temporary masks of the waiting calls unblock a signal during the call only. */
	block(SIG_BLOCK, SIGALRM);
	soon(0);
	T(poll(NULL, 0, 5));
	T(caught);
	T(ppoll(NULL, 0, NULL, &none));
	T(caught);
	soon(0);
	T(pselect(0, NULL, NULL, NULL, NULL, &none));
	T(caught);
	soon(0);
	T(epoll_pwait(ep, &event, 1, -1, &none));
	T(caught);
	soon(0);
	usleep(2000);
	span = (struct timespec){0, 1000000};
	T(ppoll(NULL, 0, &span, &all));
	T(caught);
	/* A ready descriptor takes precedence over a pending signal. */
	write(fd[1], "y", 1);
	T(ppoll(&p, 1, NULL, &none));
	T(p.revents);
	printf("%d\n", caught == 0 || caught == 1);
	block(SIG_UNBLOCK, SIGALRM);
	T(caught);
	T(syscall(SYS_ppoll, NULL, 0, NULL, &none, 4));
	close(fd[0]);
	close(fd[1]);
	close(ep);
	/* Stopped and continued without a handler: the calls sleep their whole time. */
	for (int polls = 0; polls < 2; polls++) {
		fflush(stdout);
		pid_t child = fork();
		if (!child) {
			long long start = now(CLOCK_MONOTONIC);
			span = (struct timespec){0, 80000000};
			int failed = polls ? poll(NULL, 0, 80) : nanosleep(&span, &rest);
			_exit(failed || now(CLOCK_MONOTONIC) - start < 80000000);
		}
		int status = 0;
		for (int i = 0; i < 3; i++) {
			usleep(5000);
			kill(child, SIGSTOP);
			waitpid(child, &status, WUNTRACED);
			if (!WIFSTOPPED(status))
				break;
			kill(child, SIGCONT);
		}
		if (!WIFEXITED(status))
			waitpid(child, &status, 0);
		printf("%d %d\n", WIFEXITED(status), WEXITSTATUS(status));
	}
}

static void clocks(void)
{
	clockid_t id;
	struct timespec t;

	T(clock_getcpuclockid(getpid(), &id));
	T(clock_gettime(id, &t));
	T(clock_getcpuclockid(getppid() ? getppid() : 1, &id));
	T(clock_gettime(id, &t));
	T(clock_getcpuclockid(99999, &id) != 0);
	T(clock_settime(CLOCK_MONOTONIC, &t));
	T(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL));
	T(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &t, NULL));
	T(clock_nanosleep(99, 0, &t, NULL));
	t.tv_nsec = -1;
	T(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL));
	struct timex x;
	memset(&x, 0, sizeof x);
	T(adjtimex(&x) >= 0);
	printf("%ld %ld %ld\n", (long)x.tick, (long)x.precision, (long)x.tolerance);
	printf("%d\n", llabs((long long)x.time.tv_sec - now(CLOCK_REALTIME) / 1000000000) <= 1);
	T(clock_adjtime(CLOCK_MONOTONIC, &x));
	T(clock_adjtime(99, &x));
	T(syscall(SYS_adjtimex, NULL));
	/* RLIMIT_CPU. */
	fflush(stdout);
	int status;
	if (!fork()) {
		struct rlimit limit = {1, 1};
		setrlimit(RLIMIT_CPU, &limit);
		caught = 0;
		burn();
		_exit(0);
	}
	wait(&status);
	printf("%d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* The new program's timers: execve keeps setitimer's, and deletes POSIX timers. */
static int after_exec(int id)
{
	struct itimerspec left;
	struct itimerval real;

	T(syscall(SYS_timer_gettime, id, &left));
	T(getitimer(ITIMER_REAL, &real));
	printf("%d\n", real.it_value.tv_sec > 900 && real.it_interval.tv_sec == 7);
	return 0;
}

static void exec(void)
{
	fflush(stdout);
	if (!fork()) {
		struct itimerval set = {{7, 0}, {1000, 0}};
		struct itimerspec left;
		char number[20];
		int id = -1;

		T(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
		T(syscall(SYS_timer_gettime, id, &left));
		setitimer(ITIMER_REAL, &set, NULL);
		sprintf(number, "%d", id);
		execl("/proc/self/exe", "timers", number, NULL);
		_exit(1);
	}
	wait(NULL);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		return after_exec(atoi(argv[1]));
	exec();
	itimers();
	posix();
	interrupted();
	clocks();
	return 0;
}
