/* covers: kernel/src/process/ */
/* A fork bomb by a user within RLIMIT_NPROC: other users' processes run normally, and the bomb
   can be killed. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/resource.h>
#include <time.h>

#include "children.h"

enum { LIMIT = 30, USER = 1000, PROGRAMS = 4 };

/* Never ends by itself: each process forks whenever the limit allows it. */
static void explode(int report)
{
	struct rlimit limit = {LIMIT, LIMIT};
	int has_reported = 0;

	if (setrlimit(RLIMIT_NPROC, &limit) || setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		_exit(1);
	for (;;)
		if (fork() < 0 && !has_reported) {
			char is_limit = errno == EAGAIN ? 'y' : 'n';

			has_reported = 1;
			write(report, &is_limit, 1);
		}
}

int main(int count, char **words)
{
	int report[2], run = 0, status;
	char is_limit = 0;
	long before, lost;

	if (count > 1)
		return 7;
	only_as_init();
	pipe(report);
	before = memory_info("MemFree");
	if (fork() == 0)
		explode(report[1]);
	read(report[0], &is_limit, 1);
	printf("fork fails with EAGAIN: %c\n", is_limit);
	for (int i = 0; i < PROGRAMS; i++) {
		int pid = fork();

		if (pid == 0) {
			execl(words[0], words[0], "run", NULL);
			_exit(1);
		}
		run += pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7;
	}
	printf(run == PROGRAMS ? "others run\n" : "only %d of the others run\n", run);
	/* Kills all of that user's processes until none is left, as an administrator would. */
	if (fork() == 0) {
		setresuid(USER, USER, USER);
		while (kill(-1, SIGKILL) == 0)
			;
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	lost = before - memory_info("MemFree");
	printf("the bomb is over, %ld kB are lost\n", lost);
	return is_limit != 'y' || run != PROGRAMS || lost > 1024;
}
