/* covers: kernel/src/mm/ kernel/src/vm/ kernel/src/process/ kernel/src/vfs/ kernel/src/net/ kernel/src/tty/ kernel/src/sync/ */
/* Memory leaks: repeats every operation that allocates, and compares free page frames and free
   kernel heap before and after.

   Usage: leaks [NAME [ROUNDS]]: only one operation; underscores join the words of its name. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "children.h"

enum { PAGE = 4096, MEGABYTE = 1 << 20, TOLERATED_KB = 64, TOLERATED_HEAP_KB = 16 };

static const char *self;

/* Executes this program again; it exits at once. */
static void become_a_short_program(void)
{
	execl(self, self, "exit", NULL);
	_exit(9);
}

static void end_a_child(void)
{
	if (fork() == 0)
		_exit(0);
	wait(NULL);
}

static void run_a_program(void)
{
	if (fork() == 0)
		become_a_short_program();
	wait(NULL);
}

static void vfork_a_program(void)
{
	if (vfork() == 0)
		become_a_short_program();
	wait(NULL);
}

static void exec_a_non_program(void)
{
	execl("/tmp", "x", NULL);
	execl("/not/there", "x", NULL);
	execl("/tmp/junk", "x", NULL);
}

static void crash(void)
{
	if (fork() == 0)
		*(volatile int *)8 = 0;
	wait(NULL);
}

static void sleep_long(void)
{
	sleep(1000);
}

static void poll_long(void)
{
	poll(NULL, 0, -1);
}

static void spin(void)
{
	for (;;)
		;
}

static void read_an_empty_pipe(void)
{
	int ends[2];
	char byte;

	pipe(ends);
	read(ends[0], &byte, 1);
}

static void wait_for_a_child(void)
{
	if (fork() == 0) {
		for (int i = 0; i < 3; i++)
			sched_yield();
		_exit(0);
	}
	for (;;)
		wait(NULL);
}

static void wait_for_vfork(void)
{
	if (vfork() == 0) {
		usleep(2000);
		_exit(0);
	}
}

/* Kills a child while it runs `something`. */
static void kill_while(void (*something)(void))
{
	int pid = fork();

	if (pid == 0) {
		something();
		_exit(0);
	}
	sched_yield();
	kill(pid, SIGKILL);
	/* As init, this process reaps orphans, too. */
	while (wait(NULL) > 0)
		;
}

static void kill_a_sleeper(void)
{
	kill_while(sleep_long);
}

static void kill_a_poller(void)
{
	kill_while(poll_long);
}

static void kill_a_spinner(void)
{
	kill_while(spin);
}

static void kill_a_reader(void)
{
	kill_while(read_an_empty_pipe);
}

static void kill_a_parent(void)
{
	kill_while(wait_for_a_child);
}

static void kill_a_vfork_parent(void)
{
	kill_while(wait_for_vfork);
}

