/* covers: kernel/src/net/ */
/* Datagram and seqpacket sockets; descriptors and credentials in control messages; sendmmsg and
   recvmmsg. */
#include "sock.h"

static void datagrams(void)
{
	int fd[2], a, b, c;
	char text[100];

	T(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd));
	T(send(fd[0], "one", 3, 0));
	T(send(fd[0], "two two", 7, 0));
	T(send(fd[0], "", 0, 0));
	T(write(fd[0], "", 0));
	T(ioctl(fd[1], FIONREAD, buffer) + *(int *)buffer);
	T(recv(fd[1], buffer, 9, MSG_PEEK));
	T(recv(fd[1], buffer, 2, MSG_TRUNC));
	T(recv(fd[1], buffer, 3, MSG_PEEK | MSG_TRUNC));
	T(recv(fd[1], buffer, 3, 0));
	T(recv(fd[1], buffer, 9, 0));
	T(recv(fd[1], buffer, 9, MSG_DONTWAIT));
	T(recv(fd[1], buffer, 9, MSG_DONTWAIT));
	T(send(fd[0], buffer, sizeof buffer, 0));
	T(send(fd[0], buffer, 212992 - 32, MSG_DONTWAIT));
	T(send(fd[0], buffer, 1, MSG_DONTWAIT));
	T(ready(fd[0]));
	T(recv(fd[1], buffer, sizeof buffer, 0));
	T(listen(fd[0], 1));
	T(accept(fd[0], NULL, NULL));
	/* Between connected sockets only the send buffer is the limit. */
	long count = 0;
	while (send(fd[0], "x", 1, MSG_DONTWAIT) > 0)
		count++;
	printf("%ld\n", count);
	T(close(fd[1]));
	T(ready(fd[0]));
	T(send(fd[0], "x", 1, 0));
	T(send(fd[0], "x", 1, 0));
	T(recv(fd[0], buffer, 1, MSG_DONTWAIT));
	T(shutdown(fd[0], SHUT_RD));
	T(recv(fd[0], buffer, 1, 0));
	T(recv(fd[0], buffer, 1, MSG_DONTWAIT));
	T(shutdown(fd[0], SHUT_WR));
	T(send(fd[0], "x", 1, 0));
	T(ready(fd[0]));
	close(fd[0]);
	/* By name. */
	a = socket(AF_UNIX, SOCK_DGRAM, 0);
	b = socket(AF_UNIX, SOCK_DGRAM, 0);
	c = socket(AF_UNIX, SOCK_RAW, 0);
	T(send(a, "x", 1, 0));
	T(sendto(a, "x", 1, 0, AT("b")));
	T(bind(b, AT("b")));
	T(bind(c, AT(unique("c"))));
	T(sendto(a, "unnamed", 7, 0, AT("b")));
	size = sizeof address;
	T(recvfrom(b, text, 100, 0, (void *)&address, &size));
	printf("%u\n", (unsigned)size);
	T(sendto(c, "named", 5, 0, AT("b")));
	memset(&address, 0, sizeof address);
	size = sizeof address;
	T(recvfrom(b, text, 100, 0, (void *)&address, &size));
	show_address();
	T(sendto(b, "answer", 6, 0, (void *)&address, size));
	size = 5;
	T(recvfrom(c, text, 100, 0, (void *)&address, &size));
	printf("%u\n", (unsigned)size);
	T(sendto(a, "x", 1, 0, AT("")));
	T(sendto(a, "x", 1, 0, named(""), 0));
	T(sendto(a, "x", 1, 0, named(""), -1));
	T(sendto(a, "x", 1, 0, named(""), 129));
	T(connect(a, AT("b")));
	T(send(a, "to b", 4, 0));
	T(connect(b, AT(unique("c"))));
	T(send(a, "now b talks to c", 4, 0));
	T(sendto(a, "still", 5, 0, AT(unique("c"))));
	T(recv(c, text, 100, 0));
	T(recv(b, text, 100, MSG_DONTWAIT));
	T(connect(c, AT(unique("no such name"))));
	address.sun_family = AF_UNSPEC;
	T(connect(a, (void *)&address, sizeof address));
	T(send(a, "x", 1, 0));
	T(connect(a, AT("no such file")));
	/* The queue limit for unconnected senders. */
	for (count = 0; sendto(a, "x", 1, MSG_DONTWAIT, AT(unique("c"))) > 0;)
		count++;
	printf("%ld %s\n", count, strerror(errno));
	T(connect(a, AT(unique("c"))));
	T(ready(a));
	T(recv(c, text, 100, 0));
	T(ready(a));
	/* To itself. */
	T(sendto(b, "self", 4, 0, AT(unique("c"))) < 0);
	T(sendto(c, "self", 4, MSG_DONTWAIT, AT(unique("c"))));
	/* A sender that waits for room continues. */
	fflush(stdout);
	if (fork() == 0) {
		send(a, "11", 2, 0);
		send(a, "222", 3, 0);
		_exit(0);
	}
	for (int i = 0; i < 5; i++)
		sched_yield();
	for (count = 0; recv(c, text, 100, 0) != 3;)
		count++;
	printf("%ld\n", count);
	wait(NULL);
	T(shutdown(c, SHUT_RD));
	T(send(a, "x", 1, 0));
	T(close(c));
	T(send(a, "x", 1, 0));
	close(a);
	close(b);
}

