/* For random_calls.c and random_race.c: children that make random system calls, with plausible
   arguments, through each kernel entry of this width. */
#ifndef RANDOM_CALL_H
#define RANDOM_CALL_H
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <dirent.h>
#include <poll.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "children.h"
#include "random.h"

enum { PAGE = 4096, ARENA_PAGES = 16 };

/* An arena below 4 GiB, for 32-bit calls. Some of its pages are read-only, inaccessible, or unmapped. */
static char *const arena = (char *)0x10000000;

/* Calls made so far, counted by the children. */
static volatile long *made;

/* All numbers are tried, so that new calls are covered as soon as they exist. Exceptions are calls that
   would end or stop the child, unmap its code or stack, or harm other processes; special_call makes some
   of them. Each list has the numbers of one entry's table. */
#ifdef __x86_64__
static const int left_out_64[] = {SYS_rt_sigreturn, SYS_brk, SYS_clone, SYS_fork, SYS_vfork, SYS_execve, SYS_exit,
	SYS_kill, SYS_ptrace, SYS_rt_sigqueueinfo, SYS_pivot_root, SYS_arch_prctl, SYS_adjtimex, SYS_chroot,
	SYS_settimeofday, SYS_mount, SYS_umount2, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_sethostname,
	SYS_setdomainname, SYS_iopl, SYS_ioperm, SYS_tkill, SYS_clock_settime, SYS_exit_group, SYS_tgkill,
	SYS_rt_tgsigqueueinfo, SYS_clock_adjtime, SYS_execveat, SYS_pidfd_send_signal, SYS_pidfd_open, SYS_clone3,
	SYS_prlimit64, SYS_process_vm_writev};

/* Calls that mostly block forever: made rarely. */
static const int waiting_64[] = {SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_pause, SYS_rt_sigsuspend,
	SYS_rt_sigtimedwait, SYS_futex, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_nanosleep,
	SYS_clock_nanosleep, SYS_read, SYS_readv, SYS_accept, SYS_accept4, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg};

/* Calls whose first arguments are kept within the arena. */
static const int on_memory_64[] = {SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_mlock, SYS_munlock,
	SYS_mincore, SYS_msync, 325 /* mlock2 */, 329 /* pkey_mprotect */};
#endif

static const int left_out_32[] = {
	1 /* exit */, 2 /* fork */, 11 /* execve */, 21 /* mount */, 22 /* umount */, 25 /* stime */, 26 /* ptrace */,
	37 /* kill */, 45 /* brk */, 52 /* umount2 */, 61 /* chroot */, 74 /* sethostname */, 79 /* settimeofday */,
	88 /* reboot */, 90 /* mmap */, 119 /* sigreturn */, 120 /* clone */, 121 /* setdomainname */,
	123 /* modify_ldt */, 124 /* adjtimex */, 173 /* rt_sigreturn */, 178 /* rt_sigqueueinfo */, 190 /* vfork */,
	217 /* pivot_root */, 238 /* tkill */, 243 /* set_thread_area */, 252 /* exit_group */, 264 /* clock_settime */,
	270 /* tgkill */, 335 /* rt_tgsigqueueinfo */, 340 /* prlimit64 */, 343 /* clock_adjtime */,
	348 /* process_vm_writev */, 358 /* execveat */, 384 /* arch_prctl */, 404 /* clock_settime64 */,
	405 /* clock_adjtime64 */, 424 /* pidfd_send_signal */, 434 /* pidfd_open */, 435 /* clone3 */
};

static const int waiting_32[] = {
	3 /* read */, 29 /* pause */, 72 /* sigsuspend */, 82 /* select */, 142 /* _newselect */, 145 /* readv */,
	162 /* nanosleep */, 168 /* poll */, 177 /* rt_sigtimedwait */, 179 /* rt_sigsuspend */, 240 /* futex */,
	256 /* epoll_wait */, 267 /* clock_nanosleep */, 308 /* pselect6 */, 309 /* ppoll */, 319 /* epoll_pwait */,
	337 /* recvmmsg */, 364 /* accept4 */, 371 /* recvfrom */, 372 /* recvmsg */, 407 /* clock_nanosleep_time64 */,
	413 /* pselect6_time64 */, 414 /* ppoll_time64 */, 422 /* futex_time64 */
};

