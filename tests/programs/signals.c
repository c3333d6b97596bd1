/* covers: kernel/src/process/ */
/* Signals: the order of handlers, siginfo, blocked signals, and pending signals. The output is
   the same on Linux. */
#include "signals.h"

static int depth, nested;

static void note(int number)
{
	printf("  handler %s, depth %d, blocks %#llx\n", signal_name(number), depth, (unsigned long long)blocked());
}

static void note_and_nest(int number)
{
	note(number);
	if (!nested) {
		nested = 1;
		depth++;
		raise(number);
		printf("  raised again\n");
		depth--;
	}
}

static void print_info(int number, siginfo_t *info, void *context)
{
	(void)context;
	printf("  %s: signo %s, errno %d, code %d", signal_name(number), signal_name(info->si_signo), info->si_errno,
		info->si_code);
	if (info->si_code == SI_QUEUE)
		printf(", value %d", info->si_value.sival_int);
	if (info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE)
		printf(", %s, uid %d", info->si_pid == getpid() ? "from itself" : "from another", info->si_uid);
	if (number == SIGCHLD)
		printf(", %s, uid %d, status %d", info->si_pid > 0 ? "a child" : "?", info->si_uid, info->si_status);
	printf("\n");
}

static void flags(void)
{
	sigset_t usr2 = set_of(SIGUSR2, SIGKILL, SIGSTOP);

	handle(SIGUSR1, note_and_nest, 0, NULL);
	raise(SIGUSR1);
	nested = 0;
	handle(SIGUSR1, note_and_nest, SA_NODEFER, NULL);
	raise(SIGUSR1);
	handle(SIGUSR1, note, 0, &usr2);
	raise(SIGUSR1);
	handle(SIGUSR1, note, SA_NODEFER, &usr2);
	raise(SIGUSR1);
	handle(SIGUSR1, print_info, SA_SIGINFO, NULL);
	raise(SIGUSR1);
	printf("blocks %#llx\n", (unsigned long long)blocked());
	handle(SIGUSR1, note, SA_RESETHAND, NULL);
	raise(SIGUSR1);
	struct sigaction old;
	sigaction(SIGUSR1, NULL, &old);
	printf("default again: %d, flags %#x\n", old.sa_handler == SIG_DFL, old.sa_flags & ~KERNEL_RESTORER);
	raise(SIGUSR1);
}

/* Several signals at once: the kernel pushes the handlers' frames in ascending order of numbers, so that
   the last one runs first; each handler blocks only its own signal. */
