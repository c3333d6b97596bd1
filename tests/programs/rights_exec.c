/* covers: kernel/src/process/ */
/* Set-user-ID and set-group-ID programs, executed by callers with various credentials: credentials
   and inherited attributes of the new program. */
#include "rights.h"
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

static const struct file {
	const char *name;
	unsigned uid, gid, mode;
} files[] = {{"plain", 0, 0, 0755}, {"suid_root", 0, 0, 04755}, {"suid_user", 1000, 1000, 04755},
	{"suid_other", 1001, 1001, 04755}, {"sgid_root", 0, 0, 02755}, {"sgid_locks", 0, 0, 02745},
	{"sgid_user", 1000, 1000, 02755}, {"both", 1001, 1002, 06755}, {"unreadable", 0, 0, 0711},
	{"nosuid/suid_root", 0, 0, 04755}};

/* A caller's attributes. */
enum {
	NO_NEW_PRIVS = 1,
	KEEP_CAPS = 2,
	AMBIENT = 4,
	NO_ROOT = 8,
	SHARED = 16,
	TRACED = 32,
	TRACED_BY_ROOT = 64,
	INHERITABLE = 128,
	BOUNDED = 256,
	NO_FIXUP = 512,
};

static const struct caller {
	const char *name;
	unsigned uid, euid, suid, gid, egid, sgid, how;
} callers[] = {
	{"root", 0, 0, 0, 0, 0, 0, 0},
	{"root without bounds", 0, 0, 0, 0, 0, 0, BOUNDED},
	{"root, ids alone", 0, 0, 0, 0, 0, 0, NO_ROOT},
	{"root, ids alone, ambient", 0, 0, 0, 0, 0, 0, NO_ROOT | AMBIENT},
	{"root, no new rights", 0, 0, 0, 0, 0, 0, NO_NEW_PRIVS},
	{"root, traced", 0, 0, 0, 0, 0, 0, TRACED},
	{"real root", 0, 1000, 1000, 0, 1000, 1000, 0},
	{"effective root", 1000, 0, 1000, 1000, 1000, 1000, 0},
	{"saved root", 1000, 1000, 0, 1000, 1000, 0, 0},
	{"user", 1000, 1000, 1000, 1000, 1000, 1000, 0},
	{"user, no new rights", 1000, 1000, 1000, 1000, 1000, 1000, NO_NEW_PRIVS},
	{"user, kept", 1000, 1000, 1000, 1000, 1000, 1000, KEEP_CAPS},
	{"user, inheritable", 1000, 1000, 1000, 1000, 1000, 1000, KEEP_CAPS | INHERITABLE},
	{"user, ambient", 1000, 1000, 1000, 1000, 1000, 1000, KEEP_CAPS | AMBIENT},
	{"user, ambient, no new rights", 1000, 1000, 1000, 1000, 1000, 1000, KEEP_CAPS | AMBIENT | NO_NEW_PRIVS},
	{"user, ids alone", 1000, 1000, 1000, 1000, 1000, 1000, NO_ROOT},
	{"user, no fixup", 1000, 1000, 1000, 1000, 1000, 1000, NO_FIXUP},
	{"user, no fixup, shared", 1000, 1000, 1000, 1000, 1000, 1000, NO_FIXUP | SHARED},
	{"user, shared", 1000, 1000, 1000, 1000, 1000, 1000, SHARED},
	{"user, traced", 1000, 1000, 1000, 1000, 1000, 1000, TRACED},
	{"user, traced by root", 1000, 1000, 1000, 1000, 1000, 1000, TRACED_BY_ROOT},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void lines(const char *const *wanted, unsigned count)
{
	char line[512];
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof line, file))
		for (unsigned i = 0; i < count; i++)
			if (!strncmp(line, wanted[i], strlen(wanted[i])))
				printf("  %s", line);
	if (file)
		fclose(file);
}

/* Prints the new program's attributes. */
static int print_attributes(void)
{
	static const char *const wanted[] = {
		"Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:"};
	struct itimerval timer;
	struct rlimit stack;
	struct stat s;
	timer_t id = (timer_t)0;
	int death = -1;

	lines(wanted, COUNT(wanted));
	printf("  secure %lu auxv %lu %lu %lu %lu\n", getauxval(AT_SECURE), getauxval(AT_UID), getauxval(AT_EUID),
		getauxval(AT_GID), getauxval(AT_EGID));
	prctl(PR_GET_PDEATHSIG, &death);
	printf("  death %d dumpable %d keep %d bits %x", death, prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS),
		prctl(PR_GET_SECUREBITS));
	printf(" personality %x", personality(-1) & ~READ_IMPLIES_EXEC);
	getitimer(ITIMER_REAL, &timer);
	getrlimit(RLIMIT_STACK, &stack);
	printf(" timer %d posix %s", timer.it_value.tv_sec > 0, answer(syscall(SYS_timer_getoverrun, id)));
	printf(" umask %o nice %d slack %d", umask(0), getpriority(PRIO_PROCESS, 0), prctl(PR_GET_TIMERSLACK));
	printf(" stack %ld", (long)stack.rlim_cur);
	printf(" policy %d subreaper", sched_getscheduler(0));
	prctl(PR_GET_CHILD_SUBREAPER, &death);
	printf(" %d\n", death);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const own[] = {"environ", "maps", "fd"};
		char path[40];

		sprintf(path, "/proc/self/%s", own[i]);
		if (stat(path, &s) == 0)
			printf("  %s %d %d %s\n", own[i], s.st_uid, s.st_gid, answer(open(path, O_RDONLY)));
	}
	printf("  blocked %s ignored %s\n", sigprocmask(0, NULL, &(sigset_t){0}) ? "?" : "ok",
		signal(SIGUSR2, SIG_DFL) == SIG_IGN ? "yes" : "no");
	fflush(stdout);
	return 0;
}

