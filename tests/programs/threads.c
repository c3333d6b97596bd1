/* covers: kernel/src/process/ kernel/src/sched/ */
/* POSIX threads of glibc and musl: shared state, synchronization, and exit. The output is the
   same on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spin.h"
#include "parts.h"

static const char *name_of(int error)
{
	switch (error) {
	case 0: return "0";
	case EPERM: return "EPERM";
	case EBUSY: return "EBUSY";
	case EDEADLK: return "EDEADLK";
	case EINVAL: return "EINVAL";
	case EAGAIN: return "EAGAIN";
	case EINTR: return "EINTR";
	case ETIMEDOUT: return "ETIMEDOUT";
	case EOWNERDEAD: return "EOWNERDEAD";
	case ENOTRECOVERABLE: return "ENOTRECOVERABLE";
	case ESRCH: return "ESRCH";
	case ENOTSUP: return "ENOTSUP";
	default: return "other";
	}
}

#define P(call) printf("%s: %s\n", #call, name_of(call))

static pthread_t start(void *(*run)(void *), void *argument)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, run, argument);

	if (error) {
		printf("pthread_create: %s\n", strerror(error));
		exit(1);
	}
	return thread;
}

static void *join(pthread_t thread)
{
	void *result = "none";
	int error = pthread_join(thread, &result);

	if (error)
		printf("pthread_join: %s\n", strerror(error));
	return result;
}

/* --- Many threads, and per-thread state. */

static __thread long own = 7;
static long sum;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *count(void *argument)
{
	own += (long)argument;
	pthread_mutex_lock(&mutex);
	sum += own;
	pthread_mutex_unlock(&mutex);
	return (void *)own;
}

static void many(void)
{
	long total = 0, i, round;
	pthread_t threads[32];

	for (round = 0; round < 32; round++) {
		for (i = 0; i < 32; i++)
			threads[i] = start(count, (void *)(round * 32 + i));
		for (i = 0; i < 32; i++)
			total += (long)join(threads[i]);
	}
	printf("1024 threads: %ld %ld, own %ld\n", total, sum, own);
}

static void *same_process(void *argument)
{
	int *fds = argument;
	char name[16];

	if (getpid() == *fds && syscall(SYS_gettid) != getpid())
		pthread_setname_np(pthread_self(), "second");
	pthread_getname_np(pthread_self(), name, sizeof name);
	chdir("/proc");
	fds[1] = open("/proc/self/stat", O_RDONLY);
	return strdup(name);
}

static void shared(void)
{
	int data[2] = {getpid(), -1};
	char where[100];
	void *name = join(start(same_process, data));

	printf("thread %s, works in %s, descriptor %s\n", (char *)name, getcwd(where, sizeof where),
		fcntl(data[1], F_GETFD) >= 0 ? "open" : "closed");
	close(data[1]);
	chdir("/");
}

/* --- Mutexes of every kind. */

static pthread_mutex_t make(int type, int robust, int protocol, int shared)
{
	pthread_mutexattr_t a;
	pthread_mutex_t m;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	pthread_mutexattr_setrobust(&a, robust);
	pthread_mutexattr_setprotocol(&a, protocol);
	pthread_mutexattr_setpshared(&a, shared);
	memset(&m, 0, sizeof m);
	pthread_mutex_init(&m, &a);
	return m;
}

static void *lock_and_end(void *m)
{
	return (void *)(long)pthread_mutex_lock(m);
}

static void *try_lock(void *m)
{
	long error = pthread_mutex_trylock(m);

	if (!error)
		pthread_mutex_unlock(m);
	return (void *)error;
}

static void *lock_in_time(void *m)
{
	struct timespec until;
	long error;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 20000000;
	if (until.tv_nsec >= 1000000000)
		until.tv_sec++, until.tv_nsec -= 1000000000;
	error = pthread_mutex_timedlock(m, &until);
	if (!error)
		pthread_mutex_unlock(m);
	return (void *)error;
}

static void *unlock(void *m)
{
	return (void *)(long)pthread_mutex_unlock(m);
}

struct counter {
	pthread_mutex_t mutex;
	long count;
};

static void *add(void *argument)
{
	struct counter *c = argument;

	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&c->mutex);
		long old = c->count;
		if (i % 97 == 0)
			sched_yield();
		c->count = old + 1;
		pthread_mutex_unlock(&c->mutex);
	}
	return NULL;
}

