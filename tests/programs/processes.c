/* covers: kernel/src/process/ */
/* Processes: exit, wait, zombies, process groups, permissions, signals that interrupt waits, CPU
   exceptions. Run as root. The output is the same on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "children.h"
#include "parts.h"

static const int unprivileged = 65533;

/* Prints the call's text and its result: 0, "above 0" or the error's name. */
#define T(call)                                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long result_ = (long)(call);                                                                           \
		printf("%s: %s\n", #call, result_ == 0 ? "0" : result_ > 0 ? "above 0" : strerrorname_np(errno));      \
	} while (0)

static void print_status(const char *what, int status)
{
	if (status == CANNOT_BE_KILLED)
		printf("%s: cannot be killed\n", what);
	else if (WIFSIGNALED(status))
		printf("%s: signal %d\n", what, WTERMSIG(status));
	else
		printf("%s: exit %d\n", what, WEXITSTATUS(status));
}

/* Runs a function in a child, and prints how the child ended. */
static void in_a_child(const char *name, void (*run)(void))
{
	int pid;

	printf("== %s\n", name);
	pid = fork();
	if (pid == 0) {
		run();
		_exit(0);
	}
	print_status(name, reap(pid, 5000));
}

#define IN_A_CHILD(name) in_a_child(#name, name)

/* A child that does nothing until it is killed. */
static int idle_child(void)
{
	int pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static int ended_child(int code)
{
	siginfo_t info;
	int pid = fork();

	if (pid == 0)
		_exit(code);
	/* The child is a zombie when waitid returns. */
	waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
	return pid;
}

static void kill_and_wait(int pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The default action of each signal. */
static void default_actions(void)
{
	for (int number = 1; number <= 64; number++) {
		char name[20];
		int pid;

		/* The C library's internal signals, and those that stop. */
		if (number == 32 || number == 33 || (number >= SIGSTOP && number <= SIGTTOU))
			continue;
		sprintf(name, "signal %d", number);
		pid = fork();
		if (pid == 0) {
			syscall(SYS_kill, getpid(), number);
			_exit(42);
		}
		print_status(name, reap(pid, 5000));
	}
}

static void blocked_signal(void)
{
	sigset_t all, pending;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	kill(getpid(), SIGTERM);
	sigpending(&pending);
	printf("pending: %d\n", sigismember(&pending, SIGTERM));
	if (fork() == 0) {
		sigpending(&pending);
		printf("pending in a child: %d\n", sigismember(&pending, SIGTERM));
		_exit(0);
	}
	wait(NULL);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	printf("not reached\n");
}

static void ignored_signal(void)
{
	signal(SIGTERM, SIG_IGN);
	kill(getpid(), SIGTERM);
	printf("continued\n");
	raise(SIGUSR1);
	printf("not reached\n");
}

static void blocked_kill(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGKILL, SIG_IGN);
	kill(getpid(), SIGKILL);
	printf("not reached\n");
}

static void ignored_fault(void)
{
	signal(SIGSEGV, SIG_IGN);
	*(volatile int *)8 = 0;
}

static void blocked_fault(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	*(volatile int *)8 = 0;
}

/* Invalid instructions, each with its signal. */
static void faulting_instructions(void)
{
	static const struct {
		const char *name;
		unsigned char code[8];
	} instructions[] = {
		{"ud2", {0x0f, 0x0b}},
		{"int3", {0xcc}},
		{"int 3", {0xcd, 3}},
		{"int 4", {0xcd, 4}},
		{"int 0x21", {0xcd, 0x21}},
		{"int 14", {0xcd, 14}},
		{"hlt", {0xf4}},
		{"cli", {0xfa}},
		{"div by 0", {0x31, 0xc0, 0xf7, 0xf0}},
		{"in", {0xec}},
		{"wrmsr", {0x0f, 0x30}},
		{"mov eax, cr0", {0x0f, 0x20, 0xc0}},
		{"lgdt", {0x0f, 0x01, 0x10}},
		{"invd", {0x0f, 0x08}},
		{"single step", {0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0}},
	};

	for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++) {
		int pid = fork();

		if (pid == 0) {
			int protection = PROT_READ | PROT_WRITE | PROT_EXEC;
			int flags = MAP_PRIVATE | MAP_ANONYMOUS;
			unsigned char *code = mmap(NULL, 4096, protection, flags, -1, 0);

			memset(code, 0x90, 64);
			memcpy(code, instructions[i].code, 8);
			for (int end = 7; end && !code[end]; end--)
				code[end] = 0x90;
			if (i == sizeof instructions / sizeof *instructions - 1)
				memcpy(code, "\x9c\x81\x0c\x24\0\1\0\0\x9d", 9);
			((void (*)(void))code)();
		}
		print_status(instructions[i].name, reap(pid, 5000));
	}
}

