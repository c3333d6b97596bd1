/* covers: kernel/src/vfs/ */
/* File data: positions, holes, vectored I/O, descriptors, and unmapped buffers. */
#include "fs.h"

static char buffer[20000];

static void positions(void)
{
	int fd = open("a", O_RDWR | O_CREAT, 0644);

	T(fd);
	T(write(fd, "0123456789", 10));
	T(lseek(fd, 0, SEEK_CUR));
	T(lseek(fd, -3, SEEK_END));
	T(read(fd, buffer, 10));
	printf("%.3s\n", buffer);
	T(read(fd, buffer, 10));
	T(lseek(fd, -1, SEEK_SET));
	T(lseek(fd, -100, SEEK_CUR));
	T(lseek(fd, 0, 77));
	T(lseek(fd, 4, SEEK_DATA));
	T(lseek(fd, 4, SEEK_HOLE));
	T(lseek(fd, 10, SEEK_DATA));
	T(lseek(fd, 5, SEEK_SET));
	T(pwrite(fd, "AB", 2, 1));
	T(pread(fd, buffer, 4, 0));
	printf("%.4s\n", buffer);
	T(pread(fd, buffer, 4, 100));
	T(pread(fd, buffer, 4, -1));
	T(pwrite(fd, buffer, 4, -1));
	T(lseek(fd, 0, SEEK_CUR));
	T(close(fd));
	show("a");
	fd = open("a", O_WRONLY | O_APPEND);
	T(read(fd, buffer, 1));
	T(lseek(fd, 2, SEEK_SET));
	T(write(fd, "xyz", 3));
	T(lseek(fd, 0, SEEK_CUR));
	T(pwrite(fd, "!", 1, 0));
	T(close(fd));
	show("a");
	fd = open("a", O_RDONLY);
	T(write(fd, "x", 1));
	T(write(fd, "x", 0));
	T(ftruncate(fd, 0));
	T(close(fd));
	T(open("a", O_WRONLY | O_TRUNC) > 0);
	show("a");
}

static void holes(void)
{
	int fd = open("hole", O_RDWR | O_CREAT, 0644);
	struct stat s;

	T(pwrite(fd, "end", 3, 1000000));
	fstat(fd, &s);
	printf("size %lld, few blocks: %d\n", (long long)s.st_size, s.st_blocks < 1000);
	memset(buffer, 1, sizeof buffer);
	T(pread(fd, buffer, sizeof buffer, 500000));
	int zeros = 1;
	for (size_t i = 0; i < sizeof buffer; i++)
		zeros &= buffer[i] == 0;
	printf("zeros: %d\n", zeros);
	T(pread(fd, buffer, sizeof buffer, 999990));
	printf("%s\n", buffer + 10);
	T(ftruncate(fd, 1000001));
	T(ftruncate(fd, 1000010));
	T(pread(fd, buffer, 100, 1000000));
	printf("%d %d\n", buffer[0], buffer[1]);
	T(ftruncate(fd, -1));
	T(truncate("hole", 5));
	T(truncate(".", 5));
	T(truncate("none", 5));
	T(truncate("/dev/null", 5));
	fstat(fd, &s);
	printf("size %lld\n", (long long)s.st_size);
	T(posix_fallocate(fd, 0, 8192));
	fstat(fd, &s);
	printf("size %lld blocks %lld\n", (long long)s.st_size, (long long)s.st_blocks);
	memset(buffer, 'z', 8192);
	T(pwrite(fd, buffer, 8192, 0));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 5000));
	T(pread(fd, buffer, 8192, 0));
	printf("%d %d %d %d\n", buffer[99], buffer[100], buffer[5099], buffer[5100]);
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 100));
	T(fallocate(fd, 0, 0, 0));
	T(fallocate(fd, 0, -1, 5));
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 10000, 5));
	fstat(fd, &s);
	printf("size %lld\n", (long long)s.st_size);
	T(close(fd));
}

static void vectors(void)
{
	int fd = open("v", O_RDWR | O_CREAT, 0644);
	char a[3], b[4], c[20];
	struct iovec out[] = {{"one", 3}, {"", 0}, {"two", 3}, {"three", 5}};
	struct iovec in[] = {{a, 3}, {b, 4}, {c, 20}};
	struct iovec bad[] = {{"x", 1}, {(void *)8, 4}, {"y", 1}};
	struct iovec negative[] = {{"x", 1}, {"y", (size_t)-1}};
	static struct iovec many[1025];

	T(writev(fd, out, 4));
	T(lseek(fd, 0, SEEK_SET));
	T(readv(fd, in, 3));
	printf("%.3s %.4s %.4s\n", a, b, c);
	T(preadv(fd, in, 2, 3));
	printf("%.3s %.4s\n", a, b);
	T(pwritev(fd, out, 1, 20));
	T(writev(fd, bad, 3));
	T(writev(fd, bad + 1, 2));
	T(writev(fd, negative, 2));
	T(writev(fd, out, 0));
	T(writev(fd, many, 1024));
	T(writev(fd, many, 1025));
	T(writev(fd, (void *)8, 2));
	T(close(fd));
	show("v");
}

