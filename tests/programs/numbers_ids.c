/* covers: kernel/src/syscall/ kernel/src/process/ */
/* IDs that name no process, and none that could, in each call that takes one, together with other bad
   arguments: which error comes first. The output is the same on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static const int IDS[] = {-1, -2, INT_MIN, 4194303, 4194305, INT_MAX};
static char *page;
static char *bad;

static void show(const char *call, int id, long result)
{
	printf("  %s of %d: %s\n", call, id, result < 0 ? strerror(errno) : "done");
}

#define EACH(call, ...)                                                                                                \
	for (unsigned i = 0; i < sizeof IDS / sizeof *IDS; i++) {                                                      \
		int id = IDS[i];                                                                                       \
		show(#call, id, syscall(SYS_##call, __VA_ARGS__));                                                     \
	}

static void scheduling(void)
{
	EACH(sched_getaffinity, id, 128, page);
	EACH(sched_getaffinity, id, 3, page);
	EACH(sched_getaffinity, id, 128, bad);
	EACH(sched_setaffinity, id, 8, page);
	EACH(sched_setaffinity, id, 0, page);
	EACH(sched_setaffinity, id, 8, bad);
	EACH(sched_getscheduler, id);
	EACH(sched_setscheduler, id, SCHED_OTHER, page);
	EACH(sched_setscheduler, id, 99, page);
	EACH(sched_setscheduler, id, SCHED_OTHER, bad);
	EACH(sched_getparam, id, page);
	EACH(sched_getparam, id, bad);
	EACH(sched_setparam, id, page);
	EACH(sched_setparam, id, bad);
	EACH(sched_getattr, id, page, 48, 0);
	EACH(sched_getattr, id, page, 1, 0);
	EACH(sched_getattr, id, bad, 48, 0);
	EACH(sched_rr_get_interval, id, page);
	EACH(sched_rr_get_interval, id, bad);
	EACH(getpriority, 0, id);
	EACH(getpriority, 7, id);
	EACH(setpriority, 0, id, 0);
	EACH(ioprio_get, 1, id);
	EACH(ioprio_get, 9, id);
	EACH(ioprio_set, 1, id, 0);
}

static void processes(void)
{
	EACH(getpgid, id);
	EACH(getsid, id);
	EACH(setpgid, id, 0);
	EACH(setpgid, id, -1);
	EACH(setpgid, 0, id);
	EACH(prlimit64, id, 7, NULL, page);
	EACH(prlimit64, id, 99, NULL, page);
	EACH(prlimit64, id, 7, bad, NULL);
	EACH(pidfd_open, id, 0);
	EACH(pidfd_open, id, 1);
	EACH(kcmp, id, id, 0, 0, 0);
	EACH(kcmp, getpid(), id, 99, 0, 0);
	EACH(get_robust_list, id, page, page);
	EACH(process_vm_readv, id, page, 0, page, 0, 0);
	EACH(process_vm_readv, id, page, 0, page, 0, 1);
	EACH(process_vm_writev, id, bad, 1, page, 1, 0);
}

static void signals(void)
{
	EACH(tkill, id, 0);
	EACH(tkill, id, 99);
	EACH(tgkill, id, id, 0);
	EACH(tgkill, getpid(), id, 0);
	EACH(tgkill, id, getpid(), 99);
	EACH(rt_sigqueueinfo, id, 0, page);
	EACH(rt_sigqueueinfo, id, 99, page);
	EACH(rt_sigqueueinfo, id, 0, bad);
	EACH(rt_tgsigqueueinfo, id, id, 0, page);
	EACH(rt_tgsigqueueinfo, id, id, 0, bad);
	for (unsigned i = 3; i < sizeof IDS / sizeof *IDS; i++) {
		show("kill", IDS[i], kill(IDS[i], 0));
		show("kill with a bad signal", IDS[i], kill(IDS[i], 99));
		show("kill of a group", -IDS[i], kill(-IDS[i], 0));
	}
}

static void waits(void)
{
	EACH(wait4, id, NULL, WNOHANG, NULL);
	EACH(wait4, id, NULL, -1, NULL);
	EACH(waitid, P_PID, id, page, WEXITED | WNOHANG, NULL);
	EACH(waitid, P_PGID, id, page, WEXITED | WNOHANG, NULL);
	EACH(waitid, P_PIDFD, id, page, WEXITED | WNOHANG, NULL);
	EACH(waitid, P_PID, id, page, 0, NULL);
	EACH(ptrace, PTRACE_ATTACH, id, 0, 0);
	EACH(ptrace, PTRACE_SEIZE, id, 1, 0);
	EACH(ptrace, PTRACE_CONT, id, 0, 0);
	EACH(ptrace, 0x7777, id, 0, 0);
	/* The clocks of processes and threads. */
	EACH(clock_getres, ~(unsigned)id << 3 | 2, page);
	EACH(clock_gettime, ~(unsigned)id << 3 | 6, page);
	EACH(clock_gettime, ~(unsigned)id << 3 | 2, bad);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bad = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	scheduling();
	processes();
	signals();
	waits();
	return 0;
}
