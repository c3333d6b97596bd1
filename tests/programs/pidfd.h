/* For the pidfd*.c programs: calls without a wrapper in C libraries, and children for pidfds. */
#ifndef PIDFD_H
#define PIDFD_H
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "fs.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
enum { PIDFD_NONBLOCK_ = O_NONBLOCK };

static inline int open_pid(int pid, unsigned flags)
{
	return syscall(SYS_pidfd_open, pid, flags);
}

static inline int send_by(int fd, int signal, siginfo_t *info, unsigned flags)
{
	return syscall(SYS_pidfd_send_signal, fd, signal, info, flags);
}

static inline int get_from(int pidfd, int fd, unsigned flags)
{
	return syscall(SYS_pidfd_getfd, pidfd, fd, flags);
}

static inline int wait_by(int fd, siginfo_t *info, int options)
{
	return syscall(SYS_waitid, P_PIDFD, fd, info, options, NULL);
}

/* Whether a descriptor is readable now. */
static inline int is_readable(int fd)
{
	struct pollfd poll_fd = {fd, POLLIN, 0};

	return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents == POLLIN;
}

/* Prints waitid(P_PIDFD)'s result and siginfo. */
#define WAIT(fd, options)                                                                                              \
	do {                                                                                                           \
		siginfo_t info_;                                                                                       \
		memset(&info_, 0x55, sizeof info_);                                                                    \
		T(wait_by(fd, &info_, options));                                                                       \
		printf("  signal %d code %d status %d%s\n", info_.si_signo, info_.si_code,                             \
			info_.si_signo ? info_.si_status : 0, info_.si_signo && !info_.si_pid ? " no process" : "");   \
	} while (0)

/* Prints the events of a descriptor from poll, select and epoll. */
static inline void print_events(int fd, int epoll)
{
	struct pollfd poll_fd = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLRDHUP, 0};
	struct epoll_event event = {0, {0}};
	struct timeval none = {0, 0};
	fd_set in, out;
	int found = poll(&poll_fd, 1, 0);

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(fd, &in);
	FD_SET(fd, &out);
	printf("poll %d %#x", found, poll_fd.revents);
	found = select(fd + 1, &in, &out, NULL, &none);
	printf(" select %d in %d", found, FD_ISSET(fd, &in) != 0);
	found = epoll_wait(epoll, &event, 1, 0);
	printf(" epoll %d %#x\n", found, event.events);
}

static inline int watch(int fd, unsigned events)
{
	struct epoll_event event = {events, {.fd = fd}};
	int epoll = epoll_create1(0);

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		perror("epoll_ctl");
	return epoll;
}

/* A child that runs until it is killed. */
static inline int start_sleeper(void)
{
	int pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static inline void kill_and_reap(int pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A zombie child. */
static inline int start_zombie(int status)
{
	siginfo_t info;
	int pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(status);
	waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
	return pid;
}

/* clone3(2) of a child that sleeps; `tid`, if not 0, is its requested ID (set_tid). */
static inline int clone_sleeper(unsigned long long flags, int *pidfd, int tid)
{
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
	int pid;

	args.pidfd = (uintptr_t)pidfd;
	if (tid) {
		args.set_tid = (uintptr_t)&tid;
		args.set_tid_size = 1;
	}
	fflush(stdout);
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

/* Runs a part of the program in a child: init can't be stopped or killed. */
static inline void run(const char *name, void (*part)(void))
{
	int pid, status;

	printf("== %s\n", name);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		part();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (status)
		printf("status %#x\n", status);
}

static inline void mount_proc(void)
{
	mkdir("/proc", 0755);
	if (access("/proc/self", F_OK))
		mount("proc", "/proc", "proc", 0, NULL);
	mkdir("/tmp", 01777);
}
#endif
