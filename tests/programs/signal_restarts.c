/* covers: kernel/src/process/ kernel/src/syscall/ */
/* System calls interrupted by a signal: calls with a temporary signal mask; calls that restart, resume
   with the remaining time, or fail with EINTR. The output is the same on Linux. */
#include "signals.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/time.h>

static void note(int number)
{
	printf("  handler %s, blocks %#llx\n", signal_name(number), (unsigned long long)blocked());
}

static void suspended(void)
{
	sigset_t usr1 = set_of(SIGUSR1, 0, 0), rest = set_of(SIGUSR2, 0, 0);

	handle(SIGUSR1, note, SA_RESTART, NULL);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	printf("sigsuspend: %d", sigsuspend(&rest));
	printf(" %s, blocks %#llx\n", strerror(errno), (unsigned long long)blocked());
	/* An ignored signal doesn't end the call: it restarts with the temporary mask. */
	raise(SIGUSR1);
	raise(SIGWINCH);
	printf("sigsuspend: %d", sigsuspend(&rest));
	printf(" %s, blocks %#llx\n", strerror(errno), (unsigned long long)blocked());
	raise(SIGUSR1);
	struct timespec never = {100, 0};
	printf("ppoll: %d", ppoll(NULL, 0, &never, &rest));
	printf(" %s, blocks %#llx\n", strerror(errno), (unsigned long long)blocked());
	raise(SIGUSR1);
	printf("pselect: %d", pselect(0, NULL, NULL, NULL, &never, &rest));
	printf(" %s, blocks %#llx\n", strerror(errno), (unsigned long long)blocked());
	struct timespec now = {0, 0};
	printf("no wait: %d", ppoll(NULL, 0, &now, &rest));
	printf(", blocks %#llx\n", (unsigned long long)blocked());
}

/* Shared with the child that sends the signals. */
static volatile struct {
	int ticks, done;
} *shared;
static int pipe_ends[2];

/* The second signal satisfies the call's wait. */
static void tick(int number)
{
	(void)number;
	if (++shared->ticks == 2)
		(void)!write(pipe_ends[1], "x", 1);
}

/* A child that sends a signal once its parent sleeps, and another one if it sleeps again. */
static int ticker(int number)
{
	shared->ticks = shared->done = 0;
	int pid = fork();

	if (pid != 0)
		return pid;
	until_asleep(getppid());
	kill(getppid(), number);
	while (shared->ticks == 0)
		usleep(1000);
	until_asleep(getppid());
	if (!shared->done)
		kill(getppid(), number);
	_exit(0);
}

#define INTERRUPTED(flag, call)                                                                                        \
	do {                                                                                                           \
		handle(SIGUSR1, tick, flag, NULL);                                                                     \
		int pid_ = ticker(SIGUSR1);                                                                            \
		errno = 0;                                                                                             \
		long result_ = (long)(call);                                                                           \
		int error_ = errno;                                                                                    \
		shared->done = 1;                                                                                      \
		while (waitpid(pid_, NULL, 0) < 0 && errno == EINTR)                                                   \
			;                                                                                              \
		printf("%s%s: %ld %s, %d\n", flag ? "restart " : "", #call, result_, error_ ? strerror(error_) : "",   \
			shared->ticks);                                                                                \
		fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);                                                              \
		while (read(pipe_ends[0], buffer, 1) > 0)                                                              \
			;                                                                                              \
		fcntl(pipe_ends[0], F_SETFL, 0);                                                                       \
	} while (0)

static void restarts(void)
{
	char buffer[4];
	struct timespec span = {0, 70000000}, rest = {0, 0}, longer = {100, 0};
	fd_set set;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)!pipe(pipe_ends);
	for (int flag = 0; flag <= SA_RESTART; flag += SA_RESTART) {
		struct pollfd fd = {pipe_ends[0], POLLIN, 0};
		struct timeval time = {5, 0};

		INTERRUPTED(flag, read(pipe_ends[0], buffer, 1));
		INTERRUPTED(flag, pause());
		INTERRUPTED(flag, poll(&fd, 1, 5000));
		FD_ZERO(&set);
		FD_SET(pipe_ends[0], &set);
		INTERRUPTED(flag, select(pipe_ends[0] + 1, &set, NULL, NULL, &time));
		INTERRUPTED(flag, nanosleep(&longer, &rest));
		printf("rest: %d\n", rest.tv_sec > 50 && rest.tv_sec <= 100);
		INTERRUPTED(flag, waitpid(-1, NULL, 0) > 0);
	}
	/* Stopped and continued: without a handler each call continues. */
	signal(SIGUSR1, SIG_IGN);
	int pid = fork();
	if (pid == 0) {
		struct pollfd fd = {pipe_ends[0], POLLIN, 0};

		printf("nanosleep: %d\n", nanosleep(&span, NULL));
		printf("poll: %d\n", poll(&fd, 1, 60));
		fd.fd = -1;
		printf("poll without end: %d\n", poll(&fd, 1, 60));
		printf("read: %d\n", (int)read(pipe_ends[0], buffer, 1));
		fflush(stdout);
		_exit(0);
	}
	for (int i = 0; i < 4; i++) {
		usleep(15000);
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, WUNTRACED);
		kill(pid, SIGCONT);
		waitpid(pid, NULL, WCONTINUED);
	}
	usleep(200000);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGCONT);
	waitpid(pid, NULL, WCONTINUED);
	(void)!write(pipe_ends[1], "x", 1);
	print_status("stopped", reap(pid, 5000));
	printf("restart_syscall: %ld", (long)syscall(SYS_restart_syscall));
	printf(" %s\n", strerror(errno));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	IN_A_CHILD(suspended);
	IN_A_CHILD(restarts);
	return 0;
}
