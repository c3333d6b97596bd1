/* covers: kernel/src/process/ */
/* sigtimedwait(2): which signals it takes, by disposition and mask. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void handler(int signo)
{
	(void)signo;
}

static const struct {
	int signo;
	const char *name;
} signals[] = {{SIGUSR1, "SIGUSR1"}, {SIGALRM, "SIGALRM"}, {SIGPIPE, "SIGPIPE"}, {SIGABRT, "SIGABRT"},
	{SIGCHLD, "SIGCHLD"}, {SIGWINCH, "SIGWINCH"}, {SIGCONT, "SIGCONT"}, {45, "45"}};

static const struct {
	void (*handler)(int);
	const char *name;
} actions[] = {{SIG_DFL, "default"}, {SIG_IGN, "ignored"}, {handler, "handled"}};

/* Returns 1 to 64: the signal; 100: timeout; 101: interrupted; 102: another error. */
static int wait_for(int signo, void (*action)(int), int is_blocked)
{
	const struct timespec time = {0, 200000000};
	sigset_t set;

	signal(signo, action);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(is_blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
	int taken = sigtimedwait(&set, NULL, &time);
	if (taken > 0)
		return taken;
	return errno == EAGAIN ? 100 : errno == EINTR ? 101 : 102;
}

static void row(int signo, void (*action)(int), int is_blocked)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(wait_for(signo, action, is_blocked));
	usleep(50000);
	kill(child, signo);
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("killed by %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status) < 100)
		printf("takes %d\n", WEXITSTATUS(status));
	else
		printf("%s\n", WEXITSTATUS(status) == 100 ? "nothing" : "interrupted");
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t s = 0; s < sizeof signals / sizeof *signals; s++)
		for (size_t a = 0; a < sizeof actions / sizeof *actions; a++)
			for (int is_blocked = 0; is_blocked < 2; is_blocked++) {
				printf("%s, %s, %sblocked: ", signals[s].name, actions[a].name,
					is_blocked ? "" : "not ");
				row(signals[s].signo, actions[a].handler, is_blocked);
			}
	return 0;
}
