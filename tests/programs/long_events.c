/* covers: kernel/src/vfs/ kernel/src/net/ kernel/src/time/ */
/* Events that reach as many descriptors, timers, events and sockets as a program can make (late.h). */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#include "late.h"

enum { FDS = 40000, CHAIN = 10000, NAMES = 20000 };

static int first, last;
static char *start;

/* Sends a descriptor along with one byte. */
static void send_descriptor(int to, int descriptor)
{
	char byte = 0, room[CMSG_SPACE(sizeof descriptor)];
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof descriptor);
	memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
	sendmsg(to, &message, 0);
}

/* Each socket is in the queue of the next; only the last one is open. */
static void make_chain(void)
{
	int pair[2], inner = -1;

	for (int i = 0; i < CHAIN; i++) {
		socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
		if (inner >= 0) {
			send_descriptor(pair[0], inner);
			close(inner);
		}
		close(pair[0]);
		inner = pair[1];
	}
	first = inner;
}

/* As the chain, but the last socket is in the queue of the first: no process can receive any. */
static void make_ring(void)
{
	int pair[2], end[2], inner;

	socketpair(AF_UNIX, SOCK_DGRAM, 0, end);
	inner = end[1];
	for (int i = 0; i < CHAIN; i++) {
		socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
		send_descriptor(pair[0], inner);
		close(inner);
		close(pair[0]);
		inner = pair[1];
	}
	send_descriptor(end[0], inner);
	close(inner);
	first = end[0];
}

static void close_first(void)
{
	close(first);
}

/* All are due at the same time, two seconds of the machine from now at the latest. */
static void make_due(void)
{
	struct itimerspec at = {{0, 0}, {0, 0}};

	clock_gettime(CLOCK_MONOTONIC, &at.it_value);
	at.it_value.tv_sec += 2;
	for (int i = 0; i < FDS; i++)
		timerfd_settime(timerfd_create(CLOCK_MONOTONIC, 0), TFD_TIMER_ABSTIME, &at, NULL);
}

static void do_wait(void)
{
	sleep(2);
}

static void make_due_signals(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
	struct itimerspec at = {{0, 0}, {0, 0}};
	int id;

	signal(SIGRTMIN + 1, SIG_IGN);
	clock_gettime(CLOCK_MONOTONIC, &at.it_value);
	at.it_value.tv_sec += 2;
	for (int i = 0; i < FDS; i++) {
		syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);
		syscall(SYS_timer_settime, id, TIMER_ABSTIME, &at, NULL);
	}
}

/* Timers that a change of the date cancels. */
static void make_cancelled(void)
{
	struct itimerspec at = {{0, 0}, {0, 0}};

	clock_gettime(CLOCK_REALTIME, &at.it_value);
	at.it_value.tv_sec += 10000;
	for (int i = 0; i < FDS; i++)
		timerfd_settime(
			timerfd_create(CLOCK_REALTIME, 0), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
}

static void set_date(void)
{
	struct timespec date;

	clock_gettime(CLOCK_REALTIME, &date);
	date.tv_sec += 100;
	clock_settime(CLOCK_REALTIME, &date);
}

/* One descriptor in the interest lists of many epoll instances. */
static void make_instances(void)
{
	struct epoll_event event = {EPOLLIN, {0}};

	first = eventfd(0, 0);
	for (int i = 0; i < FDS; i++)
		epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, first, &event);
}

static void wake_first(void)
{
	write(first, &(long){1}, 8);
}

/* The same instances under a timer. */
static void make_watched_timer(void)
{
	struct itimerspec at = {{0, 0}, {2, 0}};
	struct epoll_event event = {EPOLLIN, {0}};

	first = timerfd_create(CLOCK_MONOTONIC, 0);
	for (int i = 0; i < FDS; i++)
		epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, first, &event);
	timerfd_settime(first, 0, &at, NULL);
}

/* Puts a descriptor in the interest lists of many epoll instances. */
static void watch_often(int descriptor)
{
	struct epoll_event event = {EPOLLIN, {0}};

	for (int i = 0; i < FDS; i++) {
		last = epoll_create1(0);
		epoll_ctl(last, EPOLL_CTL_ADD, descriptor, &event);
	}
}

/* The last one hears of it too. */
static void expect_event(void)
{
	struct epoll_event event;

	if (epoll_wait(last, &event, 1, 10000) != 1)
		_exit(1);
}

static void make_nested(void)
{
	struct epoll_event event = {EPOLLIN, {0}};
	int inner = epoll_create1(0);

	first = eventfd(0, 0);
	epoll_ctl(inner, EPOLL_CTL_ADD, first, &event);
	watch_often(inner);
}

static void wake_nested(void)
{
	wake_first();
	expect_event();
}

static void make_watched_inotify(void)
{
	first = inotify_init();
	inotify_add_watch(first, "/", IN_CREATE);
	watch_often(first);
}

static void create_file(void)
{
	close(open("/created", O_CREAT | O_WRONLY, 0600));
	unlink("/created");
	expect_event();
}

static void make_watched_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	watch_often(signalfd(-1, &set, 0));
}

static void send_signal(void)
{
	kill(getpid(), SIGUSR1);
	expect_event();
}

static void make_watched_process(void)
{
	first = fork();
	if (first == 0) {
		pause();
		_exit(0);
	}
	watch_often((int)syscall(SYS_pidfd_open, first, 0));
}

static void kill_process(void)
{
	kill(first, SIGKILL);
	expect_event();
}

static void make_watched_terminal(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), locked = 0;

	ioctl(master, TIOCSPTLCK, &locked);
	first = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	watch_often(master);
}

static void write_to_terminal(void)
{
	if (write(first, "x", 1) != 1)
		_exit(1);
	expect_event();
}

static void make_events(void)
{
	char name[20];

	mkdir("/watched", 0755);
	mount("none", "/watched", "tmpfs", 0, "nr_inodes=0");
	first = inotify_init();
	inotify_add_watch(first, "/watched", IN_ALL_EVENTS);
	for (int i = 0; i < NAMES; i++) {
		sprintf(name, "/watched/%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
	}
	start = room(1 << 20);
}

static void read_events(void)
{
	read(first, start, 1 << 20);
}

static const struct call calls[] = {
	{"close_chain", make_chain, close_first},
	{"exit_chain", make_chain, do_exit},
	{"close_ring", make_ring, close_first},
	{"exit_ring", make_ring, do_exit},
	{"timers_due", make_due, do_wait},
	{"posix_timers_due", make_due_signals, do_wait},
	{"set_date", make_cancelled, set_date},
	{"wake_instances", make_instances, wake_first},
	{"timer_wakes_instances", make_watched_timer, do_wait},
	{"wake_nested", make_nested, wake_nested},
	{"create_watched", make_watched_inotify, create_file},
	{"signal_watched", make_watched_signal, send_signal},
	{"kill_watched", make_watched_process, kill_process},
	{"write_watched", make_watched_terminal, write_to_terminal},
	{"make_events", make_nothing, make_events},
	{"read_events", make_events, read_events},
	{"close_events", make_events, close_first},
};

int main(int count, char **words)
{
	return late_main(count, words, calls, sizeof calls / sizeof *calls);
}
