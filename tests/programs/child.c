/* covers: kernel/src/process/ */
/* A program for `make run PROGRAM=`: its argument selects how it ends (exit, assertion, signal,
   reboot), what it prints or which files it leaves. */
#define _GNU_SOURCE
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Copies standard input to standard output. */
static int copy(void)
{
	static char bytes[1 << 16];
	ssize_t count;

	while ((count = read(0, bytes, sizeof bytes)) > 0)
		for (char *from = bytes; count > 0;) {
			ssize_t written = write(1, from, count);

			if (written < 0)
				return 1;
			from += written;
			count -= written;
		}
	return count < 0;
}

/* Prints parent, process group, and whether the three files are terminals. */
static int place(int argc, char **argv)
{
	printf("own parent: %d, own group: %d, foreground: %d\n", getppid() == 1, getpgrp() == getpid(),
		tcgetpgrp(0) == getpgrp());
	printf("terminals: %d %d %d\n", isatty(0), isatty(1), isatty(2));
	for (int i = 2; i < argc; i++)
		printf("argument: [%s]\n", argv[i]);
	fflush(stdout);
	fputs("an error\n", stderr);
	return 0;
}

/* Exits before its child, which has a zombie child itself. */
static int orphan(void)
{
	int gone[2];

	if (pipe(gone))
		return 1;
	fflush(stdout);
	if (fork() == 0) {
		char byte;

		close(gone[1]);
		if (fork() == 0)
			_exit(0);
		/* Exits once the parent has exited. */
		(void)!read(gone[0], &byte, 1);
		while (getppid() != 1)
			usleep(1000);
		puts("the orphan is init's");
		exit(0);
	}
	puts("the parent goes");
	return 5;
}

/* Counts zombies. */
static int zombies(void)
{
	int count = 0;

	if (fork() == 0) {
		if (fork() == 0)
			_exit(0);
		_exit(0);
	}
	wait(NULL);
	for (int pid = 1; pid < 20; pid++) {
		char path[32], state = 0;
		FILE *file;

		snprintf(path, sizeof path, "/proc/%d/stat", pid);
		/* Lets init run and reap. */
		usleep(20000);
		if (!(file = fopen(path, "r")))
			continue;
		if (fscanf(file, "%*d %*s %c", &state) == 1)
			count += state == 'Z';
		fclose(file);
	}
	printf("dead: %d\n", count);
	return 0;
}

/* Copies `from` to `to`, with a line more; returns 0 if that worked. */
static int copy_file(const char *from, const char *to)
{
	static char bytes[1 << 20];
	FILE *in = fopen(from, "r"), *out;
	size_t count;

	if (!in)
		return 1;
	count = fread(bytes, 1, sizeof bytes, in);
	fclose(in);
	if (!(out = fopen(to, "w")))
		return 1;
	fwrite(bytes, 1, count, out);
	fputs("a line more\n", out);
	return fclose(out);
}

/* Leaves files in its working directory, made of those that it finds there. */
static int leave(void)
{
	if (mkdir("made", 0755) || mkdir("made/deep", 0750) || copy_file("data.txt", "made/deep/copy"))
		return 1;
	if (copy_file("tree/changed", "tree/changed") || symlink("deep/copy", "made/link"))
		return 1;
	return chmod("made/deep/copy", 0640);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int number = argc > 2 ? atoi(argv[2]) : 0;

	if (!strcmp(how, "copy"))
		return copy();
	if (!strcmp(how, "place"))
		return place(argc, argv);
	if (!strcmp(how, "orphan"))
		return orphan();
	if (!strcmp(how, "dead"))
		return zombies();
	if (!strcmp(how, "assert"))
		assert(number != 0);
	if (!strcmp(how, "null"))
		*(volatile int *)0 = 1;
	if (!strcmp(how, "raise"))
		raise(number);
	if (!strcmp(how, "pipe")) {
		int ends[2];

		if (pipe(ends) == 0 && close(ends[0]) == 0)
			(void)!write(ends[1], "x", 1);
	}
	if (!strcmp(how, "alarm")) {
		alarm(1);
		pause();
	}
	if (!strcmp(how, "hang")) {
		puts("it hangs");
		fflush(stdout);
		for (;;)
			pause();
	}
	if (!strcmp(how, "leave"))
		return leave();
	if (!strcmp(how, "leave_and_hang")) {
		if (leave())
			return 1;
		for (;;)
			pause();
	}
	if (!strcmp(how, "power_off"))
		reboot(RB_POWER_OFF);
	if (!strcmp(how, "restart"))
		reboot(RB_AUTOBOOT);
	return !strcmp(how, "exit") ? number : 0;
}
