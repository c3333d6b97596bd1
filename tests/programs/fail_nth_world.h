/* For fail_nth.c: the files, descriptors and memory of its calls, created for each attempt. */
#ifndef FAIL_NTH_WORLD_H
#define FAIL_NTH_WORLD_H
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>

#include "children.h"

enum { PAGE = 4096 };

/* The descriptors of each attempt. */
enum {
	FILE_FD = 10,
	DIR_FD,
	PIPE_R,
	PIPE_W,
	SOCKET_A,
	SOCKET_B,
	EPOLL,
	EVENT,
	TIMER,
	SIGNALS,
	MEMORY,
	LISTENER,
	CLIENT,
	ZERO,
	OTHER_FILE,
	EMPTY_R,
	EMPTY_W,
	DGRAM_A,
	DGRAM_B,
	TERMINAL,
	STATUS,
	DIR_OF_TMP,
	DELETED,
	PROCESS,
	NOTIFY,
	FREE_FD = 60,
};

#define W "/tmp/world"

/* The timespec of calls with 64 in their names, in either width. */
struct wide_time {
	long long seconds, nanoseconds;
};

static char out[16 * PAGE] __attribute__((aligned(PAGE)));
static char in[16 * PAGE] __attribute__((aligned(PAGE))) = "some bytes";
static char area[64 * PAGE] __attribute__((aligned(PAGE)));
static struct timespec soon = {0, 1000}, stamps[2] = {{1, 1}, {2, 2}};
static struct wide_time wide_soon = {0, 1000}, wide_stamps[2] = {{1, 1}, {2, 2}};
static struct timeval brief = {0, 1000}, dates[2] = {{1, 1}, {2, 2}};
static struct itimerspec far = {{0, 0}, {1000, 0}};
static struct {
	struct wide_time every, first;
} wide_far = {{0, 0}, {1000, 0}};
static struct itimerval far_off = {{0, 0}, {1000, 0}};
static struct iovec pieces[2] = {{in, 5000}, {in + 5000, 3000}}, places[2] = {{out, 3000}, {out + 3000, 5000}};
static struct sockaddr_un listening = {AF_UNIX, W "/listener"}, named = {AF_UNIX, W "/name"},
			  abstract = {AF_UNIX, "\0fail_nth"};
static socklen_t name_length = sizeof(struct sockaddr_un);
static unsigned long long signal_set = 1ull << (SIGUSR1 - 1), no_signals;
static struct pollfd polled[3] = {{EMPTY_R, POLLIN, 0}, {PIPE_R, POLLIN, 0}, {SOCKET_A, POLLIN, 0}};
static unsigned long readable[32];
static struct epoll_event watched = {.events = EPOLLIN};
static long long file_offset;
static int futex_word, number, helper, timer_id;
static unsigned ids[64];
static char *exec_words[] = {"/init", "exec", NULL}, *no_words[] = {NULL};

static void expect(long result, const char *what)
{
	if (result < 0) {
		printf("cannot prepare: %s: %s\n", what, strerror(errno));
		_exit(99);
	}
}

#define EXPECT(call) expect((long)(call), #call)

static void move_fd(int fd, int at)
{
	EXPECT(fd);
	if (fd != at) {
		EXPECT(dup2(fd, at));
		close(fd);
	}
}

static void move_pair(int *pair, int first)
{
	move_fd(pair[0], first);
	move_fd(pair[1], first + 1);
}

static void nothing(int signal)
{
	(void)signal;
}

/* Files, and a directory with many of them. */
static void make_files(void)
{
	char name[40];

	EXPECT(mkdir(W, 0777));
	EXPECT(mkdir(W "/full", 0777));
	EXPECT(mkdir(W "/empty", 0777));
	for (int i = 0; i < 20; i++) {
		sprintf(name, W "/full/entry%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0666));
	}
	move_fd(open(W "/file", O_CREAT | O_RDWR, 0666), FILE_FD);
	EXPECT(write(FILE_FD, area, 3 * PAGE));
	EXPECT(lseek(FILE_FD, 0, SEEK_SET));
	EXPECT(setxattr(W "/file", "user.one", "value", 5, 0));
	move_fd(open(W "/other", O_CREAT | O_RDWR, 0666), OTHER_FILE);
	EXPECT(symlink("file", W "/link"));
	EXPECT(mkfifo(W "/fifo", 0666));
	move_fd(open(W "/full", O_RDONLY | O_DIRECTORY), DIR_FD);
	move_fd(open(W, O_RDONLY | O_DIRECTORY), DIR_OF_TMP);
	move_fd(open(W "/deleted", O_CREAT | O_RDWR, 0666), DELETED);
	EXPECT(unlink(W "/deleted"));
}

static void make_sockets(void)
{
	int pair[2];

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	move_pair(pair, SOCKET_A);
	EXPECT(send(SOCKET_B, in, 6000, 0));
	EXPECT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair));
	move_pair(pair, DGRAM_A);
	for (int i = 0; i < 3; i++)
		EXPECT(send(DGRAM_B, in, 100, 0));
	move_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), LISTENER);
	EXPECT(bind(LISTENER, (struct sockaddr *)&listening, sizeof listening));
	EXPECT(listen(LISTENER, 5));
	move_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), CLIENT);
}

