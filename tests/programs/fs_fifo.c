/* covers: kernel/src/vfs/ */
/* FIFOs: blocking opens, reopened pipes, packet mode, sizes; splice, tee and vmsplice. */
#include "fs.h"
#include <signal.h>

static char buffer[200000];

/* The poll events of one descriptor. */
static int ready(int fd)
{
	struct pollfd entry = {fd, POLLIN | POLLOUT, 0};

	poll(&entry, 1, 0);
	return entry.revents;
}

static void opening(void)
{
	int fd[3], status;
	struct stat s;

	T(mkfifo("fifo", 0666));
	T(mkfifo("fifo", 0666));
	T(stat("fifo", &s));
	printf("%o %ld\n", s.st_mode, (long)s.st_size);
	T(open("fifo", O_WRONLY | O_NONBLOCK));
	fd[0] = open("fifo", O_RDONLY | O_NONBLOCK);
	/* Before the first writer: no POLLHUP. */
	T(ready(fd[0]));
	T(read(fd[0], buffer, 1));
	fd[1] = open("fifo", O_WRONLY | O_NONBLOCK);
	T(fd[1] > 0);
	T(read(fd[0], buffer, 1));
	T(write(fd[1], "abc", 3));
	T(ready(fd[0]));
	T(fcntl(fd[0], F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	T(close(fd[1]));
	T(ready(fd[0]));
	T(read(fd[0], buffer, 9));
	T(read(fd[0], buffer, 9));
	T(ready(fd[0]));
	T(close(fd[0]));
	/* O_RDWR doesn't block: the descriptor is both reader and writer. */
	fd[0] = open("fifo", O_RDWR);
	T(write(fd[0], "self", 4));
	T(lseek(fd[0], 0, SEEK_CUR));
	T(read(fd[0], buffer, 9));
	fd[1] = open("fifo", O_RDONLY);
	fd[2] = open("fifo", O_WRONLY);
	T(write(fd[2], "two", 3));
	T(fstat(fd[1], &s));
	printf("%o\n", s.st_mode);
	T(read(fd[1], buffer, 9));
	T(unlink("fifo"));
	/* A new file with the same name is a new pipe. */
	T(mkfifo("fifo", 0600));
	T(open("fifo", O_WRONLY | O_NONBLOCK));
	T(write(fd[2], "old", 3));
	T(read(fd[0], buffer, 9));
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	/* Closing the last descriptor discards unread bytes. */
	fd[0] = open("fifo", O_RDWR);
	write(fd[0], "lost", 4);
	close(fd[0]);
	fd[0] = open("fifo", O_RDWR | O_NONBLOCK);
	T(read(fd[0], buffer, 9));
	close(fd[0]);
	/* Each end's open waits for the other. */
	fflush(stdout);
	if (fork() == 0) {
		int out = open("fifo", O_WRONLY);
		write(out, "hello from the child", 20);
		_exit(0);
	}
	fd[0] = open("fifo", O_RDONLY);
	long got = 0, more;
	while ((more = read(fd[0], buffer + got, 100)) > 0)
		got += more;
	printf("[%.*s] %ld\n", (int)got, buffer, more);
	close(fd[0]);
	wait(&status);
	fflush(stdout);
	if (fork() == 0) {
		int in = open("fifo", O_RDONLY);
		_exit(read(in, buffer, 5));
	}
	fd[1] = open("fifo", O_WRONLY);
	T(write(fd[1], "12345", 5));
	wait(&status);
	printf("%d\n", WEXITSTATUS(status));
	signal(SIGPIPE, SIG_IGN);
	T(write(fd[1], "x", 1));
	signal(SIGPIPE, SIG_DFL);
	close(fd[1]);
	T(truncate("fifo", 0));
	T(open("fifo", O_RDONLY | O_DIRECTORY));
	T(unlink("fifo"));
}

static void reopened_by_proc(void)
{
	int fd[2], again;

	pipe(fd);
	sprintf(buffer, "/proc/self/fd/%d", fd[1]);
	again = open(buffer, O_WRONLY);
	T(write(again, "x", 1));
	T(close(fd[1]));
	T(read(fd[0], buffer, 9));
	T(write(again, "y", 1));
	T(close(again));
	T(read(fd[0], buffer, 9));
	T(read(fd[0], buffer, 9));
	close(fd[0]);
}

static void sizes(void)
{
	int fd[2];
	long total = 0, got;

	pipe2(fd, O_NONBLOCK);
	T(fcntl(fd[0], F_GETPIPE_SZ));
	T(fcntl(fd[0], F_SETPIPE_SZ, 5000));
	T(fcntl(fd[1], F_GETPIPE_SZ));
	while ((got = write(fd[1], buffer, 1000)) > 0)
		total += got;
	printf("%ld %s\n", total, strerror(errno));
	T(ready(fd[1]));
	T(fcntl(fd[1], F_SETPIPE_SZ, 4096));
	T(fcntl(fd[1], F_SETPIPE_SZ, 0));
	T(fcntl(fd[1], F_SETPIPE_SZ, 100000));
	T(write(fd[1], buffer, 200000));
	T(ioctl(fd[0], FIONREAD, &got) + (int)got);
	T(read(fd[0], buffer, 200000));
	T(fcntl(0, F_GETFD) < 0 ? 0 : fcntl(open("/", O_RDONLY), F_GETPIPE_SZ));
	close(fd[0]);
	close(fd[1]);
	/* Short writes share a page; a write that doesn't fit into it takes a new one. */
	pipe2(fd, O_NONBLOCK);
	total = 0;
	while ((got = write(fd[1], buffer, 3000)) > 0)
		total += got;
	printf("%ld\n", total);
	T(write(fd[1], buffer, 1000));
	T(write(fd[1], buffer, 1000));
	T(read(fd[0], buffer, 3500));
	T(write(fd[1], buffer, 5000));
	close(fd[0]);
	close(fd[1]);
}

static void packets(void)
{
	int fd[2];

	T(pipe2(fd, O_DIRECT | O_NONBLOCK));
	T(fcntl(fd[1], F_GETFL) & O_DIRECT);
	T(write(fd[1], "first", 5));
	T(write(fd[1], "second", 6));
	T(read(fd[0], buffer, 100));
	T(read(fd[0], buffer, 3));
	T(read(fd[0], buffer, 100));
	close(fd[0]);
	close(fd[1]);
}

static void splicing(void)
{
	int a[2], b[2], file, out;
	loff_t at = 2;
	struct iovec parts[2] = {{"one ", 4}, {"two", 3}};

	pipe2(a, O_NONBLOCK);
	pipe2(b, O_NONBLOCK);
	put("source", "0123456789");
	file = open("source", O_RDONLY);
	out = open("copy", O_RDWR | O_CREAT, 0600);
	T(splice(file, &at, a[1], NULL, 5, 0));
	T(at);
	T(splice(file, NULL, a[1], NULL, 100, 0));
	T(lseek(file, 0, SEEK_CUR));
	T(splice(file, NULL, a[1], NULL, 100, 0));
	T(tee(a[0], b[1], 8, 0));
	T(tee(a[0], a[1], 8, 0));
	T(read(b[0], buffer, 100));
	printf("%.8s\n", buffer);
	T(splice(a[0], NULL, b[1], NULL, 6, 0));
	/* Both pipes share the page: bytes appended to one must not appear in the other. */
	T(write(a[1], "added", 5));
	T(write(b[1], "!", 1));
	T(read(b[0], buffer, 100));
	printf("%.7s\n", buffer);
	T(splice(a[0], NULL, out, NULL, 4, 0));
	at = 6;
	T(splice(a[0], NULL, out, &at, 100, 0));
	T(at);
	T(lseek(out, 0, SEEK_CUR));
	T(splice(a[0], NULL, out, NULL, 100, 0));
	show("copy");
	T(splice(a[0], &at, out, NULL, 100, 0));
	T(splice(file, NULL, out, NULL, 100, 0));
	T(splice(a[0], NULL, a[1], NULL, 100, 0));
	T(splice(a[0], NULL, b[1], NULL, 100, 99));
	T(splice(a[1], NULL, b[1], NULL, 100, 0));
	T(splice(99, NULL, b[1], NULL, 100, 0));
	T(tee(a[0], out, 100, 0));
	T(tee(a[0], b[1], 100, 0));
	T(vmsplice(a[1], parts, 2, 0));
	T(vmsplice(out, parts, 2, 0));
	T(read(a[0], buffer, 100));
	printf("%.7s\n", buffer);
	T(write(a[1], "fetched", 7));
	parts[0] = (struct iovec){buffer, 3};
	parts[1] = (struct iovec){buffer + 10, 100};
	T(vmsplice(a[0], parts, 2, SPLICE_F_NONBLOCK));
	printf("%.3s %.4s\n", buffer, buffer + 10);
	T(vmsplice(a[0], parts, 2, SPLICE_F_NONBLOCK));
	close(a[1]);
	T(splice(a[0], NULL, out, NULL, 100, 0));
	T(splice(a[0], NULL, b[1], NULL, 100, 0));
	close(a[0]);
	signal(SIGPIPE, SIG_IGN);
	close(b[0]);
	T(splice(file, &(loff_t){0}, b[1], NULL, 5, 0));
	signal(SIGPIPE, SIG_DFL);
	close(b[1]);
	/* More than a pipe holds, through a child. */
	pipe(a);
	memset(buffer, 's', sizeof buffer);
	file = open("big", O_RDWR | O_CREAT, 0600);
	write(file, buffer, sizeof buffer);
	lseek(file, 0, SEEK_SET);
	fflush(stdout);
	if (fork() == 0) {
		close(a[0]);
		while (splice(file, NULL, a[1], NULL, 150000, 0) > 0)
			;
		_exit(0);
	}
	close(a[1]);
	long total = 0, got;
	while ((got = splice(a[0], NULL, out, NULL, 150000, 0)) > 0)
		total += got;
	printf("%ld %ld\n", total, got);
	wait(NULL);
	close(a[0]);
}

static void sending(void)
{
	int fd[2], file, out;
	off_t at = 3;

	pipe2(fd, O_NONBLOCK);
	put("text", "the quick brown fox");
	file = open("text", O_RDONLY);
	out = open("sent", O_RDWR | O_CREAT | O_TRUNC, 0600);
	T(sendfile(fd[1], file, NULL, 4));
	T(sendfile(fd[1], file, &at, 100));
	T(at);
	T(lseek(file, 0, SEEK_CUR));
	T(read(fd[0], buffer, 100));
	printf("%.20s\n", buffer);
	T(sendfile(out, file, NULL, 100));
	T(sendfile(out, file, NULL, 100));
	T(sendfile(out, fd[0], NULL, 100));
	T(sendfile(out, fd[0], &at, 100));
	T(sendfile(file, out, NULL, 100));
	T(sendfile(99, file, NULL, 100));
	at = -1;
	T(sendfile(out, file, &at, 100));
	T(sendfile(out, file, (off_t *)8, 100));
	show("sent");
	/* sendfile transfers what fits into the pipe. */
	close(file);
	file = open("big", O_RDONLY);
	T(sendfile(fd[1], file, NULL, 200000));
	T(lseek(file, 0, SEEK_CUR));
	T(sendfile(fd[1], file, NULL, 200000));
	fcntl(out, F_SETFL, O_APPEND);
	T(sendfile(out, file, NULL, 100));
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	begin();
	opening();
	reopened_by_proc();
	sizes();
	packets();
	splicing();
	sending();
	end();
	return 0;
}
