/* covers: kernel/src/vfs/ kernel/src/fs/ kernel/src/mm/ */
/* Kernel memory of descriptors: open files of /proc, locks, epoll items, queued messages, and
   descriptor tables. Each attack grows one of them until no memory is free, or uses it without
   free memory; close must not fail.

   Usage: kept_files [WORD]: all attacks, or those with the word in their name. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "kept.h"

enum { MANY = 4000 };

static void many_files(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Many processes, each with many partly read files of /proc. */
static void hold_files_of_proc(void)
{
	char byte[200];

	many_files();
	for (int i = 0; i < 20; i++) {
		int pid = fork();

		if (pid < 0)
			break;
		if (pid > 0)
			continue;
		for (int fd = 0, n = 0; n < MANY && fd >= 0; n++) {
			fd = open("/proc/self/status", O_RDONLY);
			if (read(fd, byte, sizeof byte) < 0)
				break;
		}
		pause();
	}
	sleep(8);
}

/* A long file: the descriptor buffers only a part of it. */
static void read_a_long_file_of_proc(void)
{
	int fd = open("/proc/self/smaps", O_RDONLY), before, after;
	static char bytes[1 << 20];
	size_t all = 0;
	ssize_t got;

	areas(20000);
	memset(bytes, 1, sizeof bytes);
	before = memory_info("MemFree");
	for (int reads = 0; (got = read(fd, bytes, sizeof bytes)) > 0; reads++) {
		all += got;
		if (reads == 2)
			after = memory_info("MemFree");
	}
	MUST(got == 0 && all > 8 << 20);
	MUST(before - after < 500);
}

static void open_when_memory_is_out(void)
{
	int fd = open("/dev/null", O_RDONLY), n = 0;

	many_files();
	dup2(fd, MANY);
	leave(50);
	while (n < MANY && open("/dev/null", O_RDONLY) >= 0)
		n++;
	MUST(n == MANY || errno == ENOMEM || errno == EMFILE || errno == ENFILE);
	MUST(syscall(SYS_close_range, 3, ~0u, 0) == 0);
	MUST(open("/dev/null", O_RDONLY) >= 0);
}

/* Memory is full of a file's pages, which no process's exit frees: killing the processes that open
   files doesn't help. */
static void open_beside_a_file(void)
{
	static char bytes[65536];
	int file = open("/tmp/kept", O_CREAT | O_RDWR, 0600), fd = open("/dev/null", O_RDONLY);

	many_files();
	for (int i = 0; i < 10; i++)
		if (fork() == 0) {
			dup2(fd, MANY);
			sleep(2);
			for (int n = 0; n < MANY && open("/dev/null", O_RDONLY) >= 0; n++)
				;
			pause();
		}
	while (write(file, bytes, sizeof bytes) > 0)
		;
	sleep(6);
}

static void lock_many_ranges(void)
{
	int fd = open("/tmp/kept", O_CREAT | O_RDWR, 0600);
	struct flock lock = {.l_type = F_WRLCK, .l_len = 1}, all = {.l_type = F_UNLCK};

	for (long i = 0; i < 3000; i++) {
		lock.l_start = 4 * i;
		lock.l_len = 3;
		if (fcntl(fd, F_SETLK, &lock)) {
			MUST(errno == ENOLCK);
			break;
		}
	}
	leave(20);
	/* Splits each lock. */
	lock.l_type = F_UNLCK;
	lock.l_len = 1;
	for (long i = 0; i < 3000; i++) {
		lock.l_start = 4 * i + 1;
		if (fcntl(fd, F_SETLK, &lock))
			MUST(errno == ENOLCK);
	}
	MUST(fcntl(fd, F_SETLK, &all) == 0);
}

static void watch_many_files(void)
{
	int epoll = epoll_create1(0), ends[2], fd;
	struct epoll_event event = {.events = EPOLLIN}, events[10];
	static char name[50], bytes[65536];

	many_files();
	pipe(ends);
	while ((fd = dup(ends[0])) >= 0 && !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		;
	leave(20);
	write(ends[1], "", 1);
	MUST(epoll_wait(epoll, events, 10, 0) == 10);
	sprintf(name, "/proc/self/fdinfo/%d", epoll);
	fd = open(name, O_RDONLY);
	while (fd >= 0 && read(fd, bytes, sizeof bytes) > 0)
		;
	MUST(close(epoll) == 0);
}

/* Sends `fd` over `to` (SCM_RIGHTS), and closes it. */
static int send_away(int to, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
	struct iovec data = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int sent;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	sent = sendmsg(to, &message, MSG_DONTWAIT);
	close(fd);
	return sent;
}

/* A cycle: each socket's only descriptor is in the queue of the next. A byte for each of them is most of a
   page, a word is several. */
static void sockets_in_flight(void)
{
	int last[2], first[2], n = 0;

	many_files();
	socketpair(AF_UNIX, SOCK_DGRAM, 0, first);
	last[0] = first[0], last[1] = first[1];
	while (n++ < 3000) {
		int next[2];

		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, next))
			break;
		if (send_away(next[0], last[1]) < 0)
			break;
		if (last[0] != first[0])
			close(last[0]);
		last[0] = next[0], last[1] = next[1];
	}
	MUST(n > 3000);
	send_away(first[0], last[1]);
	leave(20);
	close(last[0]);
	MUST(close(first[0]) == 0 || last[0] == first[0]);
}

/* getcwd in a deep directory. */
static void go_down(void)
{
	static char name[201], path[1 << 20];
	long got;

	memset(name, 'd', 200);
	chdir("/tmp");
	for (int i = 0; i < 300 && !mkdir(name, 0700) && !chdir(name); i++)
		;
	leave(40);
	got = syscall(SYS_getcwd, path, sizeof path);
	MUST(got > 4096 || errno == ENOMEM);
	for (int i = 0; i < 300 && !chdir(".."); i++)
		rmdir(name);
}

static const struct attack attacks[] = {
	{"hold files of proc", hold_files_of_proc},
	{"read a long file of proc", read_a_long_file_of_proc},
	{"open when memory is out", open_when_memory_is_out},
	{"open beside a file", open_beside_a_file},
	{"lock many ranges", lock_many_ranges},
	{"watch many files", watch_many_files},
	{"sockets in flight", sockets_in_flight},
	{"go down", go_down},
};

int main(int count, char **words)
{
	return run_attacks(attacks, sizeof attacks / sizeof *attacks, count, words);
}
