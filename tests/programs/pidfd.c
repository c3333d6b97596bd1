/* covers: kernel/src/process/ kernel/src/vfs/ */
/* pidfds: results of pidfd_open, pidfd_send_signal, pidfd_getfd and process_madvise. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "pidfd.h"

static int child, child_fd, ended, ended_fd;
static volatile int thread_id, got_signal, got_code, got_value;

/* Prints a pidfd's lines of /proc/self/fdinfo, with names instead of process IDs. */
static void show_info(int fd)
{
	char name[40], line[80];
	FILE *file;

	snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
	file = fopen(name, "r");
	while (file && fgets(line, sizeof line, file)) {
		char *value = strchr(line, '\t');
		int pid = value ? atoi(value) : 0;

		if (strncmp(line, "Pid:", 4) && strncmp(line, "NSpid:", 6) && strncmp(line, "flags:", 6))
			continue;
		if (*line == 'f' || pid == -1)
			printf("  %s", line);
		else
			printf("  %.*s%s\n", (int)(value - line) + 1, line,
				pid == child ? "child" :
				pid == ended ? "ended" :
					       "?");
	}
	if (file)
		fclose(file);
}

static void *thread(void *unused)
{
	thread_id = syscall(SYS_gettid);
	for (;;)
		pause();
	return unused;
}

static void open_calls(void)
{
	pthread_t other;
	int group;

	pthread_create(&other, NULL, thread, NULL);
	while (!thread_id)
		usleep(1000);
	T(open_pid(getpid(), 0) >= 0);
	T(open_pid(child, PIDFD_NONBLOCK_) >= 0);
	T(open_pid(child, 1));
	T(open_pid(child, O_CLOEXEC));
	T(open_pid(child, O_EXCL));
	T(open_pid(0, 0));
	T(open_pid(-1, 0));
	T(open_pid(0x80000000, 0));
	T(open_pid(0x7fffffff, 0));
	T(open_pid(thread_id, 0));
	T(open_pid(ended, 0) >= 0);
	/* A process that isn't a child. */
	T(open_pid(1, 0) >= 0);
	group = start_zombie(0);
	waitpid(group, NULL, 0);
	T(open_pid(group, 0));
	/* The ID of a process group whose leader was reaped. */
	group = start_sleeper();
	setpgid(group, group);
	int member = start_sleeper();
	T(setpgid(member, group));
	kill_and_reap(group);
	T(open_pid(group, 0));
	kill_and_reap(member);
	T(open_pid(group, 0));
}

static void as_a_file(void)
{
	char bytes[64] = "", name[40];
	int nonblocking = open_pid(child, PIDFD_NONBLOCK_);
	struct stat status;
	struct rlimit limit = {0, 0};

	T(fcntl(child_fd, F_GETFD));
	T(fcntl(child_fd, F_GETFL));
	T(fcntl(nonblocking, F_GETFL));
	T(fcntl(child_fd, F_SETFL, O_NONBLOCK | O_APPEND));
	T(fcntl(child_fd, F_GETFL));
	T(fcntl(child_fd, F_SETFL, 0));
	T(read(child_fd, bytes, 8));
	T(read(child_fd, bytes, 0));
	T(write(child_fd, bytes, 8));
	T(pread(child_fd, bytes, 8, 0));
	T(pwrite(child_fd, bytes, 8, 0));
	T(lseek(child_fd, 0, SEEK_SET));
	T(ftruncate(child_fd, 0));
	T(fsync(child_fd));
	T(ioctl(child_fd, FIONREAD, bytes));
	T(ioctl(child_fd, TCGETS, bytes));
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, child_fd, 0) == MAP_FAILED);
	T(fstat(child_fd, &status));
	printf("mode %o size %lld links %d\n", status.st_mode, (long long)status.st_size, (int)status.st_nlink);
	snprintf(name, sizeof name, "/proc/self/fd/%d", child_fd);
	T(readlink(name, bytes, sizeof bytes));
	puts(bytes);
	T(open(name, O_RDONLY));
	show_info(child_fd);
	show_info(nonblocking);
	show_info(ended_fd);
	setrlimit(RLIMIT_NOFILE, &limit);
	T(open_pid(child, 0));
	T(get_from(child_fd, 0, 0));
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	got_signal = signo;
	got_code = info->si_code;
	got_value = info->si_value.sival_int;
	(void)context;
}

