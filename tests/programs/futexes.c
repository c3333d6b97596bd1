/* covers: kernel/src/process/ kernel/src/usercopy/ */
/* futex(2): arguments, the order of wake-ups, owner words of PI futexes, and corrupt robust
   lists. The output is the same on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

static const char *name(long result)
{
	static char text[4][40];
	static int next;

	next = (next + 1) % 4;
	if (result == -1)
		return strerrorname_np(errno);
	sprintf(text[next], "%ld", result);
	return text[next];
}

/* The timespec of this system call. */
struct span {
	long seconds, nanos;
};

static long futex(void *at, int op, unsigned value, void *fourth, void *second, unsigned value3)
{
	errno = 0;
	return syscall(SYS_futex, at, op, value, fourth, second, value3);
}

static unsigned words[16] __attribute__((aligned(64)));

static void arguments(void)
{
	char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *places[] = {words, (char *)words + 1, (char *)words + 2, NULL, (void *)8, page, page + 4096,
		(void *)-4096L, (void *)-4L};
	static const int flags[] = {0, FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME};
	struct span soon = {0, 1000000};

	munmap(page + 4096, 4096);
	for (int op = 0; op < 16; op++)
		for (int f = 0; f < 3; f++) {
			printf("op %d flags %x:", op, flags[f]);
			for (int p = 0; p < 9; p++) {
				void *fourth = op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET || op == FUTEX_LOCK_PI ||
							       op == FUTEX_LOCK_PI2 || op == FUTEX_WAIT_REQUEUE_PI ?
						       (void *)&soon :
						       (void *)1L;

				words[0] = 0;
				/* FUTEX_FD was removed. */
				printf(" %s", name(futex(places[p], op | flags[f], 0, fourth, words + 1, 1)));
				printf("/%s", name(futex(words, op | flags[f], 0, fourth, places[p], 1)));
				printf("/%x", words[0] & 0xc0000000);
				printf("%s", (words[0] & 0x3fffffff) == getpid() ? "me" :
					     words[0] & 0x3fffffff               ? "?" :
										   "");
			}
			printf("\n");
		}
	printf("numbers:");
	words[0] = 0;
	for (int op = 0; op < 14; op++) {
		if (op == FUTEX_WAIT || op == FUTEX_LOCK_PI || op == FUTEX_LOCK_PI2 || op == FUTEX_WAIT_BITSET ||
			op == FUTEX_WAIT_REQUEUE_PI)
			continue;
		printf(" %s", name(futex(words, op, -1, (void *)1L, words + 1, 0)));
		printf(" %s", name(futex(words, op, 1, (void *)-1L, words + 1, 0)));
		printf(" %s;", name(futex(words, op, 0, (void *)0L, words + 1, 0)));
	}
	printf("\nbits: %s", name(futex(words, FUTEX_WAIT_BITSET, 0, &soon, NULL, 0)));
	printf(" %s", name(futex(words, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0)));
	printf(" %s\n", name(futex(words, FUTEX_WAKE_BITSET, 1, NULL, NULL, 2)));
}

