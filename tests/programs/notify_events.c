/* covers: kernel/src/vfs/ */
/* inotify events of each call, on a watched directory and on a watched file. */
#include "notify.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <utime.h>

static char text[100] = "twelve bytes";

static int exchange(const char *first, const char *second)
{
	return syscall(SYS_renameat2, AT_FDCWD, first, AT_FDCWD, second, 2);
}

static int unless_there(const char *from, const char *to)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 1);
}

static int list(int fd, char *entries, int size)
{
	return syscall(SYS_getdents64, fd, entries, size);
}

static void names(void)
{
	struct sockaddr_un address = {AF_UNIX, "d/socket"};
	int fd, sock = socket(AF_UNIX, SOCK_STREAM, 0);

	E(fd = open("d/new", O_CREAT | O_RDWR, 0644));
	E(close(fd));
	E(close(creat("d/new", 0644)));
	E(close(open("d/new", O_RDWR | O_TRUNC)));
	E(open("d/new", O_RDWR | O_CREAT | O_EXCL, 0644));
	E(open("d/missing", O_RDONLY));
	E(close(open("d/new", O_PATH)));
	E(mkdir("d/dir", 0755));
	E(mkdir("d/dir", 0755));
	E(mknod("d/node", S_IFREG | 0644, 0));
	E(mknod("d/null", S_IFCHR | 0644, makedev(1, 3)));
	E(mkfifo("d/fifo", 0644));
	E(symlink("new", "d/link"));
	E(bind(sock, (struct sockaddr *)&address, sizeof address));
	E(link("d/new", "d/second"));
	E(link("d/new", "d/second"));
	E(unlink("d/second"));
	E(unlink("d/socket"));
	E(unlink("d/missing"));
	E(rename("d/new", "d/newer"));
	E(rename("d/newer", "e/newer"));
	E(rename("e/newer", "d/new"));
	E(rename("d/new", "d/new"));
	E(rename("d/dir", "e/a-directory-with-a-long-name"));
	E(rename("e/a-directory-with-a-long-name", "d/dir"));
	E(rename("d/new", "d/node"));
	E(exchange("d/node", "d/dir"));
	E(exchange("d/node", "d/dir"));
	E(unless_there("d/node", "d/fifo"));
	E(rmdir("d/node"));
	E(rmdir("d/dir"));
	E(unlink("d/fifo"));
	E(unlink("d/link"));
	E(unlink("d/null"));
	E(unlink("d/node"));
	close(sock);
}

static void bytes(void)
{
	struct iovec pieces[2] = {{text, 6}, {text + 6, 6}};
	int fd;

	E(fd = open("d/f", O_RDWR));
	E(write(fd, text, 12));
	E(write(fd, text, 0));
	E(read(fd, text, 12));
	E(lseek(fd, 0, SEEK_SET));
	E(read(fd, text, 12));
	E(read(fd, text, 0));
	E(readv(fd, pieces, 2));
	E(readv(fd, pieces, 0));
	E(pread(fd, text, 5, 3));
	E(pwrite(fd, text, 5, 3));
	E(writev(fd, pieces, 2));
	E(writev(fd, pieces, 0));
	E(preadv(fd, pieces, 2, 0));
	E(pwritev(fd, pieces, 2, 0));
	E(read(fd, (void *)8, 5));
	E(pread(fd, (void *)8, 5, 0));
	E(fsync(fd));
	E(ftruncate(fd, 5));
	E(ftruncate(fd, 5));
	E(truncate("d/f", 20));
	E(truncate("d/f", -1));
	E(fallocate(fd, 0, 0, 40));
	E(fallocate(fd, 3, 0, 10));
	E(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	/* Adjacent equal events in the queue are merged. */
	T(pread(fd, text, 5, 0));
	T(pread(fd, text, 5, 0));
	T(pwrite(fd, text, 5, 0));
	E(pread(fd, text, 5, 0));
	E(dup2(fd, 100));
	E(close(fd));
	E(close(100));
	fd = open("d/f", O_RDONLY);
	events();
	T(dup2(fd, 101));
	T(close(fd));
	E(close(101));
}

/* Transfers between files. Later kernels report more events of splice(2). */
static void transfers(void)
{
	int from = open("d/f", O_RDWR), to = open("d/to", O_RDWR | O_CREAT, 0644), pipes[2];
	off_t at = 0;
	loff_t place = 0;

	pipe(pipes);
	events();
	E(sendfile(to, from, &at, 5));
	E(sendfile(to, from, &at, 0));
	at = 1000;
	E(sendfile(to, from, &at, 5));
	E(copy_file_range(from, &place, to, NULL, 5, 0));
	E(sendfile(pipes[1], from, NULL, 5));
	E(splice(pipes[0], NULL, to, NULL, 5, 0));
	E(splice(from, NULL, pipes[1], NULL, 5, 0));
	E(close(from));
	E(close(to));
	E(unlink("d/to"));
}

static void attributes(void)
{
	struct timespec times[2] = {{1, 0}, {2, 0}};
	struct timespec first[2] = {{1, 0}, {0, UTIME_OMIT}}, second[2] = {{0, UTIME_OMIT}, {1, 0}};
	struct timespec none[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}}, now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	int fd = open("d/f", O_RDWR);

	events();
	E(chmod("d/f", 0600));
	E(chmod("d/f", 0600));
	E(fchmod(fd, 0644));
	E(chown("d/f", 0, 0));
	E(chown("d/f", -1, -1));
	E(fchown(fd, 0, -1));
	E(utimensat(AT_FDCWD, "d/f", times, 0));
	E(utimensat(AT_FDCWD, "d/f", first, 0));
	E(utimensat(AT_FDCWD, "d/f", second, 0));
	E(utimensat(AT_FDCWD, "d/f", none, 0));
	E(utimensat(AT_FDCWD, "d/f", now, 0));
	E(utimensat(AT_FDCWD, "d/f", NULL, 0));
	E(futimens(fd, times));
	E(utime("d/f", NULL));
	E(setxattr("d/f", "trusted.a", "value", 5, 0));
	E(setxattr("d/f", "trusted.a", "value", 5, XATTR_CREATE));
	E(getxattr("d/f", "trusted.a", text, 0));
	E(removexattr("d/f", "trusted.a"));
	E(removexattr("d/f", "trusted.a"));
	E(chmod("d", 0711));
	E(chmod("d/sub", 0711));
	E(setxattr("d", "trusted.a", "value", 5, 0));
	E(access("d/f", R_OK));
	struct stat s;
	E(stat("d/f", &s));
	/* chown, write and truncate that clear set-ID bits. */
	E(chmod("d/f", 06777));
	E(chown("d/f", 1000, 1000));
	E(chmod("d/f", 06777));
	E(chown("d/f", -1, -1));
	E(chmod("d/f", 06777));
	if (fork() == 0) {
		setresuid(1001, 1001, 1001);
		_exit(pwrite(fd, "x", 1, 0) != 1);
	}
	wait(NULL);
	events();
	E(chmod("d/f", 06777));
	if (fork() == 0) {
		setresuid(1001, 1001, 1001);
		_exit(ftruncate(fd, 3));
	}
	wait(NULL);
	events();
	E(close(fd));
	E(chown("d/f", 0, 0));
}

