/* covers: kernel/src/fs/ */
/* /proc: formats and rules that hold on each version of Linux (proc(5)). */
#include "fs.h"
#include <ctype.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static char text[200000];

/* Reads a whole file into `text`; returns its length, or -1. */
static ssize_t get(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t all = 0, part;

	text[0] = 0;
	if (fd < 0)
		return -1;
	while ((part = read(fd, text + all, sizeof text - 1 - all)) > 0)
		all += part;
	close(fd);
	text[all] = 0;
	return part < 0 ? -1 : all;
}

static ssize_t get_of(pid_t pid, const char *name)
{
	char path[100];

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	return get(path);
}

/* Field `n` (from 1, as in proc(5)) of a stat file in `text`. */
static const char *field(int n)
{
	static char copy[100];
	char *at = n < 3 ? text : strrchr(text, ')') + 2;

	for (int i = n < 3 ? 1 : 3; i < n; i++)
		at = strchr(at, ' ') ? strchr(at, ' ') + 1 : "";
	snprintf(copy, sizeof copy, "%.*s", (int)strcspn(at, " \n"), at);
	return copy;
}

static long long number(int n)
{
	return strtoll(field(n), NULL, 10);
}

/* The value after "name:" and blanks in `text`. */
static const char *value(const char *name)
{
	static char copy[300];
	char key[100];

	snprintf(key, sizeof key, "\n%s:", name);
	char *at = strncmp(text, key + 1, strlen(key) - 1) ? strstr(text, key) : text - 1;
	if (!at)
		return "(missing)";
	at += strlen(key);
	at += strspn(at, " \t");
	snprintf(copy, sizeof copy, "%.*s", (int)strcspn(at, "\n"), at);
	return copy;
}

static int blanks(const char *at)
{
	int count = 0;

	for (; *at && *at != '\n'; at++)
		count += *at == ' ';
	return count;
}

