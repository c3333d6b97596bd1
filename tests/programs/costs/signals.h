/* Signals: sent, handled, blocked, waited for. */
#include <setjmp.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "row.h"

static sigset_t one_signal;
static int signal_file;

static void handle(int signal)
{
	(void)signal;
}

static void handled(long size)
{
	(void)size;
	MUST(signal(SIGUSR1, handle) != SIG_ERR);
}

static void handled_no_more(long size)
{
	(void)size;
	MUST(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
}

static void blocked(long size)
{
	handled(size);
	sigemptyset(&one_signal);
	sigaddset(&one_signal, SIGUSR1);
	MUST(sigprocmask(SIG_BLOCK, &one_signal, NULL) == 0);
	MUST((signal_file = signalfd(-1, &one_signal, SFD_NONBLOCK)) >= 0);
}

static void blocked_no_more(long size)
{
	MUST(close(signal_file) == 0 && sigprocmask(SIG_UNBLOCK, &one_signal, NULL) == 0);
	handled_no_more(size);
}

static void kill_self(long size)
{
	(void)size;
	MUST(kill(getpid(), SIGUSR1) == 0);
}

static void tgkill_self(long size)
{
	(void)size;
	MUST(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1) == 0);
}

static void kill_ignored(long size)
{
	(void)size;
	MUST(kill(getpid(), SIGWINCH) == 0);
}

static void set_action(long size)
{
	(void)size;
	MUST(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
}

static void set_mask(long size)
{
	sigset_t old;
	(void)size;
	MUST(sigprocmask(SIG_SETMASK, NULL, &old) == 0 && sigprocmask(SIG_SETMASK, &old, NULL) == 0);
}

static void pending(long size)
{
	sigset_t set;
	(void)size;
	MUST(sigpending(&set) == 0);
}

static void alternate_stack(long size)
{
	stack_t stack;
	(void)size;
	MUST(sigaltstack(NULL, &stack) == 0);
}

static void wait_for_signal(long size)
{
	siginfo_t info;
	kill_self(size);
	MUST(sigwaitinfo(&one_signal, &info) == SIGUSR1);
}

static void read_signal(long size)
{
	kill_self(size);
	MUST(read(signal_file, buffer, sizeof(struct signalfd_siginfo)) > 0);
}

static void suspend(long size)
{
	sigset_t none;
	kill_self(size);
	sigemptyset(&none);
	MUST(sigsuspend(&none) == -1);
}

/* `size` real-time signals are queued, then taken. */
static void queue_signals(long size)
{
	sigset_t real_time;
	siginfo_t info;
	union sigval value = {0};
	sigemptyset(&real_time);
	sigaddset(&real_time, SIGRTMIN);
	MUST(sigprocmask(SIG_BLOCK, &real_time, NULL) == 0);
	for (long i = 0; i < size; i++)
		MUST(sigqueue(getpid(), SIGRTMIN, value) == 0);
	for (long i = 0; i < size; i++)
		MUST(sigwaitinfo(&real_time, &info) == SIGRTMIN);
}

/* A read of memory that is not there. */
static sigjmp_buf after_fault;
static volatile char *volatile nowhere;

static void leave_fault(int signal)
{
	(void)signal;
	siglongjmp(after_fault, 1);
}

static void fault_handled(long size)
{
	(void)size;
	MUST(signal(SIGSEGV, leave_fault) != SIG_ERR);
}

static void fault_no_more(long size)
{
	(void)size;
	MUST(signal(SIGSEGV, SIG_DFL) != SIG_ERR);
}

static void fault(long size)
{
	(void)size;
	if (sigsetjmp(after_fault, 1) == 0)
		*nowhere = 1;
}

static const struct row SIGNALS[] = {
	{"signal_handler", kill_self, handled, handled_no_more, NULL},
	{"tgkill_handler", tgkill_self, handled, handled_no_more, NULL},
	{"kill_ignored", kill_ignored, NULL, NULL, NULL},
	{"sigaction", set_action, NULL, NULL, NULL},
	{"sigprocmask", set_mask, NULL, NULL, NULL},
	{"sigpending", pending, NULL, NULL, NULL},
	{"sigaltstack", alternate_stack, NULL, NULL, NULL},
	{"sigwaitinfo", wait_for_signal, blocked, blocked_no_more, NULL},
	{"signalfd", read_signal, blocked, blocked_no_more, NULL},
	{"sigsuspend", suspend, blocked, blocked_no_more, NULL},
	{"sigqueue", queue_signals, NULL, NULL, SIZES(1, 100, 1000)},
	{"fault_handler", fault, fault_handled, fault_no_more, NULL},
};