static const int on_memory_32[] = {91 /* munmap */, 125 /* mprotect */, 144 /* msync */, 150 /* mlock */,
	151 /* munlock */, 163 /* mremap */, 192 /* mmap2 */, 218 /* mincore */, 219 /* madvise */, 376 /* mlock2 */,
	380 /* pkey_mprotect */};

#define IS_IN(list, number) is_in(list, sizeof(list) / sizeof *(list), number)
/* Whether the list `kind` for the entry's table contains the number. */
#ifdef __x86_64__
#define IS(kind, door, number) ((door)->is_i386 ? IS_IN(kind##_32, number) : IS_IN(kind##_64, number))
#else
#define IS(kind, door, number) IS_IN(kind##_32, number)
#endif

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
	case 0: return page + below(PAGE);
	case 1:
		/* Objects that start here cross into the next page. */
		return page + PAGE - below(16);
	default: return page;
	}
}

static unsigned long some_argument(void)
{
	static const unsigned long edges[] = {
		0,
		-1,
		PAGE,
		-PAGE,
		-2 * PAGE,
		0xffffe000,
		0xffffefff,
		0x7fffffff,
		0x80000000,
		AT_FDCWD,
#ifdef __x86_64__
		0x7ffffffff000,
		0x7fffffffeff8,
		0x7fffffffffffffff,
		0x8000000000000000,
		0xffff800000000000,
		0xffffffff80000000,
		0x7ffffffffffff000,
		0x7fffffffffffe000,
		/* The largest seconds whose nanoseconds fit into 63 and 64 bits, and one more. */
		9223372036,
		9223372037,
		18446744073,
		18446744074,
#endif
	};
	unsigned long bit = 1ul << below(8 * sizeof(long));

	switch (below(14)) {
	case 12:
		/* One of the descriptors that open_things opens. */
		return 3 + below(24);
	case 13: return one_in(2) ? getpid() : 0;
	case 0:
	case 1:
	case 2: return somewhere_in_the_arena();
	case 3: return ONE_OF(edges);
	case 4: return bit;
	case 5: return one_in(2) ? bit - 1 : -bit;
	case 6: return below(8);
	case 7: return below(64);
	case 8: return below(20) * PAGE;
	case 9: return (unsigned long)((unsigned long long)next_random() << 32) | next_random();
	case 10: return next_random();
	default: return below(1024);
	}
}

static void fill_arena(void)
{
	static const char *const paths[] = {"/tmp/a", "/tmp/b/c", "/tmp", "/tmp/l", "/proc/self/maps", "/proc/meminfo",
		"/proc/1/status", "/proc/self/fd", "/dev/zero", "/dev/null", "/dev/full", "/dev/urandom", "/", "..",
		"x", ""};
	int only_paths = one_in(3);

	for (int page = 0; page < ARENA_PAGES / 2; page++) {
		unsigned long *words = (unsigned long *)(arena + page * PAGE);

		for (size_t i = 0; i < PAGE / sizeof *words; i++)
			words[i] = one_in(4) ? some_argument() : 0;
		if (only_paths || one_in(2))
			strcpy((char *)words, ONE_OF(paths));
	}
}

/* A kernel entry, and its table. */
struct door {
	const char *name;
	int is_i386;
	void (*call)(int number, const unsigned long *arguments);
};

