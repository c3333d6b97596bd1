/* covers: kernel/src/process/ */
/* Less common ptrace stops: signal injection from each kind of stop, single steps over emulated
   calls, attaching to a stopped or dead process, TLS descriptors. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define EMULATE_STEP 32 // PTRACE_SYSEMU_SINGLESTEP
#define GET_AREA 25     // PTRACE_GET_THREAD_AREA
#define SET_AREA 26

#ifdef __x86_64__
#define IP(r) (r).rip
#define RESULT(r) (r).rax
#define NUMBER(r) (r).orig_rax
#define FIRST_ENTRY 12
#else
#define IP(r) (r).eip
#define RESULT(r) (r).eax
#define NUMBER(r) (r).orig_eax
#define FIRST_ENTRY 12
#endif

static long pt(long request, pid_t pid, long addr, void *data)
{
	errno = 0;
	return syscall(SYS_ptrace, request, pid, addr, data);
}

static const char *err(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}

static int print_wait(const char *what, pid_t pid)
{
	int status = 0;
	if (waitpid(pid, &status, __WALL) != pid)
		printf("%s: %s\n", what, err(-1));
	else if (WIFEXITED(status))
		printf("%s: exited %d\n", what, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		printf("%s: killed by %d\n", what, WTERMSIG(status));
	else
		printf("%s: stopped by %d event %d\n", what, WSTOPSIG(status), status >> 16);
	return status;
}

static void got_usr1(int signo)
{
	(void)signo;
	_exit(44);
}

// Stops, forks, and exits with 33; SIGUSR1 makes it exit with 44.
static pid_t child_that_forks(int traced)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	signal(SIGUSR1, got_usr1);
	if (traced)
		pt(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	pid_t other = fork();
	if (other == 0)
		_exit(0);
	waitpid(other, NULL, 0);
	syscall(SYS_getppid);
	_exit(33);
}

static void signal_info(pid_t pid)
{
	siginfo_t info = {0};
	long done = pt(PTRACE_GETSIGINFO, pid, 0, &info);
	printf("  info %s signal %d code %#x from it %d\n", err(done), info.si_signo, info.si_code, info.si_pid == pid);
}

// PTRACE_CONT with SIGUSR1 from each kind of stop; with `ends`, PTRACE_DETACH.
static void out_of_stops(int ends)
{
	long request = ends ? PTRACE_DETACH : PTRACE_CONT;
	printf("-- %s\n", ends ? "detach" : "continue");
	pid_t pid = child_that_forks(1);
	print_wait("signal", pid);
	pt(request, pid, 0, (void *)SIGUSR1);
	print_wait("  out of a signal's stop", pid);

	pid = child_that_forks(1);
	print_wait("signal", pid);
	pt(PTRACE_SYSCALL, pid, 0, 0);
	print_wait("call", pid);
	signal_info(pid);
	pt(request, pid, 0, (void *)SIGUSR1);
	if (!ends) {
		print_wait("  its stop", pid);
		pt(PTRACE_CONT, pid, 0, (void *)SIGUSR1);
	}
	print_wait("  out of a call's", pid);

	pid = child_that_forks(1);
	print_wait("signal", pid);
	pt(PTRACE_SETOPTIONS, pid, 0, (void *)PTRACE_O_TRACEVFORK);
	pt(PTRACE_SETOPTIONS, pid, 0, (void *)PTRACE_O_TRACEEXIT);
	pt(PTRACE_CONT, pid, 0, 0);
	int status = print_wait("event or SIGCHLD", pid);
	if (WSTOPSIG(status) == SIGCHLD) {
		pt(PTRACE_CONT, pid, 0, 0);
		print_wait("event", pid);
	}
	signal_info(pid);
	pt(request, pid, 0, (void *)SIGUSR1);
	print_wait("  out of an event's", pid);

	pid = child_that_forks(0);
	waitpid(pid, &status, WUNTRACED);
	printf("seize %s\n", err(pt(PTRACE_SEIZE, pid, 0, 0)));
	print_wait("group stop", pid);
	signal_info(pid);
	pt(request, pid, 0, (void *)SIGUSR1);
	if (ends) {
		// The process is still stopped.
		printf("  not gone %d\n", waitpid(pid, &status, WNOHANG));
		kill(pid, SIGCONT);
	}
	if (WIFSTOPPED(print_wait("  out of a group stop", pid))) {
		pt(PTRACE_CONT, pid, 0, 0);
		print_wait("  then", pid);
	}
}

static void interrupted(void)
{
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	pt(PTRACE_SEIZE, pid, 0, 0);
	pt(PTRACE_INTERRUPT, pid, 0, 0);
	print_wait("interrupted", pid);
	signal_info(pid);
	kill(pid, SIGSTOP);
	pt(PTRACE_CONT, pid, 0, 0);
	print_wait("signal", pid);
	pt(PTRACE_CONT, pid, 0, (void *)SIGSTOP);
	print_wait("group stop", pid);
	signal_info(pid);
	kill(pid, SIGKILL);
	print_wait("killed", pid);
}

__attribute__((noinline, used)) static void calls(void)
{
#ifdef __x86_64__
	__asm__ volatile(
		".globl at_call\n int3\nmov %0, %%eax\nat_call: syscall\n nop\n nop\n mov %0, %%eax\n int $0x80\n nop\n nop\n"
		:
		: "i"(SYS_getppid)
		: "rax", "rcx", "r11", "memory");
#else
	__asm__ volatile(
		".globl at_call\n int3\nmov %0, %%eax\nat_call: int $0x80\n nop\n nop\n mov %0, %%eax\n int $0x80\n nop\n nop\n"
		:
		: "i"(SYS_getppid)
		: "eax", "memory");
#endif
}
extern char at_call[];

// Steps over calls; prints each stop's distance from the first SYSCALL, and its si_code.
static void steps(long request)
{
	pid_t pid = fork();
	if (pid == 0) {
		pt(PTRACE_TRACEME, 0, 0, 0);
		calls();
		_exit(0);
	}
	print_wait("breakpoint", pid);
	for (int i = 0; i < (request == PTRACE_SYSEMU ? 2 : 9); i++) {
		struct user_regs_struct regs;
		siginfo_t info = {0};
		pt(request, pid, 0, 0);
		waitpid(pid, NULL, 0);
		pt(PTRACE_GETREGS, pid, 0, &regs);
		pt(PTRACE_GETSIGINFO, pid, 0, &info);
		printf("  at %ld number %ld code %d\n", (long)IP(regs) - (long)at_call, (long)NUMBER(regs),
			info.si_code);
	}
	kill(pid, SIGKILL);
	print_wait("killed", pid);
}

static void stopped_and_ended(void)
{
	for (int seize = 0; seize < 2; seize++) {
		pid_t pid = fork();
		if (pid == 0) {
			raise(SIGSTOP);
			_exit(9);
		}
		int status;
		waitpid(pid, &status, WUNTRACED);
		printf("attach or seize %s\n", err(pt(seize ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0, 0)));
		struct user_regs_struct regs;
		printf("registers at once %s\n", err(pt(PTRACE_GETREGS, pid, 0, &regs)));
		printf("options at once %s\n", err(pt(PTRACE_SETOPTIONS, pid, 0, (void *)PTRACE_O_TRACESYSGOOD)));
		kill(pid, SIGKILL);
		print_wait("killed", pid);
	}
	pid_t pid = fork();
	if (pid == 0)
		_exit(3);
	siginfo_t info;
	waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
	printf("attach to a zombie %s\n", err(pt(PTRACE_ATTACH, pid, 0, 0)));
	printf("seize %s\n", err(pt(PTRACE_SEIZE, pid, 0, 0)));
	print_wait("zombie", pid);
	printf("attach to nothing %s\n", err(pt(PTRACE_ATTACH, pid, 0, 0)));
}

static void thread_areas(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		pt(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	print_wait("signal", pid);
	for (long entry = -2; entry < 17; entry++) {
		struct user_desc desc = {.entry_number = 99};
		long got = pt(GET_AREA, pid, entry, &desc);
		printf("entry %ld: %s number %u\n", entry, err(got), desc.entry_number);
	}
	struct user_desc wanted = {.entry_number = 14,
		.base_addr = 0x12345678,
		.limit = 0xfffff,
		.seg_32bit = 1,
		.limit_in_pages = 1,
		.useable = 1};
	printf("set %s\n", err(pt(SET_AREA, pid, 14, &wanted)));
	struct user_desc desc = {0};
	printf("get %s", err(pt(GET_AREA, pid, 14, &desc)));
	printf(" base %#x limit %#x pages %d\n", desc.base_addr, desc.limit, desc.limit_in_pages);
	wanted.seg_32bit = 0;
	printf("16 bits %s\n", err(pt(SET_AREA, pid, 14, &wanted)));
	printf("outside %s\n", err(pt(SET_AREA, pid, 15, &desc)));
	printf("any %s\n", err(pt(SET_AREA, pid, -1, &desc)));
	printf("bad pointer %s\n", err(pt(GET_AREA, pid, 14, (void *)8)));
	printf("bad pointer %s\n", err(pt(SET_AREA, pid, 14, (void *)8)));
	struct user_desc empty = {.entry_number = 14};
	printf("empty %s\n", err(pt(SET_AREA, pid, 14, &empty)));
	kill(pid, SIGKILL);
	print_wait("killed", pid);
}

static char *self;

/* Stops, makes a call that has an event, and exits with 33. */
static pid_t child_with_event(int flags)
{
	sigset_t set;
	pid_t pid = fork();

	if (pid)
		return pid;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pt(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	if (flags < 0)
		execl(self, self, "end", NULL);
	else if (syscall(SYS_clone, flags, 0, 0, 0, 0) == 0)
		_exit(0);
	syscall(SYS_getppid);
	_exit(33);
}

/* The stops after an event in a call that began under `before`: the next one at a call is the exit of this one. */
static void after_event(int flags, long before, long request)
{
	pid_t pid = child_with_event(flags), other = 0;
	int status;

	print_wait("signal", pid);
	pt(PTRACE_SETOPTIONS, pid, 0,
		(void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			 PTRACE_O_TRACEEXEC));
	do {
		pt(before, pid, 0, 0);
		waitpid(pid, &status, __WALL);
	} while (WIFSTOPPED(status) && status >> 16 == 0);
	printf("  event %d\n", status >> 16);
	if (flags >= 0) {
		unsigned long message = 0;

		pt(PTRACE_GETEVENTMSG, pid, 0, &message);
		other = (pid_t)message;
		waitpid(other, NULL, __WALL);
		pt(PTRACE_DETACH, other, 0, 0);
	}
	for (int i = 0; i < 3; i++) {
		struct user_regs_struct regs;
		siginfo_t info = {0};

		pt(request, pid, 0, 0);
		if (!WIFSTOPPED(print_wait("  next", pid)))
			return;
		pt(PTRACE_GETSIGINFO, pid, 0, &info);
		pt(PTRACE_GETREGS, pid, 0, &regs);
		printf("    code %#x", info.si_code);
		if (request == PTRACE_SYSCALL)
			printf(" call %ld result %ld", (long)NUMBER(regs),
				(long)RESULT(regs) > 0 ? 1L : (long)RESULT(regs));
		printf("\n");
	}
	pt(PTRACE_CONT, pid, 0, 0);
	print_wait("  then", pid);
}

static void after_events(void)
{
	static const int flags[] = {SIGCHLD, CLONE_VFORK | SIGCHLD, 0, -1};
	static const long requests[] = {PTRACE_SYSCALL, PTRACE_SINGLESTEP};

	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++) {
			printf("-- flags %#x, %s, then %s\n", flags[i], j & 1 ? "call" : "continue",
				j & 2 ? "step" : "call");
			after_event(flags[i], j & 1 ? PTRACE_SYSCALL : PTRACE_CONT, requests[j >> 1]);
		}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1)
		return 0;
	self = argv[0];
	alarm(60);
	after_events();
	out_of_stops(0);
	out_of_stops(1);
	interrupted();
	for (int i = 0; i < 3; i++) {
		printf("-- steps %d\n", i);
		steps((long[]){PTRACE_SINGLESTEP, EMULATE_STEP, PTRACE_SYSEMU}[i]);
	}
	stopped_and_ended();
	thread_areas();
	return 0;
}
