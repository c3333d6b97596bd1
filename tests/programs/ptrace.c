/* covers: kernel/src/process/ */
/* ptrace(2) as the tracer sees it. The output is the same on Linux. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#define PTRACE_SYSEMU_SINGLESTEP 32
#endif
#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif
#define REQUEST_SYSCALL_INFO 0x420e

#ifdef __x86_64__
#define IP(r) (r).rip
#define RESULT(r) (r).rax
#define NUMBER(r) (r).orig_rax
#define FIRST(r) (r).rdi
#define FLAGS(r) (r).eflags
#else
#define IP(r) (r).eip
#define RESULT(r) (r).eax
#define NUMBER(r) (r).orig_eax
#define FIRST(r) (r).ebx
#define FLAGS(r) (r).eflags
#endif

typedef struct user_regs_struct regs_t;

static long pt(long request, pid_t pid, long addr, long data)
{
	errno = 0;
	return syscall(SYS_ptrace, request, pid, addr, data);
}

static const char *err(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}

static regs_t get(pid_t pid)
{
	regs_t regs;
	memset(&regs, 0, sizeof regs);
	pt(PTRACE_GETREGS, pid, 0, (long)&regs);
	return regs;
}

static void set(pid_t pid, regs_t *regs)
{
	pt(PTRACE_SETREGS, pid, 0, (long)regs);
}

// Waits for `pid` and prints its state. Returns the status.
static int print_wait(const char *what, pid_t pid)
{
	int status = 0;
	pid_t got = waitpid(pid, &status, __WALL);
	printf("%s: ", what);
	if (got != pid)
		printf("waitpid %s\n", err(-1));
	else if (WIFEXITED(status))
		printf("exited %d\n", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		printf("killed by %d\n", WTERMSIG(status));
	else if (WIFSTOPPED(status))
		printf("stopped by %d event %d\n", WSTOPSIG(status), status >> 16);
	else
		printf("status %#x\n", status);
	return status;
}

// A traced child, stopped by its own SIGSTOP, that continues with `body`.
static pid_t traced(void (*body)(void))
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		if (pt(PTRACE_TRACEME, 0, 0, 0))
			_exit(99);
		raise(SIGSTOP);
		body();
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
		printf("no first stop: %#x\n", status);
	return pid;
}

static void end(pid_t pid)
{
	int status;
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {}
}

// Raw calls, so that the C library adds none.
static void three_calls(void)
{
	syscall(SYS_getppid);
	syscall(SYS_close, 77);
	syscall(9999, 1, 2, 3);
	syscall(SYS_exit_group, 5);
}

static void stops_at_calls(void)
{
	pid_t pid = traced(three_calls);
	pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
	for (int i = 0; i < 12; i++) {
		pt(PTRACE_SYSCALL, pid, 0, 0);
		int status = print_wait("at a call", pid);
		if (!WIFSTOPPED(status))
			return;
		unsigned char info[128] = {0};
		long len = pt(REQUEST_SYSCALL_INFO, pid, sizeof info, (long)info);
		uint64_t words[8];
		memcpy(words, info + 24, sizeof words);
		regs_t regs = get(pid);
		unsigned long message = 0;
		pt(PTRACE_GETEVENTMSG, pid, 0, (long)&message);
		printf("  length %ld op %d number %ld message %lu", len, info[0], (long)NUMBER(regs), message);
		if (info[0] == 1)
			printf(" nr %ld first %ld rax %ld\n", (long)words[0],
				words[0] == SYS_getppid ? 0 : (long)words[1], (long)RESULT(regs));
		else if (NUMBER(regs) == SYS_getppid)
			printf(" parent %d\n", (int)words[0] == getpid());
		else
			printf(" result %ld error %d\n", (long)words[0], info[32]);
	}
}

static void asks_ppid(void)
{
	long got = syscall(SYS_getppid);
	_exit(got == 4321 ? 11 : got == -77 ? 12 : got == getpid() ? 13 : 14);
}

// The tracer cancels a call (number -1), changes its number, and changes its result.
static void changes_calls(void)
{
	for (int way = 0; way < 4; way++) {
		pid_t pid = traced(asks_ppid);
		do {
			pt(PTRACE_SYSCALL, pid, 0, 0);
			waitpid(pid, NULL, 0);
		} while (NUMBER(get(pid)) != SYS_getppid);
		regs_t regs = get(pid);
		if (way == 0)
			NUMBER(regs) = -1, RESULT(regs) = 4321;
		if (way == 1)
			NUMBER(regs) = SYS_getpid;
		set(pid, &regs);
		pt(PTRACE_SYSCALL, pid, 0, 0);
		waitpid(pid, NULL, 0);
		regs = get(pid);
		printf("way %d: number %ld\n", way, (long)NUMBER(regs));
		if (way == 2)
			RESULT(regs) = 4321;
		if (way == 3)
			RESULT(regs) = -ENOENT;
		set(pid, &regs);
		pt(PTRACE_CONT, pid, 0, 0);
		print_wait("  after", pid);
	}
	pid_t pid = traced(asks_ppid);
	do {
		pt(PTRACE_SYSEMU, pid, 0, 0);
		waitpid(pid, NULL, 0);
	} while (NUMBER(get(pid)) != SYS_getppid);
	regs_t regs = get(pid);
	RESULT(regs) = 4321;
	set(pid, &regs);
	pt(PTRACE_CONT, pid, 0, 0);
	print_wait("emulated", pid);
}

__attribute__((used)) static volatile int target, other;

__attribute__((noinline)) static void instructions(void)
{
#ifdef __x86_64__
	asm volatile(
		".globl steps_begin\nsteps_begin: nop\nmov %0, %%eax\nsyscall\nnop\nmov %1, %%eax\nint $0x80\npushfq\npopfq\n"
		"xor %%eax, %%eax\n.globl steps_end\nsteps_end: nop\n"
		:
		: "i"(SYS_getppid), "i"(64)
		: "rax", "rcx", "r11", "memory");
#else
	asm volatile(
		".globl steps_begin\nsteps_begin: nop\nmov %0, %%eax\nint $0x80\nnop\nmov %0, %%eax\ncall *%%gs:0x10\npushfl\npopfl\n"
		"xor %%eax, %%eax\n.globl steps_end\nsteps_end: nop\n"
		:
		: "i"(SYS_getppid)
		: "eax", "memory");
#endif
	target = 1;
	other = 2;
	target = 3;
}
extern char steps_begin[], steps_end[];

// A breakpoint, then single steps, through kernel entries too: one trap per instruction.
static void steps(void)
{
	pid_t pid = traced(instructions);
	long word = 0;
	pt(PTRACE_PEEKTEXT, pid, (long)steps_begin, (long)&word);
	printf("poke %s\n", err(pt(PTRACE_POKETEXT, pid, (long)steps_begin, (word & ~0xffL) | 0xcc)));
	pt(PTRACE_CONT, pid, 0, 0);
	print_wait("breakpoint", pid);
	regs_t regs = get(pid);
	printf("after the breakpoint: %d\n", IP(regs) == (unsigned long)steps_begin + 1);
	siginfo_t info;
	pt(PTRACE_GETSIGINFO, pid, 0, (long)&info);
	printf("signal %d code %#x\n", info.si_signo, info.si_code);
	pt(PTRACE_POKETEXT, pid, (long)steps_begin, word);
	IP(regs) = (unsigned long)steps_begin;
	set(pid, &regs);
	int last = -1;
	for (int i = 0; i < 60; i++) {
		pt(PTRACE_SINGLESTEP, pid, 0, 0);
		int status;
		waitpid(pid, &status, 0);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
			printf("status %#x\n", status);
			break;
		}
		regs = get(pid);
		pt(PTRACE_GETSIGINFO, pid, 0, (long)&info);
		long at = (long)IP(regs) - (long)steps_begin;
		int inside = at >= 0 && at <= steps_end - steps_begin;
		// The number of the vDSO's instructions is not compared.
		if (inside)
			printf("  at %ld TF %d code %d\n", at, !!(FLAGS(regs) & 0x100), info.si_code);
		else if (last)
			printf("  elsewhere\n");
		last = inside;
		if (IP(regs) == (unsigned long)steps_end)
			break;
	}
	// POPF made the flag the program's own; from here on no instruction traps.
	FLAGS(regs) &= ~0x100L;
	set(pid, &regs);
	// Data breakpoints: writes to `target`, by DR0 and DR7.
	printf("dr0 %s\n", err(pt(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]), (long)&target)));
	printf("dr7 %s\n", err(pt(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), 0xd0001)));
	for (int i = 0; i < 3; i++) {
		pt(PTRACE_CONT, pid, 0, 0);
		if (!WIFSTOPPED(print_wait("watch", pid)))
			break;
		long dr6 = 0, value = 0;
		pt(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[6]), (long)&dr6);
		pt(PTRACE_GETSIGINFO, pid, 0, (long)&info);
		pt(PTRACE_PEEKDATA, pid, (long)&target, (long)&value);
		printf("  dr6 %ld code %d target %d\n", dr6 & 15, info.si_code, (int)value);
		pt(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[6]), 0);
	}
}

static void on_usr1(int signo, siginfo_t *info, void *context)
{
	(void)context;
	char text[64];
	int len = snprintf(
		text, sizeof text, "handler %d code %d value %d\n", signo, info->si_code, info->si_value.sival_int);
	(void)!write(1, text, len);
}

static void raises(void)
{
	struct sigaction action = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO};
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 7});
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 8});
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 9});
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 10});
	_exit(3);
}

static void signals(void)
{
	pid_t pid = traced(raises);
	for (int i = 0; i < 4; i++) {
		pt(PTRACE_CONT, pid, 0, 0);
		int status = print_wait("signal", pid);
		if (!WIFSTOPPED(status))
			return;
		siginfo_t info;
		pt(PTRACE_GETSIGINFO, pid, 0, (long)&info);
		printf("  code %d value %d from child %d\n", info.si_code, info.si_value.sival_int, info.si_pid == pid);
		if (i == 1) {
			info.si_value.sival_int = 80;
			printf("  set %s\n", err(pt(PTRACE_SETSIGINFO, pid, 0, (long)&info)));
		}
		// The signal: suppressed, with another value, replaced by another, unchanged.
		if (i == 1)
			pt(PTRACE_CONT, pid, 0, SIGUSR1);
		if (i == 2)
			pt(PTRACE_CONT, pid, 0, SIGUSR2);
		if (i == 3)
			pt(PTRACE_CONT, pid, 0, SIGUSR1);
		if (i) {
			status = print_wait("  then", pid);
			if (!WIFSTOPPED(status))
				return;
			if (i < 3) {
				// The next signal arrived: its own stop is handled in the next iteration.
				kill(pid, 0);
			}
		}
	}
	end(pid);
}

static int thread_body(void *unused)
{
	(void)unused;
	syscall(SYS_exit, 0);
	return 0;
}

static char stack[16384];

static void family(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(21);
	waitpid(child, NULL, 0);
	child = vfork();
	if (child == 0)
		_exit(22);
	waitpid(child, NULL, 0);
	child = clone(thread_body, stack + sizeof stack, CLONE_VM | CLONE_FS, NULL);
	waitpid(child, NULL, __WCLONE);
	execl("/proc/self/exe", "ptrace", "exit", NULL);
	_exit(98);
}

// Every ptrace event; the new children are traced, too.
static void events(void)
{
	pid_t pid = traced(family);
	long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
		       PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT;
	printf("options %s\n", err(pt(PTRACE_SETOPTIONS, pid, 0, options)));
	pt(PTRACE_CONT, pid, 0, 0);
	pid_t child = 0;
	for (int i = 0; i < 60; i++) {
		int status;
		// The parent's events first, then the child's: their order isn't defined.
		pid_t got = waitpid(pid, &status, __WALL);
		if (got != pid)
			break;
		if (WIFEXITED(status)) {
			printf("parent exited %d\n", WEXITSTATUS(status));
			return;
		}
		int event = status >> 16;
		unsigned long message = 0;
		pt(PTRACE_GETEVENTMSG, pid, 0, (long)&message);
		if (event >= 1 && event <= 3) {
			child = message;
			printf("parent event %d\n", event);
			print_wait("  child", child);
			regs_t regs = get(child);
			printf("  child's result %ld\n", (long)RESULT(regs));
			pt(PTRACE_CONT, child, 0, 0);
			print_wait("  child", child);
			pt(PTRACE_GETEVENTMSG, child, 0, (long)&message);
			printf("  child ends with %#lx\n", message);
			pt(PTRACE_CONT, child, 0, 0);
			// vfork's parent waits until the child has exited.
			print_wait("  child", child);
		} else if (event == PTRACE_EVENT_EXIT) {
			printf("parent event %d message %#lx\n", event, message);
		} else {
			int same = event == PTRACE_EVENT_EXEC ? (pid_t)message == pid : (pid_t)message == child;
			if (event)
				printf("parent event %d message of %s\n", event, same ? "the right one" : "another");
			else
				printf("parent stopped by %d\n", WSTOPSIG(status));
		}
		int signo = event ? 0 : WSTOPSIG(status);
		pt(PTRACE_CONT, pid, 0, signo == SIGCHLD ? SIGCHLD : 0);
	}
}

static void sleeps(void)
{
	for (;;)
		pause();
}

static pid_t sleeper(void)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		sleeps();
	return pid;
}

static void attaches(void)
{
	pid_t pid = sleeper();
	printf("attach %s\n", err(pt(PTRACE_ATTACH, pid, 0, 0)));
	printf("again %s\n", err(pt(PTRACE_ATTACH, pid, 0, 0)));
	print_wait("attached", pid);
	siginfo_t info;
	printf("info %s", err(pt(PTRACE_GETSIGINFO, pid, 0, (long)&info)));
	printf(" signal %d\n", info.si_signo);
	printf("detach %s\n", err(pt(PTRACE_DETACH, pid, 0, SIGTERM)));
	print_wait("detached", pid);
	printf("gone %s\n", err(pt(PTRACE_ATTACH, pid, 0, 0)));

	pid = sleeper();
	printf("seize with an address %s\n", err(pt(PTRACE_SEIZE, pid, 8, 0)));
	printf("with bad options %s\n", err(pt(PTRACE_SEIZE, pid, 0, 0x4000)));
	printf("seize %s\n", err(pt(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD)));
	printf("runs: %s\n", err(pt(PTRACE_GETREGS, pid, 0, 0)));
	printf("interrupt %s\n", err(pt(PTRACE_INTERRUPT, pid, 0, 0)));
	print_wait("interrupted", pid);
	printf("info %s", err(pt(PTRACE_GETSIGINFO, pid, 0, (long)&info)));
	printf(" code %#x\n", info.si_code);
	printf("listen %s\n", err(pt(PTRACE_LISTEN, pid, 0, 0)));
	printf("listening: %s\n", err(pt(PTRACE_CONT, pid, 0, 0)));
	printf("interrupt %s\n", err(pt(PTRACE_INTERRUPT, pid, 0, 0)));
	print_wait("interrupted", pid);
	pt(PTRACE_CONT, pid, 0, 0);
	kill(pid, SIGSTOP);
	print_wait("signal", pid);
	pt(PTRACE_CONT, pid, 0, SIGSTOP);
	print_wait("group stop", pid);
	printf("listen %s\n", err(pt(PTRACE_LISTEN, pid, 0, 0)));
	kill(pid, SIGCONT);
	print_wait("continued", pid);
	pt(PTRACE_CONT, pid, 0, 0);
	print_wait("its signal", pid);
	pt(PTRACE_CONT, pid, 0, SIGCONT);
	kill(pid, SIGKILL);
	print_wait("killed", pid);

	// PTRACE_SEIZE of a stopped process keeps it stopped.
	pid = sleeper();
	kill(pid, SIGSTOP);
	int status;
	waitpid(pid, &status, WUNTRACED);
	printf("stopped %d\n", WIFSTOPPED(status));
	printf("attach %s\n", err(pt(PTRACE_ATTACH, pid, 0, 0)));
	print_wait("attached", pid);
	end(pid);
}

static void registers(void)
{
	pid_t pid = traced(sleeps);
	char path[64], line[256];
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *status = fopen(path, "r");
	while (status && fgets(line, sizeof line, status)) {
		int tracer;
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			printf("TracerPid is mine: %d\n", tracer == getpid());
		if (!strncmp(line, "State:", 6))
			printf("%s", line);
	}
	if (status)
		fclose(status);
	char big[8192];
	struct iovec vector = {big, sizeof big};
	printf("prstatus %s", err(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (long)&vector)));
	printf(" %zu bytes\n", vector.iov_len);
	regs_t regs = get(pid);
	printf("as GETREGS: %d\n", memcmp(&regs, big, sizeof regs) == 0);
	vector.iov_len = 3;
	printf("odd length %s\n", err(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (long)&vector)));
	vector.iov_len = sizeof big;
	printf("fpregset %s", err(pt(PTRACE_GETREGSET, pid, NT_PRFPREG, (long)&vector)));
	printf(" %zu bytes\n", vector.iov_len);
	vector.iov_len = sizeof big;
	printf("unknown %s\n", err(pt(PTRACE_GETREGSET, pid, 0x777, (long)&vector)));
	printf("cs %#lx ss %#lx flags %#lx\n",
		(long)regs.
#ifdef __x86_64__
		cs,
		(long)regs.ss,
#else
		xcs,
		(long)regs.xss,
#endif
		(long)FLAGS(regs));
	struct {
		size_t at;
		long value;
		const char *what;
	} pokes[] = {
#ifdef __x86_64__
		{offsetof(regs_t, cs), 0x10, "kernel's cs"}, {offsetof(regs_t, ss), 0, "null ss"},
		{offsetof(regs_t, fs_base), 0x7fffffffffffffffL, "fs base"},
		{offsetof(regs_t, rip), 0x8000000000000000L, "rip"}, {offsetof(regs_t, ds), 0x2b, "ds"},
#else
		{offsetof(regs_t, xcs), 0x10, "kernel's cs"}, {offsetof(regs_t, xss), 0, "null ss"},
		{offsetof(regs_t, eip), 0x12345678, "eip"},
#endif
		{3, 0, "odd"}, {sizeof(struct user), 0, "behind"}, {-8, 0, "before"},
		{offsetof(struct user, u_debugreg[0]), -4096L, "dr0"}, {offsetof(struct user, u_debugreg[4]), 0, "dr4"},
		{offsetof(struct user, u_debugreg[7]), 0x20001, "dr7 for I/O"}};
	for (size_t i = 0; i < sizeof pokes / sizeof *pokes; i++)
		printf("poke %s: %s\n", pokes[i].what, err(pt(PTRACE_POKEUSER, pid, pokes[i].at, pokes[i].value)));
	// The flags that a tracer can set.
	regs = get(pid);
	FLAGS(regs) = -1;
	set(pid, &regs);
	printf("all flags: %#lx\n", (long)FLAGS(get(pid)) & 0xffffffff);
	char *page = mmap(0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long word = 0;
	printf("peek at 8: %s\n", err(pt(PTRACE_PEEKDATA, pid, 8, (long)&word)));
	(void)page;
	end(pid);
}

#ifdef __x86_64__
// A call of the i386 table from 64-bit code, and one from 32-bit code in the same program.
static void other_width(void)
{
	long result = 6;
	asm volatile("int $0x80" : "+a"(result) : "b"(0x10000004dL) : "r8", "r9", "r10", "r11", "memory");
	char *low =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	// mov eax, 6; mov ebx, 77; int 0x80; jmp 0x33:behind; jmp r13. No far call: TCG's accesses the
	// stack with supervisor rights.
	static const char code[] = "\xb8\x06\0\0\0\xbb\x4d\0\0\0\xcd\x80\xea\0\0\0\0\x33\0\x41\xff\xe5";
	memcpy(low, code, sizeof code);
	uint32_t behind = (uint32_t)(uintptr_t)low + 19;
	memcpy(low + 13, &behind, sizeof behind);
	struct {
		uint32_t ip;
		uint16_t cs;
	} __attribute__((packed)) gate = {(uint32_t)(uintptr_t)low, 0x23};
	// 32-bit code leaves only the lower half of RSP.
	asm volatile("mov %%rsp, %%r12\nlea 1f(%%rip), %%r13\nljmp *(%0)\n1: mov %%r12, %%rsp"
		:
		: "r"(&gate)
		: "rax", "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "memory");
	_exit(result == -9 ? 0 : 1);
}

static void widths(void)
{
	pid_t pid = traced(other_width);
	pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
	for (;;) {
		int status;
		pt(PTRACE_SYSCALL, pid, 0, 0);
		waitpid(pid, &status, 0);
		if (!WIFSTOPPED(status)) {
			printf("status %#x\n", status);
			return;
		}
		unsigned char info[128] = {0};
		char set[512];
		struct iovec vector = {set, sizeof set};
		uint32_t arch;
		uint64_t words[8];
		regs_t regs = get(pid);
		pt(REQUEST_SYSCALL_INFO, pid, sizeof info, (long)info);
		pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (long)&vector);
		memcpy(&arch, info + 4, sizeof arch);
		memcpy(words, info + 24, sizeof words);
		if (!(WSTOPSIG(status) & 0x80)) {
			printf("signal %d\n", WSTOPSIG(status));
			end(pid);
			return;
		}
		if (arch == 0xc000003e)
			continue;
		printf("arch %#x op %d cs %#llx set of %zu bytes rax %#llx", arch, info[0], regs.cs, vector.iov_len,
			regs.rax);
		if (info[0] == 1)
			printf(" nr %ld first %#lx rbx %#llx\n", (long)words[0], (long)words[1], regs.rbx);
		else
			printf(" result %ld error %d\n", (long)words[0], info[32]);
	}
}
#else
static void widths(void) {}
#endif

static void survives(void)
{
	// A tracer that exits detaches, or kills with EXITKILL.
	for (int kills = 0; kills < 2; kills++) {
		pid_t pid = sleeper();
		fflush(stdout);
		pid_t tracer = fork();
		if (tracer == 0) {
			if (pt(PTRACE_SEIZE, pid, 0, kills ? PTRACE_O_EXITKILL : 0))
				_exit(1);
			pt(PTRACE_INTERRUPT, pid, 0, 0);
			waitpid(pid, NULL, __WALL);
			_exit(0);
		}
		print_wait("tracer", tracer);
		if (!kills) {
			printf("alive %s\n", err(kill(pid, 0)));
			kill(pid, SIGTERM);
		}
		print_wait("traced", pid);
	}
	// The parent is notified of the exit after the tracer.
	pid_t pid = sleeper();
	int go[2], done[2];
	if (pipe(go) || pipe(done))
		return;
	fflush(stdout);
	pid_t tracer = fork();
	if (tracer == 0) {
		char byte = 0;
		if (pt(PTRACE_SEIZE, pid, 0, 0))
			_exit(1);
		kill(pid, SIGKILL);
		siginfo_t info;
		waitid(P_PID, pid, &info, WEXITED | WNOWAIT | __WALL);
		(void)!write(done[1], &byte, 1);
		(void)!read(go[0], &byte, 1);
		int status;
		_exit(waitpid(pid, &status, __WALL) == pid && WIFSIGNALED(status) ? 0 : 2);
	}
	char byte = 0;
	(void)!read(done[0], &byte, 1);
	printf("parent before the tracer: %d\n", waitpid(pid, NULL, WNOHANG));
	(void)!write(go[1], &byte, 1);
	print_wait("tracer", tracer);
	print_wait("then the parent", pid);
}

static void errors(void)
{
	printf("no such process %s\n", err(pt(PTRACE_ATTACH, 0x7ffffff, 0, 0)));
	printf("myself %s\n", err(pt(PTRACE_ATTACH, getpid(), 0, 0)));
	printf("not a tracee %s\n", err(pt(PTRACE_CONT, getppid(), 0, 0)));
	pid_t pid = traced(sleeps);
	printf("unknown request %s\n", err(pt(0x9999, pid, 0, 0)));
	printf("bad signal %s\n", err(pt(PTRACE_CONT, pid, 0, 65)));
	printf("bad options %s\n", err(pt(PTRACE_SETOPTIONS, pid, 0, 1 << 14)));
	printf("bad pointer %s\n", err(pt(PTRACE_GETREGS, pid, 0, 8)));
#ifdef __x86_64__
	// A kernel address, a non-canonical one, and the last word.
	for (int i = 0; i < 3; i++) {
		long at = (long[]){0xffff800000100000, 0x800000000000, -8}[i], word = 0;
		printf("read at %lx %s\n", at, err(pt(PTRACE_PEEKDATA, pid, at, (long)&word)));
		printf("write at %lx %s\n", at, err(pt(PTRACE_POKEDATA, pid, at, 0)));
	}
	int memory = open("/proc/self/mem", O_RDWR);
	char byte;
	printf("memory %s\n", err(pread(memory, &byte, 1, 0x800000000000)));
	close(memory);
#endif
	printf("listen %s\n", err(pt(PTRACE_LISTEN, pid, 0, 0)));
	printf("interrupt %s\n", err(pt(PTRACE_INTERRUPT, pid, 0, 0)));
	printf("kill %s\n", err(pt(PTRACE_KILL, pid, 0, 0)));
	print_wait("killed", pid);
}

// An unprivileged tracer: set-user-ID programs and non-dumpable processes.
static const char *program;
// A set-user-ID copy of this program. Its name has the process ID, as several runs may be concurrent.
static char granted[64];

static void copy_of_program(const char *to)
{
	char bytes[65536];
	int from = open(program, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;)
		if (write(out, bytes, n) != n)
			perror("write");
	close(from);
	close(out);
	chmod(to, 04755);
}

static void becomes_root(void)
{
	execl(granted, "granted", "who", NULL);
	_exit(1);
}

static void is_not_dumpable(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	raise(SIGSTOP);
	sleeps();
}

static void as_unprivileged_user(void)
{
	if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		perror("setresuid");
	printf("dumpable after that %d\n", prctl(PR_GET_DUMPABLE));
	pid_t pid = fork();
	if (pid == 0)
		becomes_root();
	print_wait("not traced", pid);
	pid = traced(becomes_root);
	pt(PTRACE_CONT, pid, 0, 0);
	print_wait("traced", pid);
	pt(PTRACE_CONT, pid, 0, 0);
	print_wait("traced", pid);
	pid = fork();
	if (pid == 0)
		is_not_dumpable();
	int status;
	waitpid(pid, &status, WUNTRACED);
	printf("attach to a non-dumpable process %s\n", err(pt(PTRACE_ATTACH, pid, 0, 0)));
	kill(pid, SIGKILL);
	print_wait("killed", pid);
}

static void rights(void)
{
	mkdir("/tmp", 0777);
	snprintf(granted, sizeof granted, "/tmp/granted-%d", getpid());
	copy_of_program(granted);
	pid_t pid = fork();
	if (pid == 0) {
		as_unprivileged_user();
		_exit(0);
	}
	print_wait("unprivileged user", pid);
	unlink(granted);
}

// A thread calls execve after the thread group leader has exited; the tracer isn't the parent.
static int starts_program(void *unused)
{
	(void)unused;
	execl(program, "program", "exit", NULL);
	return 1;
}

static void leader(void)
{
	int ids[2], go[2];
	if (pipe(ids) || pipe(go))
		perror("pipe");
	pid_t child = fork();
	if (child == 0) {
		pid_t pid = fork();
		if (pid == 0) {
			char byte;
			if (read(go[0], &byte, 1) != 1)
				_exit(1);
			clone(starts_program, stack + sizeof stack,
				CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL);
			syscall(SYS_exit, 3);
		}
		if (write(ids[1], &pid, sizeof pid) != sizeof pid)
			_exit(1);
		int status;
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	pid_t pid;
	if (read(ids[0], &pid, sizeof pid) != sizeof pid)
		perror("read");
	printf("seize %s\n", err(pt(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)));
	if (write(go[1], "", 1) != 1)
		perror("write");
	int status = 0;
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		printf("first thread: event %d\n", status >> 16);
		if (status >> 16 == PTRACE_EVENT_CLONE) {
			// The leader is continued first, then the new thread at its first stop.
			unsigned long thread = 0;
			pt(PTRACE_GETEVENTMSG, pid, 0, (long)&thread);
			printf("continue %s\n", err(pt(PTRACE_CONT, pid, 0, 0)));
			waitpid(thread, &status, __WALL);
			pt(PTRACE_CONT, thread, 0, 0);
		} else {
			printf("continue %s\n", err(pt(PTRACE_CONT, pid, 0, 0)));
		}
	}
	printf("exited %d\n", WEXITSTATUS(status));
	print_wait("its parent", child);
}

int main(int argc, char **argv)
{
	program = argv[0];
	if (argc > 1 && !strcmp(argv[1], "exit"))
		return 33;
	if (argc > 1 && !strcmp(argv[1], "who")) {
		printf("%d acts as %d, dumpable %d\n", getuid(), geteuid(), prctl(PR_GET_DUMPABLE));
		return 7;
	}
	struct {
		const char *name;
		void (*run)(void);
	} parts[] = {{"stops at calls", stops_at_calls}, {"changes calls", changes_calls}, {"steps", steps},
		{"signals", signals}, {"events", events}, {"attaches", attaches}, {"registers", registers},
		{"widths", widths}, {"survives", survives}, {"errors", errors}, {"rights", rights}, {"leader", leader}};
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(60);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (argc > 1 && strcmp(argv[1], parts[i].name))
			continue;
		printf("== %s\n", parts[i].name);
		parts[i].run();
		fflush(stdout);
	}
	return 0;
}
