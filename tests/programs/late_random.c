/* covers: kernel/src/sched/ kernel/src/vfs/ kernel/src/syscall/ */
/* Another process's sleeps of 1 ms while one reads 64 MB of random numbers: each at most 1 ms late. The machine
   counts time in instructions (-icount); otherwise the figures mean nothing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64 << 20, SLEEPS = 40, LATE_US = 1000 };

static char *area;
static int urandom;

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void from_urandom(void)
{
	(void)!read(urandom, area, SIZE);
}

static void from_getrandom(void)
{
	(void)!getrandom(area, SIZE, 0);
}

/* The reader is still in its first call at the end. */
static int is_late(const char *name, void (*draw)(void))
{
	long latest = 0;
	int status, pid = fork();

	if (pid == 0) {
		draw();
		_exit(0);
	}
	/* Not yet measured: a new process begins with a slice of several ms. */
	usleep(1000);
	for (int i = 0; i < SLEEPS; i++) {
		long at = now_us();

		usleep(1000);
		at = now_us() - at - 1000;
		if (at > latest)
			latest = at;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("%s: others up to %ld us late, cut off %d\n", name, latest, WIFSIGNALED(status));
	return latest > LATE_US || !WIFSIGNALED(status);
}

int main(void)
{
	area = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	urandom = open("/dev/urandom", O_RDONLY);
	setvbuf(stdout, NULL, _IONBF, 0);
	return is_late("urandom", from_urandom) + is_late("getrandom", from_getrandom);
}
