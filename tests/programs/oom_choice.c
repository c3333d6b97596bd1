/* covers: kernel/src/process/ kernel/src/mm/ */
/* The OOM killer's choice: the process with the most memory, kernel memory included, adjusted by
   oom_score_adj; and the behaviour without a candidate.

   Usage: oom_choice WORD: kept, signals, timers, locks, file_locks, messages, descriptors, adjusted,
   protected, shared, spared, no_one, copy, zombies */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "children.h"

enum { PAGE = 4096, MEGABYTE = 1 << 20 };

static void touch(size_t size)
{
	char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (size_t i = 0; i < size; i += PAGE)
		area[i] = 1;
}

static void adjust(const char *value)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (write(fd, value, strlen(value)) < 0)
		printf("cannot set oom_score_adj\n");
	close(fd);
}

/* Children write to this pipe when they have allocated their memory. */
static int ready[2];

static void report_ready(void)
{
	write(ready[1], "", 1);
	for (;;)
		pause();
}

static int when_ready(int pid)
{
	char byte;

	read(ready[0], &byte, 1);
	return pid;
}

/* A process with `megabytes` of anonymous memory; returns when it is allocated. */
static int start_hog(int megabytes, const char *adjustment)
{
	int pid = fork();

	if (pid == 0) {
		adjust(adjustment);
		touch((size_t)megabytes * MEGABYTE);
		report_ready();
	}
	return when_ready(pid);
}

/* A process with `megabytes` of memory that only its descriptors hold: pipes and a memfd. */
static int start_file_hog(int megabytes)
{
	int pid = fork();

	if (pid == 0) {
		static char bytes[65536];
		int file = syscall(SYS_memfd_create, "kept", 0);

		for (int i = 0; i < megabytes * 8; i++) {
			int ends[2];

			if (!pipe(ends))
				write(ends[1], bytes, sizeof bytes);
			write(file, bytes, sizeof bytes);
		}
		report_ready();
	}
	return when_ready(pid);
}

/* Some megabytes of kernel memory as pending signals, timers, POSIX locks, 1-byte messages, and
   descriptors in queued messages. */
static void keep_signals(void)
{
	union sigval value = {0};
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 200000 && !sigqueue(getpid(), SIGRTMIN, value); i++)
		;
}

static void keep_timers(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	timer_t timer;

	for (int i = 0; i < 60000 && !syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer); i++)
		;
}

static void keep_locks_by(int command)
{
	int file = syscall(SYS_memfd_create, "locked", 0);

	/* No two locks are adjacent. Several files, as each lock costs a search among the file's others. */
	for (int f = 0; f < 160; f++, file = syscall(SYS_memfd_create, "locked", 0))
		for (int i = 0; i < 600; i++) {
			struct flock lock = {.l_type = F_WRLCK, .l_start = 2 * (600 - i), .l_len = 1};

			fcntl(file, command, &lock);
		}
}

static void keep_locks(void)
{
	keep_locks_by(F_SETLK);
}

/* Their owner is the open file description. */
static void keep_file_locks(void)
{
	keep_locks_by(F_OFD_SETLK);
}

static void keep_messages(void)
{
	for (int i = 0; i < 200; i++) {
		int ends[2];

		socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
		while (send(ends[0], "x", 1, MSG_DONTWAIT) == 1)
			;
	}
}

static void keep_descriptors(void)
{
	for (int i = 0; i < 12; i++) {
		int ends[2];

		socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
		for (int n = 0; n < 10; n++) {
			int files[100];
			char byte = 0, space[CMSG_SPACE(sizeof files)];
			struct iovec part = {&byte, 1};
			struct msghdr message = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = space,
				.msg_controllen = sizeof space};
			struct cmsghdr *head = CMSG_FIRSTHDR(&message);

			for (int f = 0; f < 100; f++)
				files[f] = open("/dev/null", O_RDONLY);
			*head = (struct cmsghdr){CMSG_LEN(sizeof files), SOL_SOCKET, SCM_RIGHTS};
			memcpy(CMSG_DATA(head), files, sizeof files);
			sendmsg(ends[0], &message, MSG_DONTWAIT);
			for (int f = 0; f < 100; f++)
				close(files[f]);
		}
	}
}