static void make_others(void)
{
	int pair[2];

	EXPECT(pipe2(pair, O_NONBLOCK));
	move_pair(pair, PIPE_R);
	EXPECT(write(PIPE_W, in, 6000));
	EXPECT(pipe2(pair, O_NONBLOCK));
	move_pair(pair, EMPTY_R);
	move_fd(epoll_create1(0), EPOLL);
	watched.data.fd = PIPE_R;
	EXPECT(epoll_ctl(EPOLL, EPOLL_CTL_ADD, PIPE_R, &watched));
	move_fd(eventfd(1, EFD_NONBLOCK), EVENT);
	move_fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), TIMER);
	move_fd(syscall(SYS_signalfd4, -1, &signal_set, 8, SFD_NONBLOCK), SIGNALS);
	move_fd(syscall(SYS_memfd_create, "memory", 0), MEMORY);
	EXPECT(ftruncate(MEMORY, 8 * PAGE));
	move_fd(open("/dev/zero", O_RDWR), ZERO);
	move_fd(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK), TERMINAL);
	move_fd(open("/proc/self/status", O_RDONLY), STATUS);
}

/* Creates all of the above, and faults in all of this process's pages. */
static void make_world(void)
{
	signal(SIGUSR1, nothing);
	signal(SIGALRM, nothing);
	signal(SIGPIPE, SIG_IGN);
	make_files();
	make_sockets();
	make_others();
	readable[0] = 1ul << EMPTY_R | 1ul << PIPE_R;
	mlockall(MCL_CURRENT);
	munlockall();
}

/* Preparations of single calls. */

static void connect_a_client(void)
{
	EXPECT(connect(CLIENT, (struct sockaddr *)&listening, sizeof listening));
}

static void start_a_helper(void)
{
	helper = fork();
	EXPECT(helper);
	if (helper == 0)
		for (;;)
			pause();
}

static void open_a_process(void)
{
	start_a_helper();
	move_fd(syscall(SYS_pidfd_open, helper, 0), PROCESS);
}

static void watch_a_directory(void)
{
	move_fd(inotify_init1(IN_NONBLOCK), NOTIFY);
	EXPECT(inotify_add_watch(NOTIFY, W "/full", IN_ALL_EVENTS));
}

static void start_a_tracee(void)
{
	int status;

	helper = fork();
	EXPECT(helper);
	if (helper == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		for (;;)
			pause();
	}
	EXPECT(waitpid(helper, &status, 0));
}

static void leave_a_zombie(void)
{
	helper = fork();
	EXPECT(helper);
	if (helper == 0)
		_exit(0);
	EXPECT(waitid(P_PID, helper, &(siginfo_t){0}, WEXITED | WNOWAIT));
}

static void open_a_zombie(void)
{
	leave_a_zombie();
	move_fd(syscall(SYS_pidfd_open, helper, 0), PROCESS);
}

static void block_and_raise(void)
{
	EXPECT(sigprocmask(SIG_BLOCK, (sigset_t *)&signal_set, NULL));
	EXPECT(raise(SIGUSR1));
}

static void make_a_timer(void)
{
	/* The kernel's timer ID, not the C library's. */
	EXPECT(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer_id));
}

/* One-page mappings whose permissions differ from their neighbours': no two of them merge. */
static void cut_the_area(void)
{
	for (int i = 0; i < 64; i += 2)
		EXPECT(mprotect(area + i * PAGE, PAGE, PROT_READ));
}

static void mount_something(void)
{
	EXPECT(mount("x", W "/empty", "tmpfs", 0, NULL));
}

static void lock_a_part(void)
{
	struct flock range = {.l_type = F_WRLCK, .l_start = 100, .l_len = 100};

	EXPECT(fcntl(FILE_FD, F_SETLK, &range));
}

static void start_interval_timer(void)
{
	struct itimerval often = {{0, 2000}, {0, 2000}};

	EXPECT(setitimer(ITIMER_REAL, &often, NULL));
}
#endif
