/* covers: kernel/src/process/ kernel/src/fs/ */
/* Access of uid 1000 to other processes, by their credentials: /proc, tracing, reading and writing
   memory, signals, scheduling and limits; then with one more capability. */
#include "rights.h"
#include <dirent.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

static struct shared {
	volatile int ready;
	char word[64];
} *shared;

enum { RESIDENT = 20 }; /* offset of a word that each target has in memory, at the same address */

/* Credentials and dumpable flags of the target processes. */
static const struct owner {
	const char *name;
	unsigned uid, euid, suid, gid, egid, sgid;
	int dumpable;
	uint64_t permitted, effective;
} owners[] = {
	{"root", 0, 0, 0, 0, 0, 0, 1, -1, -1},
	{"user", 1000, 1000, 1000, 1000, 1000, 1000, 1, 0, 0},
	{"user's, not dumpable", 1000, 1000, 1000, 1000, 1000, 1000, 0, 0, 0},
	{"other user", 1001, 1001, 1001, 1001, 1001, 1001, 1, 0, 0},
	{"other group", 1000, 1000, 1000, 50, 50, 50, 1, 0, 0},
	{"other effective group", 1000, 1000, 1000, 1000, 50, 1000, 1, 0, 0},
	{"effective root", 1000, 0, 1000, 1000, 1000, 1000, 1, 0, 0},
	{"real root", 0, 1000, 1000, 1000, 1000, 1000, 1, 0, 0},
	{"saved root", 1000, 1000, 0, 1000, 1000, 1000, 1, 0, 0},
	{"with a capability", 1000, 1000, 1000, 1000, 1000, 1000, 1, 1 << CAP_KILL, 0},
};

/* Credentials of the callers. */
static const struct asker {
	const char *name;
	uint64_t effective, permitted;
	unsigned fsuid;
} askers[] = {
	{"user", 0, 0, 1000},
	{"with CAP_SYS_PTRACE", 1 << CAP_SYS_PTRACE, 1 << CAP_SYS_PTRACE, 1000},
	{"with CAP_KILL", 1 << CAP_KILL, 1 << CAP_KILL, 1000},
	{"with CAP_SYS_NICE", 1 << CAP_SYS_NICE, 1 << CAP_SYS_NICE, 1000},
	{"with CAP_DAC_OVERRIDE", 1 << CAP_DAC_OVERRIDE, 1 << CAP_DAC_OVERRIDE, 1000},
	{"with permitted capabilities", 0, 1 << CAP_SYS_PTRACE | 1 << CAP_KILL, 1000},
	{"with another fsuid", 0, 0, 1001},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void target(const struct owner *owner)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(0);
	if (open("/dev/null", O_RDONLY))
		perror("/dev/null");
	setpgid(0, 0);
	setpriority(PRIO_PROCESS, 0, 0);
	prctl(PR_SET_SECUREBITS, 1 << 2, 0, 0, 0);
	if (syscall(WIDE(setgroups), 0, NULL) || syscall(WIDE(setresgid), owner->gid, owner->egid, owner->sgid) ||
		syscall(WIDE(setresuid), owner->uid, owner->euid, owner->suid))
		perror("target");
	struct caps now = caps_now();
	now.permitted &= owner->permitted;
	now.effective = now.permitted & owner->effective;
	if (caps_set(now))
		perror("capset");
	prctl(PR_SET_DUMPABLE, owner->dumpable);
	shared->ready = 1;
	for (;;)
		pause();
}

static void look(int pid, const char *name)
{
	char path[80], bytes[64];
	struct stat s;
	DIR *dir;

	sprintf(path, "/proc/%d/%s", pid, name);
	errno = 0;
	int fd = open(path, O_RDONLY);
	printf("%s %s", name, answer(fd));
	if (fd >= 0)
		printf(" read %s", answer(read(fd, bytes, sizeof bytes)));
	close(fd);
	if (lstat(path, &s) == 0) {
		printf(" [%o %d %d]", s.st_mode, s.st_uid, s.st_gid);
		if (S_ISLNK(s.st_mode))
			printf(" readlink %s", answer(readlink(path, bytes, sizeof bytes)));
		if (S_ISDIR(s.st_mode) && (dir = opendir(path))) {
			errno = 0;
			printf(" list %s", readdir(dir) ? "ok" : answer(-1));
			closedir(dir);
		}
	} else {
		printf(" stat %s", answer(-1));
	}
	printf("\n");
}

static long trace(int pid, int request)
{
	int status;
	long result = ptrace(request, pid, 0, 0);
	int was = errno;

	if (result == 0) {
		if (request == PTRACE_SEIZE)
			ptrace(PTRACE_INTERRUPT, pid, 0, 0);
		waitpid(pid, &status, __WALL);
		ptrace(PTRACE_DETACH, pid, 0, 0);
	}
	errno = was;
	return result;
}

static void proc_files(int pid)
{
	static const char *files[] = {"auxv", "cmdline", "comm", "cwd", "environ", "exe", "fd", "fd/0", "fdinfo",
		"fdinfo/0", "io", "limits", "maps", "mem", "personality", "root", "smaps", "stat", "statm", "status",
		"task", "wchan", "oom_score_adj"};

	for (unsigned i = 0; i < COUNT(files); i++)
		look(pid, files[i]);
}