static void reap_an_orphan(void)
{
	if (fork() == 0) {
		if (fork() == 0)
			_exit(0);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
}

static char *map(int flags)
{
	int protection = PROT_READ | PROT_WRITE;

	return mmap(NULL, MEGABYTE, protection, flags | MAP_ANONYMOUS, -1, 0);
}

static void touch(char *start, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		start[i] = 1;
}

static void map_private(void)
{
	char *area = map(MAP_PRIVATE);

	touch(area, MEGABYTE);
	munmap(area, MEGABYTE);
}

static void map_shared(void)
{
	char *area = map(MAP_SHARED);

	touch(area, MEGABYTE);
	if (fork() == 0) {
		area[5] = 2;
		_exit(0);
	}
	wait(NULL);
	munmap(area, MEGABYTE);
}

static void map_a_file(void)
{
	static char bytes[100000];
	int protection = PROT_READ | PROT_WRITE;
	int fd = open("/tmp/file", O_CREAT | O_RDWR, 0600);
	char *area;

	write(fd, bytes, sizeof bytes);
	area = mmap(NULL, sizeof bytes, protection, MAP_PRIVATE, fd, 0);
	touch(area, sizeof bytes);
	close(fd);
	unlink("/tmp/file");
	munmap(area, sizeof bytes);
}

static void remap(void)
{
	char *area = map(MAP_PRIVATE);

	area[0] = area[1000000] = 1;
	area = mremap(area, MEGABYTE, 2 * MEGABYTE, MREMAP_MAYMOVE);
	area[1500000] = 1;
	area = mremap(area, 2 * MEGABYTE, PAGE, 0);
	munmap(area, PAGE);
}

/* Each round allocates new page tables. */
static void map_far_apart(void)
{
	static unsigned long round;
	char *place = (char *)(0x100000000000ul + (round++ << 30));
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	mmap(place, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	*place = 1;
	munmap(place, PAGE);
}

static void fill_a_pipe(void)
{
	static char bytes[60000];
	int ends[2];

	pipe(ends);
	write(ends[1], bytes, sizeof bytes);
	close(ends[0]);
	close(ends[1]);
}

static void open_fifos(void)
{
	int fd;

	mkfifo("/tmp/fifo", 0600);
	fd = open("/tmp/fifo", O_RDWR);
	write(fd, "bytes", 5);
	unlink("/tmp/fifo");
	close(fd);
}

static void splice_pipes(void)
{
	int a[2], b[2];

	pipe(a);
	pipe(b);
	write(a[1], "bytes", 5);
	tee(a[0], b[1], 5, 0);
	splice(a[0], NULL, b[1], NULL, 3, 0);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

/* Sends a descriptor. */
static void pass(int through, int fd)
{
	char control[CMSG_SPACE(sizeof fd)] = {0}, byte = 0;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
	struct cmsghdr *header = (struct cmsghdr *)control;

	message.msg_controllen = sizeof control;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	sendmsg(through, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A pair of sockets with bytes in both queues. */
static void fill_sockets(int type, int pair[2])
{
	static char bytes[60000];

	socketpair(AF_UNIX, type, 0, pair);
	send(pair[0], bytes, sizeof bytes, MSG_DONTWAIT);
	send(pair[1], bytes, 100, MSG_DONTWAIT);
}

static void close_full_sockets(void)
{
	int pair[2];

	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		fill_sockets(type, pair);
		close(pair[0]);
		close(pair[1]);
	}
}

/* Connections that are never accepted, with bytes and descriptors in their queues. */
static void leave_connections(void)
{
	struct sockaddr_un address = {AF_UNIX, "/tmp/listener"};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client;

	bind(listener, (struct sockaddr *)&address, sizeof address);
	listen(listener, 5);
	for (int i = 0; i < 3; i++) {
		client = socket(AF_UNIX, SOCK_STREAM, 0);
		connect(client, (struct sockaddr *)&address, sizeof address);
		pass(client, i == 2 ? listener : client);
		if (i)
			close(client);
	}
	close(listener);
	unlink("/tmp/listener");
	for (int fd = 3; fd < 10; fd++)
		close(fd);
}

static void name_sockets(void)
{
	struct sockaddr_un address = {AF_UNIX, ""};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t));
	connect(fd, (struct sockaddr *)&address, sizeof address);
	close(fd);
}

/* Reference cycles of sockets, which only the kernel's garbage collection can free. */
static void send_sockets_in_circles(void)
{
	int first[2], second[2];

	fill_sockets(SOCK_STREAM, first);
	fill_sockets(SOCK_DGRAM, second);
	pass(first[0], first[0]);
	pass(first[0], first[1]);
	pass(first[1], second[0]);
	pass(second[0], first[0]);
	pass(second[1], second[0]);
	for (int i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
	}
}

/* Each socket's peer is in the next one's queue: the kernel closes any number of them in turn, without
   recursion. */
static void send_a_chain_of_sockets(void)
{
	int last[2], next[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, last);
	for (int i = 0; i < 2000; i++) {
		socketpair(AF_UNIX, SOCK_STREAM, 0, next);
		pass(next[0], last[0]);
		pass(next[0], last[1]);
		close(last[0]);
		close(last[1]);
		last[0] = next[0];
		last[1] = next[1];
	}
	close(last[0]);
	close(last[1]);
}

static void read_an_empty_socket(void)
{
	int pair[2];
	char byte;

	fill_sockets(SOCK_DGRAM, pair);
	for (;;)
		read(pair[0], &byte, 1);
}

static void kill_a_receiver(void)
{
	kill_while(read_an_empty_socket);
}

static void make_directories(void)
{
	mkdir("/tmp/d", 0700);
	mkdir("/tmp/d/e", 0700);
	symlink("somewhere", "/tmp/d/link");
	link("/tmp/junk", "/tmp/d/other");
	rename("/tmp/d/e", "/tmp/d/f");
	unlink("/tmp/d/link");
	unlink("/tmp/d/other");
	rmdir("/tmp/d/f");
	rmdir("/tmp/d");
}

/* Out of memory in the middle of a write: the call's references are released, too. */
static void run_out_of_memory_in_write(void)
{
	size_t size = 1ul << 32;

	if (fork() == 0) {
		int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
		char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
		int fd = open("/tmp/big", O_CREAT | O_RDWR, 0600);

		unlink("/tmp/big");
		for (size_t i = 0; i < size; i += MEGABYTE)
			if (pwrite(fd, area + i, MEGABYTE, 0) < 0)
				_exit(3);
		_exit(0);
	}
	wait(NULL);
}

/* A pipe that stays open: a waiter that exits must leave its wait queues. */
static int lasting(int end)
{
	static int ends[2];

	if (!ends[1])
		pipe(ends);
	return ends[end];
}

static void poll_a_lasting_pipe(void)
{
	struct pollfd both[2] = {{lasting(0), POLLIN, 0}, {lasting(0), POLLIN, 0}};

	ppoll(both, 2, &(struct timespec){0, 1000}, NULL);
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Watched files, instances and instances of instances close in every order. */
static void watch_files(void)
{
	struct epoll_event events[4];
	int outer = epoll_create1(0), inner = epoll_create1(0), counter = eventfd(1, 0), ends[2];

	pipe(ends);
	watch(inner, counter);
	watch(inner, lasting(0));
	watch(outer, lasting(0));
	watch(outer, inner);
	watch(outer, ends[0]);
	close(ends[1]);
	epoll_wait(outer, events, 1, 0);
	close(ends[0]);
	close(counter);
	/* A ready item, removed before any epoll_wait. */
	counter = eventfd(1, 0);
	watch(inner, counter);
	epoll_ctl(inner, EPOLL_CTL_DEL, counter, NULL);
	close(outer);
	close(inner);
	close(counter);
}

static void wait_for_epoll(void)
{
	struct epoll_event event;
	int epoll = epoll_create1(0);

	watch(epoll, lasting(0));
	epoll_wait(epoll, &event, 1, -1);
}

static void kill_an_epoll_waiter(void)
{
	kill_while(wait_for_epoll);
}

/* Timers that are armed when their process exits. */
static void leave_timers(void)
{
	struct itimerspec soon = {{0, 0}, {1000, 0}};
	struct itimerval real = {{0, 0}, {1000, 0}};
	timer_t timer;

	if (fork() == 0) {
		for (int i = 0; i < 20; i++) {
			timer_create(i % 4, NULL, &timer);
			timer_settime(timer, 0, &soon, NULL);
			timerfd_settime(timerfd_create(CLOCK_REALTIME, 0), 3, &soon, NULL);
		}
		setitimer(ITIMER_REAL, &real, NULL);
		setitimer(ITIMER_PROF, &real, NULL);
		_exit(0);
	}
	wait(NULL);
}

static void poll_a_signalfd(void)
{
	struct epoll_event event;
	int epoll = epoll_create1(0), fd;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	fd = signalfd(-1, &set, 0);
	watch(epoll, fd);
	end_a_child();
	epoll_wait(epoll, &event, 1, 0);
	close(fd);
	close(epoll);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *take_the_lock(void *argument)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	return argument;
}

static void join_threads(void)
{
	pthread_t threads[8];

	pthread_mutex_lock(&lock);
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, take_the_lock, NULL);
	sched_yield();
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
}

/* Threads that wait for futexes: a plain one, and a robust PI one in shared memory. */
static void wait_in_threads(void)
{
	pthread_mutexattr_t kind;
	pthread_mutex_t *owned = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	pthread_mutexattr_init(&kind);
	pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT);
	pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(owned, &kind);
	pthread_mutex_lock(owned);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < 3; i++) {
		pthread_create(&thread, NULL, take_the_lock, NULL);
		pthread_create(&thread, NULL, (void *(*)(void *))pthread_mutex_lock, owned);
	}
	for (;;)
		sched_yield();
}

