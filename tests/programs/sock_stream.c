/* covers: kernel/src/net/ */
/* Stream sockets: names, connections, shutdown, flags, blocking. */
#include "sock.h"

/* Prints whether a write to a closed socket kills the writer (SIGPIPE). */
static void killed_by_writing(int flags)
{
	int fd[2], status;

	fflush(stdout);
	if (fork() == 0) {
		signal(SIGPIPE, SIG_DFL);
		socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
		close(fd[0]);
		_exit(send(fd[1], "x", 1, flags) < 0 ? 7 : 8);
	}
	wait(&status);
	printf("flags %x: status %x\n", flags, status);
}

static void making(void)
{
	int fd[2];
	struct stat s;

	T(socket(99, SOCK_STREAM, 0));
	T(socket(AF_UNIX, 77, 0));
	T(socket(AF_UNIX, 6, 0));
	T(socket(AF_UNIX, SOCK_STREAM, 7));
	T(socket(AF_UNIX, SOCK_STREAM | 0x10000, 0));
	T(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
	T(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, AF_UNIX, fd));
	T(fcntl(fd[0], F_GETFL));
	T(fcntl(fd[1], F_GETFD));
	T(fstat(fd[0], &s));
	printf("%o %ld %d\n", s.st_mode, (long)s.st_size, (int)s.st_nlink);
	sprintf(buffer, "/proc/self/fd/%d", fd[0]);
	long length = readlink(buffer, buffer + 100, 100);
	printf("%.8s %c\n", buffer + 100, buffer[100 + length - 1]);
	T(open(buffer, O_RDWR));
	T(lseek(fd[0], 0, SEEK_SET));
	T(pread(fd[0], buffer, 1, 0));
	T(ftruncate(fd[0], 0));
	T(read(fd[0], buffer, 1));
	T(read(fd[0], buffer, 0));
	T(ready(fd[0]));
	T(write(fd[1], "hello", 5));
	T(ready(fd[0]));
	T(ioctl(fd[0], FIONREAD, &length) + (int)length);
	T(ioctl(fd[1], TIOCOUTQ, &length) + ((int)length > 5));
	T(read(fd[0], buffer, 3));
	T(write(fd[1], "!", 1));
	T(read(fd[0], buffer, 100));
	printf("%.3s\n", buffer);
	T(ioctl(fd[1], TIOCOUTQ, &length) + (int)length);
	T(ioctl(fd[0], TCGETS, buffer));
	T(listen(fd[0], 5));
	T(connect(fd[0], AT("x")));
	T(accept(0x7fff, NULL, NULL));
	T(accept(fd[0], NULL, NULL));
	T(getsockname(open("/", O_RDONLY), (void *)&address, &size));
	int fd_ = fd[0];
	NAME(getsockname);
	NAME(getpeername);
	/* The send buffer's size. */
	T(write(fd[0], buffer, sizeof buffer));
	T(ready(fd[0]));
	T(write(fd[0], buffer, 1));
	T(read(fd[1], buffer, sizeof buffer));
	T(ready(fd[0]));
	long count = 0;
	while (write(fd[0], buffer, 100) > 0)
		count++;
	printf("%ld of 100\n", count);
	T(read(fd[1], buffer, 100));
	T(ready(fd[0]));
	T(write(fd[0], buffer, 100));
	close(fd[0]);
	close(fd[1]);
}