static void signals(void)
{
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE}, other = {.si_signo = SIGUSR2, .si_code = SI_QUEUE};
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	int self = open_pid(getpid(), 0), path = open("/proc", O_RDONLY), opened, dead;
	char name[40];

	sigaction(SIGUSR1, &action, NULL);
	info.si_value.sival_int = 42;
	T(send_by(self, SIGUSR1, NULL, 0));
	printf("signal %d code %d\n", got_signal, got_code);
	T(send_by(self, SIGUSR1, &info, 0));
	printf("signal %d code %d value %d\n", got_signal, got_code, got_value);
	T(send_by(self, 0, NULL, 0));
	T(send_by(self, 65, NULL, 0));
	T(send_by(self, -1, NULL, 0));
	T(send_by(self, SIGUSR1, &other, 0));
	T(send_by(self, SIGUSR1, (siginfo_t *)1, 0));
	T(send_by(self, SIGUSR1, NULL, 1));
	T(send_by(-1, SIGUSR1, NULL, 1));
	T(send_by(-1, SIGUSR1, NULL, 0));
	T(send_by(0x7fffffff, SIGUSR1, NULL, 0));
	T(send_by(path, SIGUSR1, NULL, 0));
	T(send_by(open("/dev/null", O_RDONLY), SIGUSR1, NULL, 0));
	/* A siginfo with the si_code of kill or the kernel may go to the calling process only. */
	info.si_code = SI_USER;
	T(send_by(self, SIGUSR1, &info, 0));
	printf("signal %d code %d\n", got_signal, got_code);
	T(send_by(child_fd, SIGUSR1, &info, 0));
	info.si_code = SI_TKILL;
	T(send_by(child_fd, SIGUSR1, &info, 0));
	info.si_code = 1;
	T(send_by(child_fd, 65, &info, 0));
	info.si_signo = 65;
	T(send_by(child_fd, 65, &info, 0));
	info.si_code = SI_QUEUE;
	T(send_by(child_fd, 65, &info, 0));
	T(send_by(child_fd, 0, NULL, 0));
	/* /proc/PID directories as pidfds. */
	T(send_by(opened = open("/proc/self", O_RDONLY | O_DIRECTORY), SIGUSR1, NULL, 0));
	T(send_by(open("/proc/self/fd", O_RDONLY), SIGUSR1, NULL, 0));
	T(send_by(open("/proc/thread-self", O_RDONLY), SIGUSR1, NULL, 0));
	T(send_by(open("/proc/self", O_PATH), SIGUSR1, NULL, 0));
	T(send_by(open("/proc/self/stat", O_RDONLY), SIGUSR1, NULL, 0));
	T(get_from(opened, 0, 0));
	T(wait_by(opened, NULL, WEXITED));
	dead = start_zombie(0);
	snprintf(name, sizeof name, "/proc/%d", dead);
	opened = open(name, O_RDONLY);
	int fd = open_pid(dead, 0);
	T(send_by(fd, SIGKILL, NULL, 0));
	T(send_by(fd, 65, NULL, 0));
	T(send_by(opened, 0, NULL, 0));
	waitpid(dead, NULL, 0);
	T(send_by(fd, 0, NULL, 0));
	T(send_by(fd, 65, NULL, 0));
	T(send_by(opened, 0, NULL, 0));
	/* A process of another user. */
	T(setresuid(1000, 1000, 1000));
	T(send_by(child_fd, 0, NULL, 0));
	T(send_by(child_fd, SIGCONT, NULL, 0));
	T(send_by(self, 0, NULL, 0));
}