static void order(void)
{
	sigset_t all, old;

	handle(SIGUSR1, note, 0, NULL);
	handle(SIGUSR2, note, 0, NULL);
	handle(SIGALRM, note, 0, NULL);
	handle(SIGSEGV, note, 0, NULL);
	handle(SIGRTMIN + 2, print_info, SA_SIGINFO, NULL);
	handle(SIGRTMIN + 1, print_info, SA_SIGINFO, NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	for (int i = 0; i < 3; i++) {
		union sigval value = {.sival_int = i};

		sigqueue(getpid(), SIGRTMIN + 2, value);
		value.sival_int += 10;
		sigqueue(getpid(), SIGRTMIN + 1, value);
		/* Standard signals queue once, with the first siginfo. */
		kill(getpid(), SIGUSR1);
		raise(SIGUSR2);
	}
	kill(getpid(), SIGALRM);
	kill(getpid(), SIGSEGV);
	sigset_t waiting;
	sigpending(&waiting);
	printf("pending: %d %d %d %d %d %d\n", sigismember(&waiting, SIGUSR1), sigismember(&waiting, SIGUSR2),
		sigismember(&waiting, SIGALRM), sigismember(&waiting, SIGHUP), sigismember(&waiting, SIGRTMIN + 1),
		sigismember(&waiting, SIGRTMIN));
	sigprocmask(SIG_SETMASK, &old, NULL);
	sigpending(&waiting);
	printf("left: %d\n", !sigisemptyset(&waiting));
	/* Ignoring a signal discards pending ones. */
	sigprocmask(SIG_SETMASK, &all, &old);
	raise(SIGUSR1);
	raise(SIGCHLD);
	raise(SIGWINCH);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigpending(&waiting);
	printf("after ignoring: %d %d %d\n", sigismember(&waiting, SIGUSR1), sigismember(&waiting, SIGCHLD),
		sigismember(&waiting, SIGWINCH));
}

/* Takes SIGCHLD synchronously: a handler could run before or after the wait. */
static void take_sigchld(void)
{
	sigset_t set = set_of(SIGCHLD, 0, 0);
	siginfo_t info;

	print_info(sigwaitinfo(&set, &info), &info, NULL);
}

static void child_signals(void)
{
	sigset_t set = set_of(SIGCHLD, 0, 0);
	int status;

	sigprocmask(SIG_BLOCK, &set, NULL);
	int pid = fork();
	if (pid == 0)
		_exit(5);
	take_sigchld();
	waitpid(pid, &status, 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	kill(pid, SIGSTOP);
	take_sigchld();
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	take_sigchld();
	waitpid(pid, &status, WCONTINUED);
	handle(SIGCHLD, print_info, SA_SIGINFO | SA_NOCLDSTOP, NULL);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	kill(pid, SIGTERM);
	take_sigchld();
	waitpid(pid, &status, 0);
	handle(SIGCHLD, print_info, SA_SIGINFO | SA_NOCLDWAIT, NULL);
	pid = fork();
	if (pid == 0)
		_exit(6);
	take_sigchld();
	printf("no zombie: %d", (int)waitpid(pid, &status, 0));
	printf(" %s\n", strerror(errno));
}

static void waiting(void)
{
	sigset_t set = set_of(SIGUSR1, SIGRTMIN + 3, SIGCHLD), one = set_of(SIGUSR1, 0, 0);
	siginfo_t info;
	struct timespec now = {0, 0}, soon = {0, 20000000};
	union sigval value = {.sival_ptr = (void *)0x1234567};

	sigprocmask(SIG_BLOCK, &set, NULL);
	printf("nothing: %d", sigtimedwait(&set, &info, &now));
	printf(" %s\n", strerror(errno));
	printf("later: %d", sigtimedwait(&set, &info, &soon));
	printf(" %s\n", strerror(errno));
	struct timespec wrong = {0, 1000000000};
	printf("no time: %d", sigtimedwait(&set, &info, &wrong));
	printf(" %s\n", strerror(errno));
	sigqueue(getpid(), SIGRTMIN + 3, value);
	value.sival_ptr = (void *)0x7654321;
	sigqueue(getpid(), SIGRTMIN + 3, value);
	kill(getpid(), SIGUSR1);
	for (int i = 0; i < 3; i++) {
		int number = sigwaitinfo(&set, &info);

		printf("took %s: code %d, value %p\n", signal_name(number), info.si_code,
			info.si_code == SI_QUEUE ? info.si_value.sival_ptr : NULL);
	}
	/* Signals during the sleep: SIGCHLD, which is in the set and ignored by default; then one not in the set. */
	int pid = fork();
	if (pid == 0) {
		until_asleep(getppid());
		_exit(7);
	}
	int number = sigwaitinfo(&set, &info);
	printf("took %d: code %d, status %d\n", number, info.si_code, info.si_status);
	waitpid(pid, NULL, 0);
	handle(SIGUSR2, note, SA_RESTART, NULL);
	pid = fork();
	if (pid == 0) {
		until_asleep(getppid());
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	printf("not in the set: %d", sigwaitinfo(&one, &info));
	printf(" %s\n", strerror(errno));
	waitpid(pid, NULL, 0);
	printf("blocks %#llx\n", (unsigned long long)blocked());
}

static void killed(void)
{
	static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGFPE, SIGKILL, SIGSEGV, SIGPIPE, SIGALRM,
		SIGTERM, SIGUSR1, SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGIO, SIGPWR, SIGSYS, SIGVTALRM, SIGPROF,
		SIGXCPU, SIGSTKFLT, SIGTRAP};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		int pid = fork(), status;

		if (pid == 0) {
			raise(numbers[i]);
			_exit(1);
		}
		waitpid(pid, &status, 0);
		printf("%d: %#x\n", numbers[i], status);
	}
}

static void bad_arguments(void)
{
	struct kernel_action action = {.handler = note};
	uint64_t set = 0;
#define T(call)                                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long result_ = (long)(call);                                                                           \
		printf("%s: %ld %s\n", #call, result_, errno ? strerror(errno) : "");                                  \
	} while (0)
	T(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
	T(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
	T(syscall(SYS_rt_sigaction, 64, NULL, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGKILL, NULL, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGKILL, &action, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGSTOP, &action, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 4));
	T(syscall(SYS_rt_sigaction, SIGUSR1, (void *)16, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGUSR1, NULL, (void *)16, 8));
	T(syscall(SYS_rt_sigprocmask, 3, &set, NULL, 8));
	T(syscall(SYS_rt_sigprocmask, 3, NULL, &set, 8));
	T(syscall(SYS_rt_sigprocmask, 0, &set, NULL, 16));
	T(syscall(SYS_rt_sigprocmask, 0, (void *)16, NULL, 8));
	T(syscall(SYS_rt_sigpending, &set, 9));
	T(syscall(SYS_rt_sigpending, &set, 4));
	T(syscall(SYS_rt_sigsuspend, &set, 4));
	T(syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, 4));
	T(syscall(SYS_rt_sigtimedwait, 16, NULL, NULL, 8));
	T(kill(getpid(), 65));
	T(kill(getpid(), -1));
	T(kill(getpid(), 0));
	T(kill(0x7fffffff, 0));
	T(kill(0x7fffffff, 65));
	T(syscall(SYS_tkill, 0, 0));
	T(syscall(SYS_tkill, 0x7fffffff, 0));
	T(syscall(SYS_tgkill, getpid(), getpid(), 65));
	T(syscall(SYS_tgkill, getpid(), getpid(), 0));
	T(syscall(SYS_tgkill, 1, getpid(), 0) == 0);
	T(syscall(SYS_tgkill, -1, getpid(), 0));
	siginfo_t info = {.si_code = SI_USER};
	T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
	info.si_code = SI_TKILL;
	T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
	info.si_code = SI_QUEUE;
	T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
	T(syscall(SYS_rt_sigqueueinfo, getpid(), 65, &info));
	T(syscall(SYS_rt_sigqueueinfo, getpid(), 0, (void *)16));
	handle(SIGUSR1, print_info, SA_SIGINFO, NULL);
	info.si_code = SI_USER;
	info.si_pid = getpid();
	T(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info));
	info.si_code = -77;
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info));
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), -1, SIGUSR1, &info));
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), 1, SIGUSR1, &info) == 0);
	/* Unknown flags aren't kept, so that programs can probe for supported ones. */
	struct kernel_action back;
	action.flags = 0xfffffff0 | KERNEL_RESTORER;
	action.mask = ~0ull;
	T(syscall(SYS_rt_sigaction, SIGUSR2, &action, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGUSR2, NULL, &back, 8));
	printf("flags %#lx, mask %#llx\n", (unsigned long)back.flags, (unsigned long long)back.mask);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	IN_A_CHILD(flags);
	IN_A_CHILD(order);
	IN_A_CHILD(child_signals);
	IN_A_CHILD(waiting);
	IN_A_CHILD(killed);
	IN_A_CHILD(bad_arguments);
	return 0;
}