static void faults(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	memset(page, 'p', 8192);
	munmap(page + 4096, 4096);
	T(write(fd, page + 4090, 20));
	T(write(fd, page + 4096, 20));
	T(write(fd, NULL, 20));
	T(write(fd, NULL, 0));
	T(lseek(fd, 0, SEEK_END));
	T(pread(fd, page + 4093, 6, 0));
	T(pread(fd, page + 4096, 6, 0));
	T(read(99, NULL, 5));
	T(close(fd));
}

static void descriptors(void)
{
	int fd = open("d", O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	T(fd);
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND));
	T(dup(fd));
	T(fcntl(fd + 1, F_GETFD));
	T(dup2(fd, fd));
	T(dup2(fd, 20));
	T(dup2(99, 20));
	T(dup2(fd, -1));
	T(dup2(fd, 1 << 30));
	T(dup3(fd, fd, 0));
	T(dup3(fd, 21, O_CLOEXEC));
	T(fcntl(21, F_GETFD));
	T(dup3(fd, 21, 1));
	T(fcntl(fd, F_DUPFD, 10));
	T(fcntl(fd, F_DUPFD, -1));
	T(fcntl(fd, F_DUPFD_CLOEXEC, 10));
	T(fcntl(11, F_GETFD));
	T(fcntl(fd, F_SETFD, 0));
	T(fcntl(fd, F_GETFD));
	T(fcntl(99, F_GETFD));
	T(fcntl(fd, 9999));
	T(write(fd, "shared", 6));
	T(lseek(20, 0, SEEK_CUR));
	T(fcntl(fd, F_SETFL, O_APPEND));
	T(fcntl(20, F_GETFL) & O_APPEND ? 1 : 0);
	T(syscall(SYS_close_range, 10, 21, 0));
	T(fcntl(20, F_GETFD));
	T(syscall(SYS_close_range, 21, 10, 0));
	T(syscall(SYS_close_range, fd, fd, 4));
	T(fcntl(fd, F_GETFD));
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	T(fcntl(fd, F_SETLK, &lock));
	T(fcntl(fd, F_GETLK, &lock));
	printf("type %d\n", lock.l_type);
	int on = 1, waiting = -1;
	T(ioctl(fd, FIONBIO, &on));
	T(fcntl(fd, F_GETFL) & O_NONBLOCK ? 1 : 0);
	T(lseek(fd, 2, SEEK_SET));
	T(ioctl(fd, FIONREAD, &waiting));
	T(waiting);
	T(ioctl(fd, TCGETS, buffer));
	T(ioctl(99, TCGETS, buffer));
	T(isatty(fd));
	T(fsync(fd));
	T(fdatasync(fd));
	T(fsync(99));
	T(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM));
	T(posix_fadvise(fd, 0, 0, 77));
	for (int next = 0; next >= 0;)
		next = dup(fd);
	printf("%s\n", strerror(errno));
	T(syscall(SYS_close_range, 3, ~0U, 0));
}

static void transfers(void)
{
	put("from", "abcdefghij");
	int in = open("from", O_RDONLY), out = open("to", O_RDWR | O_CREAT, 0644);
	off_t at = 2;

	T(sendfile(out, in, &at, 4));
	T(at);
	T(lseek(in, 0, SEEK_CUR));
	T(sendfile(out, in, NULL, 3));
	T(lseek(in, 0, SEEK_CUR));
	T(sendfile(out, in, NULL, 100));
	T(sendfile(out, in, NULL, 100));
	T(sendfile(in, out, NULL, 1));
	T(lseek(out, 0, SEEK_CUR));
	show("to");
	loff_t from_at = 0, to_at = 20;
	T(copy_file_range(in, &from_at, out, &to_at, 3, 0));
	T(copy_file_range(in, &from_at, out, &to_at, 3, 1));
	T(from_at);
	T(to_at);
	T(close(in));
	T(close(out));
}

static void mappings(void)
{
	int fd = open("m", O_RDWR | O_CREAT, 0644);

	T(write(fd, "mapped bytes", 12));
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	memcpy(shared, "MAPPED", 6);
	memcpy(private + 7, "BYTES", 5);
	show("m");
	printf("%.12s %d\n", private, shared[100]);
	T(pwrite(fd, "x", 1, 11));
	printf("%.12s %.12s\n", shared, private);
	T(write(fd, shared, 6));
	show("m");
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, 99, 0) == MAP_FAILED);
	int null = open("/dev", O_RDONLY);
	T(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, null, 0) == MAP_FAILED);
	T(errno == ENODEV);
	int reader = open("m", O_RDONLY);
	T(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, reader, 0) == MAP_FAILED);
	T(mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE, reader, 0) != MAP_FAILED);
}

int main(void)
{
	begin();
	positions();
	holes();
	vectors();
	faults();
	transfers();
	mappings();
	fflush(stdout);
	syscall(SYS_close_range, 3, ~0U, 0);
	descriptors();
	end();
	return 0;
}