static int start_kernel_hog(void (*keep)(void))
{
	int pid = fork();

	if (pid == 0) {
		struct rlimit many = {1 << 20, 1 << 20};

		setrlimit(RLIMIT_SIGPENDING, &many);
		setrlimit(RLIMIT_NOFILE, &many);
		keep();
		report_ready();
	}
	return when_ready(pid);
}

/* Two processes that share so many megabytes (CLONE_VM). */
static void start_sharing_hogs(int megabytes)
{
	if (fork() == 0) {
		touch((size_t)megabytes * MEGABYTE);
		if (syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) == 0)
			report_ready();
		_exit(1);
	}
	when_ready(0);
}

/* Uses up the remaining memory, exempt from the OOM killer, until it kills another process. */
static void use_up(void)
{
	int pid = fork();
	siginfo_t info;

	if (pid == 0) {
		adjust("-1000");
		for (;;) {
			touch(MEGABYTE / 8);
			usleep(2000);
		}
	}
	waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
	reap(pid, 0);
}

static int is_killed(int pid)
{
	int status;

	return waitpid(pid, &status, WNOHANG) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Memory runs out in a system call that copies to user memory; init is killed, and the machine stops. */
static void copy_without_memory(void)
{
	char *area = mmap(NULL, 1ul << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int zero = open("/dev/zero", O_RDONLY);

	for (size_t i = 0; i < 1ul << 30; i += MEGABYTE)
		read(zero, area + i, MEGABYTE);
}

static const struct {
	const char *word;
	void (*keep)(void);
} ways[] = {
	{"signals", keep_signals},
	{"timers", keep_timers},
	{"locks", keep_locks},
	{"file_locks", keep_file_locks},
	{"messages", keep_messages},
	{"descriptors", keep_descriptors},
};

/* What a killed process kept in the kernel is free before its parent waits for it. The heap may keep
   some pages for itself. */
static void measure_zombies(void)
{
	for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
		long before = memory_info("MemFree"), kept, left;
		int pid = start_kernel_hog(ways[i].keep);
		siginfo_t info;

		kept = before - memory_info("MemFree");
		kill(pid, SIGKILL);
		waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
		left = before - memory_info("MemFree");
		printf("%s: it keeps memory: %d, a zombie less than a quarter: %d\n", ways[i].word, kept > 512,
			left < kept / 4);
		waitpid(pid, NULL, 0);
	}
}

int main(int count, char **words)
{
	const char *word = count > 1 ? words[1] : "";
	int first, second, third;

	only_as_init();
	if (pipe(ready))
		return 1;
	if (!strcmp(word, "kept")) {
		first = start_hog(10, "0"), second = start_file_hog(20), third = start_hog(5, "0");
		use_up();
		printf("the process with kernel memory is killed: %d\n", is_killed(second));
		return is_killed(first) || is_killed(third);
	}
	if (!strcmp(word, "zombies")) {
		measure_zombies();
		return 0;
	}
	for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
		if (!strcmp(word, ways[i].word)) {
			first = start_hog(2, "0"), second = start_kernel_hog(ways[i].keep), third = start_hog(1, "0");
			use_up();
			printf("the process with kernel memory is killed: %d\n", is_killed(second));
			return is_killed(first) || is_killed(third);
		}
	if (!strcmp(word, "adjusted")) {
		first = start_hog(2, "1000"), second = start_hog(20, "0"), third = start_hog(5, "-300");
		use_up();
		printf("the adjusted one: %d, the largest: %d, the spared one: %d\n", is_killed(first),
			is_killed(second), is_killed(third));
		return 0;
	}
	if (!strcmp(word, "protected")) {
		first = start_hog(30, "-1000"), second = start_hog(3, "0");
		use_up();
		printf("the protected one: %d, the other: %d\n", is_killed(first), is_killed(second));
		return 0;
	}
	if (!strcmp(word, "shared")) {
		start_sharing_hogs(20);
		use_up();
		return 0;
	}
	if (!strcmp(word, "spared")) {
		start_hog(20, "-1000");
		use_up();
		printf("one was killed that never is\n");
		return 0;
	}
	if (!strcmp(word, "copy"))
		copy_without_memory();
	adjust("-1000");
	touch(1ul << 30);
	printf("memory doesn't run out\n");
	return 0;
}
