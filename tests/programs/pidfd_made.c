/* covers: kernel/src/process/ */
/* pidfds created by clone, inherited, sent over a socket, and open while a later process has the
   same ID. */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/socket.h>

#include "pidfd.h"

static void clones(void)
{
	int fd = -5, tid = -5, pid, flags = CLONE_PIDFD | SIGCHLD;
	struct clone_args args = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .exit_signal = SIGCHLD};
	struct rlimit limit;

	fflush(stdout);
	pid = syscall(SYS_clone, flags, 0, &fd, 0, 0);
	if (pid == 0)
		/* The child's table doesn't have the pidfd. */
		_exit(fcntl(fd == -5 ? 3 : fd, F_GETFD) == -1 ? 21 : 22);
	printf("fd %d flags %d %#x\n", fd, fcntl(fd, F_GETFD), fcntl(fd, F_GETFL));
	WAIT(fd, WEXITED);
	T(syscall(SYS_clone, flags | CLONE_PARENT_SETTID, 0, &fd, 0, 0));
	T(syscall(SYS_clone, flags | CLONE_DETACHED, 0, &fd, 0, 0));
	T(syscall(SYS_clone, flags | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, &fd, 0, 0));
	T(syscall(SYS_clone, flags, 0, 1, 0, 0));
	T(syscall(SYS_clone, flags, 0, 0, 0, 0));
	T(waitpid(-1, NULL, WNOHANG));
	/* The failed calls left no descriptor open. */
	printf("next %d\n", dup(0));
	args.pidfd = args.parent_tid = (uintptr_t)&fd;
	T(syscall(SYS_clone3, &args, sizeof args));
	args.parent_tid = (uintptr_t)&tid;
	args.flags |= CLONE_DETACHED;
	T(syscall(SYS_clone3, &args, sizeof args));
	args.flags = CLONE_PIDFD | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
	args.exit_signal = 0;
	T(syscall(SYS_clone3, &args, sizeof args));
	args.flags = CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_FILES;
	args.exit_signal = SIGCHLD;
	fflush(stdout);
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		/* The shared table has the pidfd. */
		for (;;)
			if (fcntl(fd, F_GETFD) != -1)
				_exit(23);
	printf("fd %d %s\n", fd, tid == pid ? "and the ID" : "no ID");
	WAIT(fd, WEXITED);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &limit);
	T(syscall(SYS_clone, flags, 0, &fd, 0, 0));
	T(waitpid(-1, NULL, WNOHANG));
}

static int send_fd(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof fd)] = "";
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(head), &fd, sizeof fd);
	return sendmsg(socket, &message, 0);
}

static int receive_fd(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	int fd = -1;

	if (recvmsg(socket, &message, 0) == 1 && message.msg_controllen >= CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	return fd;
}

/* A sent or inherited pidfd works except in waitid: the process isn't a child. */
static void passed_on(void)
{
	int pair[2], pid = start_sleeper(), fd = open_pid(pid, 0), reader, sent, status;

	T(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	fflush(stdout);
	reader = fork();
	if (reader == 0) {
		int got = receive_fd(pair[1]);

		T(is_readable(got));
		T(is_readable(fd));
		WAIT(got, WEXITED);
		T(send_by(got, SIGKILL, NULL, 0));
		T(poll(&(struct pollfd){got, POLLIN, 0}, 1, 5000));
		fflush(stdout);
		_exit(0);
	}
	sent = send_fd(pair[0], fd);
	close(fd);
	T(waitpid(reader, &status, 0) == reader);
	printf("sent %d\n", sent);
	T(waitpid(pid, &status, 0) == pid);
	printf("status %#x\n", status);
}

/* A pidfd doesn't refer to a later process with the same ID. */
static void reused(void)
{
	int pid = start_zombie(5), fd = open_pid(pid, 0), second_fd = -1, level = watch(fd, EPOLLIN | EPOLLET);
	char name[40];

	snprintf(name, sizeof name, "/proc/%d", pid);
	int directory = open(name, O_RDONLY), stat_fd = openat(directory, "stat", O_RDONLY);
	char text[200];

	T(clone_sleeper(0, NULL, pid));
	WAIT(fd, WEXITED);
	T(clone_sleeper(CLONE_PIDFD, &second_fd, pid) == pid);
	print_events(fd, level);
	print_events(second_fd, level);
	T(open_pid(pid, 0) >= 0);
	T(send_by(fd, SIGKILL, NULL, 0));
	T(send_by(directory, SIGKILL, NULL, 0));
	T(get_from(fd, 0, 0));
	WAIT(fd, WEXITED | WNOHANG);
	T(read(stat_fd, text, sizeof text));
	T(openat(directory, "stat", O_RDONLY));
	T(send_by(second_fd, 0, NULL, 0));
	WAIT(second_fd, WEXITED | WNOHANG);
	T(send_by(second_fd, SIGKILL, NULL, 0));
	WAIT(second_fd, WEXITED);
	print_events(second_fd, level);
}

int main(void)
{
	mount_proc();
	run("clones", clones);
	run("passed on", passed_on);
	run("reused", reused);
	return 0;
}
