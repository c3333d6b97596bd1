/* covers: kernel/src/process/ kernel/src/mm/ */
/* Processes that call execve in a loop with the largest argument lists, on a machine with too
   little memory for all of them; they are killed in the middle of the call. Afterwards a
   program must start with its arguments intact.

   Usage: exec_storm ROUNDS */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 24, STRING = 128 * 1024, WORDS = 46 };

static char text[STRING];

static void exec_self(const char *first, char **argv)
{
	argv[0] = (char *)first;
	execve("/proc/self/exe", argv, (char *[]){NULL});
}

int main(int argc, char **argv)
{
	static char *words[WORDS + 2];
	memset(text, 'x', STRING - 1);
	for (int i = 1; i <= WORDS; i++)
		words[i] = text;
	if (strcmp(argv[0], "storm") == 0) {
		/* Loops until execve fails or the process is killed. */
		exec_self("storm", words);
		_exit(errno == ENOMEM ? 0 : 1);
	}
	if (strcmp(argv[0], "last") == 0) {
		int whole = argc == WORDS + 1;
		for (int i = 1; i < argc; i++)
			whole &= strlen(argv[i]) == STRING - 1 && argv[i][0] == 'x' && argv[i][STRING - 2] == 'x';
		printf("the last one: %d arguments, whole %d\n", argc, whole);
		return !whole;
	}
	struct rlimit stack = {64 << 20, 64 << 20};
	setrlimit(RLIMIT_STACK, &stack);
	for (int round = argc > 1 ? atoi(argv[1]) : 3; round > 0; round--) {
		pid_t storm[PROCESSES];
		for (int i = 0; i < PROCESSES; i++) {
			storm[i] = fork();
			if (storm[i] == 0) {
				exec_self("storm", words);
				_exit(0);
			}
		}
		nanosleep(&(struct timespec){0, 300000000}, NULL);
		for (int i = 0; i < PROCESSES; i++)
			if (storm[i] > 0)
				kill(storm[i], SIGKILL);
		while (wait(NULL) > 0)
			;
	}
	pid_t last = fork();
	if (last == 0) {
		exec_self("last", words);
		_exit(9);
	}
	int status;
	waitpid(last, &status, 0);
	printf("status %d\n", status);
	return status != 0;
}
