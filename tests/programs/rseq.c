/* covers: kernel/src/process/ kernel/src/sched/ */
/* Restartable sequences (rseq): registration, and the jump of an interrupted sequence to its
   abort handler. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_rseq
#ifdef __x86_64__
#define SYS_rseq 334
#else
#define SYS_rseq 386
#endif
#endif

enum { SIGNATURE = 0x53053053, SIZE = 32, UNREGISTER = 1 };

struct area {
	uint32_t cpu_id_start, cpu_id;
	uint64_t sequence;
	uint32_t flags, node_id, mm_cid, end;
} __attribute__((aligned(32)));

struct part {
	uint32_t version, flags;
	uint64_t start, length, abort;
} __attribute__((aligned(32)));

static struct area area;

static const char *name(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}

static long rseq(void *at, uint32_t size, int flags, uint32_t signature)
{
	return syscall(SYS_rseq, at, size, flags, signature);
}

/* Spins in a sequence until `flag` is set; returns 1 if the kernel aborted the sequence, else 0. */
static int spin(volatile int *flag, uint32_t signature)
{
	static struct part sequence;
	extern char begin[], end[], aborted[];
	int result = 0;

	sequence.start = (uintptr_t)begin;
	sequence.length = end - begin;
	sequence.abort = (uintptr_t)aborted;
	area.sequence = (uintptr_t)&sequence;
	asm volatile("jmp 2f\n"
		     ".long %c3\n"
		     ".globl aborted\naborted: movl $1, %0\njmp 3f\n"
		     ".globl begin\n2: begin: cmpl $0, (%1)\nje begin\n"
		     ".globl end\nend: 3:\n"
		: "+m"(result)
		: "r"(flag), "m"(signature), "i"(SIGNATURE)
		: "memory", "cc");
	return result;
}

static volatile int flag;

static void ring(int signo)
{
	(void)signo;
	flag++;
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	/* The C library has registered its own area. */
	rseq((char *)__builtin_thread_pointer() + __rseq_offset, SIZE, UNREGISTER, SIGNATURE);
	printf("too small %s\n", name(rseq(&area, 16, 0, SIGNATURE)));
	if (rseq(&area, SIZE, 0, SIGNATURE)) {
		printf("cannot be registered: %s\n", name(-1));
		return 1;
	}
	printf("cpu %d\n", area.cpu_id == area.cpu_id_start && area.cpu_id < 4096);
	printf("again %s\n", name(rseq(&area, SIZE, 0, SIGNATURE)));
	printf("another signature %s\n", name(rseq(&area, SIZE, 0, 1)));
	printf("elsewhere %s\n", name(rseq(&area + 1, SIZE, 0, SIGNATURE)));
	printf("unknown flag %s\n", name(rseq(&area, SIZE, 2, SIGNATURE)));
	printf("unregister elsewhere %s\n", name(rseq(&area + 1, SIZE, UNREGISTER, SIGNATURE)));
	printf("unregister, another signature %s\n", name(rseq(&area, SIZE, UNREGISTER, 1)));

	/* A signal interrupts the sequence. */
	struct itimerval soon = {{0, 0}, {0, 30000}};

	signal(SIGALRM, ring);
	setitimer(ITIMER_REAL, &soon, NULL);
	printf("aborted %d", spin(&flag, SIGNATURE));
	printf(" sequence %d\n", area.sequence != 0);

	/* Another process preempts the sequence. */
	int child = fork();

	if (child == 0) {
		for (volatile int i = 0; i < 200000000; i++)
			if (i % 1000 == 0)
				sched_yield();
		_exit(0);
	}
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(child, sizeof one, &one);
	sched_setaffinity(0, sizeof one, &one);
	flag = 0;
	printf("preempted %d\n", spin(&flag, SIGNATURE));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

	/* A child inherits the registration; a bad pointer to the sequence kills it. */
	child = fork();
	if (child == 0) {
		area.sequence = 8;
		for (;;)
			sched_yield();
	}
	for (int i = 0; i < 3 && child > 0; i++)
		usleep(20000);
	kill(child, SIGALRM);
	int status;

	waitpid(child, &status, 0);
	printf("a bad sequence: signal %d\n", WTERMSIG(status));
	printf("unregister %s", name(rseq(&area, SIZE, UNREGISTER, SIGNATURE)));
	printf(" cpu %d\n", (int)area.cpu_id);
	printf("misaligned %s\n", name(rseq((char *)&area + 8, SIZE, 0, SIGNATURE)));
	return 0;
}