static void packets(void)
{
	int fd[2], server, client;

	T(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd));
	T(write(fd[0], "first packet", 12));
	T(write(fd[0], "second", 6));
	T(ioctl(fd[1], FIONREAD, buffer) + *(int *)buffer);
	T(read(fd[1], buffer, 5));
	T(read(fd[1], buffer, 50));
	T(recv(fd[1], buffer, 5, MSG_DONTWAIT));
	T(send(fd[0], "x", 1, MSG_EOR));
	T(shutdown(fd[0], SHUT_WR));
	T(recv(fd[1], buffer, 5, MSG_DONTWAIT));
	T(recv(fd[1], buffer, 5, MSG_DONTWAIT));
	T(recv(fd[1], buffer, 5, 0));
	T(ready(fd[1]));
	T(close(fd[0]));
	T(send(fd[1], "x", 1, 0));
	T(ready(fd[1]));
	close(fd[1]);
	server = listener(SOCK_SEQPACKET, "server", 5);
	client = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	T(recv(client, buffer, 5, MSG_DONTWAIT));
	T(send(client, buffer, 5, MSG_DONTWAIT));
	T(connect(client, AT("server")));
	T(sendto(client, "in spite of a name", 18, 0, AT("elsewhere")));
	fd[0] = accept(server, NULL, NULL);
	T(recv(fd[0], buffer, 50, 0));
	close(server);
	close(client);
	T(recv(fd[0], buffer, 50, 0));
	close(fd[0]);
}

