/* covers: kernel/src/vfs/ kernel/src/net/ */
/* Calls on as many names, mounts, descriptors and messages as a program can make (late.h). */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "late.h"

enum { NAMES = 20000, DEPTH = 20000, MOUNTS = 5000, FDS = 40000, OWNERS = 10000 };

static int first, pair[2];
static char *start;

static void make_mount(void)
{
	mkdir("/big", 0755);
	mount("none", "/big", "tmpfs", 0, "nr_inodes=0");
	chdir("/big");
}

static void name_files(void)
{
	char name[20];

	for (int i = 0; i < NAMES; i++) {
		sprintf(name, "%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
	}
}

static void make_names(void)
{
	make_mount();
	name_files();
	chdir("/");
}

static void make_watches(void)
{
	char name[20];

	make_names();
	first = inotify_init();
	for (int i = 0; i < NAMES; i++) {
		sprintf(name, "/big/%d", i);
		inotify_add_watch(first, name, IN_ALL_EVENTS);
	}
}

static void do_umount(void)
{
	if (umount2("/big", 0))
		perror("umount");
}

/* One read lock of each of many open files. */
static void make_locks(void)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};

	close(open("/locked", O_CREAT | O_RDWR, 0600));
	for (int i = 0; i < OWNERS; i++)
		fcntl(open("/locked", O_RDONLY), F_OFD_SETLK, &lock);
}

static void read_locks(void)
{
	read_all("/proc/locks");
}

static void close_first(void)
{
	close(first);
}

static void make_deep(void)
{
	make_mount();
	for (int i = 0; i < DEPTH; i++) {
		mkdir("d", 0755);
		chdir("d");
	}
}

static void leave_deep(void)
{
	make_deep();
	chdir("/");
}

static void do_getcwd(void)
{
	start = room(1 << 20);
	syscall(SYS_getcwd, start, 1 << 20);
}

/* Beside each other, or on top of each other. */
static void make_mounts(void)
{
	char name[20];

	make_mount();
	for (int i = 0; i < MOUNTS; i++) {
		sprintf(name, "/big/%d", i);
		mkdir(name, 0755);
		mount(name, name, NULL, MS_BIND, NULL);
	}
	chdir("/");
}

static void do_umount_all(void)
{
	umount2("/big", MNT_DETACH);
}

static void do_umount_bind(void)
{
	umount2("/big/100", 0);
}

static void read_mountinfo(void)
{
	read_all("/proc/self/mountinfo");
}

static void read_mounts(void)
{
	read_all("/proc/self/mounts");
}

static void make_descriptors(void)
{
	for (int i = 0; i < FDS; i++)
		eventfd(0, 0);
}

/* The table is full below. */
static void make_full_table(void)
{
	for (int i = 0; i < FDS * 4; i++)
		dup(1);
	close(3);
}

static void do_dup_twice(void)
{
	dup(1);
	dup(1);
}

static void do_poll(void)
{
	struct pollfd *files = (void *)room(FDS * sizeof *files);

	for (int i = 0; i < FDS; i++)
		files[i] = (struct pollfd){i, POLLIN, 0};
	poll(files, FDS, 3);
}

static void do_select(void)
{
	fd_set *files = (void *)room(FDS / 8);

	memset(files, 0xff, FDS / 8);
	syscall(SYS_select, FDS, files, NULL, NULL, &(struct timeval){0, 3000});
}

static void make_ready(void)
{
	struct epoll_event event = {EPOLLIN, {0}};

	first = epoll_create1(0);
	for (int i = 0; i < FDS; i++)
		epoll_ctl(first, EPOLL_CTL_ADD, eventfd(1, 0), &event);
}

static void do_epoll_wait(void)
{
	struct epoll_event *events = (void *)room(FDS * sizeof *events);

	epoll_wait(first, events, FDS, 0);
}

/* Nothing of what the list has is ready any more. */
static void make_unready(void)
{
	unsigned long count;

	make_ready();
	for (int i = 0; i < FDS; i++)
		read(first + 1 + i, &count, 8);
}

static void fill_socket(int type)
{
	int big = 1 << 24;

	socketpair(AF_UNIX, type, 0, pair);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
	setsockopt(pair[1], SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
	while (send(pair[0], "x", 1, MSG_DONTWAIT) == 1)
		;
	first = pair[1];
}

static void make_stream(void)
{
	fill_socket(SOCK_STREAM);
}

static void make_datagrams(void)
{
	fill_socket(SOCK_DGRAM);
}

static void read_stream(void)
{
	recv(first, room(1 << 20), 1 << 20, 0);
}

static void peek_stream(void)
{
	recv(first, room(1 << 20), 1 << 20, MSG_PEEK);
}

static void make_events(void)
{
	make_watches();
	for (int i = 0; i < NAMES; i++) {
		char name[20];

		sprintf(name, "/big/%d", i);
		close(open(name, O_RDONLY));
	}
}

static void make_attributes(void)
{
	char name[20];

	make_mount();
	first = open("file", O_CREAT | O_RDWR, 0644);
	for (int i = 0; i < NAMES; i++) {
		sprintf(name, "user.%d", i);
		fsetxattr(first, name, "", 0, 0);
	}
	start = room(1 << 17);
}

static void set_attribute(void)
{
	fsetxattr(first, "user.a", start, 1 << 16, 0);
}

static void get_attribute(void)
{
	set_attribute();
	fgetxattr(first, "user.a", start, 1 << 16);
}

static void list_attributes(void)
{
	flistxattr(first, start, 1 << 16);
}

static void make_names_of_sockets(void)
{
	struct sockaddr_un name = {AF_UNIX, ""};

	for (int i = 0; i < NAMES; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		sprintf(name.sun_path + 1, "%d", i);
		bind(fd, (void *)&name, sizeof name);
	}
}

static const struct call calls[] = {
	{"umount", make_names, do_umount},
	{"name_files", make_mount, name_files},
	{"umount_watched", make_watches, do_umount},
	{"umount_deep", leave_deep, do_umount},
	{"locks", make_locks, read_locks},
	{"getcwd", make_deep, do_getcwd},
	{"mountinfo", make_mounts, read_mountinfo},
	{"mounts", make_mounts, read_mounts},
	{"umount_bind", make_mounts, do_umount_bind},
	{"umount_all", make_mounts, do_umount_all},
	{"dup", make_full_table, do_dup_twice},
	{"poll", make_descriptors, do_poll},
	{"select", make_descriptors, do_select},
	{"epoll_wait", make_ready, do_epoll_wait},
	{"epoll_unready", make_unready, do_epoll_wait},
	{"close_stream", make_stream, close_first},
	{"read_stream", make_stream, read_stream},
	{"peek_stream", make_stream, peek_stream},
	{"close_datagrams", make_datagrams, close_first},
	{"close_events", make_events, close_first},
	{"set_attribute", make_attributes, set_attribute},
	{"get_attribute", make_attributes, get_attribute},
	{"list_attributes", make_attributes, list_attributes},
	{"exit_names", make_names_of_sockets, do_exit},
};

int main(int count, char **words)
{
	return late_main(count, words, calls, sizeof calls / sizeof *calls);
}