static void kill_waiting_threads(void)
{
	int pid = fork();

	if (pid == 0)
		wait_in_threads();
	for (int i = 0; i < 20; i++)
		sched_yield();
	kill(pid, SIGKILL);
	wait(NULL);
}

static void exec_in_a_thread(void)
{
	pthread_t thread;

	if (fork() == 0) {
		pthread_create(&thread, NULL, (void *(*)(void *))become_a_short_program, NULL);
		for (;;)
			pause();
	}
	wait(NULL);
}

static void keep_segments(void)
{
	struct user_desc segment = {.entry_number = 8191, .limit = 1, .seg_32bit = 1};

	if (fork() == 0) {
		syscall(SYS_modify_ldt, 1, &segment, sizeof segment);
		if (fork() == 0)
			become_a_short_program();
		wait(NULL);
		_exit(0);
	}
	wait(NULL);
}

static const struct work {
	const char *name;
	void (*run)(void);
	int rounds;
} works[] = {
	{"end a child", end_a_child, 400},
	{"run a program", run_a_program, 100},
	{"vfork a program", vfork_a_program, 100},
	{"exec a non program", exec_a_non_program, 500},
	{"crash", crash, 200},
	{"kill a sleeper", kill_a_sleeper, 200},
	{"kill a poller", kill_a_poller, 200},
	{"kill a spinner", kill_a_spinner, 40},
	{"kill a reader", kill_a_reader, 200},
	{"kill a parent", kill_a_parent, 200},
	{"kill a vfork parent", kill_a_vfork_parent, 100},
	{"reap an orphan", reap_an_orphan, 200},
	{"map private", map_private, 50},
	{"map shared", map_shared, 50},
	{"map a file", map_a_file, 100},
	{"remap", remap, 300},
	{"map far apart", map_far_apart, 500},
	{"fill a pipe", fill_a_pipe, 200},
	{"open fifos", open_fifos, 300},
	{"splice pipes", splice_pipes, 300},
	{"close full sockets", close_full_sockets, 300},
	{"leave connections", leave_connections, 300},
	{"name sockets", name_sockets, 500},
	{"send sockets in circles", send_sockets_in_circles, 500},
	{"send a chain of sockets", send_a_chain_of_sockets, 3},
	{"kill a receiver", kill_a_receiver, 100},
	{"poll a lasting pipe", poll_a_lasting_pipe, 500},
	{"watch files", watch_files, 300},
	{"kill an epoll waiter", kill_an_epoll_waiter, 100},
	{"leave timers", leave_timers, 100},
	{"poll a signalfd", poll_a_signalfd, 300},
	{"join threads", join_threads, 100},
	{"kill waiting threads", kill_waiting_threads, 100},
	{"exec in a thread", exec_in_a_thread, 100},
	{"keep segments", keep_segments, 100},
	{"make directories", make_directories, 300},
	{"run out of memory in write", run_out_of_memory_in_write, 5},
};

