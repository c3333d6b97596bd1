/* covers: kernel/src/net/ kernel/src/vfs/ */
/* Random use of shared sockets, pipes and FIFOs by processes that are killed at random times: nothing
   may leak.

   Usage: sock_storm [ROUNDS [SEED]] */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "children.h"
#include "random.h"

enum { CHILDREN = 4, STEPS = 1500, FILES = 48, TOLERATED_KB = 256 };

static char bytes[100000];

/* A descriptor, open or not. */
static int any(void)
{
	return 3 + below(FILES);
}

static size_t any_size(void)
{
	return below(3) ? below(100) : below(sizeof bytes);
}

static int any_type(void)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

	return types[below(3)] | SOCK_NONBLOCK;
}

/* One of few names, so that they collide. */
static socklen_t any_name(struct sockaddr_un *address)
{
	int number = below(6);

	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	if (below(2))
		return 2 + 1 + sprintf(address->sun_path + 1, "name%d", number);
	return 2 + 1 + sprintf(address->sun_path, "/tmp/name%d", number);
}

static void pass_descriptors(int through)
{
	char control[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct iovec part = {bytes, below(200)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
	struct cmsghdr *header = (struct cmsghdr *)control;
	int files[4], count = 1 + below(4);

	for (int i = 0; i < count; i++)
		files[i] = any();
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	memcpy(CMSG_DATA(header), files, count * sizeof(int));
	sendmsg(through, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void receive_descriptors(int from)
{
	char control[100];
	struct iovec part = {bytes, any_size()};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};

	message.msg_controllen = below(sizeof control);
	recvmsg(from, &message, MSG_DONTWAIT | (below(4) ? 0 : MSG_PEEK));
}

static void step(void)
{
	struct sockaddr_un address;
	struct pollfd entries[3] = {{any(), 5, 0}, {any(), 1, 0}, {any(), 4, 0}};
	socklen_t length = any_name(&address);
	int fd = any(), pair[2], one = 1;

	switch (below(22)) {
	case 0: socketpair(AF_UNIX, any_type(), 0, pair); break;
	case 1: pipe2(pair, O_NONBLOCK | (below(4) ? 0 : O_DIRECT)); break;
	case 2: socket(AF_UNIX, any_type(), 0); break;
	case 3: bind(fd, (struct sockaddr *)&address, length); break;
	case 4: listen(fd, below(3)); break;
	case 5:
	case 6: connect(fd, (struct sockaddr *)&address, length); break;
	case 7: accept4(fd, NULL, NULL, SOCK_NONBLOCK); break;
	case 8:
	case 9: send(fd, bytes, any_size(), MSG_DONTWAIT | MSG_NOSIGNAL); break;
	case 10: sendto(fd, bytes, any_size(), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, length); break;
	case 11: recv(fd, bytes, any_size(), MSG_DONTWAIT | (below(4) ? 0 : MSG_PEEK)); break;
	case 12:
	case 13: pass_descriptors(fd); break;
	case 14: receive_descriptors(fd); break;
	case 15:
		close(fd);
		close(any());
		break;
	case 16:
		splice(fd, NULL, any(), NULL, any_size(), SPLICE_F_NONBLOCK);
		tee(any(), any(), any_size(), SPLICE_F_NONBLOCK);
		break;
	case 17:
		write(fd, bytes, any_size());
		read(any(), bytes, any_size());
		break;
	case 18: shutdown(fd, below(3)); break;
	case 19:
		mkfifo(address.sun_path, 0600);
		open(address.sun_path, O_NONBLOCK | below(3));
		unlink(address.sun_path);
		break;
	case 20:
		setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
		fcntl(fd, F_SETPIPE_SZ, 4096 << below(6));
		break;
	default: poll(entries, 3, below(3));
	}
}

static void run_child(unsigned seed)
{
	seed_random(seed);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < STEPS; i++)
		step();
	_exit(0);
}

/* Opens files, forks children that share them, and kills the children when the first one exits. */
static void storm(unsigned seed)
{
	int pid[CHILDREN];

	seed_random(seed);
	for (int i = 0; i < 200; i++)
		step();
	for (int i = 0; i < CHILDREN; i++)
		if ((pid[i] = fork()) == 0)
			run_child(seed * CHILDREN + i);
	waitpid(pid[0], NULL, 0);
	for (int i = 1; i < CHILDREN; i++)
		kill(pid[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	close_range(3, ~0u, 0);
	/* The close of a socket collects reference cycles of sockets in flight. */
	close(socket(AF_UNIX, SOCK_STREAM, 0));
}

int main(int count, char **words)
{
	int rounds = count > 1 ? atoi(words[1]) : 20;
	unsigned seed = count > 2 ? atoi(words[2]) : 1;
	long before, lost;

	only_as_init();
	signal(SIGPIPE, SIG_IGN);
	mkdir("/tmp", 01777);
	/* The kernel's tables grow during the first rounds. */
	for (int i = 0; i < 3; i++)
		storm(seed + i);
	before = memory_info("MemFree");
	for (int i = 0; i < rounds; i++)
		storm(seed + 3 + i);
	lost = before - memory_info("MemFree");
	printf("%d storms: %ld kB lost\n", rounds, lost);
	printf(lost > TOLERATED_KB ? "memory was lost\n" : "nothing was lost\n");
	return lost > TOLERATED_KB;
}
