/* Child processes that may hang: waits with a time limit, then a kill. */
#ifndef CHILDREN_H
#define CHILDREN_H
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_BE_KILLED = -1 };

/* Waits for a child for about `milliseconds`; false if it hasn't exited by then. */
static inline int ends_within(int pid, int milliseconds, int *status)
{
	for (int i = 0; i < 20; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return 1;
		sched_yield();
	}
	for (int i = 0; i < milliseconds; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return 1;
		usleep(1000);
	}
	return 0;
}

/* The child's wait status; the child is killed after the time limit. */
static inline int reap(int pid, int milliseconds)
{
	int status;

	if (ends_within(pid, milliseconds, &status))
		return status;
	kill(pid, SIGKILL);
	return ends_within(pid, 3000, &status) ? status : CANNOT_BE_KILLED;
}

/* Waits for a child, and prints how it ended unless it exited with 0. */
static inline void tell_bad_end(int child)
{
	int status;

	waitpid(child, &status, 0);
	if (status)
		printf("status %#x\n", status);
}

/* Runs this program again as a child, with one argument. */
static inline void run_again(char **argv, char *argument)
{
	fflush(stdout);

	int child = fork();

	if (child == 0) {
		execv(argv[0], (char *[]){argv[0], argument, NULL});
		_exit(1);
	}
	waitpid(child, NULL, 0);
}

/* Returns once a process sleeps. The tested call must be its only one that blocks. */
static inline void until_asleep(int pid)
{
	char name[40], line[200], state = 0;

	snprintf(name, sizeof name, "/proc/%d/stat", pid);
	while (state != 'S') {
		FILE *file = fopen(name, "r");

		if (!file || fscanf(file, "%*d (%199[^)]) %c", line, &state) != 2)
			_exit(99);
		fclose(file);
		if (state != 'S')
			usleep(1000);
	}
}

/* A number of /proc/meminfo, in kB. */
static inline long memory_info(const char *name)
{
	char line[200];
	long value = -1;
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name) + 1);
	if (file)
		fclose(file);
	return value;
}

/* Exits unless this process is init: the program would harm other processes of a machine. */
static inline void only_as_init(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (getpid() != 1) {
		fprintf(stderr, "this runs as the first process of a machine only\n");
		exit(1);
	}
}
#endif
