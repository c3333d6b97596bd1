/* Writes, cuts and seals of a file take turns, however long they are: each is whole before another begins, also
   where the end of the file or a shared position says where it goes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD 150000
#define WRITERS 4
#define ROUNDS 60
#define CUT (65536 + 100)
#define LARGE (1 << 20)

static char record[RECORD], content[WRITERS * RECORD];

static void fill(char *at, size_t size, int letter) { memset(at, letter, size); }

static int is_of(const char *at, size_t size, int letter)
{
	for (size_t i = 0; i < size; i++)
		if (at[i] != letter)
			return 0;
	return 1;
}

/* Whether the file is whole records, one of each writer's. */
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

/* Readers of one position get each record once. */
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

/* What was cut off stays off, though a write was on its way to the same page. */
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
		/* The old bytes are gone. */
		ftruncate(file, 2 * 65536);
		pread(file, &behind, 1, 66000);
		pread(file, &far, 1, 70000);
		bad = behind == 'S' && far != 'S';
	}
	kill(child, 9);
	wait(0);
	printf("what was cut off: %s\n", bad ? "there again" : "gone");
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
	printf("a sealed file: %s\n", bad ? "changed" : "stays");
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
	unlink("/tmp/turns");
	unlink("/tmp/cuts");
	return 0;
}