/* Whether a word is a work's name, with _ for each blank. */
static int names(const char *word, const char *name)
{
	for (; *word && *name; word++, name++)
		if (*word != *name && !(*word == '_' && *name == ' '))
			return 0;
	return *word == *name;
}

static void repeat(const struct work *work, int rounds)
{
	while (rounds-- > 0)
		work->run();
}

int main(int count, char **words)
{
	int is_lost = 0, junk;

	if (count > 1 && !strcmp(words[1], "exit"))
		return 0;
	only_as_init();
	self = words[0];
	mkdir("/tmp", 01777);
	junk = open("/tmp/junk", O_CREAT | O_WRONLY, 0755);
	write(junk, "\177ELF junk", 9);
	close(junk);
	for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
		const struct work *work = &works[i];
		int rounds = count > 2 ? atoi(words[2]) : work->rounds;
		long before, lost, heap;

		if (count > 1 && !names(words[1], work->name))
			continue;
		/* The kernel's tables grow during the first rounds. */
		repeat(work, rounds / 10 + 2);
		before = memory_info("MemFree");
		heap = memory_info("Slab");
		repeat(work, rounds);
		lost = before - memory_info("MemFree");
		heap = memory_info("Slab") - heap;
		printf("== %s\n%s, %d times: %ld kB lost, %ld kB of the heap\n", work->name, work->name, rounds, lost,
			heap);
		is_lost |= lost > TOLERATED_KB || heap > TOLERATED_HEAP_KB;
	}
	printf(is_lost ? "memory was lost\n" : "nothing was lost\n");
	return is_lost;
}
