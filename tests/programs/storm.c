/* covers: kernel/src/process/ kernel/src/sched/ kernel/src/sync/ */
/* Processes and threads that start, stop, trace and kill each other and call execve at random, until
   init kills them all; nothing may leak.

   Usage, as init: storm ROUNDS SEED */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 6, STEPS = 60, STACK = 32768, TOLERATED_KB = 256 };

static char *self;

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void nap(uint32_t microseconds)
{
	struct timespec span = {0, microseconds * 1000L};

	syscall(SYS_nanosleep, &span, NULL);
}

static void handler(int signo)
{
	(void)signo;
}

/* The ID of another process, probably: process IDs are allocated in sequence. */
static pid_t random_process(uint32_t *state)
{
	return syscall(SYS_getpid) - 12 + (int)(next(state) % 24);
}

static const int SIGNALS[] = {SIGSTOP, SIGCONT, SIGUSR1, SIGUSR1, SIGTERM, SIGKILL, SIGSEGV, SIGTSTP, SIGCHLD, 0};

static void disturb(uint32_t *state)
{
	pid_t pid = random_process(state);

	if (pid > 1)
		kill(pid, SIGNALS[next(state) % 10]);
}

static void trace_a_process(uint32_t *state)
{
	pid_t pid = random_process(state);
	int seize = next(state) & 1, status;

	if (pid <= 1 || syscall(SYS_ptrace, seize ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0,
				seize && next(state) & 1 ? 0x10007f : 0))
		return;
	if (seize)
		syscall(SYS_ptrace, PTRACE_INTERRUPT, pid, 0, 0);
	for (int i = 0; i < 12; i++) {
		static const int HOW[] = {PTRACE_CONT, PTRACE_SYSCALL, PTRACE_SINGLESTEP, 31, PTRACE_LISTEN,
			PTRACE_DETACH, PTRACE_KILL, PTRACE_INTERRUPT};
		pid_t got = syscall(SYS_wait4, -1, &status, __WALL | WNOHANG, NULL);
		unsigned long registers[32];

		if (got <= 0) {
			nap(500);
			continue;
		}
		syscall(SYS_ptrace, PTRACE_GETREGS, got, 0, registers);
		if (next(state) % 8 == 0)
			syscall(SYS_ptrace, PTRACE_SETREGS, got, 0, registers);
		syscall(SYS_ptrace, HOW[next(state) % 8], got, 0, next(state) & 1 ? WSTOPSIG(status) & 0x3f : 0);
	}
}

static void work(uint32_t seed, int depth);

struct start {
	uint32_t seed;
	int depth;
};

static int thread(void *argument)
{
	struct start *start = argument;

	work(start->seed, start->depth);
	syscall(SYS_exit, 0);
	return 0;
}

static void start_thread(uint32_t *state, int depth)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct start *start = (struct start *)stack;

	if (stack == MAP_FAILED)
		return;
	*start = (struct start){next(state), depth + 1};
	clone(thread, stack + STACK, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		start);
}

static void run_again(uint32_t *state, int depth)
{
	char seed[16], level[16];

	snprintf(seed, sizeof seed, "%u", next(state) | 1);
	snprintf(level, sizeof level, "%d", depth + 1);
	execl(self, self, "worker", seed, level, NULL);
}

static void pass_descriptors(void)
{
	int pair[2];
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec vector = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), pair, sizeof(int));
	sendmsg(pair[0], &message, MSG_DONTWAIT);
	close(pair[0]);
	close(pair[1]);
}

static void step(uint32_t *state, int depth)
{
	int status, ends[2];
	static volatile int word;

	switch (next(state) % 16) {
	case 0:
	case 1:
		if (depth < 3 && fork() == 0) {
			work(next(state), depth + 1);
			_exit(0);
		}
		break;
	case 2:
		if (depth < 3 && vfork() == 0) {
			execl(self, self, "exit", NULL);
			_exit(1);
		}
		break;
	case 3:
	case 4:
		if (depth < 3)
			start_thread(state, depth);
		break;
	case 5:
	case 6: disturb(state); break;
	case 7: trace_a_process(state); break;
	case 8:
		if (depth < 4 && next(state) % 4 == 0)
			run_again(state, depth);
		break;
	case 9:
		if (next(state) % 8 == 0)
			syscall(SYS_exit_group, 3);
		break;
	case 10:
		while (syscall(SYS_wait4, -1, &status, WNOHANG | WUNTRACED | WCONTINUED, NULL) > 0) {}
		break;
	case 11: {
		char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory != MAP_FAILED) {
			memset(memory, 1, 65536);
			if (next(state) & 1)
				munmap(memory, 1 << 20);
		}
		break;
	}
	case 12:
		if (pipe(ends) == 0) {
			struct pollfd poll_ends = {ends[0], POLLIN, 0};

			fcntl(ends[1], F_SETFL, O_NONBLOCK);
			(void)!write(ends[1], self, 5);
			syscall(SYS_poll, &poll_ends, 1, next(state) % 3);
			close(ends[0]);
			close(ends[1]);
		}
		break;
	case 13: {
		struct timespec span = {0, 1000000};
		struct itimerval interval = {{0, 0}, {0, 1000 + next(state) % 3000}};

		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &span, NULL, 0);
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		setitimer(ITIMER_REAL, &interval, NULL);
		break;
	}
	case 14:
		pass_descriptors();
		if (next(state) % 4 == 0)
			setpgid(0, 0);
		break;
	default: nap(next(state) % 2000);
	}
}

static void work(uint32_t seed, int depth)
{
	uint32_t state = seed | 1;
	int steps = STEPS >> depth;

	while (steps-- > 0)
		step(&state, depth);
}

static void worker(uint32_t seed, int depth)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = seed & 2 ? SA_RESTART : 0};

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	work(seed, depth);
	_exit(0);
}

static void kill_all(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR) {}
}

static void run_round(uint32_t *state)
{
	for (int i = 0; i < WORKERS; i++) {
		uint32_t seed = next(state);

		if (fork() == 0)
			worker(seed, 0);
	}
	for (int i = 0; i < 40; i++) {
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0) {}
		nap(2000);
	}
	kill_all();
}

static long free_kb(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return (long)(info.freeram / 1024 * info.mem_unit);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1 && !strcmp(argv[1], "exit"))
		return 0;
	if (argc > 3 && !strcmp(argv[1], "worker"))
		worker(strtoul(argv[2], NULL, 10), atoi(argv[3]));
	if (getpid() != 1 || argc < 3) {
		fputs("storm kills all processes of the machine: run it as init\n", stderr);
		return 2;
	}
	int rounds = atoi(argv[1]);
	uint32_t state = strtoul(argv[2], NULL, 10) | 1;

	for (int i = 0; i < 3; i++)
		run_round(&state);
	long before = free_kb();

	for (int i = 0; i < rounds; i++)
		run_round(&state);
	long lost = before - free_kb();

	printf("%d rounds, %s\n", rounds, lost > TOLERATED_KB ? "memory is lost" : "nothing is lost");
	if (lost > TOLERATED_KB)
		printf("%ld kB\n", lost);
	return lost > TOLERATED_KB;
}
