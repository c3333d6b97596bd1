/* covers: kernel/src/time/ kernel/src/sched/ */
/* A machine that waits: few interrupts, yet sleeps and timers end on time, and the coarse clocks, the times of files
 * and the load average are right afterwards. Time is counted in instructions. Arguments: interrupts allowed in a
 * second; or "load". */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "random.h"

#define MS 1000000LL
#define TICK (10 * MS)

static int wrong;

static void check(int ok, const char *what, long long found)
{
	if (!ok) {
		printf("WRONG %s: %lld\n", what, found);
		wrong = 1;
	}
}

static long long at(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000 * MS + now.tv_nsec;
}

/* Sleeps for so many ns; returns by how many ns more. */
static long long late(long long span)
{
	struct timespec left = {span / (1000 * MS), span % (1000 * MS)};
	long long start = at(CLOCK_MONOTONIC);

	nanosleep(&left, NULL);
	return at(CLOCK_MONOTONIC) - start - span;
}

static void read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, text, size - 1);

	text[len < 0 ? 0 : len] = 0;
	close(fd);
}

static long long interrupts(void)
{
	char text[4096];

	read_file("/proc/stat", text, sizeof text);
	char *line = strstr(text, "intr ");
	return line ? atoll(line + 5) : -1;
}

static void few_interrupts(int allowed)
{
	for (int seconds = 1; seconds <= 10; seconds += 3) {
		long long before = interrupts(), over = late(seconds * 1000 * MS), taken = interrupts() - before;

		/* Beside the second's: the ticks before the first stop and around the end. */
		check(before >= 0 && taken > 0 && taken <= allowed * seconds + 6, "interrupts", taken);
		check(over >= 0 && over < MS, "ns of a long sleep too many", over);
	}
}

static void sleeps_end_on_time(void)
{
	seed_random(1);
	for (int i = 0; i < 300; i++) {
		long long span = 1 + (long long)(next_random() % (i % 3 ? 60 * MS : 700 * MS));
		long long over = late(span);

		check(over >= 0 && over < MS, "ns of a sleep too many", over);
		long long coarse = at(CLOCK_MONOTONIC_COARSE), fine = at(CLOCK_MONOTONIC);
		check(coarse <= fine && fine - coarse <= TICK + MS, "ns that the coarse clock is behind",
			fine - coarse);
	}
}

static void times_of_files(void)
{
	struct stat status;

	late(500 * MS);
	long long before = at(CLOCK_REALTIME);
	int fd = open("/made", O_CREAT | O_WRONLY, 0600);
	fstat(fd, &status);
	long long behind = before - (status.st_mtim.tv_sec * 1000 * MS + status.st_mtim.tv_nsec);
	check(behind < TICK + MS, "ns that a file's time is behind", behind);
	close(fd);
}

static void a_timer_every(long long period)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct timespec span = {period / (1000 * MS), period % (1000 * MS)};
	struct itimerspec every = {span, span};
	long long start = at(CLOCK_MONOTONIC);

	timerfd_settime(fd, 0, &every, NULL);
	for (int i = 1; i <= 20; i++) {
		uint64_t count = 0;

		read(fd, &count, sizeof count);
		check(count == 1, "expiries at once", (long long)count);
		long long over = at(CLOCK_MONOTONIC) - start - i * period;
		check(over >= 0 && over < MS, "ns of a timer too many", over);
	}
	close(fd);
}

/* The process computes for 20 s, then sleeps for a minute, in which the load average of a minute
 * falls to 1/e. */
static void load(void)
{
	char text[128];

	for (long long end = at(CLOCK_MONOTONIC) + 20000 * MS; at(CLOCK_MONOTONIC) < end;)
		;
	read_file("/proc/loadavg", text, sizeof text);
	double before = atof(text);
	late(60000 * MS);
	read_file("/proc/loadavg", text, sizeof text);
	double after = atof(text);
	check(before > 0.2 && before < 0.5, "hundredths of load", (long long)(before * 100));
	check(after > before * 0.3 && after < before * 0.45, "hundredths of load after a minute",
		(long long)(after * 100));
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "load") == 0) {
		load();
	} else {
		few_interrupts(atoi(argv[1]));
		sleeps_end_on_time();
		times_of_files();
		a_timer_every(30 * MS);
		a_timer_every(210 * MS);
	}
	puts(wrong ? "some WRONG" : "all passed");
	return wrong;
}
