/* covers: kernel/src/process/ kernel/src/sync/ */
/* pidfds in several threads at once. Children exit while they are polled, waited for, killed, and
   copied from (pidfd_getfd), and while their pidfd goes to another thread; a process with the same
   ID follows each. The program prints only failures.

   Usage: pidfd_race ROUNDS SEED */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "pidfd.h"

enum { THREADS = 4, PATIENCE_MS = 20000 };

static int rounds, wrong;
/* An epoll instance and a poller thread, to which all racers pass pidfds. */
static int shared_epoll, to_poller[2], seen;

static void fail(const char *what, int result)
{
	printf("%s: %d %s\n", what, result, strerror(errno));
	__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

#define CHECK(what)                                                                                                    \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		if (!(what))                                                                                           \
			fail(#what, 0);                                                                                \
	} while (0)

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

/* A child that exits after `microseconds`. */
static int start(int *fd, int status, unsigned microseconds)
{
	struct clone_args args = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)fd};
	struct timespec time = {0, microseconds * 1000};
	int pid = syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0) {
		if (microseconds)
			syscall(SYS_nanosleep, &time, NULL);
		syscall(SYS_exit_group, status);
	}
	return pid;
}

static int ends_in_time(int fd)
{
	struct pollfd poll_fd = {fd, POLLIN, 0};

	return poll(&poll_fd, 1, PATIENCE_MS) == 1 && poll_fd.revents & POLLIN;
}

/* A new process with the ID of a reaped one: the old pidfd must not refer to it. */
static void follow(int old, int pid)
{
	int fd = -1, later = clone_sleeper(CLONE_PIDFD, &fd, pid);
	siginfo_t info;

	/* Another thread's child or a process group may have the ID. */
	if (later < 0)
		return;
	CHECK(later == pid);
	CHECK(send_by(old, SIGKILL, NULL, 0) == -1 && errno == ESRCH);
	CHECK(get_from(old, 0, 0) == -1 && errno == ESRCH);
	CHECK(wait_by(old, &info, WEXITED | WNOHANG) == -1 && errno == ECHILD);
	CHECK(ends_in_time(old));
	CHECK(!is_readable(fd));
	CHECK(send_by(fd, SIGKILL, NULL, 0) == 0);
	CHECK(ends_in_time(fd));
	CHECK(wait_by(fd, &info, WEXITED) == 0 && info.si_pid == pid && info.si_status == SIGKILL);
	close(fd);
}

static void one_round(unsigned *seed)
{
	int fd = -1, status = next(seed) % 100, pid = start(&fd, status, next(seed) % 3 ? next(seed) % 800 : 0);
	int is_killed = next(seed) % 4 == 0, way = next(seed) % 5, taken;
	struct epoll_event event = {EPOLLIN | EPOLLONESHOT, {.fd = fd}};
	siginfo_t info;

	if (pid < 0 || fd < 0)
		return fail("clone3", pid);
	if (is_killed)
		CHECK(send_by(fd, SIGKILL, NULL, 0) == 0);
	switch (way) {
	case 0: CHECK(ends_in_time(fd)); break;
	case 1: CHECK(epoll_ctl(shared_epoll, EPOLL_CTL_ADD, fd, &event) == 0); break;
	case 2:
		taken = dup(fd);
		if (write(to_poller[0], &taken, sizeof taken) != sizeof taken)
			fail("write", taken);
		break;
	case 3:
		CHECK((taken = get_from(fd, shared_epoll, 0)) >= 0 || errno == ESRCH);
		close(taken);
		break;
	}
	CHECK(wait_by(fd, &info, WEXITED) == 0);
	CHECK(info.si_pid == pid);
	CHECK(info.si_code == CLD_EXITED ? info.si_status == status : is_killed && info.si_status == SIGKILL);
	CHECK(is_readable(fd) || ends_in_time(fd));
	CHECK(send_by(fd, 0, NULL, 0) == -1 && errno == ESRCH);
	follow(fd, pid);
	close(fd);
}

static void *racer(void *number)
{
	unsigned seed = (uintptr_t)number;

	for (int i = 0; i < rounds; i++)
		one_round(&seed);
	return NULL;
}

/* Polls the descriptors that the racers pass, and closes them. */
static void *poller(void *unused)
{
	struct epoll_event event;
	int fd;

	while (read(to_poller[1], &fd, sizeof fd) == sizeof fd) {
		CHECK(ends_in_time(fd));
		close(fd);
		while (epoll_wait(shared_epoll, &event, 1, 0) == 1)
			seen++;
	}
	return unused;
}

int main(int count, char **words)
{
	pthread_t threads[THREADS], watcher;

	if (count < 3)
		return 2;
	rounds = atoi(words[1]);
	shared_epoll = epoll_create1(0);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, to_poller))
		return 1;
	pthread_create(&watcher, NULL, poller, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, racer, (void *)(uintptr_t)(atoi(words[2]) + i));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	shutdown(to_poller[0], SHUT_RDWR);
	pthread_join(watcher, NULL);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	/* Only standard streams, the epoll instance and the sockets are open. */
	close(0);
	close(shared_epoll);
	CHECK(dup(1) == 0);
	CHECK(dup(1) == 3);
	puts(wrong ? "failed" : "all passed");
	return wrong != 0;
}