static void directories(void)
{
	char entries[4096];
	int fd;

	E(fd = open("d", O_RDONLY | O_DIRECTORY));
	E(list(fd, entries, sizeof entries) > 0);
	E(list(fd, entries, sizeof entries));
	E(list(fd, entries, 5));
	E(lseek(fd, 0, SEEK_SET));
	E(list(fd, entries, 5));
	E(close(fd));
	E(fd = open("d/sub", O_RDONLY));
	E(list(fd, entries, sizeof entries) > 0);
	E(close(fd));
	E(chdir("d/sub"));
	E(chdir("../.."));
}

static void unnamed(void)
{
	int fd = open("d", O_RDWR | O_TMPFILE, 0644);
	struct stat s;

	if (fd < 0 || fstat(fd, &s))
		printf("O_TMPFILE: %s\n", strerror(errno));
	/* The name of an unnamed file in events is '#' and its inode number. */
	T(write(fd, text, 5));
	static char buffer[4096] __attribute__((aligned(8)));
	ssize_t size = read(instance, buffer, sizeof buffer);
	for (ssize_t at = 0; at < size;) {
		struct inotify_event *event = (void *)(buffer + at);

		printf("    %x %s\n", event->mask, event->len ? event->name[0] == '#' ? "#" : event->name : "");
		at += sizeof *event + event->len;
	}
	E(linkat(fd, "", AT_FDCWD, "d/linked", AT_EMPTY_PATH));
	int wd = watch("d/linked", IN_ALL_EVENTS);
	T(pread(fd, text, 1, 0));
	close(fd);
	size = read(instance, buffer, sizeof buffer);
	for (ssize_t at = 0; at < size;) {
		struct inotify_event *event = (void *)(buffer + at);

		printf("    %d %x %s\n", event->wd == wd, event->mask,
			event->len ? event->name[0] == '#' ? "#" : event->name : "");
		at += sizeof *event + event->len;
	}
	E(unlink("d/linked"));
}

static void special_files(void)
{
	int fd, other;

	mkfifo("d/fifo", 0644);
	mknod("d/null", S_IFCHR | 0644, makedev(1, 3));
	events();
	watch("d/fifo", IN_ALL_EVENTS);
	watch("d/null", IN_ALL_EVENTS);
	E(fd = open("d/fifo", O_RDWR));
	E(write(fd, text, 5));
	E(read(fd, text, 5));
	E(other = open("d/fifo", O_RDONLY | O_NONBLOCK));
	E(read(other, text, 5));
	E(close(other));
	E(close(fd));
	E(open("d/fifo", O_WRONLY | O_NONBLOCK));
	E(fd = open("d/null", O_RDWR));
	E(write(fd, text, 5));
	E(read(fd, text, 5));
	E(close(fd));
	E(unlink("d/fifo"));
	E(unlink("d/null"));
}

int main(void)
{
	begin_watching();
	mkdir("d", 0755);
	mkdir("e", 0755);
	mkdir("d/sub", 0755);
	put("d/f", "content");
	chmod("d/f", 0644);
	watch("d", IN_ALL_EVENTS);
	watch("e", IN_ALL_EVENTS);
	watch("d/f", IN_ALL_EVENTS);
	watch("d/sub", IN_ALL_EVENTS);
	names();
	bytes();
	transfers();
	attributes();
	directories();
	unnamed();
	special_files();
	E(unlink("d/f"));
	E(rename("d/sub", "e/sub"));
	E(rmdir("e/sub"));
	E(rmdir("d"));
	E(rmdir("e"));
	end();
	return 0;
}