static void zombies(void)
{
	int pid = ended_child(0);

	T(kill(pid, 0));
	T(kill(pid, SIGKILL));
	T(getpgid(pid));
	T(setpgid(pid, pid));
	T(getsid(pid));
	T(waitpid(pid, NULL, 0));
	T(kill(pid, 0));
	T(getpgid(pid));
	T(waitpid(pid, NULL, 0));
}

static void waits(void)
{
	int first = ended_child(1), second = ended_child(2), status = 0;

	T(waitpid(second, &status, 0) == second);
	print_status("second", status);
	T(waitpid(second, &status, 0));
	T(wait(&status) == first);
	print_status("first", status);
	T(wait(&status));
	T(waitpid(-1, NULL, 0x100));
	T(waitpid(INT32_MIN, NULL, 0));
	T(waitpid(1 << 30, NULL, 0));
	/* The status can't be stored, yet the child is gone. */
	first = ended_child(3);
	T(syscall(SYS_wait4, first, 8, 0, NULL));
	T(waitpid(first, NULL, 0));
	first = idle_child();
	T(waitpid(first, &status, WNOHANG));
	kill_and_wait(first);
}

static void groups(void)
{
	int leader = idle_child(), member = idle_child(), status;

	T(setpgid(leader, leader));
	T(setpgid(member, leader));
	T(getpgid(member) == leader);
	T(setpgid(member, 1 << 30));
	T(setpgid(0, -1));
	T(setpgid(1 << 30, 0));
	T(waitpid(0, NULL, WNOHANG));
	T(waitpid(-leader, NULL, WNOHANG));
	T(kill(-leader, SIGTERM));
	T(waitpid(-leader, &status, 0) > 0);
	print_status("one of the group", status);
	T(waitpid(-leader, &status, 0) > 0);
	print_status("the other", status);
	T(waitpid(-leader, &status, 0));
	T(kill(-leader, SIGTERM));
	T(kill(INT32_MIN, 0));
	T(kill(getpid(), 65));
	T(syscall(SYS_tgkill, getpid(), getpid(), 0));
	T(syscall(SYS_tkill, 0, 0));
	T(getpgid(-1));
	T(getsid(1 << 30));
}

static void new_session(void)
{
	T(setsid() == getpid());
	T(getsid(0) == getpid());
	T(getpgrp() == getpid());
	T(setsid());
	T(setpgid(0, 0));
}

static void drop_privileges(void)
{
	if (setresgid(unprivileged, unprivileged, unprivileged) || setresuid(unprivileged, unprivileged, unprivileged))
		_exit(100);
}

/* An unprivileged process has no permissions for root's processes. */
static void permissions(void)
{
	int other = idle_child();

	if (fork() == 0) {
		struct rlimit limit = {10, 10};

		drop_privileges();
		T(kill(other, 0));
		T(kill(other, SIGKILL));
		T(syscall(SYS_tkill, other, SIGKILL));
		T(prlimit(other, RLIMIT_NOFILE, NULL, &limit));
		T(prlimit(other, RLIMIT_NOFILE, &limit, NULL));
		T(kill(getpid(), 0));
		T(setuid(0));
		T(setgid(0));
		T(setgroups(0, NULL));
		T(setresuid(-1, -1, -1));
		_exit(0);
	}
	wait(NULL) == other ? printf("the other was killed\n") : 0;
	T(waitpid(other, NULL, WNOHANG));
	kill_and_wait(other);
}

static void invalid_arguments(void)
{
	T(setuid(-1));
	T(setgid(-1));
	T(prlimit(1 << 30, RLIMIT_NOFILE, NULL, NULL));
	T(syscall(SYS_prlimit64, 0, 16, NULL, NULL));
	T(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 8, NULL));
}

static void wait_in_poll(void)
{
	poll(NULL, 0, -1);
}

static void wait_in_select(void)
{
	select(0, NULL, NULL, NULL, NULL);
}

static void wait_in_sleep(void)
{
	sleep(1000);
}

static void wait_in_a_pipe(void)
{
	int ends[2];
	char byte;

	pipe(ends);
	read(ends[0], &byte, 1);
}

static void wait_in_a_full_pipe(void)
{
	static char bytes[1 << 20];
	int ends[2];

	pipe(ends);
	write(ends[1], bytes, sizeof bytes);
}

static void run_for_ever(void)
{
	for (;;)
		;
}

static void wait_for_a_child(void)
{
	if (idle_child() > 0)
		wait(NULL);
}

