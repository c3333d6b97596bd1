/* covers: kernel/src/process/ */
/* sigtimedwait(2): which signals it takes, by disposition and mask. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "children.h"

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
static int wait_for(int signo, void (*action)(int), int is_blocked, long seconds)
{
	const struct timespec time = {seconds, 10000000};
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

/* Whether a process sleeps, and so takes no signal; false once it has ended. */
static int is_asleep(int pid)
{
	char name[40], comm[200], state = 0;

	snprintf(name, sizeof name, "/proc/%d/stat", pid);
	FILE *file = fopen(name, "r");
	if (!file || fscanf(file, "%*d (%199[^)]) %c", comm, &state) != 2)
		_exit(99);
	fclose(file);
	return state == 'S';
}

/* No time decides: the signal is sent to a sleeping child, which is awake after kill(2) if it takes the signal. */
static void row(int signo, void (*action)(int), int is_blocked)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(wait_for(signo, action, is_blocked, 1000));
	until_asleep(child);
	kill(child, signo);
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (is_asleep(child)) {
			printf("nothing\n");
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return;
		}
		usleep(1000);
	}
	if (WIFSIGNALED(status))
		printf("killed by %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status) < 100)
		printf("takes %d\n", WEXITSTATUS(status));
	else
		printf("%s\n", WEXITSTATUS(status) == 101 ? "interrupted" : "something else");
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (getpid() == 1) {
		mkdir("/proc", 0755);
		mount("none", "/proc", "proc", 0, NULL);
	}
	printf("without a signal: %d\n", wait_for(SIGUSR1, SIG_DFL, 1, 0));
	for (size_t s = 0; s < sizeof signals / sizeof *signals; s++)
		for (size_t a = 0; a < sizeof actions / sizeof *actions; a++)
			for (int is_blocked = 0; is_blocked < 2; is_blocked++) {
				printf("%s, %s, %sblocked: ", signals[s].name, actions[a].name,
					is_blocked ? "" : "not ");
				row(signals[s].signo, actions[a].handler, is_blocked);
			}
	return 0;
}
