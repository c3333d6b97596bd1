/* covers: kernel/src/syscall/ kernel/src/vfs/ kernel/src/net/ */
/* Boundary values in calls on files, pipes and sockets (numbers.h). The output is the same on
   Linux. */
#include "numbers.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* The calls with 32-bit IDs. */
#ifdef SYS_setgroups32
#define GETGROUPS SYS_getgroups32
#define SETGROUPS SYS_setgroups32
#else
#define GETGROUPS SYS_getgroups
#define SETGROUPS SYS_setgroups
#endif

static int file, other, in, out;

/* Resets the files: 10,000 bytes, position 5. */
static int reset(void)
{
	ftruncate(file, 10000);
	lseek(file, 5, SEEK_SET);
	ftruncate(other, 0);
	lseek(other, 0, SEEK_SET);
	return 1;
}

static long long and_position(long long result)
{
	int error = errno;

	printf(" [%lld]", (long long)lseek(file, 0, SEEK_CUR));
	errno = error;
	return result;
}

static void positions(void)
{
	EACH("lseek SET", reset(), lseek(file, v, SEEK_SET));
	EACH("lseek CUR", reset(), lseek(file, v, SEEK_CUR));
	EACH("lseek END", reset(), lseek(file, v, SEEK_END));
	EACH("lseek DATA", reset(), lseek(file, v, SEEK_DATA));
	EACH("lseek HOLE", reset(), lseek(file, v, SEEK_HOLE));
	EACH("lseek and read", reset() && lseek(file, v, SEEK_SET) >= 0, and_position(read(file, pages, 10)));
	EACH("lseek and write", reset() && lseek(file, v, SEEK_SET) >= 0, and_position(write(file, pages, 10)));
	EACH("pread", reset(), pread(file, pages, 10, v));
	EACH("pwrite", reset(), pwrite(file, pages, 10, v));
	EACH("pwrite of nothing", reset(), pwrite(file, pages, 0, v));
	EACH("ftruncate", reset(), ftruncate(file, v));
	EACH("hole from", reset(), fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, v, 100));
	EACH("hole of", reset(), fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, v));
	EACH("allocate from", reset() && (v < 0 || v > LLONG_MAX - PAGE), fallocate(file, 0, v, PAGE));
	EACH("allocate", reset() && v < 2, fallocate(file, 0, 1, v));
}

static void lengths(void)
{
	struct iovec part = {0}, parts[2] = {{0}};

	EACH("read", reset(), read(file, pages, V_SIZE));
	EACH("write", reset(), write(file, pages, V_SIZE));
	EACH("readv", reset() && (v < 0 || V_SIZE < (1ull << 47) - PAGE) && (part = (struct iovec){pages, V_SIZE}, 1),
		readv(file, &part, 1));
	EACH("writev", reset() && (v < 0 || V_SIZE < (1ull << 47) - PAGE) && (part = (struct iovec){pages, V_SIZE}, 1),
		writev(file, &part, 1));
	EACH("readv of two",
		reset() && (parts[0] = (struct iovec){pages, 10}, parts[1] = (struct iovec){pages + 10, V_SIZE}, 1),
		readv(file, parts, 2));
	EACH("preadv", reset() && (part = (struct iovec){pages, 10}, 1), preadv(file, &part, 1, v));
	EACH("pwritev", reset() && (part = (struct iovec){pages, 10}, 1), pwritev(file, &part, 1, v));
	EACH("number of parts", reset() && (v < 1 || v > 1024), syscall(SYS_readv, file, &part, V_LONG));
	EACH("getcwd", v != 1 && v != 0, syscall(SYS_getcwd, pages, V_SIZE) > 0);
	EACH("readlink", 1, readlink("/proc/self/exe", pages, V_SIZE) > 0);
	EACH("getgroups", v < 0 || v > 65536, syscall(GETGROUPS, V_LONG, pages) >= 0 ? 0 : -1);
	EACH("setgroups", v < 0 || v > 65536, syscall(SETGROUPS, V_LONG, NULL));
}

static void between_files(void)
{
	off_t from, to;

	EACH("sendfile from", reset() && (from = v, 1), sendfile(other, file, &from, 10));
	EACH("sendfile of", reset() && (from = 0, 1), sendfile(other, file, &from, V_SIZE));
	EACH("copy from", reset() && (from = v, to = 0, 1), copy_file_range(file, &from, other, &to, 10, 0));
	EACH("copy to", reset() && (from = 0, to = v, 1), copy_file_range(file, &from, other, &to, 10, 0));
	EACH("copy of", reset() && (from = 0, to = 0, 1), copy_file_range(file, &from, other, &to, V_SIZE, 0));
	EACH("splice from", reset() && (from = v, 1), splice(file, &from, out, NULL, 10, SPLICE_F_NONBLOCK));
	EACH("splice to", reset() && (to = v, write(out, "0123456789", 10)),
		splice(in, NULL, other, &to, 10, SPLICE_F_NONBLOCK));
	while (read(in, pages, 100) > 0)
		;
}

