/* covers: kernel/src/process/ kernel/src/vfs/ */
/* pidfds: waiting for exit by waitid, poll, select and epoll. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/ptrace.h>

#include "pidfd.h"

static void waits(void)
{
	int pid = start_sleeper(), fd = open_pid(pid, 0), other = start_zombie(1), other_fd = open_pid(other, 0);
	int parents = open_pid(getppid(), 0), nonblocking = open_pid(pid, O_NONBLOCK);

	WAIT(fd, WEXITED | WNOHANG);
	WAIT(nonblocking, WEXITED | WNOHANG);
	WAIT(nonblocking, WEXITED);
	WAIT(nonblocking, WSTOPPED);
	WAIT(-1, WEXITED);
	WAIT(1000, WEXITED);
	WAIT(0, WEXITED);
	WAIT(parents, WEXITED);
	WAIT(fd, 0);
	WAIT(fd, WNOHANG);
	WAIT(fd, WEXITED | 0x100);
	kill(pid, SIGSTOP);
	WAIT(fd, WSTOPPED);
	WAIT(fd, WEXITED | WNOHANG);
	send_by(nonblocking, SIGCONT, NULL, 0);
	WAIT(nonblocking, WCONTINUED);
	send_by(nonblocking, SIGTERM, NULL, 0);
	WAIT(fd, WEXITED | WNOWAIT);
	WAIT(fd, WEXITED | WNOWAIT | __WCLONE);
	WAIT(nonblocking, WEXITED);
	WAIT(fd, WEXITED);
	WAIT(nonblocking, WEXITED);
	T(wait_by(other_fd, (siginfo_t *)1, WEXITED | WNOWAIT));
	WAIT(other_fd, WEXITED);
	T(wait_by(other_fd, NULL, WEXITED));
	/* F_SETFL with O_NONBLOCK after the open. */
	pid = start_sleeper();
	fd = open_pid(pid, 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	WAIT(fd, WEXITED);
	/* A tracer may wait for a process that isn't its child. */
	T(ptrace(PTRACE_ATTACH, pid, 0, 0));
	fcntl(fd, F_SETFL, 0);
	WAIT(fd, WSTOPPED);
	kill_and_reap(pid);
	/* No result for children that are reaped automatically (SIGCHLD ignored). */
	signal(SIGCHLD, SIG_IGN);
	pid = start_sleeper();
	fd = open_pid(pid, 0);
	kill(pid, SIGKILL);
	WAIT(fd, WEXITED);
	T(is_readable(fd));
}

static void *end_later(void *of)
{
	usleep(20000);
	kill(*(int *)of, SIGKILL);
	return NULL;
}

static void events(void)
{
	int pid = start_sleeper(), fd = open_pid(pid, 0), level = watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	int edge = watch(fd, EPOLLIN | EPOLLET), once = watch(fd, EPOLLIN | EPOLLONESHOT), outer = watch(edge, EPOLLIN);
	struct pollfd poll_fd = {fd, POLLIN, 0}, out_only = {fd, POLLOUT, 0};
	struct epoll_event event;
	pthread_t other;

	print_events(fd, level);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	print_events(fd, level);
	kill(pid, SIGCONT);
	T(poll(&poll_fd, 1, 10));
	pthread_create(&other, NULL, end_later, &pid);
	T(poll(&poll_fd, 1, 5000));
	printf("revents %#x\n", poll_fd.revents);
	T(poll(&out_only, 1, 10));
	print_events(fd, level);
	T(epoll_wait(outer, &event, 1, 0));
	print_events(fd, edge);
	print_events(fd, edge);
	print_events(fd, once);
	print_events(fd, once);
	waitpid(pid, NULL, 0);
	print_events(fd, level);
	print_events(fd, edge);
	level = watch(fd, EPOLLIN);
	edge = watch(fd, EPOLLIN | EPOLLET);
	print_events(fd, level);
	print_events(fd, edge);
	print_events(fd, edge);
	close(fd);
	T(epoll_wait(level, &event, 1, 0));
	pthread_join(other, NULL);
}

static int pipe_to_threads[2];

static void *last_thread(void *unused)
{
	char byte;

	/* Exits after the thread group leader. */
	while (read(pipe_to_threads[0], &byte, 1) != 1)
		;
	_exit(7);
	return unused;
}

static void *exec_in_thread(void *unused)
{
	execl("/proc/self/exe", "pidfd", "sleep", NULL);
	return unused;
}

/* A pidfd is readable when the last thread has exited. */
static void thread_groups(void)
{
	int pid, fd, status;

	T(pipe(pipe_to_threads));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		pthread_t other;

		pthread_create(&other, NULL, last_thread, NULL);
		syscall(SYS_exit, 3);
	}
	fd = open_pid(pid, 0);
	usleep(50000);
	T(is_readable(fd));
	WAIT(fd, WEXITED | WNOHANG);
	T(get_from(fd, 0, 0));
	T(send_by(fd, 0, NULL, 0));
	T(write(pipe_to_threads[1], "x", 1));
	T(waitpid(pid, &status, 0) == pid);
	printf("status %#x\n", status);
	T(is_readable(fd));
	/* execve in another thread replaces the leader. */
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		pthread_t other;

		pthread_create(&other, NULL, exec_in_thread, NULL);
		for (;;)
			pause();
	}
	fd = open_pid(pid, 0);
	usleep(50000);
	T(is_readable(fd));
	T(send_by(fd, SIGKILL, NULL, 0));
	WAIT(fd, WEXITED);
}

int main(int count, char **words)
{
	if (count > 1 && !strcmp(words[1], "sleep"))
		for (;;)
			pause();
	mount_proc();
	run("waits", waits);
	run("events", events);
	run("thread groups", thread_groups);
	return 0;
}