static void kind(const char *name, int type, int robust, int protocol, int shared)
{
	static struct counter c;
	pthread_t threads[4];
	int i;

	memset(&c, 0, sizeof c);
	c.mutex = make(type, robust, protocol, shared);
	for (i = 0; i < 4; i++)
		threads[i] = start(add, &c);
	for (i = 0; i < 4; i++)
		join(threads[i]);
	printf("%s: %ld", name, c.count);
	pthread_mutex_lock(&c.mutex);
	printf(", try %s", name_of(pthread_mutex_trylock(&c.mutex)));
	if (type != PTHREAD_MUTEX_NORMAL)
		printf(", again %s", name_of(pthread_mutex_lock(&c.mutex)));
	printf(", other %s", name_of((long)join(start(try_lock, &c.mutex))));
	printf(", in time %s", name_of((long)join(start(lock_in_time, &c.mutex))));
	if (type != PTHREAD_MUTEX_NORMAL)
		printf(", unlock by other %s", name_of((long)join(start(unlock, &c.mutex))));
	while (pthread_mutex_unlock(&c.mutex) == 0 && type != PTHREAD_MUTEX_NORMAL)
		;
	printf(", free %s", name_of((long)join(start(try_lock, &c.mutex))));
	if (robust) {
		printf(", owner exits %s", name_of((long)join(start(lock_and_end, &c.mutex))));
		printf(", then %s", name_of(pthread_mutex_lock(&c.mutex)));
		printf(", consistent %s", name_of(pthread_mutex_consistent(&c.mutex)));
		printf(", unlock %s", name_of(pthread_mutex_unlock(&c.mutex)));
		printf(", owner exits %s", name_of((long)join(start(lock_and_end, &c.mutex))));
		printf(", then %s", name_of(pthread_mutex_lock(&c.mutex)));
		printf(", unlock %s", name_of(pthread_mutex_unlock(&c.mutex)));
		printf(", lost %s", name_of(pthread_mutex_lock(&c.mutex)));
	}
	printf("\n");
}

static void kinds(void)
{
	static const struct {
		const char *name;
		int value;
	} types[] = {
		{"normal", PTHREAD_MUTEX_NORMAL},
		{"recursive", PTHREAD_MUTEX_RECURSIVE},
		{"errorcheck", PTHREAD_MUTEX_ERRORCHECK},
	};
	char name[100];

	for (int t = 0; t < 3; t++)
		for (int robust = 0; robust < 2; robust++)
			for (int pi = 0; pi < 2; pi++)
				for (int shared = 0; shared < 2; shared++) {
					sprintf(name, "%s%s%s%s", types[t].name, robust ? " robust" : "",
						pi ? " pi" : "", shared ? " shared" : "");
					kind(name, types[t].value,
						robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED,
						pi ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE, shared);
				}
}

/* A thread that waits for a mutex whose owner exits. */
static void *wait_for(void *m)
{
	return (void *)(long)pthread_mutex_lock(m);
}
static pthread_mutex_t held;
static sem_t has_it, may_end;

static void *hold(void *unused)
{
	pthread_mutex_lock(&held);
	sem_post(&has_it);
	sem_wait(&may_end);
	return unused;
}

static void inherit(void)
{
	sem_init(&has_it, 0, 0);
	sem_init(&may_end, 0, 0);
	for (int pi = 0; pi < 2; pi++) {
		pthread_t holder, waiter;

		held = make(
			PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, pi ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE, 0);
		holder = start(hold, NULL);
		sem_wait(&has_it);
		waiter = start(wait_for, &held);
		usleep(20000);
		sem_post(&may_end);
		join(holder);
		printf("waiter of a dead owner, pi %d: %s\n", pi, name_of((long)join(waiter)));
	}
}

/* --- Conditions, barriers, read-write locks, semaphores. */

static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn, rounds;

static void *take_turns(void *argument)
{
	int me = (long)argument;

	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&mutex);
		while (turn != me)
			pthread_cond_wait(&condition, &mutex);
		turn = (turn + 1) % 5;
		rounds++;
		pthread_cond_broadcast(&condition);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static pthread_barrier_t barrier;
static int stage[8], mixed, serial;