#ifdef __x86_64__
static void by_syscall(int number, const unsigned long *arguments)
{
	syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

/* The sixth argument is in EBP, which the compiler uses. */
static void by_int80(int number, const unsigned long *arguments)
{
	long result;
	register unsigned long sixth asm("r8") = arguments[5];

	asm volatile("push %%rbp\n"
		     "mov %%r8, %%rbp\n"
		     "int $0x80\n"
		     "pop %%rbp"
		: "=a"(result), "+r"(sixth)
		: "0"((long)number), "b"(arguments[0]), "c"(arguments[1]), "d"(arguments[2]), "S"(arguments[3]),
		"D"(arguments[4])
		: "memory", "r9", "r10", "r11");
}

static const struct door doors[] = {{"SYSCALL", 0, by_syscall}, {"INT 0x80", 1, by_int80}};
#else
static unsigned long vsyscall;

/* Six arguments leave the compiler no register: the code loads them from memory, through ECX. It
   calls __kernel_vsyscall through a pointer on the stack. */
#define SIX_REGISTERS(enter)                                                                                           \
	asm volatile("push %%ebx; push %%esi; push %%edi; push %%ebp\n"                                                \
		     "push %%eax\n"                                                                                    \
		     "mov 4(%%ecx), %%ebx; mov 12(%%ecx), %%edx; mov 16(%%ecx), %%esi\n"                               \
		     "mov 20(%%ecx), %%edi; mov 24(%%ecx), %%ebp\n"                                                    \
		     "mov (%%ecx), %%eax; mov 8(%%ecx), %%ecx\n" enter                                                 \
		     "add $4, %%esp; pop %%ebp; pop %%edi; pop %%esi; pop %%ebx"                                       \
		: "=a"(ignored), "+c"(at)                                                                              \
		: "0"(vsyscall)                                                                                        \
		: "edx", "memory")

static void by_int80(int number, const unsigned long *arguments)
{
	unsigned long words[7] = {number}, ignored, *at = words;

	memcpy(words + 1, arguments, 6 * sizeof *words);
	SIX_REGISTERS("int $0x80\n");
}

/* SYSENTER or SYSCALL, depending on the CPU. */
static void by_vsyscall(int number, const unsigned long *arguments)
{
	unsigned long words[7] = {number}, ignored, *at = words;

	memcpy(words + 1, arguments, 6 * sizeof *words);
	SIX_REGISTERS("call *(%%esp)\n");
}

static const struct door doors[] = {{"INT 0x80", 1, by_int80}, {"__kernel_vsyscall", 1, by_vsyscall}};
#endif

/* Calls on a process's pidfd while the process exits. */
static void pidfd_call(int pid)
{
	struct timespec soon = {0, below(300) * 1000};
	struct pollfd named;

	if (pid == 0) {
		nanosleep(&soon, NULL);
		_exit(below(256));
	}
	named = (struct pollfd){syscall(SYS_pidfd_open, pid, one_in(2) ? O_NONBLOCK : 0), POLLIN, 0};
	if (one_in(3))
		syscall(SYS_pidfd_send_signal, named.fd, one_in(2) ? SIGKILL : SIGUSR1, NULL, 0);
	if (one_in(3))
		syscall(SYS_pidfd_getfd, named.fd, 3 + below(24), 0);
	if (one_in(2))
		poll(&named, 1, below(3));
	if (one_in(2))
		syscall(SYS_waitid, 3 /* P_PIDFD */, named.fd, NULL, WEXITED | (one_in(2) ? WNOHANG : 0), NULL);
	/* Otherwise later calls may use the descriptor. */
	if (one_in(2))
		close(named.fd);
}

/* Harmless signals, processes that exit at once, pidfds. */
static void special_call(void)
{
	int pid;

	switch (below(4)) {
	case 3: return pidfd_call(fork());
	case 0: kill(getpid(), SIGUSR1); return;
	case 1:
		pid = fork();
		if (pid == 0)
			_exit(below(256));
		break;
	default:
		pid = vfork();
		if (pid == 0) {
			execl("/not/there", "x", NULL);
			_exit(0);
		}
	}
	if (pid > 0 && one_in(2))
		waitpid(pid, NULL, 0);
}

static void one_call(const struct door *door)
{
	unsigned long arguments[6];
	int number = below(470);

	if (one_in(60))
		return special_call();
	for (int i = 0; i < 6; i++)
		arguments[i] = some_argument();
	if (IS(left_out, door, number))
		return;
	if (IS(waiting, door, number) && !one_in(20))
		return;
	if (IS(on_memory, door, number)) {
		arguments[0] = (unsigned long)arena + below(ARENA_PAGES) * PAGE;
		arguments[1] = below(3) * PAGE;
	} else if (one_in(3)) {
		arguments[0] = 3 + below(24);
	}
	door->call(number, arguments);
}

static void prepare_arena(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	mmap(arena, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	mprotect(arena + 8 * PAGE, PAGE, PROT_READ);
	mprotect(arena + 10 * PAGE, PAGE, PROT_NONE);
	munmap(arena + 13 * PAGE, PAGE);
}

static void nothing(int signal)
{
	(void)signal;
}

/* Opens one file of each kind, as descriptors 3 and up. */
static void open_things(void)
{
	int pair[2];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	open("/tmp", O_RDONLY | O_DIRECTORY);
	open("/tmp/file", O_RDWR | O_CREAT, 0666);
	open("/tmp/log", O_WRONLY | O_CREAT | O_APPEND, 0666);
	open("/dev/zero", O_RDWR);
	open("/dev/null", O_RDWR);
	open("/proc/self/status", O_RDONLY);
	open("/proc/self/task", O_RDONLY | O_DIRECTORY);
	open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (pipe2(pair, O_NONBLOCK) == 0)
		write(pair[1], "in a pipe", 9);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair);
	socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	eventfd(3, EFD_NONBLOCK);
	epoll_create1(0);
	timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	signalfd(-1, &set, SFD_NONBLOCK);
	inotify_add_watch(inotify_init1(IN_NONBLOCK), "/tmp", IN_ALL_EVENTS);
	memfd_create("memory", 0);
	open("/tmp/fifo", O_RDWR | O_NONBLOCK);
	syscall(SYS_pidfd_open, getpid(), 0);
}

static void make_calls(int calls, const struct door *door)
{
	static const int harmless[] = {
		SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGPIPE, SIGCHLD, SIGIO, SIGXCPU, SIGXFSZ, SIGHUP};

	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		signal(harmless[i], nothing);
	/* The child must not write to standard output or read from the terminal. */
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	for (int fd = 0; fd < 3; fd++)
		open("/dev/null", O_RDWR);
	mkfifo("/tmp/fifo", 0666);
	if (one_in(2) && (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)))
		_exit(1);
	if (chdir("/tmp"))
		_exit(1);
	open_things();
	for (int i = 0; i < calls; i++) {
		/* Some calls change the arena's mappings. */
		if (i % 16 == 0) {
			prepare_arena();
			fill_arena();
		}
		++*made;
		one_call(door);
	}
	_exit(0);
}

/* Removes a directory's content. */
static void empty(const char *path)
{
	struct dirent *entry;
	DIR *directory = opendir(path);

	while (directory && (entry = readdir(directory))) {
		char below_it[PATH_MAX];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (snprintf(below_it, sizeof below_it, "%s/%s", path, entry->d_name) < 0)
			continue;
		if (unlink(below_it) != 0) {
			empty(below_it);
			rmdir(below_it);
		}
	}
	if (directory)
		closedir(directory);
}

/* Prepares for all children: the shared call counter, /tmp, and the address of __kernel_vsyscall. */
static void prepare(void)
{
	only_as_init();
	mkdir("/tmp", 01777);
	chmod("/tmp", 01777);
	made = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*made = 0;
#ifdef __i386__
	vsyscall = getauxval(AT_SYSINFO);
#endif
}

static long memory_in_use(void)
{
	return memory_info("MemTotal") - memory_info("MemFree");
}
#endif