static void wait_for_vfork(void)
{
	if (vfork() == 0)
		for (;;)
			pause();
}

static void kill_waiters(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} ways[] = {
		{"poll", wait_in_poll},
		{"select", wait_in_select},
		{"sleep", wait_in_sleep},
		{"pipe", wait_in_a_pipe},
		{"full pipe", wait_in_a_full_pipe},
		{"loop", run_for_ever},
		{"wait", wait_for_a_child},
		{"vfork", wait_for_vfork},
	};

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		int status = 0, pid = fork();

		if (pid == 0) {
			setpgid(0, 0);
			ways[i].run();
			_exit(1);
		}
		usleep(20000);
		kill(pid, SIGKILL);
		if (!ends_within(pid, 3000, &status))
			status = CANNOT_BE_KILLED;
		print_status(ways[i].name, status);
		kill(-pid, SIGKILL);
	}
}

static volatile int shared;

static void vfork_shares_memory(void)
{
	int status, pid = vfork();

	if (pid == 0) {
		shared = 42;
		_exit(3);
	}
	printf("shared: %d\n", shared);
	waitpid(pid, &status, 0);
	print_status("vfork", status);
	pid = vfork();
	if (pid == 0) {
		execl("/not/there", "x", NULL);
		shared = errno;
		_exit(4);
	}
	printf("exec in vfork: %s\n", strerrorname_np(shared));
	waitpid(pid, NULL, 0);
}

/* Children of a process that ignores SIGCHLD leave no zombies. */
static void ignored_children(void)
{
	signal(SIGCHLD, SIG_IGN);
	if (fork() == 0)
		_exit(3);
	T(wait(NULL));
}

/* CLONE_CHILD_SETTID must not write to a read-only page. */
static void child_tid_in_a_read_only_file(void)
{
	char name[] = "/tmp/processes-XXXXXX", bytes[16] = "";
	int fd = mkstemp(name), read_only = open(name, O_RDONLY), pid;
	volatile char *area;

	unlink(name);
	write(fd, "AAAAAAAAAAAAAAAA", 16);
	area = mmap(NULL, 4096, PROT_READ, MAP_SHARED, read_only, 0);
	printf("before: %c\n", area[0]);
#ifdef __x86_64__
	pid = syscall(SYS_clone, 0x01000000 | SIGCHLD, NULL, NULL, area, NULL);
#else
	pid = syscall(SYS_clone, 0x01000000 | SIGCHLD, NULL, NULL, NULL, area);
#endif
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	pread(fd, bytes, sizeof bytes, 0);
	printf("file: %.16s\n", bytes);
}

#ifdef __x86_64__
static void clone_with_base(unsigned long base)
{
	int pid = syscall(SYS_clone, 0x80000 | SIGCHLD, NULL, NULL, NULL, base);

	/* With the new FS base the C library's thread data is out of reach. */
	if (pid == 0) {
		asm volatile("syscall" ::"a"(SYS_exit_group), "D"(0));
		__builtin_unreachable();
	}
	printf("clone with base %lx: %s\n", base, pid < 0 ? strerrorname_np(errno) : "made");
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* FS and GS bases: non-canonical ones are refused. */
static void wrong_bases(void)
{
	clone_with_base(0x12345000);
	clone_with_base(0x7ffffffff000);
	clone_with_base(0x0000800000000000);
	clone_with_base(0x8000000000000000);
	clone_with_base(0xffff800000000000);
	T(syscall(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS */, 0x800000000000));
	T(syscall(SYS_arch_prctl, 0x1002 /* ARCH_SET_FS */, 0xffff800000000000));
	T(syscall(SYS_arch_prctl, 0x1999, 0));
}
#endif

static void all(void)
{
	/* A new session and process group: init has none. */
	setsid();
	default_actions();
	IN_A_CHILD(blocked_signal);
	IN_A_CHILD(ignored_signal);
	IN_A_CHILD(blocked_kill);
	IN_A_CHILD(ignored_fault);
	IN_A_CHILD(blocked_fault);
	PART(faulting_instructions);
	PART(zombies);
	PART(waits);
	PART(groups);
	IN_A_CHILD(new_session);
	PART(permissions);
	PART(invalid_arguments);
	PART(kill_waiters);
	PART(vfork_shares_memory);
	IN_A_CHILD(ignored_children);
	PART(child_tid_in_a_read_only_file);
#ifdef __x86_64__
	PART(wrong_bases);
#endif
}

int main(void)
{
	struct rlimit no_core = {0, 0};

	setvbuf(stdout, NULL, _IONBF, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	mkdir("/tmp", 01777);
	/* The kernel treats init differently: it only waits. */
	IN_A_CHILD(all);
	return 0;
}
