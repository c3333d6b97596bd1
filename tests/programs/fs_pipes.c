/* covers: kernel/src/vfs/ */
/* Pipes: order of bytes, closed ends, limits, and poll. */
#include "fs.h"
#include <signal.h>

static char buffer[200000];

static void ends(void)
{
	int fd[2], status;
	struct stat s;

	T(pipe(fd));
	T(fd[1] - fd[0]);
	T(write(fd[1], "hello", 5));
	T(ioctl(fd[0], FIONREAD, &status));
	T(status);
	T(read(fd[0], buffer, 3));
	T(read(fd[0], buffer, 100));
	T(write(fd[0], "x", 1));
	T(read(fd[1], buffer, 1));
	T(lseek(fd[0], 0, SEEK_SET));
	T(pread(fd[0], buffer, 1, 0));
	T(fstat(fd[0], &s));
	printf("%o\n", s.st_mode);
	T(fcntl(fd[0], F_GETFL));
	T(fcntl(fd[1], F_GETFL) & O_ACCMODE);
	sprintf(buffer, "/proc/self/fd/%d", fd[0]);
	long size = readlink(buffer, buffer + 100, 100);
	printf("%.6s %d\n", buffer + 100, buffer[100 + size - 1]);
	T(ftruncate(fd[1], 0));
	T(fsync(fd[1]));
	T(close(fd[1]));
	T(read(fd[0], buffer, 1));
	T(close(fd[0]));
	T(pipe((int *)8));
	T(pipe2(fd, O_TRUNC));
	T(pipe2(fd, O_NONBLOCK | O_CLOEXEC));
	T(fcntl(fd[0], F_GETFD));
	T(read(fd[0], buffer, 1));
	long total = 0, got;
	while ((got = write(fd[1], buffer, 4096)) > 0)
		total += got;
	printf("%ld %s\n", total, strerror(errno));
	T(write(fd[1], buffer, 1));
	T(read(fd[0], buffer, 4096));
	T(write(fd[1], buffer, 4096));
	struct pollfd fds[] = {{fd[0], POLLIN, 0}, {fd[1], POLLOUT, 0}};
	T(poll(fds, 2, 0));
	printf("%x %x\n", fds[0].revents, fds[1].revents);
	T(close(fd[0]));
	T(poll(fds + 1, 1, 0));
	printf("%x\n", fds[1].revents);
	signal(SIGPIPE, SIG_IGN);
	T(write(fd[1], "x", 1));
	T(close(fd[1]));
	signal(SIGPIPE, SIG_DFL);
}

static void processes(void)
{
	int fd[2], back[2], status;

	pipe(fd);
	pipe(back);
	fflush(stdout);
	if (fork() == 0) {
		unsigned sum = 0;
		long got, total = 0;
		close(fd[1]);
		close(back[0]);
		while ((got = read(fd[0], buffer, 777)) > 0)
			for (total += got; got; got--)
				sum = sum * 31 + (unsigned char)buffer[got - 1];
		dprintf(back[1], "%ld bytes, %s", total, sum ? "some" : "none");
		_exit(3);
	}
	close(fd[0]);
	close(back[1]);
	memset(buffer, 'q', sizeof buffer);
	T(write(fd[1], buffer, sizeof buffer));
	T(close(fd[1]));
	long got = read(back[0], buffer, 100);
	printf("%.*s\n", (int)got, buffer);
	T(read(back[0], buffer, 100));
	T(wait(&status) > 0);
	printf("%d\n", WEXITSTATUS(status));
	/* A write without readers raises SIGPIPE. */
	pipe(fd);
	close(fd[0]);
	fflush(stdout);
	if (fork() == 0) {
		write(fd[1], "x", 1);
		_exit(0);
	}
	wait(&status);
	printf("signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(void)
{
	begin();
	ends();
	processes();
	end();
	return 0;
}