static void locks(void)
{
	struct flock lock;

	for (int whence = SEEK_SET; whence <= SEEK_END; whence++) {
		EACH("lock from", reset() && (lock = (struct flock){F_WRLCK, whence, v, 1, 0}, 1),
			fcntl(file, F_SETLK, &lock));
		EACH("lock of", reset() && (lock = (struct flock){F_WRLCK, whence, 100, v, 0}, 1),
			fcntl(file, F_SETLK, &lock));
		EACH("lock of all", reset() && (lock = (struct flock){F_RDLCK, whence, v, 0, 0}, 1),
			fcntl(file, F_SETLK, &lock));
	}
	EACH("F_DUPFD", (int)v < 0 || (int)v > 2000000000, fcntl(file, F_DUPFD, V_LONG));
	EACH("F_SETOWN", v == 0 || v == -(1ll << 31), fcntl(file, F_SETOWN, V_LONG));
	EACH("F_SETOWN_EX", v == 0 || v == -(1ll << 31), fcntl(file, F_SETOWN_EX, &(int[2]){2, v}));
	EACH("F_SETPIPE_SZ", v >= 0 && v <= PAGE + 1, fcntl(out, F_SETPIPE_SZ, V_LONG));
	EACH("dup2", (int)v < 0 || (int)v > 2000000000, dup2(file, V_LONG));
	EACH("close", (int)v < 0 || (int)v > 1000, syscall(SYS_close, V_LONG));
}

static void only(fd_set *set)
{
	FD_ZERO(set);
	FD_SET(out, set);
}

static void waits(void)
{
	int ep = epoll_create1(0);
	struct pollfd fd = {out, POLLOUT, 0};
	struct epoll_event event = {EPOLLOUT, {0}};
	fd_set set;
	struct timeval time;
	struct timespec spec;

	epoll_ctl(ep, EPOLL_CTL_ADD, out, &event);
	EACH("poll of", (unsigned)v < 2 || (unsigned)v > 2000000000, syscall(SYS_poll, &fd, V_LONG, 0));
	EACH("poll for", 1, syscall(SYS_poll, &fd, 1, V_LONG));
	EACH("ppoll for seconds", (spec = (struct timespec){V_LONG, 0}, 1), ppoll(&fd, 1, &spec, NULL));
	EACH("ppoll for ns", (spec = (struct timespec){0, V_LONG}, 1), ppoll(&fd, 1, &spec, NULL));
	EACH("select for seconds", (only(&set), time = (struct timeval){V_LONG, 0}, 1),
		select(out + 1, NULL, &set, NULL, &time));
	EACH("select for us", (only(&set), time = (struct timeval){0, V_LONG}, 1),
		select(out + 1, NULL, &set, NULL, &time));
	EACH("select of", v < 0, select(V_LONG, NULL, NULL, NULL, &(struct timeval){0, 0}));
	EACH("epoll_wait of", 1, epoll_wait(ep, (void *)pages, V_LONG, 0));
	EACH("epoll_wait for", 1, epoll_wait(ep, &event, 1, V_LONG));
	EACH("epoll_create", v < 1, epoll_create(V_LONG));
	close(ep);
}

static void sockets(void)
{
	int pair[2];
	struct iovec part;
	struct msghdr message;
	struct sockaddr_un name = {AF_UNIX, "/not/there"};
	socklen_t length;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	EACH("recv", send(pair[0], "0123456789", 10, 0) == 10, recv(pair[1], pages, V_SIZE, MSG_DONTWAIT));
	while (recv(pair[1], pages, 100, MSG_DONTWAIT) > 0)
		;
	EACH("sendmsg parts", v > 1024 || v < 0,
		(part = (struct iovec){pages, 1}, message = (struct msghdr){.msg_iov = &part, .msg_iovlen = V_SIZE},
			sendmsg(pair[0], &message, 0)));
	EACH("sendmsg control", sizeof(long) == 8 && (v < 0 || v > INT_MAX),
		(part = (struct iovec){pages, 1},
			message = (struct msghdr){.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = pages,
				.msg_controllen = V_SIZE},
			sendmsg(pair[0], &message, 0)));
	EACH("connect", 1, connect(pair[0], (void *)&name, v) < 0 && errno != EINVAL ? 0 : -1);
	EACH("getsockname", (length = v, 1), getsockname(pair[0], (void *)&name, &length));
	EACH("SO_RCVTIMEO seconds", 1,
		setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){V_LONG, 0}, sizeof(struct timeval)));
	EACH("SO_RCVTIMEO us", 1,
		setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, V_LONG}, sizeof(struct timeval)));
	EACH("SO_SNDBUF", 1, setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){v}, sizeof(int)));
	EACH("optlen", v < 4, setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, pages, v));
	EACH("recvmmsg", v <= 0, syscall(SYS_recvmmsg, pair[1], pages, V_LONG & 0, MSG_DONTWAIT, NULL));
}

static void times(void)
{
	struct timespec set[2];
	struct stat is;

	EACH("futimens seconds", (set[0] = set[1] = (struct timespec){V_LONG, 5}, 1),
		futimens(file, set) ? -1 : (fstat(file, &is), is.st_mtime));
	EACH("futimens ns", (set[0] = set[1] = (struct timespec){5, V_LONG}, 1), futimens(file, set));
	EACH("utimes us", 1, syscall(SYS_futimesat, file, NULL, &(struct { long t[4]; }){{5, V_LONG, 5, V_LONG}}));
}

int main(void)
{
	int ends[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	file = memfd_create("numbers", 0);
	other = memfd_create("other", 0);
	(void)!pipe2(ends, O_NONBLOCK);
	in = ends[0], out = ends[1];
	positions();
	lengths();
	between_files();
	locks();
	waits();
	sockets();
	times();
	return 0;
}