static void ends(void)
{
	int fd[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	T(write(fd[0], "last", 4));
	T(close(fd[0]));
	T(ready(fd[1]));
	T(write(fd[1], "x", 1));
	T(send(fd[1], "x", 1, MSG_NOSIGNAL));
	T(read(fd[1], buffer, 9));
	T(read(fd[1], buffer, 9));
	T(ready(fd[1]));
	close(fd[1]);
	/* Closing with unread bytes is an error for the sender (ECONNRESET). */
	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	T(write(fd[0], "unread", 6));
	close(fd[1]);
	T(ready(fd[0]));
	T(read(fd[0], buffer, 9));
	T(read(fd[0], buffer, 9));
	close(fd[0]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	T(write(fd[0], "unread", 6));
	close(fd[1]);
	socklen_t length = sizeof(int);
	int error = 0;
	T(getsockopt(fd[0], SOL_SOCKET, SO_ERROR, &error, &length));
	printf("%s\n", strerror(error));
	T(getsockopt(fd[0], SOL_SOCKET, SO_ERROR, &error, &length));
	printf("%d\n", error);
	close(fd[0]);
	/* Half closed. */
	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	T(write(fd[0], "abc", 3));
	T(shutdown(fd[0], SHUT_WR));
	T(shutdown(fd[0], 3));
	T(ready(fd[0]));
	T(ready(fd[1]));
	T(read(fd[1], buffer, 9));
	T(read(fd[1], buffer, 9));
	T(write(fd[1], "back", 4));
	T(read(fd[0], buffer, 9));
	T(write(fd[0], "x", 1));
	T(shutdown(fd[1], SHUT_WR));
	T(ready(fd[0]));
	close(fd[0]);
	close(fd[1]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	T(shutdown(fd[0], SHUT_RD));
	T(write(fd[1], "x", 1));
	T(read(fd[0], buffer, 1));
	T(write(fd[0], "y", 1));
	close(fd[0]);
	close(fd[1]);
}

static void flags(void)
{
	int fd[2];
	struct iovec parts[2] = {{buffer, 2}, {buffer + 10, 100}};

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	T(recv(fd[0], buffer, 9, MSG_DONTWAIT));
	T(send(fd[1], "first", 5, 0));
	T(send(fd[1], "second", 6, MSG_DONTWAIT | MSG_MORE));
	T(recv(fd[0], buffer, 3, MSG_PEEK));
	T(recv(fd[0], buffer, 99, MSG_PEEK));
	printf("%.11s\n", buffer);
	T(readv(fd[0], parts, 2));
	printf("%.2s %.9s\n", buffer, buffer + 10);
	T(send(fd[1], "12345", 5, 0));
	T(recv(fd[0], buffer, 9, MSG_WAITALL | MSG_DONTWAIT));
	T(recv(fd[0], buffer, 9, MSG_DONTWAIT | MSG_TRUNC));
	T(send(fd[1], "", 0, 0));
	T(recv(fd[0], buffer, 9, MSG_DONTWAIT));
	T(sendto(fd[1], "x", 1, 0, AT("x")));
	T(send(fd[1], (void *)8, 5, 0));
	T(send(fd[1], "fault", 5, 0));
	T(recv(fd[0], (void *)8, 5, 0));
	T(recv(fd[0], buffer, 5, 0));
	fflush(stdout);
	if (fork() == 0) {
		for (int i = 0; i < 5; i++) {
			sched_yield();
			write(fd[1], "wait", 4);
		}
		_exit(0);
	}
	T(recv(fd[0], buffer, 20, MSG_WAITALL));
	wait(NULL);
	close(fd[1]);
	T(recv(fd[0], buffer, 20, MSG_WAITALL));
	close(fd[0]);
}

static void names(void)
{
	int fd_ = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);
	struct stat s;

	NAME(getsockname);
	NAME(getpeername);
	T(ready(fd_));
	T(listen(fd_, 1));
	T(connect(fd_, AT("no such file")));
	T(connect(fd_, AT(unique("no such name"))));
	T(read(fd_, buffer, 1));
	T(write(fd_, buffer, 1));
	umask(027);
	T(bind(fd_, AT("listener")));
	umask(022);
	T(stat("listener", &s));
	printf("%o\n", s.st_mode);
	T(open("listener", O_RDWR));
	T(bind(fd_, AT("again")));
	T(bind(other, AT("listener")));
	T(bind(other, AT("no/where")));
	T(bind(other, named(""), 200));
	T(bind(other, named("x"), 1));
	address.sun_family = AF_INET;
	T(bind(other, (void *)&address, size));
	NAME(getsockname);
	T(connect(other, AT("listener")));
	T(listen(fd_, 5));
	T(ready(fd_));
	T(connect(fd_, AT("listener")));
	T(read(fd_, buffer, 1));
	T(ioctl(fd_, FIONREAD, buffer));
	T(connect(other, AT("listener")));
	T(connect(other, AT("listener")));
	T(ready(fd_));
	T(write(other, "early", 5));
	int listening = fd_;
	size = sizeof address;
	fd_ = accept(listening, (void *)&address, &size);
	show_address();
	NAME(getsockname);
	NAME(getpeername);
	T(read(fd_, buffer, 9));
	fd_ = other;
	NAME(getpeername);
	T(unlink("listener"));
	T(write(other, "still", 5));
	T(connect(socket(AF_UNIX, SOCK_STREAM, 0), AT("listener")));
	close(other);
	close(listening);
	/* Abstract names, and those that the kernel chooses. */
	fd_ = listener(SOCK_STREAM, unique("test"), 0);
	NAME(getsockname);
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	T(bind(other, AT(unique("test"))));
	T(bind(other, AT("")));
	T(bind(other, AT("")));
	size = sizeof address;
	T(getsockname(other, (void *)&address, &size));
	printf("%u %d\n", (unsigned)size, address.sun_path[0]);
	T(connect(other, AT(unique("test"))));
	T(close(fd_));
	T(ready(other));
	T(read(other, buffer, 9));
	T(read(other, buffer, 9));
	close(other);
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	T(bind(other, AT(unique("test"))));
	close(other);
	/* connect to a file that isn't a socket, a closed socket, one of another type, one without write permission. */
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	put("plain", "x");
	T(connect(other, AT("plain")));
	fd_ = listener(SOCK_STREAM, "gone", 0);
	close(fd_);
	T(connect(other, AT("gone")));
	fd_ = socket(AF_UNIX, SOCK_DGRAM, 0);
	bind(fd_, AT(unique("x")));
	T(connect(other, AT(unique("x"))));
	fd_ = listener(SOCK_SEQPACKET, "packets", 0);
	T(connect(other, AT("packets")));
	chmod("packets", 0600);
	fflush(stdout);
	if (fork() == 0) {
		setgid(5);
		setuid(5);
		chdir(workplace);
		T(connect(other, AT("packets")));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	/* The longest path, without a NUL. */
	memset(&address, 'p', sizeof address);
	address.sun_family = AF_UNIX;
	T(bind(other, (void *)&address, sizeof address));
	fd_ = other;
	memset(buffer, 'z', 200);
	size = 200;
	T(getsockname(fd_, (void *)buffer, &size));
	printf("%u %c%c\n", (unsigned)size, buffer[109], buffer[110] ? 'x' : '0');
	size = 5;
	T(getsockname(fd_, (void *)buffer, &size));
	printf("%u\n", (unsigned)size);
	size = -1;
	T(getsockname(fd_, (void *)buffer, &size));
	close(fd_);
}

static void backlogs(void)
{
	int fd = listener(SOCK_STREAM, "backlog", 1), client[5], got;

	for (int i = 0; i < 4; i++) {
		client[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		T(connect(client[i], AT("backlog")));
	}
	T(listen(fd, 2));
	T(connect(client[2], AT("backlog")));
	got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	T(fcntl(got, F_GETFL) & O_NONBLOCK);
	T(fcntl(got, F_GETFD));
	T(read(got, buffer, 1));
	T(connect(client[3], AT("backlog")));
	T(accept4(fd, NULL, NULL, 1) > 0);
	T(accept(fd, (void *)&address, (socklen_t *)8));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((got = accept(fd, NULL, NULL)) >= 0)
		close(got);
	T(accept(fd, NULL, NULL));
	for (int i = 0; i < 4; i++)
		close(client[i]);
	/* A connect that waits for a place in the queue succeeds. */
	listen(fd, 0);
	client[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	T(connect(client[0], AT("backlog")));
	fflush(stdout);
	if (fork() == 0) {
		client[1] = socket(AF_UNIX, SOCK_STREAM, 0);
		connect(client[1], AT("backlog"));
		write(client[1], "came in", 7);
		_exit(0);
	}
	for (int i = 0; i < 5; i++)
		sched_yield();
	close(accept(fd, NULL, NULL));
	fcntl(fd, F_SETFL, 0);
	got = accept(fd, NULL, NULL);
	T(read(got, buffer, 9));
	wait(NULL);
	close(got);
	close(fd);
}

/* A child writes more bytes than the buffer holds. */
static void streaming(void)
{
	int fd[2], status;
	long total = 0, got;
	unsigned sum = 0;

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	fflush(stdout);
	if (fork() == 0) {
		close(fd[0]);
		for (int i = 0; i < (int)sizeof buffer; i++)
			buffer[i] = i * 7;
		for (int i = 0; i < 4; i++)
			if (write(fd[1], buffer, sizeof buffer) != sizeof buffer)
				_exit(1);
		_exit(0);
	}
	close(fd[1]);
	while ((got = read(fd[0], buffer, 7777)) > 0)
		for (total += got; got > 0; got--)
			sum += (unsigned char)buffer[got - 1];
	printf("%ld bytes, sum %u\n", total, sum);
	wait(&status);
	printf("%d\n", status);
	close(fd[0]);
	/* From a file. */
	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	put("text", "sent from a file");
	int file = open("text", O_RDONLY);
	T(sendfile(fd[0], file, NULL, 100));
	T(read(fd[1], buffer, 100));
	T(sendfile(fd[0], fd[1], NULL, 100));
	int ends[2];
	pipe(ends);
	T(write(ends[1], "from a pipe", 11));
	T(splice(ends[0], NULL, fd[0], NULL, 100, 0));
	T(splice(fd[1], NULL, ends[1], NULL, 4, 0));
	T(read(ends[0], buffer, 100));
	printf("%.4s\n", buffer);
}

static void times(void)
{
	int fd[2];
	struct timeval limit = {0, 20000}, got;
	socklen_t length = sizeof got;

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	T(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	T(getsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &got, &length));
	printf("%ld %d %u\n", (long)got.tv_sec, got.tv_usec >= 20000, (unsigned)(length == sizeof got));
	T(read(fd[0], buffer, 9));
	T(setsockopt(fd[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
	T(write(fd[0], buffer, sizeof buffer) < (long)sizeof buffer);
	T(write(fd[0], buffer, 10));
	limit.tv_usec = 1000000;
	T(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	T(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, 4));
	limit.tv_usec = -1;
	T(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	limit = (struct timeval){-5, 0};
	T(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	T(read(fd[0], buffer, 9));
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	begin();
	signal(SIGPIPE, SIG_IGN);
	killed_by_writing(0);
	killed_by_writing(MSG_NOSIGNAL);
	making();
	ends();
	flags();
	names();
	backlogs();
	streaming();
	times();
	end();
	return 0;
}
