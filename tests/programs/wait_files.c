/* covers: kernel/src/vfs/ kernel/src/time/ */
/* poll, select and epoll on pipes, eventfds, timerfds and regular files. The output does not
   depend on durations. */
#include "fs.h"
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include "parts.h"

static uint64_t number;
static struct epoll_event events[8];

static long long now(int clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Prints the poll events of one descriptor. */
static void print_poll(const char *what, int fd, int asked)
{
	struct pollfd p = {fd, asked, 0};
	int n = poll(&p, 1, 0);

	printf("%s: %d %x\n", what, n, p.revents);
}

/* Prints the events that epoll_wait returns. */
static void wait_for(const char *what, int epfd, int max, int timeout)
{
	int n = epoll_wait(epfd, events, max, timeout);

	printf("%s: %d%s%s", what, n, n < 0 ? " " : "", n < 0 ? strerror(errno) : "");
	for (int i = 0; i < n; i++)
		printf(" %x/%llu", events[i].events, (unsigned long long)events[i].data.u64);
	printf("\n");
}

static int ctl(int epfd, int op, int fd, unsigned what, uint64_t data)
{
	struct epoll_event e = {.events = what, .data.u64 = data};

	return epoll_ctl(epfd, op, fd, &e);
}

static void counters(void)
{
	int e = eventfd(3, EFD_NONBLOCK), s = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
	char name[64] = {0};
	struct stat st;

	print_poll("eventfd", e, POLLIN | POLLOUT);
	T(read(e, &number, 7));
	T(read(e, &number, 8));
	T(number);
	T(read(e, &number, 8));
	print_poll("read", e, POLLIN | POLLOUT);
	number = -1;
	T(write(e, &number, 8));
	number = -2;
	T(write(e, &number, 8));
	print_poll("full", e, POLLIN | POLLOUT);
	number = 1;
	T(write(e, &number, 8));
	number = 0;
	T(write(e, &number, 8));
	T(write(e, &number, 4));
	T(write(e, NULL, 8));
	T(read(e, &number, 800));
	T(number == (uint64_t)-2);
	for (int i = 0; i < 3; i++)
		T(read(s, &number, 8));
	T(number);
	T(fcntl(s, F_GETFD));
	T(fcntl(s, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	T(eventfd(0, 4));
	sprintf(name, "/proc/self/fd/%d", s);
	T(readlink(name, name, 60));
	printf("%s\n", name);
	T(fstat(s, &st));
	printf("%o %d\n", st.st_mode, (int)st.st_nlink);
	T(pread(s, &number, 8, 0));
	/* readv may split the counter, writev may not; an eventfd has no offset. */
	struct iovec halves[2] = {{&number, 4}, {(char *)&number + 4, 4}};
	T(readv(s, halves, 2));
	T(writev(s, halves, 2));
	T(lseek(s, 5, SEEK_SET));
	T(lseek(s, 0, 77));
	close(e);
	close(s);
	/* A reader sleeps until a write, and a writer until there is room. */
	e = eventfd(0, 0);
	fflush(stdout);
	if (!fork()) {
		number = 7;
		write(e, &number, 8);
		number = -2;
		write(e, &number, 8);
		_exit(0);
	}
	T(read(e, &number, 8));
	printf("%d\n", number == 7 || number == 5);
	T(read(e, &number, 8));
	printf("%llx\n", (unsigned long long)number);
	wait(NULL);
	close(e);
}

static void timers(void)
{
	int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec set = {{0, 0}, {1000, 0}}, was;

	T(timerfd_create(CLOCK_MONOTONIC, 1));
	T(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
	T(timerfd_gettime(t, &was));
	printf("%d %d\n", (int)was.it_value.tv_sec, (int)was.it_value.tv_nsec);
	print_poll("off", t, POLLIN | POLLOUT);
	T(timerfd_settime(t, 0, &set, NULL));
	T(read(t, &number, 8));
	T(timerfd_gettime(t, &was));
	printf("%d\n", was.it_value.tv_sec >= 900 && was.it_value.tv_sec < 1000);
	set.it_value = (struct timespec){0, 3000000};
	long long start = now(CLOCK_MONOTONIC);
	T(timerfd_settime(t, 0, &set, NULL));
	struct pollfd p = {t, POLLIN, 0};
	T(poll(&p, 1, -1));
	T(p.revents);
	T(now(CLOCK_MONOTONIC) - start >= 3000000);
	T(read(t, &number, 8));
	T(number);
	T(read(t, &number, 8));
	/* A periodic timer. */
	set.it_interval.tv_nsec = 1000000;
	set.it_value.tv_nsec = 1;
	T(timerfd_settime(t, 0, &set, &was));
	printf("%d %d\n", (int)was.it_value.tv_nsec, (int)was.it_interval.tv_nsec);
	usleep(5500);
	T(read(t, &number, 8));
	T(number >= 5);
	T(fcntl(t, F_SETFL, 0));
	T(read(t, &number, 8));
	T(number >= 1);
	T(timerfd_gettime(t, &was));
	printf("%d %d\n", was.it_value.tv_nsec > 0, (int)was.it_interval.tv_nsec);
	/* An absolute time in the past. */
	set = (struct itimerspec){{0, 0}, {1, 0}};
	T(timerfd_settime(t, TFD_TIMER_ABSTIME, &set, NULL));
	T(read(t, &number, 8));
	T(number);
	set.it_value.tv_nsec = 1000000000;
	T(timerfd_settime(t, 0, &set, NULL));
	set.it_value.tv_nsec = 0;
	T(timerfd_settime(t, 8, &set, NULL));
	T(timerfd_settime(0, 0, &set, NULL));
	T(timerfd_gettime(99, &was));
	set = (struct itimerspec){{0, 0}, {0, 0}};
	T(timerfd_settime(t, 0, &set, NULL));
	print_poll("off again", t, POLLIN);
	close(t);
	t = timerfd_create(CLOCK_REALTIME, 0);
	set.it_value.tv_sec = now(CLOCK_REALTIME) / 1000000000 + 1000;
	T(timerfd_settime(t, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &set, NULL));
	T(timerfd_gettime(t, &was));
	printf("%d\n", was.it_value.tv_sec > 990 && was.it_value.tv_sec <= 1000);
	close(t);
}

static void polls(void)
{
	int fd[2], file = open("/proc/self/exe", O_RDONLY), dir = open("/", O_RDONLY);
	struct pollfd p[3];

	pipe(fd);
	print_poll("regular", file, POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM);
	print_poll("directory", dir, POLLIN | POLLOUT);
	print_poll("closed", 99, POLLIN);
	print_poll("none", -1, POLLIN);
	print_poll("empty pipe", fd[0], POLLIN | POLLRDHUP);
	print_poll("its writer", fd[1], POLLOUT | POLLWRNORM | POLLIN);
	p[0] = (struct pollfd){fd[0], POLLIN, 0};
	p[1] = (struct pollfd){99, POLLIN, 0};
	p[2] = (struct pollfd){fd[1], POLLOUT, 0};
	T(poll(p, 3, -1));
	printf("%x %x %x\n", p[0].revents, p[1].revents, p[2].revents);
	long long start = now(CLOCK_MONOTONIC);
	T(poll(p, 1, 5));
	T(now(CLOCK_MONOTONIC) - start >= 5000000);
	T(poll(NULL, 0, 1));
	T(poll((void *)8, 1, 0));
	T(poll(p, 1u << 30, 0));
	struct timespec bad = {0, 1000000000}, some = {0, 2000000}, none = {0, 0};
	T(ppoll(p, 1, &bad, NULL));
	T(ppoll(p, 1, &some, NULL));
	T(ppoll(p, 1, &none, NULL));
	/* Woken by another process; then by its exit. */
	fflush(stdout);
	if (!fork()) {
		write(fd[1], "x", 1);
		_exit(0);
	}
	T(poll(p, 1, -1));
	T(p[0].revents);
	T(read(fd[0], &number, 1));
	wait(NULL);
	fflush(stdout);
	if (!fork())
		_exit(0);
	close(fd[1]);
	T(poll(p, 1, -1));
	T(p[0].revents);
	wait(NULL);
	close(fd[0]);
	/* One descriptor in two sets, and a set that is too long. */
	fd_set in, out, except;
	pipe(fd);
	write(fd[1], "y", 1);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	FD_SET(fd[0], &in);
	FD_SET(fd[1], &in);
	FD_SET(fd[1], &out);
	FD_SET(fd[1], &except);
	T(select(fd[1] + 1, &in, &out, &except, NULL));
	printf("%d%d%d%d\n", !!FD_ISSET(fd[0], &in), !!FD_ISSET(fd[1], &in), !!FD_ISSET(fd[1], &out),
		!!FD_ISSET(fd[1], &except));
	struct timeval tv = {0, 2000};
	FD_ZERO(&in);
	T(select(0, NULL, NULL, NULL, &tv));
	printf("%d %d\n", (int)tv.tv_sec, (int)tv.tv_usec);
	FD_SET(40, &in);
	T(select(41, &in, NULL, NULL, NULL));
	/* An O_PATH descriptor is ready for everything. */
	FD_ZERO(&in);
	int path = open(".", O_PATH);
	FD_SET(path, &in);
	out = in, except = in;
	T(select(path + 1, &in, &out, &except, NULL));
	printf("O_PATH: in %d out %d except %d\n", FD_ISSET(path, &in) != 0, FD_ISSET(path, &out) != 0,
		FD_ISSET(path, &except) != 0);
	close(path);
	T(select(-1, &in, NULL, NULL, NULL));
	tv.tv_usec = -1;
	T(select(0, NULL, NULL, NULL, &tv));
	some.tv_nsec = 1000000;
	T(pselect(0, NULL, NULL, NULL, &some, NULL));
	close(fd[0]);
	close(fd[1]);
	close(file);
	close(dir);
}

static void epolls(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), fd[2], other[2], file = open("/proc/self/exe", O_RDONLY);
	char byte;

	T(epoll_create(0));
	T(epoll_create1(1));
	T(fcntl(ep, F_GETFD));
	pipe(fd);
	pipe(other);
	T(ctl(ep, EPOLL_CTL_ADD, file, EPOLLIN, 0));
	T(ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 0));
	T(ctl(ep, EPOLL_CTL_ADD, 99, EPOLLIN, 0));
	T(ctl(99, EPOLL_CTL_ADD, fd[0], EPOLLIN, 0));
	T(ctl(fd[0], EPOLL_CTL_ADD, fd[1], EPOLLIN, 0));
	T(ctl(ep, EPOLL_CTL_MOD, fd[0], EPOLLIN, 0));
	T(ctl(ep, EPOLL_CTL_DEL, fd[0], EPOLLIN, 0));
	T(ctl(ep, 7, fd[0], EPOLLIN, 0));
	T(epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], NULL));
	T(epoll_ctl(ep, EPOLL_CTL_DEL, fd[0], NULL));
	T(epoll_wait(ep, events, 0, 0));
	T(epoll_wait(ep, (void *)8, 1, 0));
	T(epoll_wait(fd[0], events, 1, 0));
	T(ctl(ep, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	T(ctl(ep, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	T(ctl(ep, EPOLL_CTL_ADD, fd[1], EPOLLOUT | EPOLLET, 2));
	wait_for("edge", ep, 8, 0);
	wait_for("edge again", ep, 8, 0);
	write(fd[1], "abc", 3);
	wait_for("level", ep, 8, 0);
	wait_for("level again", ep, 8, -1);
	print_poll("epoll itself", ep, POLLIN | POLLOUT);
	read(fd[0], events, 3);
	wait_for("emptied", ep, 8, 1);
	print_poll("epoll itself", ep, POLLIN | POLLOUT);
	/* Edge-triggered input: one event for each write. */
	T(ctl(ep, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLET | EPOLLRDHUP, 3));
	write(fd[1], "a", 1);
	wait_for("first", ep, 1, 0);
	wait_for("rest", ep, 8, 0);
	write(fd[1], "b", 1);
	wait_for("another write", ep, 8, 0);
	read(fd[0], &byte, 1);
	wait_for("a read is no edge", ep, 8, 0);
	T(ctl(ep, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLONESHOT, 4));
	wait_for("one shot", ep, 8, 0);
	write(fd[1], "c", 1);
	wait_for("disarmed", ep, 8, 0);
	T(ctl(ep, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLONESHOT, 5));
	wait_for("armed again", ep, 8, 0);
	/* One file under two descriptors: both items go when the last descriptor is closed. */
	int copy = dup(fd[0]);
	T(ctl(ep, EPOLL_CTL_ADD, copy, EPOLLIN, 6));
	wait_for("copy", ep, 8, 0);
	close(fd[0]);
	wait_for("still open", ep, 8, 0);
	T(ctl(ep, EPOLL_CTL_DEL, fd[0], 0, 0));
	close(copy);
	wait_for("closed", ep, 8, 0);
	close(fd[1]);
	wait_for("all closed", ep, 8, 0);
	/* Ready items take turns when maxevents is smaller than their number. */
	pipe(fd);
	write(fd[1], "x", 1);
	write(other[1], "x", 1);
	T(ctl(ep, EPOLL_CTL_ADD, fd[0], EPOLLIN, 7));
	T(ctl(ep, EPOLL_CTL_ADD, other[0], EPOLLIN, 8));
	for (int i = 0; i < 3; i++)
		wait_for("turn", ep, 1, 0);
	close(fd[1]);
	wait_for("hung up", ep, 8, 0);
	T(ctl(ep, EPOLL_CTL_ADD, other[1], EPOLLOUT | EPOLLEXCLUSIVE | EPOLLWAKEUP, 9));
	T(ctl(ep, EPOLL_CTL_MOD, other[1], EPOLLOUT, 9));
	T(ctl(ep, EPOLL_CTL_DEL, other[1], 0, 0));
	T(ctl(ep, EPOLL_CTL_ADD, other[1], EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT, 9));
	wait_for("after", ep, 8, 0);
	/* epoll_wait sleeps until an event. */
	int late = eventfd(0, 0);
	int only = epoll_create1(0);
	T(ctl(only, EPOLL_CTL_ADD, late, EPOLLIN, 10));
	fflush(stdout);
	if (!fork()) {
		usleep(2000);
		number = 1;
		write(late, &number, 8);
		_exit(0);
	}
	wait_for("slept", only, 8, -1);
	wait(NULL);
	long long start = now(CLOCK_MONOTONIC);
	read(late, &number, 8);
	wait_for("time", only, 8, 3);
	T(now(CLOCK_MONOTONIC) - start >= 3000000);
#ifdef SYS_epoll_pwait2
	long long span[2] = {0, 1000000}, bad[2] = {0, 1000000000};
	T(syscall(SYS_epoll_pwait2, only, events, 1, span, NULL, 0));
	T(syscall(SYS_epoll_pwait2, only, events, 1, bad, NULL, 0));
#endif
	T(epoll_pwait(only, events, 1, 0, NULL));
	close(late);
	close(only);
	close(ep);
	close(file);
	close(fd[0]);
	close(other[0]);
	close(other[1]);
}

static void nests(void)
{
	int chain[7], e = eventfd(0, 0);

	for (int i = 0; i < 7; i++)
		chain[i] = epoll_create1(0);
	T(ctl(chain[0], EPOLL_CTL_ADD, e, EPOLLIN, 100));
	for (int i = 1; i < 7; i++)
		T(ctl(chain[i], EPOLL_CTL_ADD, chain[i - 1], EPOLLIN, i));
	T(ctl(chain[0], EPOLL_CTL_ADD, chain[3], EPOLLIN, 0));
	T(ctl(chain[2], EPOLL_CTL_ADD, chain[0], EPOLLIN | EPOLLEXCLUSIVE, 0));
	wait_for("nothing", chain[4], 8, 0);
	print_poll("outermost", chain[4], POLLIN);
	number = 1;
	write(e, &number, 8);
	print_poll("outermost", chain[4], POLLIN);
	for (int i = 4; i >= 0; i--)
		wait_for("inwards", chain[i], 8, 0);
	read(e, &number, 8);
	for (int i = 0; i < 5; i++)
		wait_for("outwards", chain[i], 8, 0);
	/* A sleeper on the outer instance is woken by events of the inner one. */
	fflush(stdout);
	if (!fork()) {
		usleep(1000);
		write(e, &number, 8);
		_exit(0);
	}
	wait_for("slept", chain[4], 8, -1);
	wait(NULL);
	close(chain[2]);
	wait_for("cut", chain[4], 8, 0);
	for (int i = 0; i < 7; i++)
		close(chain[i]);
	close(e);
}

static int shared_epoll;

static void *one_event(void *unused)
{
	struct epoll_event event;

	return (void *)(long)epoll_wait(shared_epoll, &event, 1, -1);
}

/* Threads wait on one epoll instance: each event wakes one of them, and none is lost. */
static void threads(void)
{
	pthread_t all[4];
	int fd[4];
	long sum = 0;

	shared_epoll = epoll_create1(0);
	for (int i = 0; i < 4; i++) {
		fd[i] = eventfd(0, 0);
		ctl(shared_epoll, EPOLL_CTL_ADD, fd[i], EPOLLIN | EPOLLET, i);
	}
	for (int i = 0; i < 4; i++)
		pthread_create(&all[i], NULL, one_event, NULL);
	for (int i = 0; i < 4; i++) {
		usleep(1000);
		number = 1;
		write(fd[i], &number, 8);
	}
	for (int i = 0; i < 4; i++) {
		void *got;
		pthread_join(all[i], &got);
		sum += (long)got;
	}
	printf("events: %ld\n", sum);
	wait_for("left", shared_epoll, 8, 0);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	close(shared_epoll);
}

static void signals(void)
{
	sigset_t set, few;
	struct signalfd_siginfo info[4];

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&few);
	sigaddset(&few, SIGUSR1);
	int s = signalfd(-1, &few, SFD_NONBLOCK | SFD_CLOEXEC);
	T(fcntl(s, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	T(signalfd(-1, &set, 1));
	T(signalfd(0, &set, 0));
	T(syscall(SYS_signalfd4, -1, &set, 4, 0));
	print_poll("nothing", s, POLLIN | POLLOUT);
	T(read(s, info, sizeof info));
	T(kill(getpid(), SIGUSR1));
	T(kill(getpid(), SIGUSR1));
	print_poll("pending", s, POLLIN);
	T(read(s, info, 100));
	T(read(s, info, sizeof info));
	printf("%d %d %d %d\n", info[0].ssi_signo, info[0].ssi_code, info[0].ssi_pid == (unsigned)getpid(),
		info[0].ssi_uid == getuid());
	T(read(s, info, sizeof info));
	/* A new mask; queued signals are read with their values, one by one. */
	T(signalfd(s, &set, 0) == s);
	for (int i = 0; i < 3; i++)
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i + 5});
	T(read(s, info, 2 * sizeof info[0]));
	printf("%d %d, %d %d\n", info[0].ssi_signo - SIGRTMIN, info[0].ssi_int, info[1].ssi_code, info[1].ssi_int);
	T(read(s, info, sizeof info));
	printf("%d\n", info[0].ssi_int);
	int ep = epoll_create1(0);
	T(ctl(ep, EPOLL_CTL_ADD, s, EPOLLIN, 1));
	wait_for("none", ep, 8, 0);
	fflush(stdout);
	if (!fork()) {
		/* Closing the child's descriptors doesn't affect the parent's instance. */
		close(s);
		close(ep);
		_exit(9);
	}
	wait_for("child", ep, 8, -1);
	T(read(s, info, sizeof info));
	printf("%d %d %d\n", info[0].ssi_signo == SIGCHLD, info[0].ssi_code, info[0].ssi_status);
	wait(NULL);
	T(ctl(ep, EPOLL_CTL_DEL, s, 0, 0));
	raise(SIGUSR1);
	wait_for("gone", ep, 8, 0);
	T(read(s, info, sizeof info));
	close(ep);
	close(s);
}

static void sockets(void)
{
	int fd[2], ep = epoll_create1(0);
	char bytes[10];

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	print_poll("new", fd[0], POLLIN | POLLOUT | POLLRDHUP);
	T(ctl(ep, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLRDHUP | EPOLLET, 1));
	T(ctl(ep, EPOLL_CTL_ADD, fd[1], EPOLLIN | EPOLLOUT | EPOLLET, 2));
	wait_for("writable", ep, 8, 0);
	T(write(fd[1], "abc", 3));
	wait_for("came", ep, 8, 0);
	T(read(fd[0], bytes, 1));
	wait_for("part of it read", ep, 1, 0);
	T(write(fd[1], "d", 1));
	wait_for("more came", ep, 8, 0);
	T(read(fd[0], bytes, 10));
	T(shutdown(fd[1], SHUT_WR));
	print_poll("shut", fd[0], POLLIN | POLLOUT | POLLRDHUP);
	epoll_wait(ep, events, 8, 0);
	T(ctl(ep, EPOLL_CTL_DEL, fd[1], 0, 0));
	T(ctl(ep, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLRDHUP, 3));
	wait_for("shut", ep, 8, 0);
	fflush(stdout);
	T(ctl(ep, EPOLL_CTL_MOD, fd[0], EPOLLOUT | EPOLLONESHOT, 4));
	wait_for("once", ep, 8, 0);
	T(ctl(ep, EPOLL_CTL_MOD, fd[0], 0, 5));
	if (!fork()) {
		usleep(1000);
		_exit(0);
	}
	close(fd[1]);
	wait_for("closed", ep, 8, -1);
	print_poll("closed", fd[0], POLLIN | POLLOUT | POLLRDHUP);
	wait(NULL);
	close(fd[0]);
	/* A listener is ready when a connection arrives. */
	struct sockaddr_un name = {AF_UNIX};
	sprintf(name.sun_path + 1, "wait_files %d", getpid());
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	T(bind(listener, (void *)&name, sizeof name));
	T(listen(listener, 5));
	T(ctl(ep, EPOLL_CTL_ADD, listener, EPOLLIN, 6));
	wait_for("no connection", ep, 8, 0);
	fflush(stdout);
	if (!fork()) {
		int s = socket(AF_UNIX, SOCK_STREAM, 0);
		connect(s, (void *)&name, sizeof name);
		read(s, bytes, 1);
		_exit(0);
	}
	wait_for("connection", ep, 8, -1);
	int s = accept(listener, NULL, NULL);
	wait_for("accepted", ep, 8, 0);
	close(s);
	wait(NULL);
	close(listener);
	close(ep);
}

/* fdinfo of one descriptor, without kernel-specific numbers. */
static void describe(int fd)
{
	char line[200];

	sprintf(line, "/proc/self/fdinfo/%d", fd);
	FILE *file = fopen(line, "r");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, "ino:", 4) && strncmp(line, "mnt_id", 6) && strncmp(line, "eventfd-id", 10))
			printf("%.*s\n", (int)strcspn(line, "\n") > 55 ? 55 : (int)strcspn(line, "\n"), line);
	if (file)
		fclose(file);
}

static void descriptions(void)
{
	int e = eventfd(0x123, EFD_SEMAPHORE), t = timerfd_create(CLOCK_BOOTTIME, 0);
	int ep = epoll_create1(0);
	struct itimerspec set = {{5, 7}, {1, 0}};
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	int s = signalfd(-1, &mask, 0);
	ctl(ep, EPOLL_CTL_ADD, e, 0, 1);
	describe(e);
	describe(t);
	timerfd_settime(t, TFD_TIMER_ABSTIME, &set, NULL);
	set.it_interval.tv_sec = 0;
	read(t, &number, 8);
	set = (struct itimerspec){{0, 0}, {0, 0}};
	timerfd_settime(t, 0, &set, NULL);
	describe(t);
	describe(s);
	for (int fd = e; fd <= s; fd++) {
		/* One item per instance: each kernel lists several in its own order. */
		int alone = epoll_create1(0);
		ctl(alone, EPOLL_CTL_ADD, fd, fd == s ? EPOLLIN | EPOLLONESHOT : 0, fd == t ? -1 : 0x1234);
		describe(alone);
		close(alone);
	}
	wait_for("without events", ep, 8, 0);
	close(e);
	close(t);
	close(s);
	close(ep);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	PART(counters);
	PART(timers);
	PART(polls);
	PART(epolls);
	PART(nests);
	PART(threads);
	PART(signals);
	PART(sockets);
	PART(descriptions);
	return 0;
}