/* A process that does nothing until it is killed. */
static int another(void)
{
	int pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void kill_and_reap(int pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void timeouts(void)
{
	static struct span spans[] = {{0, 0}, {0, 1}, {0, -1}, {0, 999999999}, {0, 1000000000}, {-1, 0}, {1, 0}};
	static const int ops[] = {FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME,
		FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_WAKE};
	struct timespec t;
	int other = another();

	for (int o = 0; o < 7; o++) {
		printf("op %x:", ops[o]);
		for (int s = 0; s < 7; s++) {
			/* FUTEX_WAIT's timeout is relative: skip those that would wait for a second. */
			if (ops[o] == FUTEX_WAIT && (s == 3 || s == 6))
				continue;
			words[0] = o == 4 || o == 5 ? other : 5;
			printf(" %s", name(futex(words, ops[o], 5, spans + s, words + 1, ~0)));
			printf("/%s", name(futex(words, ops[o], 6, spans + s, words + 1, ~0)));
		}
		words[0] = 5;
		printf(" %s\n", name(futex(words, ops[o], 5, (void *)-4096L, words + 1, ~0)));
	}
	kill_and_reap(other);
	words[0] = 0;
	for (int clock = 0; clock < 2; clock++) {
		struct span until;
		struct timespec after;

		clock_gettime(clock, &t);
		until.seconds = t.tv_sec + (t.tv_nsec >= 970000000);
		until.nanos = (t.tv_nsec + 30000000) % 1000000000;
		printf("until: %s", name(futex(words, FUTEX_WAIT_BITSET | (clock ? 0 : FUTEX_CLOCK_REALTIME), 0, &until,
					    NULL, ~0)));
		clock_gettime(clock, &after);
		printf(", not early %d\n", after.tv_sec > until.seconds ||
						   (after.tv_sec == until.seconds && after.tv_nsec >= until.nanos));
	}
}

/* --- Waiters. */

struct waiter {
	pthread_t thread;
	unsigned *word, value, bits;
	int op;
	void *timeout, *second;
	long result;
	int error, order, tid;
};

static int arrivals;

static void *waiting(void *argument)
{
	struct waiter *w = argument;

	__atomic_store_n(&w->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	w->result = futex(w->word, w->op, w->value, w->timeout, w->second, w->bits);
	w->error = errno;
	w->order = __atomic_add_fetch(&arrivals, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Number of waiters of a private word, counted by a requeue onto itself. */
static int count(unsigned *word)
{
	return futex(word, FUTEX_REQUEUE_PRIVATE, 0, (void *)1000L, word, 0);
}

static void until_asleep(int tid)
{
	char path[60], text[200], *state;
	FILE *file;

	for (;;) {
		sprintf(path, "/proc/self/task/%d/stat", tid);
		file = fopen(path, "r");
		if (file && fgets(text, sizeof text, file) && (state = strrchr(text, ')')) && state[2] == 'S') {
			fclose(file);
			return;
		}
		if (file)
			fclose(file);
		sched_yield();
	}
}

static void start(struct waiter *w, unsigned *word, unsigned bits)
{
	memset(w, 0, sizeof *w);
	w->word = word;
	w->value = *word;
	w->bits = bits;
	w->op = FUTEX_WAIT_BITSET_PRIVATE;
	pthread_create(&w->thread, NULL, waiting, w);
	while (!__atomic_load_n(&w->tid, __ATOMIC_SEQ_CST))
		sched_yield();
	until_asleep(w->tid);
}

static void wakes(void)
{
	struct waiter w[12];
	int i;

	memset(words, 0, sizeof words);
	for (i = 0; i < 8; i++)
		start(w + i, words, 1 << (i % 4));
	printf("wait: %d\n", count(words));
	printf("shared wake: %s\n", name(futex(words, FUTEX_WAKE, 100, NULL, NULL, 0)));
	printf("other word: %s\n", name(futex(words + 1, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0)));
	printf("bits 8, one: %s\n", name(futex(words, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 8)));
	printf("bits 6, all: %s\n", name(futex(words, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 6)));
	printf("left: %d\n", count(words));
	printf("compare: %s\n", name(futex(words, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1L, words + 1, 1)));
	printf("compare: %s\n", name(futex(words, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1L, words + 1, 0)));
	printf("left: %d", count(words));
	printf(" and %d\n", count(words + 1));
	printf("zero wakes one: %s\n", name(futex(words + 1, FUTEX_WAKE_PRIVATE, 0, NULL, NULL, 0)));
	printf("the rest: %s\n", name(futex(words, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0)));
	for (i = 0; i < 8; i++)
		pthread_join(w[i].thread, NULL);
	/* Waiters are woken in FIFO order. */
	for (i = 0; i < 6; i++)
		start(w + i, words, ~0);
	arrivals = 0;
	for (i = 0; i < 6; i++) {
		futex(words, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		while (__atomic_load_n(&arrivals, __ATOMIC_SEQ_CST) <= i)
			sched_yield();
	}
	printf("order:");
	for (i = 0; i < 6; i++) {
		pthread_join(w[i].thread, NULL);
		printf(" %d", w[i].order);
	}
	printf("\n");
}

static void wake_ops(void)
{
	static const unsigned operands[] = {0, 1, 5, 0x7ff, 0x800, 0xfff};
	struct waiter w[2];

	for (int op = 0; op < 16; op++) {
		printf("wake op %d:", op);
		for (int operand = 0; operand < 6; operand++)
			for (int compare = 0; compare < 7; compare++) {
				unsigned how = op << 28 | compare << 24 | operands[operand] << 12 | 0xffe;

				words[1] = operand & 1 ? -2 : 12;
				printf(" %s", name(futex(words, FUTEX_WAKE_OP, 1, (void *)1L, words + 1, how)));
				printf("=%x", words[1]);
			}
		printf("\n");
	}
	memset(words, 0, sizeof words);
	start(w, words, ~0);
	start(w + 1, words + 1, ~0);
	printf("wake op, compare fails: %s", name(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1L, words + 1,
						     FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 7))));
	printf(" word %u, wait %d\n", words[1], count(words + 1));
	printf("wake op, compares: %s", name(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1L, words + 1,
						FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 1))));
	printf(" word %u, wait %d\n", words[1], count(words + 1));
	pthread_join(w[0].thread, NULL);
	pthread_join(w[1].thread, NULL);
}

static void caught(int number)
{
	(void)number;
}

static void signals(void)
{
	for (int restart = 0; restart < 2; restart++)
		for (int timeout = 0; timeout < 2; timeout++) {
			struct sigaction action = {.sa_handler = caught, .sa_flags = restart ? SA_RESTART : 0};
			struct span long_time = {1000, 0};
			struct waiter w = {0};

			sigaction(SIGUSR1, &action, NULL);
			w.word = words;
			w.op = FUTEX_WAIT_PRIVATE;
			w.value = words[0];
			w.timeout = timeout ? &long_time : NULL;
			pthread_create(&w.thread, NULL, waiting, &w);
			while (!__atomic_load_n(&w.tid, __ATOMIC_SEQ_CST))
				sched_yield();
			until_asleep(w.tid);
			pthread_kill(w.thread, SIGUSR1);
			if (restart && !timeout) {
				usleep(10000);
				until_asleep(w.tid);
				printf("still waits: %d\n", count(words));
				futex(words, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
			}
			pthread_join(w.thread, NULL);
			printf("restart %d timeout %d: %ld %s\n", restart, timeout, w.result,
				w.error ? strerrorname_np(w.error) : "");
		}
}

/* --- PI futexes: words with the owner's thread ID. */

static const char *who(unsigned word)
{
	static char text[4][40];
	static int next;
	unsigned owner = word & FUTEX_TID_MASK;

	next = (next + 1) % 4;
	sprintf(text[next], "%s%s%s",
		owner == 0                             ? "free" :
		owner == (unsigned)syscall(SYS_gettid) ? "mine" :
							 "theirs",
		word & FUTEX_WAITERS ? " waiters" : "", word & FUTEX_OWNER_DIED ? " died" : "");
	return text[next];
}

static void owners(void)
{
	unsigned me = syscall(SYS_gettid), gone, other = another();
	int pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	gone = pid;
	unsigned starts[] = {0, me, gone, FUTEX_WAITERS, FUTEX_OWNER_DIED, FUTEX_OWNER_DIED | FUTEX_WAITERS,
		me | FUTEX_WAITERS, me | FUTEX_OWNER_DIED, gone | FUTEX_WAITERS, FUTEX_TID_MASK, other};
	static const int ops[] = {FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI, FUTEX_LOCK_PI2};
	struct span past = {1, 0};

	for (int o = 0; o < 4; o++)
		for (int shared = 0; shared < 2; shared++) {
			printf("op %d:", ops[o]);
			for (int s = 0; s < 11; s++) {
				words[0] = starts[s];
				printf(" %s", name(futex(words, ops[o] | (shared ? 0 : FUTEX_PRIVATE_FLAG), 0, &past,
						      NULL, 0)));
				printf(" (%s)", who(words[0]));
			}
			printf("\n");
		}
	kill_and_reap(other);
}

static void *locks(void *argument)
{
	struct waiter *w = argument;

	__atomic_store_n(&w->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	w->result = futex(w->word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	w->error = errno;
	w->order = __atomic_add_fetch(&arrivals, 1, __ATOMIC_SEQ_CST);
	if (w->value)
		/* Exits as the owner. */
		return (void *)who(*w->word);
	w->second = (void *)who(*w->word);
	futex(w->word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return w->second;
}

static void hand_over(void)
{
	struct waiter w[3];
	unsigned *word = words;
	void *seen;

	for (int dies = 0; dies < 2; dies++) {
		memset(w, 0, sizeof w);
		arrivals = 0;
		*word = syscall(SYS_gettid);
		for (int i = 0; i < 3; i++) {
			w[i].word = word;
			w[i].value = dies && i < 2;
			pthread_create(&w[i].thread, NULL, locks, w + i);
			while (!__atomic_load_n(&w[i].tid, __ATOMIC_SEQ_CST))
				sched_yield();
			until_asleep(w[i].tid);
		}
		printf("contended: %s", who(*word));
		printf(", plain wake %s", name(futex(word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0)));
		printf(", plain requeue %s", name(futex(word, FUTEX_REQUEUE_PRIVATE, 1, (void *)1L, words + 1, 0)));
		printf(", again %s", name(futex(word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0)));
		printf(", unlock %s\n", name(futex(word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0)));
		for (int i = 0; i < 3; i++) {
			pthread_join(w[i].thread, &seen);
			printf("waiter %d: %ld, was %s, order %d\n", i, w[i].result, (char *)seen, w[i].order);
		}
		printf("after all: %s\n", who(*word));
	}
}

static void *requeued(void *argument)
{
	struct waiter *w = argument;

	__atomic_store_n(&w->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	w->result = futex(w->word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, w->timeout, w->second, 0);
	w->error = errno;
	if (w->result == 0)
		futex(w->second, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return NULL;
}

static void requeue_pi(void)
{
	struct waiter w[3];

	for (int taken = 0; taken < 2; taken++) {
		memset(w, 0, sizeof w);
		words[0] = 0;
		words[1] = taken ? syscall(SYS_gettid) : 0;
		for (int i = 0; i < 3; i++) {
			w[i].word = words;
			w[i].second = words + 1;
			pthread_create(&w[i].thread, NULL, requeued, w + i);
			while (!__atomic_load_n(&w[i].tid, __ATOMIC_SEQ_CST))
				sched_yield();
			until_asleep(w[i].tid);
		}
		printf("wake %s", name(futex(words, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0)));
		printf(", elsewhere %s", name(futex(words, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)9L, words + 2, 0)));
		printf(", plain %s", name(futex(words, FUTEX_REQUEUE_PRIVATE, 1, (void *)9L, words + 1, 0)));
		printf(", compare %s", name(futex(words, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)9L, words + 1, 1)));
		printf(", two %s", name(futex(words, FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, (void *)9L, words + 1, 0)));
		printf(", requeue %s\n", name(futex(words, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)9L, words + 1, 0)));
		if (taken)
			printf("unlock: %s\n", name(futex(words + 1, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0)));
		for (int i = 0; i < 3; i++) {
			pthread_join(w[i].thread, NULL);
			printf("requeued %d: %ld %s\n", i, w[i].result, w[i].error ? strerrorname_np(w[i].error) : "");
		}
		printf("word: %s\n", who(words[1]));
	}
}

/* --- Other processes. */

static void shared(void)
{
	unsigned *here = mmap(0, 8192, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *there;
	int pid, status;

	there = mremap(here, 0, 8192, MREMAP_MAYMOVE);
	fflush(stdout);
	if ((pid = fork()) == 0) {
		long result = futex(here + 1025, FUTEX_WAIT, 0, NULL, NULL, 0);

		_exit(result == 0 ? 42 : errno);
	}
	/* Only a wake with the word's shared key reaches the waiter. */
	for (int i = 0; i < 50; i++) {
		if (futex(here + 1, FUTEX_WAKE, 1, NULL, NULL, 0) ||
			futex(here + 1025, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0))
			printf("wrong one\n");
		sched_yield();
	}
	while (futex(there + 1025, FUTEX_WAKE, 1, NULL, NULL, 0) != 1)
		sched_yield();
	waitpid(pid, &status, 0);
	printf("shared, at another address: %d\n", WEXITSTATUS(status));
}

/* --- Robust lists. */

struct node {
	struct node *next;
	unsigned word;
	unsigned pad;
};
struct head {
	struct node *next;
	long offset;
	struct node *pending;
};

static struct {
	struct head head;
	struct node nodes[4];
	unsigned words[8];
} *arena;

static void set(struct head *head)
{
	syscall(SYS_set_robust_list, head, sizeof *head);
}
static struct node *ends(void)
{
	return (struct node *)&arena->head;
}
static struct node *node(int i)
{
	return arena->nodes + i;
}

static void usual(void)
{
	unsigned me = syscall(SYS_gettid);

	for (int i = 0; i < 4; i++)
		node(i)->next = i < 3 ? node(i + 1) : ends();
	node(0)->word = me;
	node(1)->word = me | FUTEX_WAITERS;
	node(2)->word = me + 1;
	node(3)->word = 0;
	arena->head.next = node(0);
	arena->head.offset = offsetof(struct node, word);
	arena->head.pending = NULL;
	set(&arena->head);
}

static void hostile(int kind)
{
	unsigned me = syscall(SYS_gettid);

	usual();
	switch (kind) {
	case 1: node(1)->next = node(1); break;
	case 2: node(3)->next = node(0); break;
	case 3: node(1)->next = (void *)8; break;
	case 4: node(1)->next = (void *)-8L; break;
	case 5: arena->head.next = NULL; break;
	case 6: arena->head.next = (void *)0x1234567; break;
	case 7: arena->head.offset = -4096; break;
	case 8: arena->head.offset = 1; break;
	case 9:
		arena->head.pending = node(3);
		node(3)->word = me;
		node(2)->next = ends();
		break;
	case 10: arena->head.pending = (void *)-4096L; break;
	case 11: set((void *)8); break;
	case 12: set((void *)-4096L); break;
	case 13: set(NULL); break;
	case 14: arena->head.next = (void *)((uintptr_t)node(0) | 1); break;
	case 15: arena->head.offset = LONG_MAX; break;
	case 16: mprotect((void *)((uintptr_t)arena & ~4095UL), 4096, PROT_READ); break;
	case 17: munmap((void *)((uintptr_t)arena & ~4095UL), 4096); break;
	case 18: node(0)->next = (void *)((uintptr_t)node(1) + 2); break;
	case 19: arena->head.pending = node(0); break;
	}
}

static void robust(void)
{
	long pages = 4096;
	void *head;
	size_t size;

	arena = mmap(0, pages, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int kind = 0; kind < 20; kind++) {
		int status, pid;
		unsigned values[4];

		memset(arena, 0, sizeof *arena);
		fflush(stdout);
		if ((pid = fork()) == 0) {
			hostile(kind);
			if (kind & 1)
				kill(getpid(), SIGKILL);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		for (int i = 0; i < 4; i++) {
			values[i] = node(i)->word;
			if ((values[i] & FUTEX_TID_MASK) == (unsigned)pid)
				values[i] = values[i] - pid + 7;
			if ((values[i] & FUTEX_TID_MASK) == (unsigned)pid + 1)
				values[i] = values[i] - pid + 7;
		}
		printf("robust %d: %x %x %x %x %x\n", kind, status, values[0], values[1], values[2], values[3]);
	}
	printf("set: %s", name((errno = 0, syscall(SYS_set_robust_list, arena, sizeof(struct head) + 1))));
	printf(" %s", name((errno = 0, syscall(SYS_set_robust_list, arena, sizeof(struct head)))));
	printf(" get: %s", name((errno = 0, syscall(SYS_get_robust_list, 0, &head, &size))));
	printf(" %d %d", head == arena, size == sizeof(struct head));
	printf(" %s", name((errno = 0, syscall(SYS_get_robust_list, 0, NULL, &size))));
	printf(" %s", name((errno = 0, syscall(SYS_get_robust_list, 999999, &head, &size))));
	printf(" %s\n", name((errno = 0, syscall(SYS_get_robust_list, -1, &head, &size))));
	set(NULL);
}

/* --- futex_waitv, futex_wake, futex_wait and futex_requeue. */

struct one {
	uint64_t value, at;
	uint32_t flags, reserved;
};
struct wide {
	int64_t seconds, nanos;
};

static void several(void)
{
	struct one list[130];
	struct wide past = {1, 0}, bad = {0, 1000000000};
	struct waiter w;

	memset(list, 0, sizeof list);
	memset(words, 0, sizeof words);
	for (int i = 0; i < 130; i++)
		list[i].at = (uintptr_t)(words + i % 16), list[i].flags = 2 | 128;
#define V(list, count, flags, time, clock)                                                                             \
	printf(" %s", name((errno = 0, syscall(449, list, count, flags, time, clock))))
	printf("waitv:");
	V(list, 0, 0, NULL, 0);
	V(list, 129, 0, NULL, 0);
	V(list, 3, 1, NULL, 0);
	V(NULL, 3, 0, NULL, 0);
	V((void *)8, 3, 0, NULL, 0);
	V(list, 3, 0, &past, 7);
	V(list, 3, 0, &bad, 0);
	V(list, 3, 0, &past, 0);
	V(list, 128, 0, &past, 1);
	list[1].value = 1;
	V(list, 3, 0, &past, 0);
	list[1].value = 1ULL << 32;
	V(list, 3, 0, &past, 0);
	list[1].value = 0;
	list[1].flags = 0;
	V(list, 3, 0, &past, 0);
	list[1].flags = 2 | 64;
	V(list, 3, 0, &past, 0);
	list[1].flags = 2;
	list[1].reserved = 1;
	V(list, 3, 0, &past, 0);
	list[1].reserved = 0;
	list[1].at = 3;
	V(list, 3, 0, &past, 0);
	list[1].at = 0;
	V(list, 3, 0, &past, 0);
	printf("\n");
#define W(number, ...) printf(" %s", name((errno = 0, syscall(number, __VA_ARGS__))))
	start(&w, words + 3, 4);
	printf("wake and requeue:");
#ifdef __x86_64__
	W(454, words + 3, 3L, 1, 2 | 128);
	W(454, words + 3, 4L, 0, 2 | 128);
	W(454, words + 3, 0L, 1, 2 | 128);
	W(454, words + 3, 1L << 32, 1, 2 | 128);
	W(454, words + 3, 4L, 1, 128);
	W(455, words + 3, 1L, 4L, 2 | 128, NULL, 0);
	W(455, words + 3, 0L, 0L, 2 | 128, NULL, 0);
	W(455, words + 3, 0L, 1L, 2 | 128, &past, 1);
	W(455, words + 3, 0L, 1L, 2 | 128, &past, 2);
#endif
	list[0].at = (uintptr_t)(words + 3);
	list[1] = list[2];
	list[1].at = (uintptr_t)(words + 4);
	W(456, list, 1, 0, 1);
	W(456, list, 0, 0, -1);
	W(456, list, 0, 0, 5);
	printf(" %d", count(words + 4));
	W(454, words + 4, 4UL, 1, 2 | 128);
	futex(words + 4, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	pthread_join(w.thread, NULL);
	printf(" %ld\n", w.result);
}

int main(void)
{
	setvbuf(stdout, 0, _IOFBF, 1 << 15);
	signal(SIGUSR1, SIG_IGN);
	PART(arguments);
	PART(timeouts);
	PART(wakes);
	PART(wake_ops);
	PART(signals);
	PART(owners);
	PART(hand_over);
	PART(requeue_pi);
	PART(shared);
	PART(robust);
	PART(several);
	return 0;
}
