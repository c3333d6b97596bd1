/* Random system calls with arguments that look valid, through SYSCALL and INT 0x80: the kernel
   goes on, and every child that makes them can be killed.

   Usage: random_calls FIRST_SEED SEEDS CALLS */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "children.h"
#include "random.h"

enum { PAGE = 4096, ARENA_PAGES = 16 };

/* Within what 32-bit calls can point to. Some of its pages can't be written, read, or are not
   there at all. */
static char *const arena = (char *)0x10000000;

/* Calls that would end or stop the child, take its ground away, or harm what is not its own.
   The first list is of x86_64's numbers. */
static const int left_out_64[] = {
	SYS_exit, SYS_exit_group, SYS_reboot, SYS_kill, SYS_tkill, SYS_tgkill, SYS_fork,
	SYS_vfork, SYS_clone, SYS_execve, SYS_rt_sigreturn, SYS_sethostname,
	SYS_settimeofday, SYS_clock_settime, SYS_mount, SYS_umount2, SYS_chroot, SYS_brk,
	SYS_arch_prctl,
};

static const int left_out_32[] = {
	1 /* exit */, 2 /* fork */, 11 /* execve */, 21 /* mount */, 22 /* umount */,
	25 /* stime */, 37 /* kill */, 45 /* brk */, 52 /* umount2 */, 61 /* chroot */,
	74 /* sethostname */, 79 /* settimeofday */, 88 /* reboot */, 90 /* mmap */,
	119 /* sigreturn */, 120 /* clone */, 173 /* rt_sigreturn */, 190 /* vfork */,
	238 /* tkill */, 243 /* set_thread_area */, 252 /* exit_group */,
	264 /* clock_settime */, 270 /* tgkill */, 384 /* arch_prctl */,
	404 /* clock_settime64 */,
};

/* Calls that mostly wait for ever: made seldom, so that others get their turn. */
static const int waiting_64[] = {SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_pause};
static const int waiting_32[] = {
	29 /* pause */, 82 /* select */, 142 /* _newselect */, 168 /* poll */,
	308 /* pselect6 */, 309 /* ppoll */, 413 /* pselect6_time64 */, 414 /* ppoll_time64 */,
};

/* Calls whose first arguments are kept within the arena. */
static const int on_memory_64[] = {SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise};
static const int on_memory_32[] = {91 /* munmap */, 125 /* mprotect */, 163 /* mremap */,
				   192 /* mmap2 */, 219 /* madvise */};

#define IS_IN(list, number) is_in(list, sizeof(list) / sizeof *(list), number)

static int is_in(const int *list, size_t length, int number)
{
	for (size_t i = 0; i < length; i++)
		if (list[i] == number)
			return 1;
	return 0;
}

static unsigned long somewhere_in_the_arena(void)
{
	unsigned long page = (unsigned long)arena + below(ARENA_PAGES) * PAGE;

	switch (below(4)) {
	case 0:
		return page + below(PAGE);
	case 1:
		/* What begins here ends on the next page. */
		return page + PAGE - below(16);
	default:
		return page;
	}
}

static unsigned long some_argument(void)
{
	static const unsigned long edges[] = {
		0, -1, PAGE, 0x7ffffffff000, 0x7fffffffeff8, 0xffffe000, 0x7fffffffffffffff,
		0x8000000000000000, 0xffff800000000000, 0xffffffff80000000, 0xfffffffffffff000,
		AT_FDCWD,
	};
	unsigned long bit = 1ul << below(64);

	switch (below(12)) {
	case 0:
	case 1:
	case 2:
		return somewhere_in_the_arena();
	case 3:
		return ONE_OF(edges);
	case 4:
		return bit;
	case 5:
		return one_in(2) ? bit - 1 : -bit;
	case 6:
		return below(8);
	case 7:
		return below(64);
	case 8:
		return below(20) * PAGE;
	case 9:
		return (unsigned long)next_random() << 32 | next_random();
	case 10:
		return next_random();
	default:
		return below(1024);
	}
}

static void fill_arena(void)
{
	static const char *const paths[] = {
		"/tmp/a", "/tmp/b/c", "/tmp", "/tmp/l", "/proc/self/maps", "/proc/meminfo",
		"/proc/1/status", "/proc/self/fd", "/dev/zero", "/dev/null", "/dev/full",
		"/dev/urandom", "/", "..", "x", "",
	};
	int only_paths = one_in(3);

	for (int page = 0; page < ARENA_PAGES / 2; page++) {
		unsigned long *words = (unsigned long *)(arena + page * PAGE);

		for (size_t i = 0; i < PAGE / sizeof *words; i++)
			words[i] = one_in(4) ? some_argument() : 0;
		if (only_paths || one_in(2))
			strcpy((char *)words, ONE_OF(paths));
	}
}

static void call_64(int number, const unsigned long *arguments)
{
	syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		arguments[5]);
}

/* The sixth argument is in ebp, which the compiler uses itself. */
static void call_32(int number, const unsigned long *arguments)
{
	long result;
	register unsigned long sixth asm("r8") = arguments[5];

	asm volatile("push %%rbp\n"
		     "mov %%r8, %%rbp\n"
		     "int $0x80\n"
		     "pop %%rbp"
		     : "=a"(result), "+r"(sixth)
		     : "0"((long)number), "b"(arguments[0]), "c"(arguments[1]),
		       "d"(arguments[2]), "S"(arguments[3]), "D"(arguments[4])
		     : "memory", "r9", "r10", "r11");
}

static void one_call(int is_32)
{
	unsigned long arguments[6];
	int number = below(460);

	for (int i = 0; i < 6; i++)
		arguments[i] = some_argument();
	if (is_32 ? IS_IN(left_out_32, number) : IS_IN(left_out_64, number))
		return;
	if ((is_32 ? IS_IN(waiting_32, number) : IS_IN(waiting_64, number)) && !one_in(20))
		return;
	if (is_32 ? IS_IN(on_memory_32, number) : IS_IN(on_memory_64, number)) {
		arguments[0] = (unsigned long)arena + below(ARENA_PAGES) * PAGE;
		arguments[1] = below(3) * PAGE;
	}
	if (is_32)
		call_32(number, arguments);
	else
		call_64(number, arguments);
}

static void prepare_arena(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	mmap(arena, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	mprotect(arena + 8 * PAGE, PAGE, PROT_READ);
	mprotect(arena + 10 * PAGE, PAGE, PROT_NONE);
	munmap(arena + 13 * PAGE, PAGE);
}

static void make_calls(int calls, int is_32)
{
	prepare_arena();
	/* What is printed stays readable, and reading finds no terminal. */
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	if (one_in(2) && (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)))
		_exit(1);
	for (int i = 0; i < calls; i++) {
		if (i % 16 == 0)
			fill_arena();
		one_call(is_32);
	}
	_exit(0);
}

int main(int count, char **words)
{
	int first, seeds, calls, immortal = 0;

	if (count < 4)
		return 2;
	only_as_init();
	first = atoi(words[1]);
	seeds = atoi(words[2]);
	calls = atoi(words[3]);
	mkdir("/tmp", 01777);
	for (int seed = first; seed < first + seeds; seed++) {
		int pid;

		seed_random(seed);
		pid = fork();
		if (pid == 0)
			make_calls(calls, seed % 2);
		/* It may sleep for ever, with every right. */
		if (reap(pid, 50) == CANNOT_BE_KILLED) {
			printf("seed %d cannot be killed\n", seed);
			immortal++;
		}
	}
	printf("seeds from %d to %d went by\n", first, first + seeds - 1);
	return immortal != 0;
}
