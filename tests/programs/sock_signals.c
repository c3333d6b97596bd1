/* covers: kernel/src/net/ kernel/src/vfs/ */
/* Signals during blocking pipe and socket calls: without SA_RESTART the call fails with EINTR; with
   SA_RESTART it continues until its condition holds. The handler satisfies the condition in its third
   run. */
#include "sock.h"

static int ends[2], pair[2], other[2], server, client, stranger, receiver;
static int calls;
static void (*help)(void);

static void on_alarm(int number)
{
	int error = errno;

	(void)number;
	if (++calls == 3 && help)
		help();
	errno = error;
}

static void write_pipe(void)
{
	if (write(ends[1], "pipe", 4) < 0)
		_exit(90);
}

static long read_pipe(void)
{
	return read(ends[0], buffer, 9);
}

static void drain_pipe(void)
{
	if (read(ends[0], buffer, 65536) < 0)
		_exit(91);
}

/* The pipe is full. */
static long write_full_pipe(void)
{
	return write(ends[1], buffer, 5000);
}

static long splice_pipe(void)
{
	return splice(ends[0], NULL, other[1], NULL, 9, 0);
}

static void write_socket(void)
{
	if (write(pair[1], "socket", 6) < 0)
		_exit(92);
}

static long read_socket(void)
{
	return read(pair[0], buffer, 9);
}

/* The two queued bytes must not be lost. */
static long wait_for_all(void)
{
	return recv(pair[0], buffer, 8, MSG_WAITALL);
}

static void drain_socket(void)
{
	while (recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT) > 0)
		;
}

/* The socket is full. */
static long write_full_socket(void)
{
	return write(pair[0], "x", 1);
}

static long receive_datagram(void)
{
	return recv(receiver, buffer, 9, 0);
}

static void send_datagram(void)
{
	if (sendto(stranger, "datagram", 8, MSG_DONTWAIT, AT(unique("signals"))) < 0)
		_exit(93);
}

/* The receiver's queue is full. */
static long send_to_full_queue(void)
{
	return sendto(stranger, "one more", 8, 0, AT(unique("signals")));
}

static void drain_datagrams(void)
{
	while (recv(receiver, buffer, 9, MSG_DONTWAIT) > 0)
		;
}

static long accept_one(void)
{
	return accept(server, NULL, NULL) > 0;
}

static void connect_one(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (connect(fd, AT(unique("server"))) < 0)
		_exit(94);
}

/* The server's queue is full. */
static long connect_late(void)
{
	return connect(client, AT(unique("server")));
}

static void accept_all(void)
{
	fcntl(server, F_SETFL, O_NONBLOCK);
	while (accept(server, NULL, NULL) >= 0)
		;
}

static long open_to_read(void)
{
	return open("fifo", O_RDONLY) > 0;
}

static long open_to_write(void)
{
	return open("fifo", O_WRONLY) > 0;
}

static void open_both(void)
{
	if (open("fifo", O_RDWR | O_NONBLOCK) < 0)
		_exit(95);
}

/* A call with a timeout doesn't restart. */
static long read_with_limit(void)
{
	struct timeval limit = {1000, 0};

	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return read(pair[0], buffer, 9);
}

static void nothing(void) {}

static void fill_pipe(void)
{
	while (write(ends[1], buffer, 4096) == 4096 && ready(ends[1]))
		;
}

static void fill_socket(void)
{
	while (send(pair[0], buffer, 10000, MSG_DONTWAIT) > 0)
		;
}

static void put_two(void)
{
	write_socket();
	if (read(pair[0], buffer, 4) != 4)
		_exit(96);
}

static void fill_receiver(void)
{
	while (sendto(stranger, "x", 1, MSG_DONTWAIT, AT(unique("signals"))) > 0)
		;
}

static const struct {
	const char *name;
	long (*call)(void);
	void (*prepare)(void), (*help)(void);
} waits[] = {
	{"read a pipe", read_pipe, nothing, write_pipe},
	{"write a pipe", write_full_pipe, fill_pipe, drain_pipe},
	{"splice", splice_pipe, nothing, write_pipe},
	{"read a socket", read_socket, nothing, write_socket},
	{"MSG_WAITALL", wait_for_all, put_two, write_socket},
	{"write a socket", write_full_socket, fill_socket, drain_socket},
	{"receive", receive_datagram, nothing, send_datagram},
	{"send to a full queue", send_to_full_queue, fill_receiver, drain_datagrams},
	{"accept", accept_one, nothing, connect_one},
	{"connect", connect_late, connect_one, accept_all},
	{"open to read", open_to_read, nothing, open_both},
	{"open to write", open_to_write, nothing, open_both},
	{"read with a limit", read_with_limit, nothing, write_socket},
};

/* Makes the blocking call, with a signal every 5 ms. */
static void wait_in_child(size_t index, int flags)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
	struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};

	pipe(ends);
	pipe(other);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	server = listener(SOCK_STREAM, unique("server"), 0);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	stranger = socket(AF_UNIX, SOCK_DGRAM, 0);
	receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
	bind(receiver, AT(unique("signals")));
	mkfifo("fifo", 0600);
	waits[index].prepare();
	help = flags & SA_RESTART ? waits[index].help : NULL;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	errno = 0;
	long result = waits[index].call();
	int error = errno;
	setitimer(ITIMER_REAL, &never, NULL);
	printf("%s, flags %x: %ld %s, %s\n", waits[index].name, flags, result, result < 0 ? strerror(error) : "",
		help ? calls >= 3 ? "helped" : "alone" : "");
	fflush(stdout);
	unlink("fifo");
	_exit(0);
}

int main(void)
{
	begin();
	unique("");
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		for (int restart = 0; restart < 2; restart++) {
			int status;

			fflush(stdout);
			if (fork() == 0)
				wait_in_child(i, restart ? SA_RESTART : 0);
			wait(&status);
			if (status)
				printf("%s: status %x\n", waits[i].name, status);
		}
	}
	end();
	return 0;
}