static void calls(int pid)
{
	struct iovec here = {shared->word + RESIDENT, 8}, there = here;
	struct sched_param param = {0};
	struct rlimit limit;
	siginfo_t info = {.si_code = SI_QUEUE};
	uint64_t mask = 1;
	void *head;
	size_t size;

	T(trace(pid, PTRACE_ATTACH));
	T(trace(pid, PTRACE_SEIZE));
	T(process_vm_readv(pid, &here, 1, &there, 1, 0));
	T(process_vm_writev(pid, &here, 1, &there, 1, 0));
	T(kill(pid, 0));
	T(kill(pid, SIGCONT));
	T(kill(-pid, SIGCONT));
	T(kill(pid, SIGURG));
	T(syscall(SYS_tkill, pid, SIGURG));
	T(syscall(SYS_tgkill, pid, pid, 0));
	T(syscall(SYS_rt_sigqueueinfo, pid, SIGURG, &info));
	T(kill(pid, 65));
	int named = syscall(SYS_pidfd_open, pid, 0);
	T(named < 0 ? -1 : 0);
	T(syscall(SYS_pidfd_send_signal, named, 0, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, named, SIGCONT, NULL, 0));
	T(syscall(SYS_pidfd_send_signal, named, SIGURG, NULL, 0));
	int taken = syscall(SYS_pidfd_getfd, named, 0, 0);
	T(taken < 0 ? -1 : 0);
	close(taken);
	close(named);
	T(getpgid(pid) == pid ? 0 : -1);
	T(getsid(pid));
	T(setpgid(pid, 0));
	T(sched_getscheduler(pid));
	T(sched_getparam(pid, &param));
	T(sched_setparam(pid, &param));
	T(sched_setscheduler(pid, SCHED_BATCH, &param));
	T(sched_setscheduler(pid, SCHED_IDLE, &param));
	T(sched_setscheduler(pid, SCHED_OTHER, &param));
	param.sched_priority = 3;
	T(sched_setscheduler(pid, SCHED_FIFO, &param));
	T(syscall(SYS_sched_getaffinity, pid, sizeof mask, &mask));
	mask = 1;
	T(syscall(SYS_sched_setaffinity, pid, sizeof mask, &mask));
	T(getpriority(PRIO_PROCESS, pid) == -1 && errno ? -1 : 0);
	T(setpriority(PRIO_PROCESS, pid, 5));
	T(setpriority(PRIO_PROCESS, pid, 1));
	T(setpriority(PRIO_PGRP, pid, 6));
	T(syscall(SYS_ioprio_get, 1, pid));
	T(syscall(SYS_ioprio_set, 1, pid, 2 << 13 | 4));
	T(syscall(SYS_ioprio_set, 1, pid, 1 << 13 | 4));
#ifdef __x86_64__
	T(syscall(SYS_prlimit64, pid, RLIMIT_CORE, NULL, &limit));
	T(syscall(SYS_prlimit64, pid, RLIMIT_CORE, &limit, NULL));
#endif
	(void)limit;
	T(syscall(SYS_get_robust_list, pid, &head, &size));
	T(caps_set((struct caps){0}) || caps_now().effective ? -1 : 0);
}

/* Reads of a /proc file that was opened before its process became non-dumpable. */
static void kept_open(void)
{
	static const char *files[] = {"maps", "environ", "smaps", "io", "personality", "stat"};
	int fds[COUNT(files)], gate[2];
	char path[80], byte;

	shared->ready = 0;
	if (pipe(gate))
		return;
	int pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (read(gate[0], &byte, 1) == 1)
			prctl(PR_SET_DUMPABLE, 0);
		shared->ready = 1;
		for (;;)
			pause();
	}
	for (unsigned i = 0; i < COUNT(files); i++) {
		sprintf(path, "/proc/%d/%s", pid, files[i]);
		fds[i] = open(path, O_RDONLY);
	}
	if (write(gate[1], "x", 1) == 1)
		while (!shared->ready)
			usleep(1000);
	for (unsigned i = 0; i < COUNT(files); i++)
		printf("kept %s: %s\n", files[i], answer(read(fds[i], path, sizeof path)));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void ask(const struct asker *asker, int pid)
{
	prctl(PR_SET_SECUREBITS, 1 << 4, 0, 0, 0);
	become(1000, 1000);
	caps_set((struct caps){asker->effective, asker->permitted, 0});
	if (asker->fsuid != 1000) {
		/* Without CAP_SETUID the call changes nothing; it returns the current fsuid. */
		printf("fsuid %ld\n", syscall(WIDE(setfsuid), asker->fsuid));
	}
	prctl(PR_SET_DUMPABLE, 1);
	proc_files(pid);
	calls(pid);
}

int main(void)
{
	char where[] = "/tmp/rights-XXXXXX";

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	own_place(where);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < COUNT(askers) * COUNT(owners); i++) {
		const struct asker *asker = askers + i / COUNT(owners);
		const struct owner *owner = owners + i % COUNT(owners);

		fflush(stdout);
		shared->ready = 0;
		int pid = fork();
		if (!pid)
			target(owner);
		while (!shared->ready)
			usleep(1000);
		printf("-- %s: %s's process\n", asker->name, owner->name);
		IN_A_CHILD
		ask(asker, pid);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	IN_A_CHILD
	{
		become(1000, 1000);
		kept_open();
	}
	leave_place(where);
	printf("PASS\n");
	return 0;
}
