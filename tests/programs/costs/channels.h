/* Channels between processes: pipes, sockets, terminals. */
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include "row.h"

static int ends[2];

static void pipe_life(long size)
{
	(void)size;
	MUST(pipe(ends) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void a_pipe(long size)
{
	(void)size;
	MUST(pipe(ends) == 0);
}

static void no_channel(long size)
{
	(void)size;
	MUST(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void through(long size)
{
	MUST(write(ends[1], buffer, size) == size && read(ends[0], buffer, size) == size);
}

static void pair_life(long size)
{
	(void)size;
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void a_stream(long size)
{
	int most = 1 << 20;
	(void)size;
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	MUST(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &most, sizeof most) == 0);
}

static void a_datagram(long size)
{
	(void)size;
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
}

static void send_descriptor(long size)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control;
	struct iovec piece = {buffer, 1};
	struct msghdr message = {
		.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	int fd;
	(void)size;
	control.header =
		(struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &ends[0], sizeof fd);
	MUST(sendmsg(ends[1], &message, 0) == 1 && recvmsg(ends[0], &message, 0) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	MUST(close(fd) == 0);
}

static struct sockaddr_un address = {AF_UNIX, "socket"};

static void a_listener(long size)
{
	(void)size;
	MUST((file = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
	MUST(bind(file, (void *)&address, sizeof address) == 0 && listen(file, 5) == 0);
}

static void no_listener(long size)
{
	(void)size;
	MUST(close(file) == 0 && unlink("socket") == 0);
}

static void connect_accept(long size)
{
	int client = socket(AF_UNIX, SOCK_STREAM, 0), server;
	(void)size;
	MUST(connect(client, (void *)&address, sizeof address) == 0);
	MUST((server = accept(file, NULL, NULL)) >= 0 && close(client) == 0 && close(server) == 0);
}

static void a_terminal(long size)
{
	struct termios raw;
	(void)size;
	MUST(openpty(&ends[0], &ends[1], NULL, NULL, NULL) == 0 && tcgetattr(ends[1], &raw) == 0);
	cfmakeraw(&raw);
	MUST(tcsetattr(ends[1], TCSANOW, &raw) == 0);
}

static void attributes(long size)
{
	struct termios now;
	(void)size;
	MUST(tcgetattr(ends[1], &now) == 0);
}

static void splice_through(long size)
{
	loff_t at = 0;
	MUST(splice(file, &at, ends[1], NULL, size, 0) == size && read(ends[0], buffer, size) == size);
}

static void file_and_pipe(long size)
{
	file_of(size);
	a_pipe(size);
}

static void no_file_and_pipe(long size)
{
	no_channel(size);
	no_file(size);
}

static const struct row CHANNELS[] = {
	{"pipe_create", pipe_life, NULL, NULL, NULL},
	{"pipe", through, a_pipe, no_channel, SIZES(1, 100, 4096, 65536)},
	{"splice_pipe", splice_through, file_and_pipe, no_file_and_pipe, SIZES(1, 4096, 65536)},
	{"socketpair_create", pair_life, NULL, NULL, NULL},
	{"stream", through, a_stream, no_channel, SIZES(1, 100, 4096, 65536)},
	{"datagram", through, a_datagram, no_channel, SIZES(1, 100, 4096, 65536)},
	{"send_descriptor", send_descriptor, a_stream, no_channel, NULL},
	{"connect_accept", connect_accept, a_listener, no_listener, NULL},
	{"terminal", through, a_terminal, no_channel, SIZES(1, 100, 1000)},
	{"tcgetattr", attributes, a_terminal, no_channel, NULL},
};
