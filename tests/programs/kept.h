/* For programs that exhaust the kernel's memory: attacks of an unprivileged user, each in a child. Calls may
   fail with ENOMEM and the child may be killed, but the next program must run, and nothing may leak. */
#ifndef KEPT_H
#define KEPT_H
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "children.h"

enum { PAGE = 4096, USER = 1000 };

static const char *self;
static int wrong;

#define MUST(what)                                                                                                     \
	do {                                                                                                           \
		if (!(what)) {                                                                                         \
			printf("WRONG: " #what ": %s, %ld kB free\n", strerror(errno), memory_info("MemFree"));        \
			wrong = 1;                                                                                     \
		}                                                                                                      \
	} while (0)

/* The kernel's reserve in kB: user memory is never allocated from it. */
static inline long kernel_reserve(void)
{
	long reserve = memory_info("MemTotal") / 64;

	return reserve < 256 ? 256 : reserve > 4096 ? 4096 : reserve;
}

/* Allocates memory until `kilobytes` are free beside the kernel's reserve. */
static inline void leave(long kilobytes)
{
	long left;

	while ((left = memory_info("MemFree") - kernel_reserve() - kilobytes) > 0) {
		size_t size = (left > 8 ? left / 2 : 4) * 1024ul & -PAGE;
		char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (area == MAP_FAILED)
			return;
		for (size_t i = 0; i < size; i += PAGE)
			area[i] = 1;
	}
}

/* `pages` pages with alternating protection: each page is a VMA. */
static inline char *areas(long pages)
{
	char *base = mmap(NULL, pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (long i = 0; i < pages; i += 2)
		if (mprotect(base + i * PAGE, PAGE, PROT_READ))
			break;
	return base;
}

struct attack {
	const char *name;
	void (*run)(void);
};

static inline void run_as_a_user(void (*attack)(void))
{
	int status = -1, pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		if (setgid(USER) || setuid(USER))
			_exit(2);
		attack();
		_exit(wrong);
	}
	if (pid > 0)
		status = reap(pid, 20000);
	kill(-pid, SIGKILL);
	while (wait(NULL) > 0)
		;
	/* A kill by the OOM killer is no failure. */
	if (WIFEXITED(status) && WEXITSTATUS(status))
		wrong = 1;
}

static inline int next_program_runs(void)
{
	int status = -1, pid = fork();

	if (pid == 0) {
		execl(self, self, "next", NULL);
		_exit(1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Runs all attacks, or those with the word in their name. */
static inline int run_attacks(const struct attack *attacks, int number, int count, char **words)
{
	int failures = 0;

	if (count > 1 && !strcmp(words[1], "next"))
		return 0;
	only_as_init();
	self = words[0];
	mkdir("/tmp", 01777);
	chmod("/tmp", 01777);
	for (int i = 0; i < number; i++) {
		long before = memory_info("MemFree"), lost;
		int runs;

		if (count > 1 && !strstr(attacks[i].name, words[1]))
			continue;
		wrong = 0;
		run_as_a_user(attacks[i].run);
		unlink("/tmp/kept");
		runs = next_program_runs();
		lost = before - memory_info("MemFree");
		printf("%s: %s, %s\n", attacks[i].name, runs ? "passed" : "NO PROGRAM CAN RUN",
			lost < 1000 ? "nothing leaked" : "MEMORY LEAKED");
		failures += wrong || !runs || lost >= 1000;
	}
	return failures != 0;
}
#endif