static void descriptors(void)
{
	int fd[2], ends[2], many[300], got[300], count;

	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		socketpair(AF_UNIX, type, 0, fd);
		pipe(ends);
		T(send_files(fd[0], "one", ends, 1));
		T(send(fd[0], "plain", 5, 0));
		T(send_files(fd[0], "two", ends, 2));
		/* Each MSG_PEEK copies the descriptors. */
		T(receive(fd[1], 2, 100, MSG_PEEK, got));
		T(fcntl(got[0], F_GETFD));
		close(got[0]);
		T(receive(fd[1], 2, 100, MSG_CMSG_CLOEXEC, got));
		T(fcntl(got[0], F_GETFD));
		T(write(ends[1], "through", 7));
		T(read(got[0], buffer, 9));
		close(got[0]);
		T(receive(fd[1], 100, 100, 0, got));
		if (type == SOCK_DGRAM)
			T(receive(fd[1], 100, 100, 0, got));
		close(got[0]);
		close(got[1]);
		/* Too little room for control data: the other descriptors are closed. */
		close(ends[0]);
		T(send_files(fd[0], "2", (int[]){ends[1], ends[1]}, 2));
		T(receive(fd[1], 9, CMSG_LEN(sizeof(int)), 0, got));
		close(got[0]);
		T(send_files(fd[0], "1", ends + 1, 1));
		T(receive(fd[1], 9, 0, 0, got));
		T(send_files(fd[0], "1", ends + 1, 1));
		T(receive(fd[1], 9, 10, 0, got));
		T(send_files(fd[0], "1", ends + 1, 1));
		T(read(fd[1], buffer, 9));
		close(ends[1]);
		T(send_files(fd[0], "bad", (int[]){ends[1]}, 1));
		T(send_files(fd[0], "bad", (int[]){-1}, 1));
		for (int i = 0; i < 300; i++)
			many[i] = fd[0];
		T(send_files(fd[0], "many", many, 253));
		T(send_files(fd[0], "many", many, 254));
		/* musl's sendmsg rejects such long control data. */
		count = receive(fd[1], 9, 1000, MSG_DONTWAIT, got);
		printf("%d\n", count);
		for (int i = 0; i < count; i++)
			close(got[i]);
		T(send_files(fd[0], "none", many, 0));
		T(receive(fd[1], 9, 1000, 0, got));
		/* A pipe's writer in flight while both sockets close: it is closed, and the reader sees the end of file. */
		pipe(ends);
		T(send_files(fd[0], "gone", ends + 1, 1));
		close(ends[1]);
		close(fd[0]);
		close(fd[1]);
		T(read(ends[0], buffer, 9));
		close(ends[0]);
	}
	/* To another process. */
	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	fflush(stdout);
	if (fork() == 0) {
		put("passed", "by the child");
		int file = open("passed", O_RDONLY);
		send_files(fd[1], "x", &file, 1);
		_exit(0);
	}
	receive(fd[0], 9, 100, 0, got);
	T(read(got[0], buffer, 100));
	wait(NULL);
	close(got[0]);
	/* A socket in its own queue, and two in each other's: the close of another socket collects them. */
	pipe(ends);
	T(send_files(fd[0], "pipe", ends + 1, 1));
	T(send_files(fd[1], "self", fd, 2));
	T(send_files(fd[0], "other", fd, 2));
	close(ends[1]);
	close(fd[0]);
	close(fd[1]);
	close(socket(AF_UNIX, SOCK_STREAM, 0));
	T(read(ends[0], buffer, 9));
	close(ends[0]);
	/* The descriptor table is full. */
	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	T(send_files(fd[0], "full", (int[]){0, 1, 2}, 3));
	while ((count = dup(0)) >= 0)
		;
	T(receive(fd[1], 9, 100, 0, got));
	for (int i = fd[1] + 1; i < 5000; i++)
		close(i);
	close(fd[0]);
	close(fd[1]);
}