static void stat_file(void)
{
	struct sigaction action = {.sa_handler = (void (*)(int))stat_file};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	signal(SIGHUP, SIG_IGN);
	sigaction(SIGTERM, &action, NULL);
	prctl(PR_SET_NAME, "a) b (c");
	T(get("/proc/self/stat") > 0);
	printf("name %.*s\n", (int)(strrchr(text, ')') + 1 - strchr(text, '(')), strchr(text, '('));
	T(blanks(strrchr(text, ')')));
	T(number(1) == getpid());
	puts(field(3));
	T(number(4) == getppid());
	T(number(5) == getpgrp());
	T(number(6) == getsid(0));
	T(number(20));
	T(number(22) > 0);
	T(number(23) > 100000 && number(23) % 4096 == 0);
	/* RSS: Linux updates it in batches. */
	T(number(24) >= 0);
	T(number(26) < number(27) && number(26) <= (long)stat_file && (long)stat_file < number(27));
	T(number(28) > (long)&set - 100000 && number(28) < (long)&set + 1000000);
	printf("signals %lld %lld %lld %lld\n", number(31) & 0x200, number(32), number(33) & 1, number(34));
	T(number(38) == SIGCHLD);
	T(number(45) < number(46));
	T(number(48) < number(49) && number(49) <= number(50) && number(50) < number(51));
	long long size = number(23);
	T(get("/proc/self/statm") > 0);
	T(blanks(text));
	T(llabs(strtoll(text, NULL, 10) * 4096 - size) < 300000);
	signal(SIGHUP, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static void status_file(void)
{
	static const char *names[] = {"Name", "Umask", "State", "Tgid", "Ngid", "Pid", "PPid", "TracerPid", "Uid",
		"Gid", "FDSize", "Groups", "NStgid", "NSpid", "NSpgid", "NSsid", "VmPeak", "VmSize", "VmLck", "VmPin",
		"VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem", "VmData", "VmStk", "VmExe", "VmLib", "VmSwap",
		"CoreDumping", "THP_enabled", "Threads", "SigQ", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt",
		"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters",
		"Cpus_allowed", "Cpus_allowed_list", "Mems_allowed", "Mems_allowed_list", "voluntary_ctxt_switches",
		"nonvoluntary_ctxt_switches"};
	gid_t groups[] = {5, 7};
	char *last = text;

	umask(027);
	fflush(stdout);
	if (fork() == 0) {
		setgroups(2, groups);
		T(setresgid(11, 12, 13));
		T(setresuid(1, 2, 3));
		T(get("/proc/self/status") > 0);
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			char key[100];

			snprintf(key, sizeof key, "%s:\t", names[i]);
			char *at = strstr(last, key);
			printf("%s %s\n", names[i], at ? "in order" : "missing");
			last = at ? at : last;
		}
		T(strcmp(value("Umask"), "0027"));
		puts(value("Name"));
		puts(value("State"));
		puts(value("Uid"));
		puts(value("Gid"));
		puts(value("Groups"));
		puts(value("Threads"));
		puts(value("SigBlk"));
		puts(value("TracerPid"));
		T(strlen(value("VmSize")) >= 7);
		T(atoi(value("Pid")) == getpid() && atoi(value("PPid")) == getppid());
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	umask(022);
}

static char letter(pid_t pid)
{
	for (int i = 0; i < 1000; i++) {
		if (get_of(pid, "stat") > 0 && *field(3) != 'R')
			break;
		usleep(1000);
	}
	return *field(3);
}

static void states(void)
{
	char path[64], link[64];
	int status;

	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	printf("waiting %c\n", letter(child));
	T(kill(child, SIGSTOP));
	waitpid(child, &status, WUNTRACED);
	printf("stopped %c\n", letter(child));
	get_of(child, "status");
	puts(value("State"));
	T(kill(child, SIGKILL));
	siginfo_t info;
	waitid(P_PID, child, &info, WEXITED | WNOWAIT);
	printf("ended %c\n", letter(child));
	T(number(23));
	T(get_of(child, "cmdline"));
	T(get_of(child, "maps"));
	T(get_of(child, "status") > 0);
	puts(value("Name"));
	puts(value("State"));
	puts(value("VmSize"));
	puts(value("Threads"));
	snprintf(path, sizeof path, "/proc/%d/exe", child);
	T(readlink(path, link, 64));
	int late = (snprintf(path, sizeof path, "/proc/%d/stat", child), open(path, O_RDONLY));
	waitpid(child, &status, 0);
	T(get_of(child, "stat"));
	T(read(late, text, 100));
	close(late);
}

static void descriptors(void)
{
	char path[64], link[300], want[300];
	struct stat st;
	int up[2], fd = open("file", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	T(write(fd, "content", 7));
	T(lseek(fd, 3, SEEK_SET));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(path, link, sizeof link);
	snprintf(want, sizeof want, "%s/file", workplace);
	T(length == (ssize_t)strlen(want) && memcmp(link, want, length) == 0);
	lstat(path, &st);
	printf("link %o size %ld\n", st.st_mode, (long)st.st_size);
	int again = open(path, O_RDONLY);
	T(read(again, link, 100));
	lstat("/proc/self/fd/0", &st);
	snprintf(path, sizeof path, "/proc/self/fd/%d", again);
	lstat(path, &st);
	printf("link %o\n", st.st_mode);
	close(again);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	T(get(path) > 0);
	printf("pos %s flags %lo\n", value("pos"), strtol(value("flags"), NULL, 8) & ~0100000);
	T(atoi(value("mnt_id")) > 0);
	T(unlink("file"));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	length = readlink(path, link, sizeof link);
	T(length > 10 && memcmp(link + length - 15, "/file (deleted)", 15) == 0);
	stat(path, &st);
	printf("deleted, links %ld size %ld\n", (long)st.st_nlink, (long)st.st_size);
	close(fd);
	T(readlink(path, link, sizeof link));
	pipe(up);
	snprintf(path, sizeof path, "/proc/self/fd/%d", up[1]);
	length = readlink(path, link, sizeof link - 1);
	link[length > 0 ? length : 0] = 0;
	fstat(up[1], &st);
	snprintf(want, sizeof want, "pipe:[%ld]", (long)st.st_ino);
	T(strcmp(link, want));
	lstat(path, &st);
	printf("link %o\n", st.st_mode);
	close(up[0]);
	close(up[1]);
	T(open("/proc/self/fd/nothing", O_RDONLY));
	T(open("/proc/self/fd/12345", O_RDONLY));
	T(open("/proc/self/fd/01", O_RDONLY));
	T(mkdir("/proc/self/fd/x", 0755));
	T(unlink("/proc/self/stat"));
}

static const char constant[4096] __attribute__((aligned(4096))) = "may not be written";

static void memory(void)
{
	long here = 1234567;
	int fd = open("/proc/self/mem", O_RDWR);
	volatile const char *look = constant;

	T(fd >= 0);
	long there = 0;
	T(pread(fd, &there, sizeof there, (long)&here));
	T(there);
	there = 7654321;
	T(pwrite(fd, &there, sizeof there, (long)&here));
	T(here);
	T(pwrite(fd, "was", 3, (long)constant));
	printf("%.18s\n", (const char *)look);
	T(pread(fd, &there, 8, 4096));
	T(pwrite(fd, &there, 8, 4096));
	close(fd);
}

static void rights(void)
{
	char path[64];

	fflush(stdout);
	pid_t parent = getpid();
	pid_t child = fork();
	if (child == 0) {
		static const char *names[] = {"stat", "status", "cmdline", "comm", "environ", "auxv", "maps", "mem",
			"io", "fd", "exe", "cwd", "limits", "task"};

		setgid(1000);
		setuid(1000);
		prctl(PR_SET_DUMPABLE, 1);
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			snprintf(path, sizeof path, "/proc/%d/%s", parent, names[i]);
			errno = 0;
			if (i == 10 || i == 11)
				printf("%s: %s\n", names[i], readlink(path, text, 100) < 0 ? strerror(errno) : "read");
			else
				printf("%s: %s\n", names[i], open(path, O_RDONLY) < 0 ? strerror(errno) : "open");
		}
		T(get("/proc/self/environ") >= 0);
		T(open("/proc/self/mem", O_RDWR) >= 0);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static int ready[2], done[2];

static void *thread(void *unused)
{
	char path[100], byte;

	(void)unused;
	prctl(PR_SET_NAME, "second");
	T(get("/proc/self/comm") > 0);
	printf("process %s", text);
	T(get("/proc/thread-self/comm") > 0);
	printf("thread %s", text);
	snprintf(path, sizeof path, "%d/task/%ld", getpid(), syscall(SYS_gettid));
	ssize_t length = readlink("/proc/thread-self", text, 100);
	T(length == (ssize_t)strlen(path) && memcmp(text, path, length) == 0);
	write(ready[1], "x", 1);
	read(done[0], &byte, 1);
	return NULL;
}

static void threads(void)
{
	pthread_t second;
	int count = 0;
	char byte;
	struct dirent *entry;

	prctl(PR_SET_NAME, "first");
	pipe(ready);
	pipe(done);
	pthread_create(&second, NULL, thread, NULL);
	read(ready[0], &byte, 1);
	DIR *tasks = opendir("/proc/self/task");
	while ((entry = readdir(tasks))) {
		char path[300];

		if (!isdigit(entry->d_name[0]))
			continue;
		count++;
		snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
		get(path);
		printf("task %s %s", atoi(entry->d_name) == getpid() ? "of the process" : "other", text);
		snprintf(path, sizeof path, "/proc/self/task/%s/task", entry->d_name);
		T(access(path, F_OK));
	}
	closedir(tasks);
	T(count);
	get("/proc/self/status");
	puts(value("Threads"));
	write(done[1], "x", 1);
	pthread_join(second, NULL);
	get("/proc/self/status");
	puts(value("Threads"));
	int fd = open("/proc/self/comm", O_WRONLY);
	T(write(fd, "a name that is longer than fits\n", 32));
	close(fd);
	get("/proc/self/comm");
	printf("%s", text);
}

static void arguments(void)
{
	fflush(stdout);
	if (fork() == 0) {
		char *words[] = {"program", "show", "two words", "", NULL}, *environment[] = {"A=1", "B=two", NULL};

		execve("/proc/self/exe", words, environment);
		_exit(9);
	}
	wait(NULL);
}

static int show_arguments(void)
{
	for (int i = 0; i < 2; i++) {
		ssize_t length = get(i ? "/proc/self/environ" : "/proc/self/cmdline");

		printf("%zd:", length);
		for (ssize_t at = 0; at < length; at++)
			putchar(text[at] ? text[at] : '|');
		putchar('\n');
	}
	get("/proc/self/comm");
	printf("%s", text);
	return 0;
}

static void limits(void)
{
	struct rlimit l = {200, 300};
	char *at;

	setrlimit(RLIMIT_NOFILE, &l);
	T(get("/proc/self/limits") > 0);
	printf("%.*s|\n", (int)strcspn(text, "\n"), text);
	for (int i = 0; i < 2; i++) {
		at = strstr(text, i ? "Max core" : "Max open");
		printf("%.*s|\n", i ? 25 : (int)strcspn(at, "\n"), at);
	}
}

static void whole_system(void)
{
	static const char *names[] = {"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached",
		"Active", "Inactive", "SwapTotal", "SwapFree", "Dirty", "Writeback", "AnonPages", "Mapped", "Shmem",
		"Slab", "SReclaimable", "SUnreclaim", "CommitLimit", "Committed_AS"};
	struct utsname name;
	float a, b, c;
	int d, e, f;

	T(get("/proc/meminfo") > 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		printf("%s %s\n", names[i], strstr(value(names[i]), " kB") ? "in kB" : value(names[i]));
	T(atol(value("MemFree")) < atol(value("MemTotal")));
	T(get("/proc/uptime") > 0 && sscanf(text, "%f %f\n", &a, &b) == 2);
	T(get("/proc/loadavg") > 0 && sscanf(text, "%f %f %f %d/%d %d\n", &a, &b, &c, &d, &e, &f) == 6);
	T(get("/proc/stat") > 0);
	T(strncmp(text, "cpu  ", 5));
	T(blanks(text));
	T(strstr(text, "\ncpu0 ") && strstr(text, "\nintr ") && strstr(text, "\nctxt ") && strstr(text, "\nbtime ") &&
		strstr(text, "\nprocesses ") && strstr(text, "\nprocs_running ") && strstr(text, "\nprocs_blocked "));
	T(labs(atol(strstr(text, "\nbtime ") + 7) - time(NULL)) < 100000000);
	uname(&name);
	T(get("/proc/sys/kernel/osrelease") > 0 && strncmp(text, name.release, strlen(name.release)) == 0);
	T(get("/proc/sys/kernel/hostname") > 0 && strncmp(text, name.nodename, strlen(name.nodename)) == 0);
	T(get("/proc/sys/kernel/ostype"));
	printf("%s", text);
	T(get("/proc/sys/kernel/random/uuid"));
	T(text[14] == '4' && text[8] == '-' && text[36] == '\n');
	char id[40];
	get("/proc/sys/kernel/random/boot_id");
	memcpy(id, text, 37);
	get("/proc/sys/kernel/random/boot_id");
	T(memcmp(id, text, 37));
	T(get("/proc/version") > 0);
	T(strncmp(text, "Linux version ", 14));
	T(get("/proc/filesystems") > 0 && strstr(text, "nodev\ttmpfs\n") && strstr(text, "nodev\tproc\n"));
	T(get("/proc/mounts") > 0);
	T(blanks(text));
	T(get("/proc/self/mountinfo") > 0 && strstr(text, " - ") != NULL);
	T(get("/proc/swaps") > 0);
	printf("%.*s|\n", (int)strcspn(text, "\n"), text);
	T(readlink("/proc/mounts", text, 100));
	T(readlink("/proc/self", text, 100) > 0 && atoi(text) == getpid());
	T(access("/proc/nothing", F_OK));
	T(access("/proc/0", F_OK));
	T(access("/proc/01", F_OK));
	T(open("/proc/new", O_WRONLY | O_CREAT, 0644));
	T(open("/proc/uptime", O_WRONLY | O_TRUNC) >= 0 || errno == EACCES);
}

int main(int count, char **words)
{
	if (count > 1 && strcmp(words[1], "show") == 0)
		return show_arguments();
	begin();
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	stat_file();
	status_file();
	states();
	descriptors();
	memory();
	rights();
	threads();
	arguments();
	whole_system();
	limits();
	end();
	return 0;
}
