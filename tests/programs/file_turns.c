/* covers: kernel/src/vfs/ */
/* Atomicity of writes, truncations and seals of one file, also where the end of the file or a
   shared file position decides the offset: each is complete before the next begins, however long it
   is. A fatal signal ends a write early, a blocked one doesn't. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD 150000
#define WRITERS 4
#define ROUNDS 60
#define CUT (65536 + 100)
#define LARGE (1 << 20)

static char record[RECORD], content[WRITERS * RECORD];

static void fill(char *at, size_t size, int letter)
{
	memset(at, letter, size);
}

static int is_of(const char *at, size_t size, int letter)
{
	for (size_t i = 0; i < size; i++)
		if (at[i] != letter)
			return 0;
	return 1;
}

/* Whether the file consists of whole records, one of each writer. */
static int is_whole(int file)
{
	char seen[WRITERS] = {0};
	if (pread(file, content, sizeof content, 0) != sizeof content || lseek(file, 0, SEEK_END) != sizeof content)
		return 0;
	for (int i = 0; i < WRITERS; i++) {
		int letter = content[i * RECORD];
		if (letter < 'a' || letter >= 'a' + WRITERS || seen[letter - 'a']++)
			return 0;
		if (!is_of(content + i * RECORD, RECORD, letter))
			return 0;
	}
	return 1;
}

static void in_turns(const char *what, int flags, int shared)
{
	int bad = 0;
	for (int round = 0; round < ROUNDS && !bad; round++) {
		int file = open("/tmp/turns", O_RDWR | O_CREAT | O_TRUNC | flags, 0600);
		for (int i = 0; i < WRITERS; i++)
			if (!fork()) {
				int mine = shared ? file : open("/tmp/turns", O_WRONLY | flags);
				fill(record, RECORD, 'a' + i);
				_exit(write(mine, record, RECORD) != RECORD);
			}
		for (int i = 0; i < WRITERS; i++) {
			int status;
			wait(&status);
			bad |= status;
		}
		bad |= !is_whole(file);
		close(file);
	}
	printf("%s: %s\n", what, bad ? "torn" : "whole");
}

/* Readers that share a file position get each record once. */
static void readers(void)
{
	int bad = 0, file = open("/tmp/turns", O_RDONLY);
	for (int round = 0; round < ROUNDS && !bad; round++) {
		int seen = 0;
		lseek(file, 0, SEEK_SET);
		for (int i = 0; i < WRITERS; i++)
			if (!fork()) {
				if (read(file, record, RECORD) != RECORD || !is_of(record, RECORD, record[0]))
					_exit(0);
				_exit(record[0]);
			}
		for (int i = 0; i < WRITERS; i++) {
			int status;
			wait(&status);
			seen |= 1 << ((WEXITSTATUS(status) - 'a') & 31);
		}
		bad = seen != (1 << WRITERS) - 1;
	}
	printf("readers of one position: %s\n", bad ? "torn" : "whole");
}

/* Truncated bytes don't reappear, even if a write to the same page is in progress. */
static void cuts(void)
{
	int file = open("/tmp/cuts", O_RDWR | O_CREAT | O_TRUNC, 0600), bad = 0;
	char *old = malloc(2 * 65536), *new = malloc(CUT);
	fill(old, 2 * 65536, 'S');
	fill(new, CUT, 'A');
	int child = fork();
	if (!child)
		for (;;) {
			if (ftruncate(file, 0))
				_exit(1);
			sched_yield();
		}
	for (int round = 0; round < 4000 && !bad; round++) {
		char behind = 0, far = 0;
		pwrite(file, old, 2 * 65536, 0);
		pwrite(file, new, CUT, 0);
		if (pread(file, &far, 1, 70000) == 1)
			continue;
		/* The truncation removed the old bytes. */
		ftruncate(file, 2 * 65536);
		pread(file, &behind, 1, 66000);
		pread(file, &far, 1, 70000);
		bad = behind == 'S' && far != 'S';
	}
	kill(child, 9);
	wait(0);
	printf("truncated bytes: %s\n", bad ? "reappear" : "gone");
}

static int sealed;

static void *write_on(void *unused)
{
	char *bytes = malloc(LARGE);
	for (int i = 0;; i++) {
		fill(bytes, LARGE, i);
		if (pwrite(sealed, bytes, LARGE, 0) != LARGE)
			return unused;
	}
}

static void seals(void)
{
	int bad = 0;
	char *first = malloc(LARGE), *second = malloc(LARGE);
	for (int round = 0; round < 20 && !bad; round++) {
		pthread_t writer;
		sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
		ftruncate(sealed, LARGE);
		pthread_create(&writer, 0, write_on, 0);
		for (int i = 0; i < 3; i++)
			sched_yield();
		bad = fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE) != 0;
		pread(sealed, first, LARGE, 0);
		pthread_join(writer, 0);
		pread(sealed, second, LARGE, 0);
		bad |= memcmp(first, second, LARGE) != 0;
		close(sealed);
	}
	printf("a sealed file: %s\n", bad ? "changed" : "unchanged");
}

static void nothing(int unused)
{
	(void)unused;
}

/* A pending blocked signal interrupts no write, even if handlers of other signals run meanwhile. */
static void with_a_blocked_signal(void)
{
	struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	int file = open("/tmp/turns", O_RDWR | O_TRUNC), bad = 0;
	sigset_t blocked;
	char *bytes = malloc(LARGE);

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, 0);
	signal(SIGALRM, nothing);
	fill(bytes, LARGE, 'B');
	raise(SIGTERM);
	setitimer(ITIMER_REAL, &often, 0);
	for (int i = 0; i < 300 && !bad; i++)
		bad = pwrite(file, bytes, LARGE, 0) != LARGE;
	setitimer(ITIMER_REAL, &never, 0);
	printf("with a blocked signal: %s\n", bad ? "part" : "whole");
	signal(SIGTERM, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &blocked, 0);
	close(file);
	free(bytes);
}

/* Writes 40 MiB; returns the file's size. With `wait` > 0 the writer is killed after `wait` us. */
static off_t written(useconds_t wait)
{
	static struct iovec part[40];
	char *bytes = malloc(LARGE);
	int file = open("/tmp/turns", O_RDWR | O_TRUNC), child;
	off_t size;

	fill(bytes, LARGE, 'W');
	for (int i = 0; i < 40; i++)
		part[i] = (struct iovec){bytes, LARGE};
	child = fork();
	if (!child)
		_exit(writev(file, part, 40) < 0);
	if (wait) {
		usleep(wait);
		kill(child, SIGKILL);
	}
	waitpid(child, 0, 0);
	size = lseek(file, 0, SEEK_END);
	ftruncate(file, 0);
	close(file);
	free(bytes);
	return size;
}

/* SIGKILL interrupts a long write. The right moment depends on the machine: one of many attempts
   must hit it. */
static void killed(void)
{
	int ends = 0;

	for (int i = 0; i < 100 && !ends; i++) {
		off_t size = written(500 + 100 * i);

		ends = size > 0 && size < 40 * LARGE;
	}
	printf("a killed write: %s\n", ends ? "ends" : "continues");
}

int main(void)
{
	setvbuf(stdout, 0, _IONBF, 0);
	mkdir("/tmp", 01777);
	in_turns("appended", O_APPEND, 0);
	in_turns("written at one position", 0, 1);
	readers();
	cuts();
	seals();
	/* In a child: init ignores signals without a handler. */
	if (!fork()) {
		with_a_blocked_signal();
		_exit(0);
	}
	wait(0);
	killed();
	unlink("/tmp/turns");
	unlink("/tmp/cuts");
	return 0;
}
