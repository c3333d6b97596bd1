/* Whom the kernel kills when memory is out: who has the most of it, the kernel's memory included, as
   oom_score_adj has it; and what it does when there is no one.

   Usage: oom_choice WORD: kept, adjusted, protected, no_one, copy */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "children.h"

enum { PAGE = 4096, MEGABYTE = 1 << 20 };

static void touch(size_t size)
{
	char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (size_t i = 0; i < size; i += PAGE)
		area[i] = 1;
}

static void adjust(const char *value)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (write(fd, value, strlen(value)) < 0)
		printf("cannot set oom_score_adj\n");
	close(fd);
}

/* Children say here that they have what they are to have. */
static int ready[2];

static void say_ready_and_stay(void)
{
	write(ready[1], "", 1);
	for (;;)
		pause();
}

static int when_ready(int pid)
{
	char byte;

	read(ready[0], &byte, 1);
	return pid;
}

/* A process with so many megabytes of its own. */
static int with(int megabytes, const char *adjustment)
{
	int pid = fork();

	if (pid == 0) {
		adjust(adjustment);
		touch((size_t)megabytes * MEGABYTE);
		say_ready_and_stay();
	}
	return when_ready(pid);
}

/* One with so many megabytes that only its descriptors keep: pipes, and a file without a name. */
static int with_kept(int megabytes)
{
	int pid = fork();

	if (pid == 0) {
		static char bytes[65536];
		int file = syscall(SYS_memfd_create, "kept", 0);

		for (int i = 0; i < megabytes * 8; i++) {
			int ends[2];

			if (!pipe(ends))
				write(ends[1], bytes, sizeof bytes);
			write(file, bytes, sizeof bytes);
		}
		say_ready_and_stay();
	}
	return when_ready(pid);
}

/* Uses up what is left, without being chosen for it, until one of the others is. */
static void use_up(void)
{
	int pid = fork();
	siginfo_t info;

	if (pid == 0) {
		adjust("-1000");
		for (;;) {
			touch(MEGABYTE / 8);
			usleep(2000);
		}
	}
	waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
	reap(pid, 0);
}

static int is_killed(int pid)
{
	int status;

	return waitpid(pid, &status, WNOHANG) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Memory that a program only writes from may be out as well: a call ends then, and the machine with it. */
static void copy_without_memory(void)
{
	char *area = mmap(NULL, 1ul << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int zero = open("/dev/zero", O_RDONLY);

	for (size_t i = 0; i < 1ul << 30; i += MEGABYTE)
		read(zero, area + i, MEGABYTE);
}

int main(int count, char **words)
{
	const char *word = count > 1 ? words[1] : "";
	int first, second, third;

	only_as_init();
	if (pipe(ready))
		return 1;
	if (!strcmp(word, "kept")) {
		first = with(10, "0"), second = with_kept(20), third = with(5, "0");
		use_up();
		printf("the one with the kernel's memory: %d\n", is_killed(second));
		return is_killed(first) || is_killed(third);
	}
	if (!strcmp(word, "adjusted")) {
		first = with(2, "1000"), second = with(20, "0"), third = with(5, "-300");
		use_up();
		printf("the adjusted one: %d, the largest: %d, the spared one: %d\n", is_killed(first),
		       is_killed(second), is_killed(third));
		return 0;
	}
	if (!strcmp(word, "protected")) {
		first = with(30, "-1000"), second = with(3, "0");
		use_up();
		printf("the protected one: %d, the other: %d\n", is_killed(first), is_killed(second));
		return 0;
	}
	if (!strcmp(word, "copy"))
		copy_without_memory();
	adjust("-1000");
	touch(1ul << 30);
	printf("there is no end to it\n");
	return 0;
}
