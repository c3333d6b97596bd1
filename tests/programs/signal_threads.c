/* covers: kernel/src/process/ */
/* Signals and threads: which thread takes a signal, per-thread masks and stacks, waits, cancellation,
   and a fatal signal of one thread. The output is the same on Linux. */
#include "signals.h"
#include "spin.h"

#include <pthread.h>
#include <semaphore.h>

static pthread_t threads[3];
static sem_t ready, go;
static volatile int done, spinning;

/* The thread's number; 0 is the thread group leader. */
static __thread int me;
/* Set by the thread's handler; the next signal is sent only after it has returned. */
static __thread volatile int taken;

static void who(int number)
{
	printf("  thread %d takes %s, blocks %#llx\n", me, signal_name(number),
		(unsigned long long)blocked() & 0x7fffffff);
	taken = 1;
}

/* Waits for signals until `done`. */
static void *idle(void *which)
{
	sigset_t none;

	me = (int)(long)which;
	pthread_sigmask(SIG_BLOCK, NULL, &none);
	sem_post(&ready);
	while (!done) {
		usleep(1000);
		if (taken) {
			taken = 0;
			sem_post(&ready);
		}
	}
	return NULL;
}

static void start(int which, void *(*run)(void *))
{
	pthread_create(&threads[which], NULL, run, (void *)(long)which);
	sem_wait(&ready);
}

static void finish(int count)
{
	done = 1;
	for (int i = 1; i <= count; i++)
		pthread_join(threads[i], NULL);
	done = 0;
}

static void wait_ready(void)
{
	while (sem_wait(&ready) < 0)
		;
}

static void directed(void)
{
	sigset_t set = set_of(SIGUSR2, 0, 0);

	sem_init(&ready, 0, 0);
	handle(SIGUSR1, who, 0, NULL);
	handle(SIGUSR2, who, 0, NULL);
	start(1, idle);
	/* The next thread inherits its creator's mask. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	start(2, idle);
	pthread_kill(threads[1], SIGUSR1);
	wait_ready();
	pthread_kill(threads[2], SIGUSR1);
	wait_ready();
	/* To the process: only thread 1 doesn't block the signal. */
	kill(getpid(), SIGUSR2);
	wait_ready();
	/* To a thread that blocks the signal: it stays pending for that thread only. */
	pthread_kill(pthread_self(), SIGUSR2);
	sigset_t pending;
	sigpending(&pending);
	printf("pending here: %d\n", sigismember(&pending, SIGUSR2));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	finish(2);
}

static void *blocks_all(void *which)
{
	sigset_t set;

	me = (int)(long)which;
	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	sem_post(&ready);
	sem_wait(&go);
	sigset_t pending;
	sigpending(&pending);
	printf("seen by thread %d: %d %d\n", me, sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2));
	int number;
	set = set_of(SIGUSR1, SIGUSR2, 0);
	sigwait(&set, &number);
	printf("thread %d waited for %d\n", me, number);
	sigwait(&set, &number);
	printf("thread %d waited for %d\n", me, number);
	sem_post(&ready);
	return NULL;
}

/* Process-directed signals are pending for every thread; thread-directed ones for one thread. */
static void shared_queue(void)
{
	sigset_t set;

	sem_init(&ready, 0, 0);
	sem_init(&go, 0, 0);
	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	start(1, blocks_all);
	kill(getpid(), SIGUSR1);
	pthread_kill(threads[1], SIGUSR2);
	sigset_t pending;
	sigpending(&pending);
	printf("seen by thread 0: %d %d\n", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2));
	sem_post(&go);
	wait_ready();
	pthread_join(threads[1], NULL);
}

static char stacks[3][65536] __attribute__((aligned(16)));

static void *own_stack(void *which)
{
	stack_t stack = {.ss_size = sizeof stacks[0]}, before;

	me = (int)(long)which;
	stack.ss_sp = stacks[me];
	sigaltstack(&stack, &before);
	printf("thread %d had a stack: %d\n", me, before.ss_flags != SS_DISABLE);
	raise(SIGUSR1);
	return NULL;
}

