/* covers: kernel/src/sched/ */
/* Wake-up preemption on one CPU, for each way to wake a thread: whether the waker continues or the
   woken thread runs. The waker records a lower-case letter before the call that wakes and a capital
   after it: m and M for main, t and T for the thread. A sleep of 40 ms makes a thread a long sleeper,
   20 ms of computation a long runner. The report is printed at the end, as printing takes time. */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char text[256];
static volatile int length;

static void record(char letter)
{
	text[length++] = letter;
}

/* One object of each kind for the thread, and one for main. */
static int word[2], pipes[2][2], sockets[2][2], events[2], flag[2];
static sem_t semaphores[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t conditions[2] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
static pthread_t threads[2];

static void futex_wait(int who)
{
	while (!__atomic_exchange_n(&word[who], 0, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &word[who], FUTEX_WAIT, 0, 0);
}

static void futex_wake(int who)
{
	__atomic_store_n(&word[who], 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &word[who], FUTEX_WAKE, 1);
}

static void semaphore_wait(int who)
{
	sem_wait(&semaphores[who]);
}

static void semaphore_wake(int who)
{
	sem_post(&semaphores[who]);
}

static void condition_wait(int who)
{
	pthread_mutex_lock(&mutex);
	while (!flag[who])
		pthread_cond_wait(&conditions[who], &mutex);
	flag[who] = 0;
	pthread_mutex_unlock(&mutex);
}

static void condition_wake(int who)
{
	pthread_mutex_lock(&mutex);
	flag[who] = 1;
	pthread_mutex_unlock(&mutex);
	pthread_cond_signal(&conditions[who]);
}

static void pipe_wait(int who)
{
	char byte;
	read(pipes[who][0], &byte, 1);
}

static void pipe_wake(int who)
{
	write(pipes[who][1], "x", 1);
}

static void socket_wait(int who)
{
	char byte;
	read(sockets[who][0], &byte, 1);
}

static void socket_wake(int who)
{
	write(sockets[who][1], "x", 1);
}

static void event_wait(int who)
{
	eventfd_t value;
	eventfd_read(events[who], &value);
}

static void event_wake(int who)
{
	eventfd_write(events[who], 1);
}

static void signal_wait(int who)
{
	sigset_t set;
	int signo;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &signo);
}

static void signal_wake(int who)
{
	pthread_kill(threads[who], SIGUSR1);
}

static const struct way {
	const char *name;
	void (*wait)(int), (*wake)(int);
} ways[] = {
	{"futex", futex_wait, futex_wake},
	{"semaphore", semaphore_wait, semaphore_wake},
	{"condition", condition_wait, condition_wake},
	{"pipe", pipe_wait, pipe_wake},
	{"socket", socket_wait, socket_wake},
	{"eventfd", event_wait, event_wake},
	{"signal", signal_wait, signal_wake},
};

static void burn(long microseconds)
{
	struct timespec start, now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while ((now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000 < microseconds);
}

static char report[8192];
static int reported;

static void add_to_report(const char *way, const char *what)
{
	reported += sprintf(report + reported, "%s, %s: %.*s\n", way, what, length, text);
	length = 0;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, 0);
}

enum { ROUNDS = 6, STORM = 100 };

static void wake(const struct way *way, int who, char before)
{
	record(before);
	way->wake(who);
	record(before - 'a' + 'A');
}

/* Records each wake-up. */
static void *sleeper(void *at)
{
	const struct way *way = at;
	for (int i = 0; i < 2; i++) {
		way->wait(0);
		record('t');
	}
	return 0;
}

/* Computes after the wake-up, then wakes main, which slept. */
static void *worker(void *at)
{
	const struct way *way = at;
	way->wait(0);
	burn(20000);
	wake(way, 1, 't');
	return 0;
}

/* Wakes main after each wake-up. */
static void *equal(void *at)
{
	const struct way *way = at;
	for (int i = 0; i < ROUNDS; i++) {
		way->wait(0);
		wake(way, 1, 't');
	}
	return 0;
}

static volatile int served;

/* Computes as long as main does after each wake-up. */
static void *server(void *at)
{
	const struct way *way = at;
	for (int i = 0; i < STORM; i++) {
		way->wait(0);
		served++;
		burn(200);
	}
	return 0;
}

static void start(void *(*function)(void *), const struct way *way)
{
	pthread_create(&threads[0], 0, function, (void *)way);
	pause_ms(40);
}

static void attempt(const struct way *way)
{
	start(sleeper, way);
	wake(way, 0, 'm');
	pause_ms(40);
	add_to_report(way->name, "both slept");
	burn(20000);
	wake(way, 0, 'm');
	pthread_join(threads[0], 0);
	add_to_report(way->name, "main computed");

	start(worker, way);
	wake(way, 0, 'm');
	way->wait(1);
	record('!');
	pthread_join(threads[0], 0);
	add_to_report(way->name, "the thread computed");

	start(equal, way);
	for (int i = 0; i < ROUNDS; i++) {
		wake(way, 0, 'm');
		way->wait(1);
	}
	pthread_join(threads[0], 0);
	add_to_report(way->name, "equals");
}

/* Both threads compute, and main wakes the other often: the woken thread must not preempt main each time. */
static void storm(const struct way *way)
{
	int taken = 0;
	start(server, way);
	for (int i = 0; i < STORM; i++) {
		burn(200);
		int before = served;
		way->wake(0);
		taken += served != before;
	}
	pthread_join(threads[0], 0);
	reported += sprintf(report + reported, "%s, storm: the thread took the CPU %s\n", way->name,
		taken <= STORM / 3 ? "seldom" : "often");
}

/* One futex call wakes three waiters. */
static int gate;

static void *of_crowd(void *name)
{
	syscall(SYS_futex, &gate, FUTEX_WAIT, 0, 0);
	record(*(char *)name);
	return 0;
}

static void crowd(void)
{
	pthread_t members[3];
	for (int i = 0; i < 3; i++) {
		pthread_create(&members[i], 0, of_crowd, &"123"[i]);
		pause_ms(10);
	}
	burn(20000);
	record('m');
	syscall(SYS_futex, &gate, FUTEX_WAKE, INT_MAX);
	record('M');
	for (int i = 0; i < 3; i++)
		pthread_join(members[i], 0);
	add_to_report("futex", "a crowd");
}

static void *child_thread(void *name)
{
	record(*(char *)name);
	return 0;
}

/* A new thread runs after its creator sleeps or yields. */
static void creators(void)
{
	pthread_t members[2];
	for (int i = 0; i < 2; i++) {
		pthread_create(&members[i], 0, child_thread, &"12"[i]);
		record('M');
	}
	sched_yield();
	record('y');
	for (int i = 0; i < 2; i++)
		pthread_join(members[i], 0);
	add_to_report("pthread_create", "two");
}

int main(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, 0);
	threads[1] = pthread_self();
	for (int i = 0; i < 2; i++) {
		sem_init(&semaphores[i], 0, 0);
		pipe(pipes[i]);
		socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[i]);
		events[i] = eventfd(0, EFD_SEMAPHORE);
	}
	for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		attempt(&ways[i]);
	storm(&ways[1]);
	storm(&ways[3]);
	crowd();
	creators();
	fputs(report, stdout);
	return 0;
}
