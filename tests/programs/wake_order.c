/* covers: kernel/src/sched/ */
/* Wake-up preemption on one CPU, for each way to wake a thread: whether the waker continues or
   the woken thread runs. Small letters are written before the call that wakes and capitals after
   it: m and M by main, t and T by the thread. A thread that slept 40 ms counts as a long
   sleeper, one that computed for 20 ms as a long runner. All output is printed at the end, as
   printing takes time. */
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

static void say(char letter)
{
	text[length++] = letter;
}

/* Two of each: for the thread, and for main. */
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

static void tell(const char *way, const char *what)
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
	say(before);
	way->wake(who);
	say(before - 'a' + 'A');
}

/* Is woken, and says so. */
static void *sleeper(void *at)
{
	const struct way *way = at;
	for (int i = 0; i < 2; i++) {
		way->wait(0);
		say('t');
	}
	return 0;
}

/* Is woken, computes, and wakes main, which slept. */
static void *worker(void *at)
{
	const struct way *way = at;
	way->wait(0);
	burn(20000);
	wake(way, 1, 't');
	return 0;
}

/* Is woken and wakes main again and again. */
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

/* Computes as long as main does for each wake-up. */
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

static void
try
	(const struct way *way)
	{
		start(sleeper, way);
		wake(way, 0, 'm');
		pause_ms(40);
		tell(way->name, "both slept");
		burn(20000);
		wake(way, 0, 'm');
		pthread_join(threads[0], 0);
		tell(way->name, "main computed");

		start(worker, way);
		wake(way, 0, 'm');
		way->wait(1);
		say('!');
		pthread_join(threads[0], 0);
		tell(way->name, "the thread computed");

		start(equal, way);
		for (int i = 0; i < ROUNDS; i++) {
			wake(way, 0, 'm');
			way->wait(1);
		}
		pthread_join(threads[0], 0);
		tell(way->name, "equals");
	}

/* Both compute, and one wakes the other often: neither may preempt the other each time. */
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

/* Three wait for the same word, and one call wakes them. */
static int gate;

static void *of_crowd(void *name)
{
	syscall(SYS_futex, &gate, FUTEX_WAIT, 0, 0);
	say(*(char *)name);
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
	say('m');
	syscall(SYS_futex, &gate, FUTEX_WAKE, INT_MAX);
	say('M');
	for (int i = 0; i < 3; i++)
		pthread_join(members[i], 0);
	tell("futex", "a crowd");
}

static void *child_thread(void *name)
{
	say(*(char *)name);
	return 0;
}

/* A new thread waits until its maker does. */
static void makers(void)
{
	pthread_t members[2];
	for (int i = 0; i < 2; i++) {
		pthread_create(&members[i], 0, child_thread, &"12"[i]);
		say('M');
	}
	sched_yield();
	say('y');
	for (int i = 0; i < 2; i++)
		pthread_join(members[i], 0);
	tell("pthread_create", "two");
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
		try
			(&ways[i]);
	storm(&ways[1]);
	storm(&ways[3]);
	crowd();
	makers();
	fputs(report, stdout);
	return 0;
}
