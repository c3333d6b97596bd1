/* covers: kernel/src/fs/ kernel/src/dev/ */
/* Devices, /proc, poll, and mount. */
#include "fs.h"

static char buffer[70000];

static void devices(void)
{
	static const char *names[] = {"null", "zero", "full", "random", "urandom", "tty"};

	for (int i = 0; i < 5; i++) {
		char path[32];
		struct stat s;
		sprintf(path, "/dev/%s", names[i]);
		stat(path, &s);
		int fd = open(path, O_RDWR);
		printf("%s %o %d:%d opened %d\n", path, s.st_mode & S_IFMT, major(s.st_rdev), minor(s.st_rdev),
			fd >= 0);
		memset(buffer, 1, sizeof buffer);
		T(read(fd, buffer, 10));
		T(i < 3 ? buffer[5] : 0);
		T(read(fd, buffer, 5000));
		T(write(fd, "some", 4));
		T(lseek(fd, 100, SEEK_SET));
		T(lseek(fd, -5000, SEEK_CUR));
		T(lseek(fd, 5, SEEK_END));
		T(lseek(fd, 5, SEEK_HOLE));
		T(lseek(fd, 0, 9));
		T(pread(fd, buffer, 5, 1000));
		T(read(fd, (void *)8, 5));
		T(write(fd, (void *)8, 5));
		T(isatty(fd));
		T(ftruncate(fd, 0));
		T(close(fd));
	}
	int null = open("/dev/null", O_WRONLY | O_TRUNC | O_CREAT, 0644);
	T(read(null, buffer, 1));
	T(close(null));
	T(readlink("/dev/stdin", buffer, sizeof buffer));
	T(readlink("/dev/fd", buffer, sizeof buffer));
	printf("%.13s\n", buffer);
	T(mknod("zero", S_IFCHR | 0666, makedev(1, 5)));
	int zero = open("zero", O_RDONLY);
	T(read(zero, buffer, 3));
	/* What can't be written is given back to a file that has no position. */
	int full = open("/dev/full", O_WRONLY);
	T(sendfile(full, zero, NULL, 100) < 0);
	T(lseek(zero, 0, SEEK_CUR));
	T(close(full));
	T(close(zero));
	T(mknod("none", S_IFCHR | 0666, makedev(199, 5)));
	T(open("none", O_RDONLY));
}

static void processes(void)
{
	char name[64];

	put("file", "of a descriptor");
	int fd = open("file", O_RDONLY);
	sprintf(name, "/proc/self/fd/%d", fd);
	T(readlink(name, buffer, sizeof buffer) == (long)strlen(workplace) + 5);
	show(name);
	T(unlink("file"));
	long size = readlink(name, buffer, sizeof buffer);
	buffer[size] = 0;
	printf("%s\n", strrchr(buffer, '/'));
	show(name);
	T(close(fd));
	show(name);
	T(open("/proc/self/fd/x", O_RDONLY));
	T(open("/proc/0", O_RDONLY));
	T(open("/proc/99999999", O_RDONLY));
	T(access("/proc/self/status", R_OK));
	T(access("/proc/self/none", R_OK));
	T(mkdir("/proc/x", 0755));
	T(unlink("/proc/version"));
	T(chdir("/proc/self"));
	char pid[16], cwd[64];
	sprintf(pid, "/proc/%d", getpid());
	T(strcmp(getcwd(cwd, sizeof cwd), pid));
	T(chdir("/proc/self/cwd"));
	T(strcmp(getcwd(cwd, sizeof cwd), pid));
	T(chdir("/proc/self/root"));
	T(strcmp(getcwd(cwd, sizeof cwd), "/"));
	T(chdir(workplace));
	fd = open("/proc/self/comm", O_RDONLY);
	size = read(fd, buffer, 100);
	T(size > 1 && buffer[size - 1] == '\n');
	T(read(fd, buffer, 100));
	T(lseek(fd, 0, SEEK_SET));
	T(read(fd, buffer, 100) == size);
	T(pread(fd, buffer, 100, 2) == size - 2);
	T(close(fd));
	fd = open("/proc/self/cmdline", O_RDONLY);
	size = read(fd, buffer, 100);
	T(size > 0 && buffer[size - 1] == 0);
	T(close(fd));
	fd = open("/proc/self/environ", O_RDONLY);
	size = read(fd, buffer, 100);
	printf("%ld [%s] [%s]\n", size, buffer, buffer + strlen(buffer) + 1);
	T(close(fd));
	fd = open("/proc/self/auxv", O_RDONLY);
	size = read(fd, buffer, 1000);
	T(size % (2 * sizeof(long)));
	T(((long *)buffer)[size / sizeof(long) - 2]);
	T(close(fd));
	T(syscall(SYS_getdents64, open("/proc/self/fd", O_RDONLY), buffer, 2000) > 24 * 5);
}

static void waiting(void)
{
	int null = open("/dev/null", O_RDWR);
	struct pollfd fds[] = {{null, POLLIN | POLLOUT, 0}, {99, POLLIN, 0x55}, {-5, POLLIN, 0x55}, {null, 0, 0x55}};
	struct timespec start, stop;

	T(poll(fds, 4, 1000));
	printf("%x %x %x %x\n", fds[0].revents, fds[1].revents, fds[2].revents, fds[3].revents);
	T(poll(fds + 2, 1, 0));
	clock_gettime(CLOCK_MONOTONIC, &start);
	T(poll(NULL, 0, 100));
	clock_gettime(CLOCK_MONOTONIC, &stop);
	long ms = (stop.tv_sec - start.tv_sec) * 1000 + (stop.tv_nsec - start.tv_nsec) / 1000000;
	T(ms >= 99 && ms < 5000);
	T(poll((void *)8, 1, 0));
	T(poll(fds, 1 << 20, 0));
	fd_set in, out;
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(null, &in);
	FD_SET(null, &out);
	struct timeval tv = {5, 0};
	T(select(null + 1, &in, &out, NULL, &tv));
	T(FD_ISSET(null, &in) && FD_ISSET(null, &out));
	T(tv.tv_sec >= 3);
	FD_ZERO(&in);
	FD_SET(60, &in);
	T(select(61, &in, NULL, NULL, &tv));
	T(select(-1, NULL, NULL, NULL, NULL));
	tv = (struct timeval){0, 50000};
	T(select(0, NULL, NULL, NULL, &tv));
	T(tv.tv_sec + tv.tv_usec);
	tv.tv_usec = -1;
	T(select(0, NULL, NULL, NULL, &tv));
	struct timespec ts = {0, 1000000000};
	T(pselect(0, NULL, NULL, NULL, &ts, NULL));
	T(ppoll(fds, 1, &ts, NULL));
	ts.tv_nsec = 1000;
	T(ppoll(fds, 1, &ts, NULL));
	T(close(null));
}

int main(void)
{
	begin();
	devices();
	processes();
	waiting();
	end();
	return 0;
}