static void credentials(void)
{
	int fd[2], on = 1, status;
	struct ucred who;
	socklen_t length = sizeof who;
	char control[CMSG_SPACE(sizeof who)];
	struct iovec part = {"claimed", 7};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *header = (struct cmsghdr *)control;

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	T(getsockopt(fd[0], SOL_SOCKET, SO_PEERCRED, &who, &length));
	printf("%d %d %d %d\n", who.pid == getpid(), (int)who.uid, (int)who.gid, (int)length);
	int alone = socket(AF_UNIX, SOCK_STREAM, 0);
	T(getsockopt(alone, SOL_SOCKET, SO_PEERCRED, &who, &length));
	printf("%d %d %d\n", (int)who.pid, (int)who.uid, (int)who.gid);
	close(alone);
	T(send(fd[0], "before", 6, 0));
	T(setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	T(send(fd[0], "after", 5, 0));
	/* One read doesn't return bytes of different senders. */
	receive(fd[1], 100, 100, 0, NULL);
	receive(fd[1], 100, 100, 0, NULL);
	T(send(fd[0], "no room", 7, 0));
	receive(fd[1], 100, CMSG_LEN(4), 0, NULL);
	T(send(fd[0], "none", 4, 0));
	receive(fd[1], 100, 0, 0, NULL);
	memset(control, 0, sizeof control);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_CREDENTIALS;
	header->cmsg_len = CMSG_LEN(sizeof who);
	who = (struct ucred){getpid(), 5, 7};
	memcpy(CMSG_DATA(header), &who, sizeof who);
	T(sendmsg(fd[0], &message, 0));
	receive(fd[1], 100, 100, 0, NULL);
	header->cmsg_len--;
	T(sendmsg(fd[0], &message, 0));
	header->cmsg_len = 4;
	T(sendmsg(fd[0], &message, 0));
	header->cmsg_len = 5000;
	T(sendmsg(fd[0], &message, 0));
	header->cmsg_len = CMSG_LEN(sizeof who);
	header->cmsg_type = 77;
	T(sendmsg(fd[0], &message, 0));
	header->cmsg_level = 77;
	T(sendmsg(fd[0], &message, 0));
	receive(fd[1], 100, 100, 0, NULL);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_CREDENTIALS;
	fflush(stdout);
	if (fork() == 0) {
		setgid(5);
		setuid(6);
		T(sendmsg(fd[0], &message, 0));
		who = (struct ucred){getpid(), 6, 5};
		memcpy(CMSG_DATA(header), &who, sizeof who);
		T(sendmsg(fd[0], &message, 0));
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	receive(fd[1], 100, 100, 0, NULL);
	message.msg_iovlen = 2000;
	T(sendmsg(fd[0], &message, 0));
	message.msg_iovlen = 1;
#ifdef __GLIBC__
	/* musl's sendmsg dereferences the pointers itself. */
	message.msg_control = (void *)8;
	T(sendmsg(fd[0], &message, 0));
	T(sendmsg(fd[0], (void *)8, 0));
#endif
	close(fd[0]);
	close(fd[1]);
	/* SO_PEERCRED of either end of a connection. */
	int server = listener(SOCK_STREAM, "creds", 5), client = socket(AF_UNIX, SOCK_STREAM, 0), end;
	T(setsockopt(server, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	T(connect(client, AT("creds")));
	T(send(client, "hi", 2, 0));
	end = accept(server, NULL, NULL);
	receive(end, 100, 100, 0, NULL);
	T(getsockopt(end, SOL_SOCKET, SO_PASSCRED, &on, &length));
	printf("%d\n", on);
	close(end);
	close(client);
	close(server);
}

static void several(void)
{
	int fd[2];
	char text[4][10];
	struct iovec parts[4] = {{text[0], 10}, {text[1], 10}, {text[2], 10}, {text[3], 10}};
	struct mmsghdr messages[4];
	struct timespec limit = {0, 0};

	memset(messages, 0, sizeof messages);
	memcpy(text, "onetwothreefour", 15);
	for (int i = 0; i < 4; i++) {
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		parts[i].iov_len = i + 1;
	}
	socketpair(AF_UNIX, SOCK_DGRAM, 0, fd);
	T(sendmmsg(fd[0], messages, 4, 0));
	printf("%d %d %d %d\n", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len, messages[3].msg_len);
	for (int i = 0; i < 4; i++)
		parts[i].iov_len = 3;
	T(recvmmsg(fd[1], messages, 2, 0, NULL));
	T(recvmmsg(fd[1], messages, 4, MSG_DONTWAIT, NULL));
	printf("%d %d %x %x\n", messages[0].msg_len, messages[1].msg_len, messages[0].msg_hdr.msg_flags,
		messages[1].msg_hdr.msg_flags);
	T(recvmmsg(fd[1], messages, 4, MSG_DONTWAIT, NULL));
	T(sendmmsg(fd[0], messages, 3, 0));
	T(recvmmsg(fd[1], messages, 4, MSG_WAITFORONE, NULL));
	T(sendmmsg(fd[0], messages, 2, 0));
	T(recvmmsg(fd[1], messages, 4, 0, &limit));
	limit.tv_nsec = 2000000000;
	T(recvmmsg(fd[1], messages, 4, 0, &limit));
	T(recvmmsg(fd[1], messages, 0, 0, NULL));
	T(sendmmsg(fd[0], messages, 0, 0));
	T(sendmmsg(0x7fff, messages, 1, 0));
	close(fd[0]);
	close(fd[1]);
}

static void options(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), value;
	int names[] = {SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_SNDBUF, SO_RCVBUF, SO_REUSEADDR, SO_KEEPALIVE,
		SO_ACCEPTCONN, SO_PASSCRED, SO_RCVLOWAT, SO_SNDLOWAT, SO_BROADCAST, 9999};
	socklen_t length;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		length = sizeof value;
		value = -7;
		T(getsockopt(fd, SOL_SOCKET, names[i], &value, &length));
		printf("%d: %d %u\n", names[i], value, (unsigned)length);
		value = 1;
		T(setsockopt(fd, SOL_SOCKET, names[i], &value, sizeof value));
		T(getsockopt(fd, SOL_SOCKET, names[i], &value, &length));
		printf("%d\n", value);
	}
	value = 10000;
	T(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof value));
	T(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &length));
	printf("%d\n", value);
	value = 10000000;
	T(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof value));
	T(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &length));
	printf("%d\n", value);
	T(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, 3));
	T(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, (void *)8, 4));
	T(setsockopt(fd, 6, 1, &value, 4));
	T(getsockopt(fd, 6, 1, &value, &length));
	length = 2;
	value = 0;
	T(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length));
	printf("%d %u\n", value, (unsigned)length);
	length = -1;
	T(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length));
	struct linger linger = {1, 5};
	T(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
	linger.l_linger = 0;
	length = sizeof linger;
	T(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length));
	printf("%d %d\n", linger.l_onoff, linger.l_linger);
	T(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4));
	value = 1;
	T(ioctl(fd, FIONBIO, &value));
	T(recv(fd, buffer, 1, 0));
	close(fd);
}

