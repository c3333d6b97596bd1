/* covers: kernel/src/process/ */
/* A program for debuggers: two children, a watched variable, and a signal. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int watched;

__attribute__((noinline)) int children(int count)
{
	for (int i = 0; i < count; i++) {
		if (fork() == 0)
			_exit(i);
		wait(NULL);
		watched += i;
	}
	return count;
}

__attribute__((noinline)) int ending(int code)
{
	watched = 7;
	raise(SIGUSR1);
	return code + watched;
}

static void handler(int signo)
{
	printf("signal %d\n", signo);
}

int main(void)
{
	signal(SIGUSR1, handler);
	printf("%d children\n", children(2));
	fflush(stdout);
	return ending(3);
}
