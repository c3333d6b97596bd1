/* covers: kernel/src/process/ */
/* clone(2) and clone3(2): valid combinations of flags, what is shared, and where IDs are stored.
   Run as root. The output is the same on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

static const char *name(long result)
{
	return result == -1 ? strerrorname_np(errno) : result > 0 ? "made" : "0";
}

/* clone without a wrapper: for children that don't share memory, and for calls that fail. */
static long raw(unsigned long flags, void *stack, int *parent, int *child, void *tls)
{
	errno = 0;
#ifdef __x86_64__
	return syscall(SYS_clone, flags, stack, parent, child, tls);
#else
	return syscall(SYS_clone, flags, stack, parent, tls, child);
#endif
}

/* Makes the call and prints the child's wait status. */
static void attempt(const char *what, unsigned long flags, int *parent, int *child, void *tls)
{
	long pid;
	int status = 0;

	fflush(stdout);
	pid = raw(flags, NULL, parent, child, tls);
	if (pid == 0)
		_exit(7);
	printf("%s: %s", what, name(pid));
	if (pid > 0)
		printf(" %x", waitpid(pid, &status, __WALL) == pid ? status : -1);
	printf("\n");
}

#define T(flags) attempt(#flags, flags, NULL, NULL, NULL)

static void together(void)
{
	T(SIGCHLD);
	T(0);
	T(SIGUSR1);
	T(200);
	T(CLONE_THREAD);
	T(CLONE_THREAD | CLONE_SIGHAND);
	T(CLONE_SIGHAND);
	T(CLONE_SIGHAND | CLONE_FS);
	T(CLONE_FS | SIGCHLD);
	T(CLONE_FILES | SIGCHLD);
	T(CLONE_SYSVSEM | SIGCHLD);
	T(CLONE_IO | SIGCHLD);
	T(CLONE_UNTRACED | SIGCHLD);
	T(CLONE_PTRACE | SIGCHLD);
	T(CLONE_DETACHED | SIGCHLD);
	T(CLONE_VFORK | SIGCHLD);
	T(CLONE_NEWNS | CLONE_FS);
	T(CLONE_NEWUSER | CLONE_FS);
	T(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER);
	T(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWPID);
	attempt("bad parent_tid", SIGCHLD | CLONE_PARENT_SETTID, (int *)8, NULL, NULL);
	attempt("bad child_tid", SIGCHLD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, NULL, (int *)8, NULL);
#ifdef __x86_64__
	attempt("tls at a kernel address", SIGCHLD | CLONE_SETTLS, NULL, NULL, (void *)-4096L);
	attempt("tls past the end", SIGCHLD | CLONE_SETTLS, NULL, NULL, (void *)0x800000000000);
#else
	static unsigned descs[][4] = {{12, 0, 0xfffff, 0x51}, {-1, 0, 0xfffff, 0x51}, {11, 0, 0xfffff, 0x51},
		{14, 0, 0xfffff, 0x50}, {13, 0, 0, 0x28}};
	for (int i = 0; i < 5; i++)
		attempt("descriptor", SIGCHLD | CLONE_SETTLS, NULL, NULL, descs[i]);
	attempt("no descriptor", SIGCHLD | CLONE_SETTLS, NULL, NULL, (void *)8);
#endif
}

static void stores(void)
{
	int *ids = mmap(0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0), pid, status;

	fflush(stdout);
	ids[0] = ids[1] = -1;
	pid = raw(SIGCHLD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, NULL, ids, ids + 1, NULL);
	if (pid == 0)
		_exit(ids[1] == getpid() ? 5 : 6);
	waitpid(pid, &status, 0);
	printf("stored: %d %d %x\n", ids[0] == pid, ids[1] == pid, status);
}

/* --- Sharing without threads. */

static char stack[4][65536] __attribute__((aligned(64)));
static volatile int memory;
static int fd;

static int change(void *unused)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	(void)unused;
	memory = 1;
	chdir("/proc");
	umask(0123);
	close(fd);
	sigaction(SIGUSR2, &action, NULL);
	return 3;
}

