/* covers: kernel/src/process/ kernel/src/sched/ kernel/src/time/ */
/* Resource usage (getrusage(2), times(2)): which counters grow, and accounting of children's usage.
   The output has no numbers and is the same on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long user(const struct rusage *u)
{
	return u->ru_utime.tv_sec * 1000000 + u->ru_utime.tv_usec;
}
static long sys(const struct rusage *u)
{
	return u->ru_stime.tv_sec * 1000000 + u->ru_stime.tv_usec;
}

static struct rusage used(int who)
{
	struct rusage u;

	memset(&u, 0x55, sizeof u);
	if (getrusage(who, &u))
		printf("getrusage %d: %s\n", who, strerror(errno));
	return u;
}

static volatile long sink;

static long cpu_micros(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void burn_user(long micros)
{
	long until = cpu_micros() + micros;

	while (cpu_micros() < until)
		for (int i = 0; i < 100000; i++)
			sink += i;
}

static void burn_system(long micros)
{
	long until = cpu_micros() + micros;
	char *page;

	while (cpu_micros() < until)
		for (int i = 0; i < 10; i++) {
			page = mmap(0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
			madvise(page, 1 << 20, MADV_DONTNEED);
			munmap(page, 1 << 20);
			sched_yield();
			getppid();
		}
}

static void *thread(void *unused)
{
	struct rusage own = used(RUSAGE_THREAD);

	printf("a new thread: %d\n", user(&own) + sys(&own) < 50000);
	burn_user(60000);
	own = used(RUSAGE_THREAD);
	printf("after a while: %d\n", user(&own) + sys(&own) >= 50000);
	return unused;
}

static void faults(void)
{
	struct rusage before = used(RUSAGE_SELF), after;
	char *memory = mmap(0, 400 * 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(memory, 400 * 4096, MADV_NOHUGEPAGE);
	for (int i = 0; i < 400; i++)
		memory[i * 4096] = 1;
	after = used(RUSAGE_SELF);
	printf("faults: %s\n", after.ru_minflt - before.ru_minflt >= 400 && after.ru_minflt - before.ru_minflt < 450 ?
				       "400" :
				       "other");
	printf("size: %d\n", after.ru_maxrss >= 1600);
	munmap(memory, 400 * 4096);
	memory = mmap(0, 64 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 8 << 20; i += 4096)
		memory[i] = 1;
	munmap(memory, 64 << 20);
	after = used(RUSAGE_SELF);
	printf("was large: %d\n", after.ru_maxrss >= 8192);
}

static void switches(void)
{
	struct rusage before = used(RUSAGE_SELF), after;
	int i;

	for (i = 0; i < 10; i++)
		usleep(1000);
	after = used(RUSAGE_SELF);
	printf("waits: %d\n", after.ru_nvcsw - before.ru_nvcsw >= 10);
}

static void children(void)
{
	struct rusage u, before = used(RUSAGE_CHILDREN);
	struct tms t;
	int status, pid = fork();

	if (pid == 0) {
		if ((pid = fork()) == 0) {
			burn_user(100000);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		burn_user(100000);
		_exit(0);
	}
	u = used(RUSAGE_CHILDREN);
	printf("not waited for: %d\n", user(&u) == user(&before));
	memset(&u, 0, sizeof u);
	wait4(pid, &status, 0, &u);
	printf("by wait4: %d\n", user(&u) + sys(&u) >= 190000);
	u = used(RUSAGE_CHILDREN);
	printf("waited for: %d\n", user(&u) + sys(&u) - user(&before) >= 190000);
	printf("times: %d", times(&t) > 0);
	printf(" %d\n", t.tms_cutime + t.tms_cstime >= 18);
}

static volatile int caught;
static void on_signal(int signal)
{
	caught = signal;
}

static void limit(void)
{
	struct rlimit r = {1, 2};
	struct timespec t;
	int status, pid = fork();

	if (pid == 0) {
		signal(SIGXCPU, on_signal);
		setrlimit(RLIMIT_CPU, &r);
		while (!caught)
			burn_user(10000);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
		getrlimit(RLIMIT_CPU, &r);
		printf("signal %d, not early %d, limit then %ld\n", caught,
			/* Linux counts ticks; a busy host loses some. */
			t.tv_sec > 0 || t.tv_nsec > 300000000, (long)r.rlim_cur);
		fflush(stdout);
		for (;;)
			burn_user(10000);
	}
	waitpid(pid, &status, 0);
	printf("finally: %x\n", status & 0x7f);
}

int main(void)
{
	struct rusage a, b;
	struct tms t;
	pthread_t p;

	setvbuf(stdout, 0, _IOLBF, 0);
	errno = 0;
	printf("bad: %d", getrusage(7, &a));
	printf(" %d", errno);
	printf(" %ld", syscall(SYS_getrusage, RUSAGE_SELF, NULL));
	printf(" %d\n", errno);
	printf("times: %d\n", times(NULL) != -1);
	burn_user(400000);
	a = used(RUSAGE_SELF);
	printf("user time: %d, mostly %d\n", user(&a) + sys(&a) >= 400000, user(&a) > sys(&a));
	burn_system(1000000);
	b = used(RUSAGE_SELF);
	printf("system time: %d, mostly %d\n", sys(&b) > sys(&a), sys(&b) - sys(&a) > user(&b) - user(&a));
	printf("times: %d", times(&t) > 0);
	printf(" %d\n", t.tms_utime + t.tms_stime >= 130 && t.tms_utime + t.tms_stime < 1000);
	pthread_create(&p, NULL, thread, NULL);
	pthread_join(p, NULL);
	faults();
	switches();
	children();
	limit();
	return 0;
}
