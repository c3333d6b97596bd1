/* For the sock_*.c programs: fs.h, and socket addresses and messages. */
#ifndef SOCK_H
#define SOCK_H
#include "fs.h"
#include <ctype.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef POLLRDHUP
#define POLLRDHUP 0x2000
#endif

static char buffer[300000];
static struct sockaddr_un address;
static socklen_t size;

/* The poll events of one descriptor. */
static inline int ready(int fd)
{
	struct pollfd entry = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};

	poll(&entry, 1, 0);
	return entry.revents;
}

/* Sets `address` to a path, or to an abstract name if `name` begins with '@'. */
static inline struct sockaddr *named(const char *name)
{
	memset(&address, 0, sizeof address);
	address.sun_family = AF_UNIX;
	strcpy(address.sun_path, name);
	if (*name == '@')
		address.sun_path[0] = 0;
	return (struct sockaddr *)&address;
}

/* An abstract name with the process ID: several runs may be concurrent. */
static inline const char *unique(const char *name)
{
	static char text[100];
	static int id;

	if (!id)
		id = getpid();
	sprintf(text, "@trident %s %07d", name, id);
	return text;
}

/* An address and its length, as arguments. */
#define AT(name)                                                                                                       \
	named(name), (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*(name) && *(name) != '@'))

/* Prints the address that a call wrote. */
static inline void show_address(void)
{
	size_t length = size > 2 ? size - 2 : 0;

	printf("family %d, %u bytes [", size >= 2 ? address.sun_family : -1, (unsigned)size);
	for (size_t i = 0; i < length && i < sizeof address.sun_path; i++)
		putchar(isdigit(address.sun_path[i]) ? '#' : address.sun_path[i] ? address.sun_path[i] : '.');
	printf("]\n");
}

#define NAME(call)                                                                                                     \
	do {                                                                                                           \
		memset(&address, 'z', sizeof address);                                                                 \
		size = sizeof address;                                                                                 \
		T(call(fd_, (struct sockaddr *)&address, &size));                                                      \
		show_address();                                                                                        \
	} while (0)

/* A listener with the given name. */
static inline int listener(int type, const char *name, int backlog)
{
	int fd = socket(AF_UNIX, type, 0);

	if (bind(fd, AT(name)) || listen(fd, backlog))
		perror(name);
	return fd;
}

/* Sends `text` with `count` descriptors. */
static inline ssize_t send_files(int fd, const char *text, const int *files, int count)
{
	char control[CMSG_SPACE(300 * sizeof(int))];
	struct iovec part = {(char *)text, strlen(text)};
	struct msghdr message = {0};
	struct cmsghdr *header = (struct cmsghdr *)control;

	memset(control, 0, sizeof control);
	message.msg_iov = &part;
	message.msg_iovlen = 1;
	message.msg_control = control;
	message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), files, count * sizeof(int));
	return sendmsg(fd, &message, MSG_DONTWAIT);
}

/* Receives and prints a message; returns the number of descriptors stored in `files`. */
static inline int receive(int fd, size_t bytes, size_t room, int flags, int *files)
{
	char control[1000], text[1000];
	struct iovec part = {text, bytes};
	struct msghdr message = {0};
	int count = 0;
	ssize_t got;

	memset(control, 0, sizeof control);
	message.msg_iov = &part;
	message.msg_iovlen = 1;
	message.msg_control = room ? control : NULL;
	message.msg_controllen = room;
	got = recvmsg(fd, &message, flags);
	printf("recvmsg %zd [%.*s] flags %x%s%s\n", got,
		got < 0 ? 0 : (int)(got < (ssize_t)bytes ? got : (ssize_t)bytes), text, message.msg_flags,
		got < 0 ? " " : "", got < 0 ? strerror(errno) : "");
	if (got < 0)
		return 0;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
		int data = h->cmsg_len - CMSG_LEN(0);

		printf("  level %d type %d, %d bytes\n", h->cmsg_level, h->cmsg_type, data);
		if (h->cmsg_type == SCM_RIGHTS) {
			count = data / sizeof(int);
			if (files)
				memcpy(files, CMSG_DATA(h), data);
		} else if (h->cmsg_type == SCM_CREDENTIALS && data == 12) {
			struct ucred who;
			memcpy(&who, CMSG_DATA(h), sizeof who);
			printf("  %s %d %d\n",
				who.pid == getpid() ? "self" :
				who.pid             ? "another" :
						      "none",
				(int)who.uid, (int)who.gid);
		}
	}
	return count;
}
#endif