static void sharing(const char *what, int flags)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	char where[100];
	int pid, status = 0;
	mode_t mask;

	memory = 0;
	chdir("/");
	umask(022);
	fd = open("/", O_RDONLY);
	sigaction(SIGUSR2, &action, NULL);
	fflush(stdout);
	pid = clone(change, stack[0] + sizeof stack[0], flags | SIGCHLD, NULL);
	if (pid < 0) {
		printf("%s: %s\n", what, strerrorname_np(errno));
		close(fd);
		return;
	}
	waitpid(pid, &status, 0);
	sigaction(SIGUSR2, NULL, &action);
	getcwd(where, sizeof where);
	mask = umask(022);
	printf("%s: memory %d, in %s, umask %o, file %s, signal %s, status %x\n", what, memory, where, mask,
		fcntl(fd, F_GETFD) < 0 ? "closed" : "open", action.sa_handler == SIG_IGN ? "ignored" : "default",
		status);
	close(fd);
	chdir("/");
}

/* --- A thread without the C library. */

static volatile int has_own_tid, cleared = 1;

static int thread(void *argument)
{
	has_own_tid = syscall(SYS_gettid) != getpid();
	/* The thread never returns from this call. */
	syscall(SYS_exit, *(int *)argument);
	return 0;
}

static void threads(void)
{
	int status = 9, parent = 0;
	long tid;

	tid = clone(thread, stack[1] + sizeof stack[1],
		THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID, &status, &parent, NULL, &cleared);
	while (cleared)
		syscall(SYS_futex, &cleared, 0, 1, NULL, NULL, 0);
	printf("thread: %d, stored %d, other id %d\n", tid > 0, parent == tid, has_own_tid);
	printf("not a child: %s\n", name(waitpid(tid, &status, __WALL)));
}

static int sibling(void *argument)
{
	int pid = clone(change, stack[2] + sizeof stack[2], CLONE_PARENT | SIGUSR1, NULL);

	(void)argument;
	return pid > 0 && waitpid(pid, NULL, __WALL) == -1 ? 0 : 1;
}

static void siblings(void)
{
	int status = 0, count = 0, first, sum = 0;

	fflush(stdout);
	first = clone(sibling, stack[0] + sizeof stack[0], SIGCHLD, NULL);
	while (waitpid(-1, &status, __WALL) > 0)
		count++, sum += WEXITSTATUS(status);
	printf("siblings: %d %d %d\n", first > 0, count, sum);
}

/* The exit signal decides which waits find the child (__WCLONE, __WALL). */
static void exit_signals(void)
{
	static const int signals[] = {SIGCHLD, 0, SIGURG};

	for (int i = 0; i < 3; i++) {
		int status, pid;

		fflush(stdout);
		pid = raw(signals[i], NULL, NULL, NULL, NULL);
		if (pid == 0)
			_exit(1);
		printf("exit signal %d: %s", signals[i], name(waitpid(pid, &status, 0)));
		printf(" %s", name(waitpid(pid, &status, __WCLONE)));
		printf(" %s\n", name(waitpid(pid, &status, __WALL)));
	}
}

/* --- clone3. */

static struct clone_args args;

static void three(const char *what, size_t size)
{
	long pid;
	int status = 0;

	fflush(stdout);
	errno = 0;
	pid = syscall(SYS_clone3, &args, size);
	if (pid == 0)
		_exit(7);
	printf("%s, %zu: %s", what, size, name(pid));
	if (pid > 0)
		printf(" %x", waitpid(pid, &status, __WALL) == pid ? status : -1);
	printf("\n");
}

