/* covers: kernel/src/process/ kernel/src/arch/ */
/* Debug registers through ptrace(2): accepted values, contents at rest and after a stop. An
   execution breakpoint triggers once each time. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define DR(n) offsetof(struct user, u_debugreg[n])
#define RF (1 << 16)

static long pt(long request, pid_t pid, long addr, long data)
{
	errno = 0;
	return syscall(SYS_ptrace, request, pid, addr, data);
}

static const char *err(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}
static long poke(pid_t pid, int n, long value)
{
	return pt(PTRACE_POKEUSER, pid, DR(n), value);
}

static unsigned long peek(pid_t pid, int n)
{
	long value = 0;
	pt(PTRACE_PEEKUSER, pid, DR(n), (long)&value);
	return value;
}

static unsigned long flags(pid_t pid)
{
	struct user_regs_struct regs;
	pt(PTRACE_GETREGS, pid, 0, (long)&regs);
	return regs.eflags;
}

static pid_t traced(void (*body)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		pt(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		body();
		_exit(7);
	}
	waitpid(pid, NULL, 0);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void nothing(void) {}
static long area[8] __attribute__((aligned(64)));

static void all(pid_t pid, const char *what)
{
	printf("%s:", what);
	for (int n = 0; n < 4; n++) {
		unsigned long at = peek(pid, n);
		if (at - (unsigned long)area < sizeof area)
			printf(" area+%lu", at - (unsigned long)area);
		else
			printf(" %#lx", at);
	}
	printf(" dr6 %#lx dr7 %#lx\n", peek(pid, 6), peek(pid, 7));
}

// Each condition and length at each misalignment; then new addresses under an enabled breakpoint.
static void alignment(void)
{
	pid_t pid = traced(nothing);
	for (long condition = 0; condition < 16; condition++) {
		printf("condition %ld:", condition);
		for (int off = 0; off < 9; off++) {
			poke(pid, 7, 0);
			const char *first = err(poke(pid, 1, (long)area + off));
			const char *second = err(poke(pid, 7, condition << 20 | 4));
			printf(" %s/%s", first, second);
		}
		printf("\n");
	}
	poke(pid, 7, 0);
	poke(pid, 2, (long)area);
	poke(pid, 7, 0xdL << 24 | 1 << 5);
	for (int off = 0; off < 5; off++)
		printf("moved by %d: %s\n", off, err(poke(pid, 2, (long)area + off)));
	all(pid, "then");
	end(pid);
}

// Registers after a refused DR7, reserved bits, nonexistent registers, kernel addresses.
static void writes(void)
{
	pid_t pid = traced(nothing);
	all(pid, "at rest");
	printf("dr7 without an address: %s\n", err(poke(pid, 7, 0x1 << 16 | 1)));
	all(pid, "then");
	printf("off: %s\n", err(poke(pid, 7, 0)));
	poke(pid, 0, (long)area), poke(pid, 1, (long)area + 1);
	printf("one valid, one not: %s\n", err(poke(pid, 7, 0xdL << 20 | 0x1 << 16 | 5)));
	all(pid, "then");
	printf("to 3, for 4 bytes: %s %s\n", err(poke(pid, 0, (long)area + 3)), err(poke(pid, 7, 0xdL << 16 | 1)));
	all(pid, "then");
	printf("reserved bits: %s\n", err(poke(pid, 7, 0xfc00)));
	all(pid, "then");
	printf("all enable bits: %s\n", err(poke(pid, 7, 0x3ff)));
	all(pid, "then");
	poke(pid, 7, 0);
	for (int n = 4; n < 8; n++)
		printf("dr%d = 1: %s\n", n, err(poke(pid, n, 1)));
	all(pid, "then");
	poke(pid, 7, 0);
	printf("dr6 = 0: %s\n", err(poke(pid, 6, 0)));
	all(pid, "then");
#ifdef __x86_64__
	long places[] = {0x7fffffffefff, 0x7fffffffeff8, 0x7ffffffff000, 0x800000000000, -4096, -1};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		poke(pid, 7, 0), poke(pid, 3, 0);
		printf("address %lx: %s", places[i], err(poke(pid, 3, places[i])));
		printf(" %s\n", err(poke(pid, 7, 0x9L << 28 | 0x80)));
	}
#endif
	end(pid);
}

__attribute__((noinline)) static void spot(void)
{
	__asm__ volatile("nop\n nop");
}
static volatile int watched;

static void calls_spot(void)
{
	for (int i = 0; i < 3; i++)
		spot();
	// The kernel's writes to user memory don't trigger the watchpoint.
	int got[2];
	if (pipe(got) || write(got[1], "abcd", 4) != 4 || read(got[0], (void *)&watched, 4) != 4)
		_exit(1);
	watched = 5;
	spot();
}

static void stop(pid_t pid, int status)
{
	if (!WIFSTOPPED(status)) {
		printf("status %#x\n", status);
		return;
	}
	siginfo_t info = {0};
	pt(PTRACE_GETSIGINFO, pid, 0, (long)&info);
	struct user_regs_struct regs;
	pt(PTRACE_GETREGS, pid, 0, (long)&regs);
#ifdef __x86_64__
	long at = regs.rip - (long)spot;
#else
	long at = regs.eip - (long)spot;
#endif
	printf("signal %d code %d dr6 %#lx RF %d", WSTOPSIG(status), info.si_code, peek(pid, 6), !!(flags(pid) & RF));
	if (at >= 0 && at < 8)
		printf(" at %ld", at);
	printf("\n");
}

// An execution breakpoint and a write watchpoint; then a step over the breakpoint.
static void breakpoints(void)
{
	pid_t pid = traced(calls_spot);
	poke(pid, 0, (long)spot);
	poke(pid, 3, (long)&watched);
	printf("on: %s\n", err(poke(pid, 7, 0xdL << 28 | 0x80 | 2)));
	int status;
	for (int i = 0; i < 3; i++) {
		pt(PTRACE_CONT, pid, 0, 0);
		waitpid(pid, &status, 0);
		stop(pid, status);
		if (!WIFSTOPPED(status))
			return;
	}
	// A step over the breakpoint, and one to the next instruction.
	for (int i = 0; i < 2; i++) {
		pt(PTRACE_SINGLESTEP, pid, 0, 0);
		waitpid(pid, &status, 0);
		stop(pid, status);
	}
	// Continues to each later breakpoint and the watchpoint.
	for (int i = 0; i < 9 && WIFSTOPPED(status); i++) {
		pt(PTRACE_CONT, pid, 0, 0);
		waitpid(pid, &status, 0);
		stop(pid, status);
	}
}

static void step_to(void)
{
	pid_t pid = traced(calls_spot);
	poke(pid, 2, (long)spot);
	poke(pid, 7, 0x20);
	int status;
	pt(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	// A second breakpoint, at the next instruction.
	poke(pid, 1, (long)spot + 1);
	poke(pid, 7, 0x24);
	for (int i = 0; i < 3; i++) {
		pt(PTRACE_SINGLESTEP, pid, 0, 0);
		waitpid(pid, &status, 0);
		stop(pid, status);
	}
	end(pid);
}

static void writes_twice(void)
{
	watched = 1;
	spot();
	watched = 2;
}

// Steps over writes to a watched address: DR6 reports both.
static void steps_and_watches(void)
{
	pid_t pid = traced(writes_twice);
	poke(pid, 1, (long)&watched);
	poke(pid, 7, 0xdL << 20 | 4);
	int status, count = 0;
	while (pt(PTRACE_SINGLESTEP, pid, 0, 0), waitpid(pid, &status, 0), WIFSTOPPED(status)) {
		if (!(peek(pid, 6) & 15))
			continue;
		siginfo_t info = {0};
		pt(PTRACE_GETSIGINFO, pid, 0, (long)&info);
		printf("step %d: code %d dr6 %#lx value %d\n", ++count, info.si_code, peek(pid, 6),
			(int)pt(PTRACE_PEEKDATA, pid, (long)&watched, (long)&status) == 0 ? (int)status : -1);
	}
	printf("status %#x\n", status);
}

static volatile sig_atomic_t hits, context_rf, handler_rf, code;

static void on_trap(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	unsigned long now;
	__asm__ volatile("pushf\n pop %0" : "=r"(now));
	handler_rf += !!(now & RF);
	context_rf += !!(((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] & RF);
	code = info->si_code;
	if (++hits == 20)
		_exit(1);
}

// The tracer detaches with an enabled breakpoint: the thread gets the signals itself.
static void keeps_it(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	sigaction(SIGTRAP, &action, NULL);
	for (int i = 0; i < 4; i++)
		spot();
	printf("hits %d, RF saved %d, in the handler %d, code %d\n", hits, context_rf, handler_rf, code);
	// fork clears the child's breakpoints.
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		spot();
		_exit(hits == 4 ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	printf("child %#x\n", status);
}

static void inherited(void)
{
	pid_t pid = traced(keeps_it);
	poke(pid, 0, (long)spot);
	poke(pid, 7, 1);
	pt(PTRACE_DETACH, pid, 0, 0);
	int status;
	waitpid(pid, &status, 0);
	printf("status %#x\n", status);
}

static void forks(void)
{
	if (fork() == 0)
		_exit(0);
}

static void of_a_child(void)
{
	pid_t pid = traced(forks);
	poke(pid, 0, (long)area);
	poke(pid, 7, 0x10001);
	pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK);
	pt(PTRACE_SINGLESTEP, pid, 0, 0);
	waitpid(pid, NULL, 0);
	all(pid, "parent");
	pt(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, NULL, 0);
	unsigned long child = 0;
	pt(PTRACE_GETEVENTMSG, pid, 0, (long)&child);
	waitpid(child, NULL, __WALL);
	all(child, "child");
	end(child);
	end(pid);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(60);
	alignment();
	writes();
	breakpoints();
	step_to();
	steps_and_watches();
	inherited();
	of_a_child();
	return 0;
}
