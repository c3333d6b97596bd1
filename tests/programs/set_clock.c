/* covers: kernel/src/time/ kernel/src/vfs/ */
/* Absolute waits on CLOCK_REALTIME and CLOCK_TAI while the clock is set. That would change the
   host's clock: the program runs only as init, and checks the results itself. */
#include "children.h"
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>

static volatile sig_atomic_t caught;

static void count(int signo)
{
	caught++;
}

static void check(const char *what, int is_right)
{
	printf("%s: %s\n", what, is_right ? "right" : "WRONG");
}

static time_t date(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

static void set_date(time_t seconds)
{
	struct timespec to = {seconds, 0};

	if (clock_settime(CLOCK_REALTIME, &to))
		perror("clock_settime");
}

/* A child that sleeps on a clock; it exits with clock_nanosleep's result. */
static int sleeper(int clock, int flags, time_t until)
{
	struct timespec t = {until, 0};
	int pid = fork();

	if (pid == 0)
		_exit(clock_nanosleep(clock, flags, &t, NULL));
	/* Gives the child time to fall asleep. */
	usleep(3000);
	return pid;
}

int main(void)
{
	struct itimerspec at = {{0, 0}, {0, 0}};
	int status, by_date, by_tai, by_uptime, span;
	uint64_t times;
	timer_t timer;

	only_as_init();
	time_t now = date();
	by_date = sleeper(CLOCK_REALTIME, TIMER_ABSTIME, now + 1000);
	by_tai = sleeper(CLOCK_TAI, TIMER_ABSTIME, now + 1000);
	by_uptime = sleeper(CLOCK_MONOTONIC, TIMER_ABSTIME, 1000);
	span = sleeper(CLOCK_REALTIME, 0, 1000);
	signal(SIGALRM, count);
	timer_create(CLOCK_REALTIME, NULL, &timer);
	at.it_value.tv_sec = now + 1000;
	timer_settime(timer, TIMER_ABSTIME, &at, NULL);
	int cancelled = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	int plain = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	timerfd_settime(cancelled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
	timerfd_settime(plain, TFD_TIMER_ABSTIME, &at, NULL);
	struct pollfd both[2] = {{cancelled, POLLIN, 0}, {plain, POLLIN, 0}};
	/* Before the timers' time. */
	set_date(now + 500);
	check("a date sooner", waitpid(by_date, &status, WNOHANG) == 0 && caught == 0);
	check("poll", poll(both, 2, -1) == 1 && both[0].revents == POLLIN);
	check("cancelled", read(cancelled, &times, 8) == -1 && errno == ECANCELED);
	check("once", read(cancelled, &times, 8) == -1 && errno == EAGAIN);
	set_date(now + 400);
	check("cancelled again",
		timerfd_settime(cancelled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) == -1 &&
			errno == ECANCELED);
	/* After the timers' time. */
	set_date(now + 1001);
	check("by date", waitpid(by_date, &status, 0) == by_date && status == 0);
	check("by TAI", waitpid(by_tai, &status, 0) == by_tai && status == 0);
	while (!caught)
		usleep(1000);
	check("timer", caught == 1);
	check("timerfd", poll(both + 1, 1, -1) == 1 && read(plain, &times, 8) == 8 && times == 1);
	check("others", waitpid(by_uptime, &status, WNOHANG) == 0 && waitpid(span, &status, WNOHANG) == 0);
	/* The clock is set back during a sleep: the sleep continues. */
	by_date = sleeper(CLOCK_REALTIME, TIMER_ABSTIME, now + 1003);
	set_date(now);
	sleep(3);
	check("set back", waitpid(by_date, &status, WNOHANG) == 0);
	for (int pid = 1; pid < 4; pid++)
		kill(pid == 1 ? by_date : pid == 2 ? by_uptime : span, SIGKILL);
	while (wait(NULL) > 0)
		;
	printf("the end\n");
	return 0;
}