static void descriptors(void)
{
	int pair[2], taken, dead;
	char byte = 0;

	T(pipe(pair));
	dup2(pair[1], 100);
	int pid = start_sleeper(), fd = open_pid(pid, 0), self = open_pid(getpid(), 0);
	T(fcntl(pair[1], F_SETFL, O_NONBLOCK));
	T((taken = get_from(fd, 100, 0)) >= 0);
	T(fcntl(taken, F_GETFD));
	/* The copy refers to the same open file description. */
	T(fcntl(taken, F_GETFL));
	T(write(taken, "x", 1));
	T(read(pair[0], &byte, 1));
	T(get_from(self, 100, 0) >= 0);
	T(get_from(fd, 1000, 0));
	T(get_from(fd, -1, 0));
	T(get_from(fd, 100, 1));
	T(get_from(-1, 100, 1));
	T(get_from(-1, 100, 0));
	T(get_from(pair[0], 100, 0));
	kill_and_reap(pid);
	T(get_from(fd, 100, 0));
	dead = start_zombie(0);
	fd = open_pid(dead, 0);
	T(get_from(fd, 100, 0));
	T(send_by(fd, 0, NULL, 0));
	waitpid(dead, NULL, 0);
	T(get_from(fd, 100, 0));
	/* pidfd_getfd needs permission to trace the process. */
	pid = start_sleeper();
	fd = open_pid(pid, 0);
	T(setresuid(1000, 1000, 1000));
	T(get_from(fd, 100, 0));
	T(get_from(fd, 1000, 0));
	T(get_from(fd, 100, 1));
	T(get_from(self, 100, 0) >= 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_DUMPABLE, 0);
		for (;;)
			pause();
	}
	usleep(50000);
	T(get_from(open_pid(pid, 0), 100, 0));
	kill_and_reap(pid);
}

static void advice(void)
{
	char *area = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec whole = {area, 3 * 4096}, two[2] = {{area, 4096}, {area + 4096 * 2, 100}}, odd = {area + 1, 4096};
	struct iovec hole[2] = {{area, 4096}, {area + 3 * 4096, 2 * 4096}};
	int self = open_pid(getpid(), 0), dead = start_zombie(0), dead_fd = open_pid(dead, 0);

	munmap(area + 3 * 4096, 4096);
	memset(area, 1, 4096);
#define M(...) T(syscall(SYS_process_madvise, __VA_ARGS__))
	M(self, &whole, 1, MADV_COLD, 0);
	M(self, &whole, 1, MADV_PAGEOUT, 0);
	M(self, &whole, 1, MADV_WILLNEED, 0);
	M(self, two, 2, MADV_COLD, 0);
	M(self, hole, 2, MADV_COLD, 0);
	M(self, hole + 1, 1, MADV_COLD, 0);
	M(self, &odd, 1, MADV_COLD, 0);
	M(self, &whole, 1, MADV_DONTNEED, 0);
	M(self, &whole, 1, MADV_FREE, 0);
	M(self, &whole, 1, 99, 0);
	M(self, &whole, 1, MADV_COLD, 1);
	M(self, &whole, 0, MADV_COLD, 0);
	M(self, &whole, 0, MADV_DONTNEED, 0);
	M(self, &whole, 2000, MADV_COLD, 0);
	M(self, (void *)1, 1, MADV_COLD, 0);
	M(-1, (void *)1, 1, MADV_COLD, 0);
	M(-1, &whole, 1, MADV_DONTNEED, 0);
	M(0, &whole, 1, MADV_COLD, 0);
	M(dead_fd, &whole, 1, MADV_COLD, 0);
	M(child_fd, &whole, 1, MADV_COLD, 0);
	waitpid(dead, NULL, 0);
	M(dead_fd, &whole, 1, MADV_DONTNEED, 0);
	printf("still %d\n", area[0]);
	T(setresuid(1000, 1000, 1000));
	M(self, &whole, 1, MADV_COLD, 0);
	M(child_fd, &whole, 1, MADV_COLD, 0);
}

int main(void)
{
	mount_proc();
	child = start_sleeper();
	child_fd = open_pid(child, 0);
	ended = start_zombie(3);
	ended_fd = open_pid(ended, 0);
	run("open", open_calls);
	run("as a file", as_a_file);
	run("signals", signals);
	run("descriptors", descriptors);
	run("advice", advice);
	waitpid(ended, NULL, 0);
	show_info(ended_fd);
	kill_and_reap(child);
	return 0;
}
