/* covers: kernel/src/process/ */
/* PTRACE_PEEKSIGINFO: pending signals of a stopped thread and of its process. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 12

static siginfo_t *infos;
static long page;

/* Prints the result of one request, and the signals. */
static void peek(int pid, unsigned long long offset, unsigned flags, int count, siginfo_t *into, const char *what)
{
	struct __ptrace_peeksiginfo_args args = {.off = offset, .flags = flags, .nr = count};
	long result;

	memset(infos, 0, page);
	errno = 0;
	result = ptrace(PTRACE_PEEKSIGINFO, pid, &args, into);
	printf("%s: %ld %s:", what, result, result < 0 ? strerror(errno) : "");
	for (long i = 0; i < result; i++)
		printf(" %d/%d/%d", into[i].si_signo - SIGRTMIN, into[i].si_code, into[i].si_value.sival_int);
	printf("\n");
}

static void queue(int pid, int tid, int signal, int value)
{
	siginfo_t info = {.si_signo = signal, .si_code = SI_QUEUE};

	info.si_pid = getpid();
	info.si_value.sival_int = value;
	if (tid ? syscall(SYS_rt_tgsigqueueinfo, pid, tid, signal, &info) :
		  syscall(SYS_rt_sigqueueinfo, pid, signal, &info))
		perror("queue");
}

int main(void)
{
	int status, pid;
	siginfo_t *last;

	page = sysconf(_SC_PAGESIZE);
	infos = mmap(0, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect((char *)infos + page, page, PROT_READ);
	pid = fork();
	if (pid == 0) {
		sigset_t all;

		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, 0);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	peek(pid, 0, 0, MOST, infos, "nothing pending");
	for (int i = 0; i < 4; i++)
		queue(pid, pid, SIGRTMIN + i % 2, i);
	for (int i = 0; i < 5; i++)
		queue(pid, 0, SIGRTMIN + 2 + i % 3, 10 + i);
	peek(pid, 0, 0, MOST, infos, "the thread's");
	peek(pid, 0, PTRACE_PEEKSIGINFO_SHARED, MOST, infos, "the process's");
	peek(pid, 0, PTRACE_PEEKSIGINFO_SHARED, 2, infos, "two of them");
	peek(pid, 3, PTRACE_PEEKSIGINFO_SHARED, MOST, infos, "from the fourth on");
	peek(pid, 5, PTRACE_PEEKSIGINFO_SHARED, MOST, infos, "after the last");
	peek(pid, -1ULL, 0, 1, infos, "the last offset");
	peek(pid, 1ULL << 32, 0, 1, infos, "an offset of 33 bits");
	peek(pid, 0, 0, 0, infos, "none");
	peek(pid, 0, 0, -1, infos, "a negative number");
	peek(pid, 0, 2, 1, infos, "another flag");
	peek(pid, 0, ~0u, 1, infos, "all flags");
	/* The buffer ends before the signals do. */
	last = (siginfo_t *)((char *)infos + page);
	for (int fit = 0; fit < 4; fit++)
		peek(pid, 0, 0, MOST, last - fit, "a short buffer");
	peek(pid, 0, 0, MOST, (siginfo_t *)((char *)last - sizeof(siginfo_t) - 64), "room for one and a half");
	peek(pid, 0, 0, MOST, 0, "no buffer");
	errno = 0;
	printf("no arguments: %ld", ptrace(PTRACE_PEEKSIGINFO, pid, 0, infos));
	printf(" %s\n", strerror(errno));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("status %#x\n", status);
	return 0;
}