/* Sets inherited attributes as root, then the caller's credentials. */
static void attributes(const struct caller *caller)
{
	struct itimerval timer = {.it_value = {1000, 0}};
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	struct rlimit stack = {64 << 20, 64 << 20};
	struct caps now;
	int id;

	setitimer(ITIMER_REAL, &timer, NULL);
	syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);
	personality(ADDR_NO_RANDOMIZE | MMAP_PAGE_ZERO | ADDR_COMPAT_LAYOUT | SHORT_INODE);
	umask(027);
	setpriority(PRIO_PROCESS, 0, 3);
	prctl(PR_SET_TIMERSLACK, 70000);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGUSR2, SIG_IGN);
	setrlimit(RLIMIT_STACK, &stack);
	if (caller->how & BOUNDED)
		prctl(PR_CAPBSET_DROP, CAP_KILL);
	prctl(PR_SET_SECUREBITS, (caller->how & NO_ROOT ? 1 : 0) | (caller->how & NO_FIXUP ? 4 : 0) |
					 (caller->how & KEEP_CAPS ? 16 : 0));
	if (syscall(WIDE(setgroups), 2, ((unsigned[]){30, 20})) ||
		syscall(WIDE(setresgid), caller->gid, caller->egid, caller->sgid) ||
		syscall(WIDE(setresuid), caller->uid, caller->euid, caller->suid))
		perror("caller");
	now = caps_now();
	if (caller->how & (AMBIENT | INHERITABLE))
		now.inheritable = 1 << CAP_KILL | 1 << CAP_NET_RAW;
	caps_set(now);
	if (caller->how & AMBIENT)
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0);
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGURG);
	if (caller->how & NO_NEW_PRIVS)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

struct start {
	const struct caller *caller;
	const char *path;
};

static int start(void *argument)
{
	const struct start *start = argument;
	char *words[] = {(char *)start->path, "print_attributes", NULL};

	if (start->caller->how & TRACED_BY_ROOT)
		raise(SIGSTOP);
	attributes(start->caller);
	if (start->caller->how & TRACED)
		ptrace(PTRACE_TRACEME, 0, 0, 0);
	execv(start->path, words);
	printf("  %s\n", answer(-1));
	fflush(stdout);
	_exit(0);
}

static void run(const struct caller *caller, const struct file *file)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct start how = {caller, file->name};
	int status, flags = SIGCHLD | (caller->how & SHARED ? CLONE_FS : 0);

	printf("-- %s starts %s\n", caller->name, file->name);
	fflush(stdout);
	int pid = clone(start, stack + sizeof stack, flags, &how);
	if (pid < 0)
		perror("clone");
	if (caller->how & TRACED_BY_ROOT) {
		waitpid(pid, &status, WUNTRACED);
		ptrace(PTRACE_SEIZE, pid, 0, 0);
		kill(pid, SIGCONT);
	}
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, pid, 0, 0);
	printf("  ended %x\n", status);
	umask(0);
}

static void copy(const char *to, const struct file *file)
{
	static char bytes[65536];
	int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0600);
	ssize_t size;

	while ((size = read(in, bytes, sizeof bytes)) > 0)
		if (write(out, bytes, size) != size)
			perror(to);
	if (fchown(out, file->uid, file->gid) || fchmod(out, file->mode))
		perror(to);
	close(in);
	close(out);
}

int main(int count, char **words)
{
	char where[] = "/tmp/rights-XXXXXX";
	struct caps now;

	if (count > 1 && !strcmp(words[1], "print_attributes"))
		return print_attributes();
	own_place(where);
	mkdir("nosuid", 0755);
	if (mount("none", "nosuid", "tmpfs", MS_NOSUID, "mode=755"))
		perror("nosuid");
	for (const struct file *file = files; file < files + COUNT(files); file++)
		copy(file->name, file);
	/* The host's container may lack CAP_SYS_RESOURCE: neither side has it. */
	prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0);
	now = caps_now();
	now.permitted &= ~(1ull << CAP_SYS_RESOURCE);
	now.effective = now.permitted;
	caps_set(now);
	for (const struct caller *caller = callers; caller < callers + COUNT(callers); caller++)
		for (const struct file *file = files; file < files + COUNT(files); file++)
			/* Linux 6.16 changed whether a return to the real user is a secure exec (AT_SECURE). */
			if (!(file->mode & S_ISUID) || file->uid != caller->uid || caller->uid == caller->euid)
				run(caller, file);
	leave_place(where);
	printf("PASS\n");
	return 0;
}