#define THREE(...)                                                                                                     \
	do {                                                                                                           \
		args = (struct clone_args){.exit_signal = SIGCHLD, __VA_ARGS__};                                       \
		three(#__VA_ARGS__, sizeof args);                                                                      \
	} while (0)

static void clone3s(void)
{
	int wanted[] = {30123, 30124}, bad = 40000, none = 0, own = 1;
	char *page = mmap(0, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	args = (struct clone_args){.exit_signal = SIGCHLD};
	for (size_t size = 0; size < 112; size += 8)
		three("size", size);
	three("size", 4097);
	errno = 0;
	printf("bad address: %s\n", name(syscall(SYS_clone3, (void *)8, sizeof args)));
	/* A structure longer than the kernel's is accepted if the rest is zeros. */
	memcpy(page, &args, sizeof args);
	fflush(stdout);
	for (int extra = 0; extra < 2; extra++) {
		long pid;

		page[200] = extra;
		errno = 0;
		pid = syscall(SYS_clone3, page, 4096);
		if (pid == 0)
			_exit(0);
		printf("longer, %d: %s\n", extra, name(pid));
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	munmap(page + 4096, 4096);
	printf("across the end of the page: %s\n", name(syscall(SYS_clone3, page + 4096 - 64, sizeof args)));
	THREE(.exit_signal = 0);
	THREE(.exit_signal = 64);
	THREE(.exit_signal = 65);
	THREE(.exit_signal = 256);
	THREE(.exit_signal = 1ULL << 40);
	THREE(.flags = SIGCHLD);
	THREE(.flags = CLONE_DETACHED);
	THREE(.flags = 1ULL << 40);
	THREE(.flags = CLONE_CLEAR_SIGHAND);
	THREE(.flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM);
	THREE(.flags = CLONE_SIGHAND);
	THREE(.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM);
	THREE(.flags = CLONE_PARENT);
	THREE(.stack = 4096);
	THREE(.stack_size = 4096);
	THREE(.stack = (uintptr_t)stack[3], .stack_size = -1);
	THREE(.stack = -4096, .stack_size = 4096);
	THREE(.set_tid = (uintptr_t)wanted);
	THREE(.set_tid_size = 1);
	THREE(.set_tid = (uintptr_t)wanted, .set_tid_size = 33);
	THREE(.set_tid = (uintptr_t)wanted, .set_tid_size = 20);
	THREE(.set_tid = 8, .set_tid_size = 1);
	THREE(.set_tid = (uintptr_t)&none, .set_tid_size = 1);
	THREE(.set_tid = (uintptr_t)&own, .set_tid_size = 1);
	THREE(.set_tid = (uintptr_t)wanted, .set_tid_size = 1);
	(void)bad;
	fflush(stdout);
	args = (struct clone_args){.exit_signal = SIGCHLD, .set_tid = (uintptr_t)wanted, .set_tid_size = 1};
	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		_exit(getpid() == wanted[0] ? 8 : 9);
	int status = 0;
	waitpid(pid, &status, 0);
	printf("the requested ID: %d %x\n", pid == wanted[0], status);
	if (fork() == 0) {
		setresuid(1000, 1000, 1000);
		THREE(.set_tid = (uintptr_t)wanted, .set_tid_size = 1);
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
}

static const char *program;

static void on_usr2(int signo)
{
	(void)signo;
}

static int starts_program(void *unused)
{
	(void)unused;
	execl(program, program, "end", NULL);
	return 1;
}

/* execve in a process that shares its handlers (CLONE_SIGHAND) resets a copy. */
static void handlers_after_exec(void)
{
	static char room[65536] __attribute__((aligned(16)));
	struct sigaction now;
	int status = 0;
	signal(SIGUSR2, on_usr2);
	pid_t pid = clone(starts_program, room + sizeof room, CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL);
	waitpid(pid, &status, 0);
	sigaction(SIGUSR2, NULL, &now);
	printf("handler after a sharer's exec: %d %x\n", now.sa_handler == on_usr2, status);
}

int main(int argc, char **argv)
{
	program = argv[0];
	if (argc > 1)
		return 5;
	setvbuf(stdout, 0, _IOFBF, 1 << 14);
	signal(SIGUSR1, SIG_IGN);
	signal(64, SIG_IGN);
	together();
	stores();
	sharing("nothing", 0);
	sharing("memory", CLONE_VM);
	sharing("directory", CLONE_FS);
	sharing("files", CLONE_FILES);
	sharing("signals", CLONE_SIGHAND);
	sharing("memory and signals", CLONE_VM | CLONE_SIGHAND);
	sharing("all but a thread", CLONE_VM | CLONE_SIGHAND | CLONE_FS | CLONE_FILES);
	sharing("vfork", CLONE_VM | CLONE_VFORK);
	threads();
	siblings();
	exit_signals();
	clone3s();
	handlers_after_exec();
	fflush(stdout);
	return 0;
}
