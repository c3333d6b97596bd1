/* covers: kernel/src/process/ */
/* A signal to a process group reaches the children that its members are creating: none escapes SIGKILL
   or a stop, and a handler runs in each process whose parent had not handled the signal before fork(2).
   A thread created in a stopped process is stopped. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"

/* Many areas: fork(2) takes some milliseconds. */
enum { ROUNDS = 40, AREAS = 3000, PAGE = 4096, LIMIT = 60 };

static uint32_t state = 7;
/* The group under test, for the alarm. */
static pid_t group;
/* Shared by all processes; grows while a member of the group runs. */
static volatile uint32_t *steps;
static volatile sig_atomic_t handled;

static uint32_t random_below(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % limit;
}

static void nap(long microseconds)
{
	struct timespec span = {0, microseconds * 1000};

	nanosleep(&span, NULL);
}

static void handle(int signo)
{
	(void)signo;
	handled = 1;
}

static void too_late(int signo)
{
	(void)signo;
	printf("a process is left\n");
	fflush(stdout);
	kill(-group, SIGKILL);
	_exit(1);
}

static void make_areas(void)
{
	char *at = mmap(
		NULL, 2L * AREAS * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (int i = 0; i < AREAS; i++) {
		at[2L * i * PAGE] = 1;
		mprotect(at + (2L * i + 1) * PAGE, PAGE, PROT_READ);
	}
}

/* A group leader that forks until a signal ends it; its children count. */
static void fork_forever(void)
{
	while (fork() != 0) {}
	for (;;) {
		nap(500);
		__atomic_add_fetch(steps, 1, __ATOMIC_RELAXED);
	}
}

/* A group leader that forks one child; each ends once it has handled SIGUSR1. A child whose parent has
   handled the signal before is no target. */
static void fork_once(void)
{
	struct sigaction action = {.sa_handler = handle};
	sigset_t blocked, none;

	sigaction(SIGUSR1, &action, NULL);
	__atomic_add_fetch(steps, 1, __ATOMIC_RELAXED);
	fork();
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	while (!handled)
		sigsuspend(&none);
	_exit(0);
}

/* Starts a group whose leader runs `leader`, and returns after a random time. */
static void start(void (*leader)(void))
{
	*steps = 0;
	group = fork();
	if (group == 0) {
		setpgid(0, 0);
		leader();
	}
	setpgid(group, group);
	nap(random_below(20000));
}

static void reap_all(void)
{
	while (wait(NULL) > 0) {}
}

static void killed(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		start(fork_forever);
		kill(-group, i % 2 ? SIGKILL : SIGTERM);
		reap_all();
	}
}

static void stopped(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t before;

		start(fork_forever);
		kill(-group, SIGSTOP);
		waitid(P_PID, group, &(siginfo_t){0}, WSTOPPED);
		do {
			before = *steps;
			nap(5000);
		} while (*steps != before);
		kill(-group, SIGKILL);
		reap_all();
	}
}

static void handled_once(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		start(fork_once);
		/* The handler is there. */
		while (!*steps)
			nap(1000);
		kill(-group, SIGUSR1);
		reap_all();
	}
}

static int late_thread(void *unused)
{
	(void)unused;
	for (;;) {
		nap(500);
		__atomic_add_fetch(steps, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

/* Stops, and creates a thread once its tracer alone lets it run on. */
static void create_in_stop(void)
{
	static char stack[16384] __attribute__((aligned(16)));

	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	clone(late_thread, stack + sizeof stack,
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL);
	steps[1] = 1;
	for (;;)
		nap(500);
}

/* A thread created in a stopped process is stopped, until SIGCONT. */
static void created_in_stop(void)
{
	steps[1] = 0;
	start(create_in_stop);
	/* The delivery of SIGSTOP, and the stop of the group. */
	for (int i = 0; i < 2; i++) {
		waitpid(group, NULL, 0);
		ptrace(PTRACE_CONT, group, 0, i ? 0 : SIGSTOP);
	}
	while (!steps[1])
		nap(500);
	nap(20000);
	printf("in the stop: %s\n", *steps ? "the thread runs" : "the thread is stopped");
	kill(group, SIGCONT);
	while (!*steps)
		nap(500);
	printf("continued: the thread runs\n");
	kill(group, SIGKILL);
	reap_all();
}

int main(void)
{
	signal(SIGALRM, too_late);
	alarm(LIMIT);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	steps = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_areas();
	PART(killed);
	PART(stopped);
	PART(handled_once);
	PART(created_in_stop);
	return 0;
}