static void *stages(void *argument)
{
	int me = (long)argument;

	for (int i = 0; i < 100; i++) {
		stage[me] = i;
		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			__sync_fetch_and_add(&serial, 1);
		for (int j = 0; j < 8; j++)
			if (stage[j] != i)
				__sync_fetch_and_add(&mixed, 1);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static long left, right, torn;

static void *read_or_write(void *argument)
{
	for (int i = 0; i < 400; i++)
		if ((i + (long)argument) % 5 == 0) {
			pthread_rwlock_wrlock(&rwlock);
			left++;
			if (i % 25 == 0)
				sched_yield();
			right++;
			pthread_rwlock_unlock(&rwlock);
		} else {
			pthread_rwlock_rdlock(&rwlock);
			if (left != right)
				__sync_fetch_and_add(&torn, 1);
			pthread_rwlock_unlock(&rwlock);
		}
	return NULL;
}

static sem_t items, room;
static int ring[4];
static long taken;

static void *produce(void *argument)
{
	for (int i = 1; i <= 1000; i++) {
		sem_wait(&room);
		ring[i % 4] = i;
		sem_post(&items);
	}
	return argument;
}

static void *consume(void *argument)
{
	for (int i = 1; i <= 1000; i++) {
		sem_wait(&items);
		taken += ring[i % 4];
		sem_post(&room);
	}
	return argument;
}

static void together(void *(*run)(void *), int count)
{
	pthread_t threads[16];

	for (long i = 0; i < count; i++)
		threads[i] = start(run, (void *)i);
	for (long i = 0; i < count; i++)
		join(threads[i]);
}

static void waits(void)
{
	struct timespec past = {1, 0}, until;
	pthread_t threads[2];

	together(take_turns, 5);
	printf("turns: %d\n", rounds);
	pthread_barrier_init(&barrier, NULL, 8);
	together(stages, 8);
	printf("barrier: %d mixed, %d serial\n", mixed, serial);
	together(read_or_write, 8);
	printf("rwlock: %ld %ld, %ld torn\n", left, right, torn);
	sem_init(&items, 0, 0);
	sem_init(&room, 0, 4);
	threads[0] = start(produce, NULL);
	threads[1] = start(consume, NULL);
	join(threads[0]);
	join(threads[1]);
	printf("semaphores: %ld\n", taken);
	pthread_mutex_lock(&mutex);
	P(pthread_cond_timedwait(&condition, &mutex, &past));
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += until.tv_nsec >= 980000000;
	until.tv_nsec = (until.tv_nsec + 20000000) % 1000000000;
	P(pthread_cond_timedwait(&condition, &mutex, &until));
	pthread_mutex_unlock(&mutex);
	printf("sem_timedwait: %d %s\n", sem_timedwait(&items, &past), name_of(errno));
	printf("sem_trywait: %d %s\n", sem_trywait(&items), name_of(errno));
	pthread_rwlock_rdlock(&rwlock);
	P(pthread_rwlock_timedwrlock(&rwlock, &past));
	P(pthread_rwlock_tryrdlock(&rwlock));
}

/* --- Objects shared by two processes. */

struct both {
	struct counter plain, robust;
	sem_t ping, pong;
	pthread_cond_t condition;
	pthread_barrier_t barrier;
	int ready;
};

static void processes(void)
{
	struct both *b = mmap(0, sizeof *b, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_condattr_t ca;
	pthread_barrierattr_t ba;
	int i, status, pid;

	pthread_condattr_init(&ca);
	pthread_condattr_setpshared(&ca, 1);
	pthread_barrierattr_init(&ba);
	pthread_barrierattr_setpshared(&ba, 1);
	b->plain.mutex = make(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, 1);
	b->robust.mutex = make(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT, 1);
	pthread_cond_init(&b->condition, &ca);
	pthread_barrier_init(&b->barrier, &ba, 2);
	sem_init(&b->ping, 1, 0);
	sem_init(&b->pong, 1, 0);
	pid = fork();
	add(&b->plain);
	add(&b->robust);
	for (i = 0; i < 200; i++)
		if (pid)
			sem_post(&b->ping), sem_wait(&b->pong);
		else
			sem_wait(&b->ping), sem_post(&b->pong);
	for (i = 0; i < 50; i++)
		pthread_barrier_wait(&b->barrier);
	if (pid == 0) {
		pthread_mutex_lock(&b->plain.mutex);
		b->ready = 1;
		pthread_cond_signal(&b->condition);
		pthread_mutex_unlock(&b->plain.mutex);
		/* Killed with the lock held. */
		pthread_mutex_lock(&b->robust.mutex);
		sem_post(&b->ping);
		usleep(20000);
		kill(getpid(), SIGKILL);
	}
	pthread_mutex_lock(&b->plain.mutex);
	while (!b->ready)
		pthread_cond_wait(&b->condition, &b->plain.mutex);
	pthread_mutex_unlock(&b->plain.mutex);
	sem_wait(&b->ping);
	printf("from a killed process: %s\n", name_of(pthread_mutex_lock(&b->robust.mutex)));
	waitpid(pid, &status, 0);
	printf("two processes: %ld %ld, signal %d\n", b->plain.count, b->robust.count, WTERMSIG(status));
}

/* --- Cancellation and exit. */

static pthread_key_t key;
static int cleaned, destroyed;
static volatile int spinning;

static void destroy(void *value)
{
	destroyed += (long)value;
}
static void clean(void *value)
{
	cleaned += (long)value;
}

static void *cancelled(void *argument)
{
	pthread_setspecific(key, (void *)3);
	pthread_cleanup_push(clean, (void *)5);
	if (argument) {
		sem_post(&has_it);
		for (;;)
			pause();
	}
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	spin_for_ever(&spinning);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *detached(void *argument)
{
	sem_post(argument);
	return NULL;
}

static void *leave(void *argument)
{
	pthread_setspecific(key, argument);
	pthread_exit((void *)17);
}

static void ends(void)
{
	pthread_t thread;
	sem_t done;

	pthread_key_create(&key, destroy);
	printf("pthread_exit: %ld,", (long)join(start(leave, (void *)4)));
	printf(" destroyed %d\n", destroyed);
	for (long sleeps = 0; sleeps < 2; sleeps++) {
		thread = start(cancelled, (void *)sleeps);
		if (sleeps)
			sem_wait(&has_it);
		else
			until_it_spins(&spinning);
		P(pthread_cancel(thread));
		printf("cancelled: %d,", join(thread) == PTHREAD_CANCELED);
		printf(" cleaned %d, destroyed %d\n", cleaned, destroyed);
	}
	sem_init(&done, 0, 0);
	for (int i = 0; i < 20; i++) {
		pthread_detach(start(detached, &done));
		sem_wait(&done);
	}
	printf("detached\n");
}

static int outcome(void (*run)(void))
{
	int status, pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		run();
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void *exit_group(void *argument)
{
	usleep(10000), _exit(3);
	return argument;
}
static void *crash(void *argument)
{
	usleep(10000), raise(SIGSEGV);
	return argument;
}
static void *last(void *argument)
{
	usleep(20000);
	/* The thread group leader is a zombie; the process still exists. */
	printf("main is gone: %d %s\n", getpid() != syscall(SYS_gettid), getppid() > 0 ? "child" : "");
	fflush(stdout);
	_exit(4);
	return argument;
}
static void *start_another(void *argument)
{
	usleep(10000);
	execl("/proc/self/exe", "threads", "again", argument, NULL);
	return NULL;
}
static void *forever(void *argument)
{
	for (;;)
		pause();
	return argument;
}
static void *spin(void *argument)
{
	for (;;)
		;
	return argument;
}
static void *fork_here(void *argument)
{
	int status, pid = fork();

	if (pid == 0)
		/* The child's only thread is its thread group leader. */
		_exit(syscall(SYS_gettid) == getpid() ? (long)join(start(count, (void *)1)) : 50);
	waitpid(pid, &status, 0);
	*(int *)argument = WEXITSTATUS(status);
	return NULL;
}

static void by_thread(void)
{
	start(spin, NULL), start(forever, NULL), start(exit_group, NULL);
	for (;;)
		pause();
}
static void by_signal(void)
{
	start(spin, NULL), start(crash, NULL);
	for (;;)
		pause();
}
static void by_last(void)
{
	start(last, NULL);
	pthread_exit(NULL);
}
static void by_main(void)
{
	start(spin, NULL), start(forever, NULL);
	usleep(10000), _exit(5);
}
static void by_exec(void)
{
	static char text[20];

	sprintf(text, "%d", getpid());
	start(spin, NULL), start(forever, NULL), start(start_another, text);
	for (;;)
		pause();
}
#ifdef __GLIBC__
static void all_leave(void)
{
	start(count, (void *)0);
	pthread_exit(NULL);
}
#endif

static void groups(void)
{
	int answer = 0;

	printf("exit_group by a thread: %x\n", outcome(by_thread));
	printf("signal in a thread: %x\n", outcome(by_signal) & 0x7f);
	printf("last thread: %x\n", outcome(by_last));
	printf("first thread: %x\n", outcome(by_main));
	printf("exec by a thread: %x\n", outcome(by_exec));
#ifdef __GLIBC__
	/* musl's own exit hangs here, on Linux too. */
	printf("all leave: %x\n", outcome(all_leave));
#endif
	join(start(fork_here, &answer));
	printf("fork by a thread: %d\n", answer);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, 0, _IOFBF, 1 << 14);
	if (argc > 2) {
		printf("again: same process %d, one thread %d\n", atoi(argv[2]) == getpid(),
			syscall(SYS_gettid) == getpid());
		fflush(stdout);
		return 6;
	}
	PART(many);
	PART(shared);
	PART(kinds);
	PART(inherit);
	PART(waits);
	PART(processes);
	PART(ends);
	PART(groups);
	return 0;
}
