/* For long_objects.c, long_areas.c, long_files.c, long_events.c, long_processes.c: each row of their tables creates
   many objects by many short calls, and then makes one call on all of them. Another process's sleep of 1 ms is at most
   1 ms late. The machine counts time in instructions (-icount); otherwise the figures mean nothing.

   Usage of each: [NAME], for only one call. LATE_US in the environment is the limit in microseconds. */
#ifndef LATE_H
#define LATE_H
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "children.h"

enum {
	PAGE = 4096,
	TABLE = 512 * PAGE,
	/* The maximum of RLIMIT_NOFILE (fs.nr_open). */
	NR_OPEN = 1 << 20,
};

struct call {
	const char *name;
	void (*make)(void), (*call)(void);
};

static inline char *room(unsigned long size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static inline void make_nothing(void) {}

static inline void do_exit(void)
{
	_exit(0);
}

static inline void do_execve(void)
{
	execl("/init", "init", "nothing", NULL);
}

static inline void do_fork(void)
{
	if (fork() == 0)
		_exit(0);
	wait(NULL);
}

/* Reads a whole file of /proc. */
static inline void read_all(const char *name)
{
	static char text[1 << 16];
	int file = open(name, O_RDONLY);

	while (read(file, text, sizeof text) > 0)
		;
	close(file);
}

static long limit_us = 1000;

/* Whether the child has created the objects and makes the call. */
static volatile int *is_called;

static inline long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int is_slow(const struct call *row)
{
	long latest = 0, whole = 0;
	int child, status;

	*is_called = 0;
	child = fork();
	if (child == 0) {
		row->make();
		*is_called = 1;
		row->call();
		_exit(0);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		int before = *is_called;
		long at = now_us();

		usleep(1000);
		at = now_us() - at;
		if (before || *is_called) {
			whole += at;
			if (at - 1000 > latest)
				latest = at - 1000;
		}
	}
	/* The mounts of one row would slow the next ones down. */
	umount2("/big", MNT_DETACH);
	umount2("/watched", MNT_DETACH);
	printf("%s: %ld us long, others up to %ld us late", row->name, whole, latest);
	printf(status ? ", failed with %#x\n" : "\n", status);
	return status || latest > limit_us;
}

static inline int late_main(int count, char **words, const struct call *calls, size_t rows)
{
	struct rlimit open = {NR_OPEN, NR_OPEN}, none = {RLIM_INFINITY, RLIM_INFINITY};
	int slow = 0;

	if (count > 1 && !strcmp(words[1], "nothing"))
		return 0;
	only_as_init();
	if (getenv("LATE_US"))
		limit_us = atol(getenv("LATE_US"));
	setrlimit(RLIMIT_NOFILE, &open);
	setrlimit(RLIMIT_SIGPENDING, &none);
	is_called = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mkdir("/proc", 0755);
	mount("none", "/proc", "proc", 0, NULL);
	for (size_t i = 0; i < rows; i++)
		if (count < 2 || !strcmp(words[1], calls[i].name))
			slow += is_slow(calls + i);
	printf("%d calls are too slow\n", slow);
	return slow > 0;
}
#endif