#ifdef __i386__
/* socketcall(2), also with invalid call numbers. */
static void socketcalls(void)
{
	unsigned long args[6] = {AF_UNIX, SOCK_STREAM, 0, 0};
	int fd[2];

	args[3] = (unsigned long)fd;
	T(syscall(SYS_socketcall, 8, args));
	args[0] = fd[0];
	args[1] = (unsigned long)"called";
	args[2] = 6;
	args[3] = 0;
	T(syscall(SYS_socketcall, 9, args));
	args[0] = fd[1];
	args[1] = (unsigned long)buffer;
	args[2] = 100;
	T(syscall(SYS_socketcall, 10, args));
	printf("%.6s\n", buffer);
	struct iovec part = {"message", 7};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	args[0] = fd[1];
	args[1] = (unsigned long)&message;
	args[2] = 0;
	T(syscall(SYS_socketcall, 16, args));
	part = (struct iovec){buffer, 100};
	args[0] = fd[0];
	T(syscall(SYS_socketcall, 17, args));
	args[1] = SHUT_RDWR;
	T(syscall(SYS_socketcall, 13, args));
	T(syscall(SYS_socketcall, 0, args));
	T(syscall(SYS_socketcall, 21, args));
	T(syscall(SYS_socketcall, 1, 8));
	args[0] = AF_UNIX;
	args[1] = SOCK_STREAM;
	args[2] = 0;
	T(syscall(SYS_socketcall, 1, args) > 0);
	T(syscall(SYS_socketcall, 5, args));
}
#else
static void socketcalls(void) {}
#endif

int main(void)
{
	begin();
	/* No call here may send SIGPIPE: it would kill the program. */
	signal(SIGPIPE, SIG_DFL);
	datagrams();
	packets();
	descriptors();
	credentials();
	several();
	options();
	socketcalls();
	end();
	return 0;
}