static void on_own_stack(int number)
{
	printf("thread %d is on its own stack: %d\n", me,
		(char *)&number > stacks[me] && (char *)&number < stacks[me] + sizeof stacks[0]);
}

static void alternate_stacks(void)
{
	handle(SIGUSR1, on_own_stack, SA_ONSTACK, NULL);
	own_stack(NULL);
	for (int i = 1; i < 3; i++) {
		pthread_create(&threads[i], NULL, own_stack, (void *)(long)i);
		pthread_join(threads[i], NULL);
	}
}

static void cleanup(void *what)
{
	printf("cleanup of %s\n", (char *)what);
}

static void *sleeps(void *unused)
{
	pthread_cleanup_push(cleanup, "a sleeper");
	sem_post(&ready);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return unused;
}

static void *spins(void *unused)
{
	int old;

	pthread_cleanup_push(cleanup, "a spinner");
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	spin_for_ever(&spinning);
	pthread_cleanup_pop(0);
	return unused;
}

/* pthread_cancel(3) is a signal with a handler that never returns. */
static void cancellation(void)
{
	void *result;

	sem_init(&ready, 0, 0);
	start(1, sleeps);
	pthread_cancel(threads[1]);
	pthread_join(threads[1], &result);
	printf("canceled: %d\n", result == PTHREAD_CANCELED);
	pthread_create(&threads[1], NULL, spins, NULL);
	until_it_spins(&spinning);
	pthread_cancel(threads[1]);
	pthread_join(threads[1], &result);
	printf("canceled: %d\n", result == PTHREAD_CANCELED);
}

/* setuid(3) sends a signal to all threads: each changes its user ID. */
static void *prints_user(void *unused)
{
	sem_post(&ready);
	sem_wait(&go);
	printf("user %d\n", getuid());
	return unused;
}

static void users(void)
{
	sem_init(&ready, 0, 0);
	sem_init(&go, 0, 0);
	start(1, prints_user);
	printf("setuid: %d\n", setuid(65533));
	sem_post(&go);
	pthread_join(threads[1], NULL);
}

static void *faults(void *unused)
{
	*(volatile char *)16 = 1;
	return unused;
}

static void one_faults(void)
{
	sem_init(&ready, 0, 0);
	start(1, idle);
	pthread_create(&threads[2], NULL, faults, NULL);
	for (;;)
		pause();
}

static void *ends_all(void *unused)
{
	kill(getpid(), SIGTERM);
	return unused;
}

static void terminated(void)
{
	sem_init(&ready, 0, 0);
	start(1, idle);
	pthread_create(&threads[2], NULL, ends_all, NULL);
	for (;;)
		pause();
}

/* All threads block the signal; the one that unblocks it first takes it. */
static void *lets_through(void *which)
{
	sigset_t set = set_of(SIGUSR1, 0, 0);

	me = (int)(long)which;
	sem_post(&ready);
	sem_wait(&go);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return NULL;
}

static void later(void)
{
	sigset_t set = set_of(SIGUSR1, 0, 0);

	sem_init(&ready, 0, 0);
	sem_init(&go, 0, 0);
	handle(SIGUSR1, who, 0, NULL);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	start(1, lets_through);
	kill(getpid(), SIGUSR1);
	sem_post(&go);
	pthread_join(threads[1], NULL);
	sigset_t pending;
	sigpending(&pending);
	printf("left: %d\n", sigismember(&pending, SIGUSR1));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	IN_A_CHILD(directed);
	IN_A_CHILD(shared_queue);
	IN_A_CHILD(alternate_stacks);
	IN_A_CHILD(cancellation);
	IN_A_CHILD(users);
	IN_A_CHILD(one_faults);
	IN_A_CHILD(terminated);
	IN_A_CHILD(later);
	return 0;
}
