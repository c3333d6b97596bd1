/* covers: kernel/src/vfs/ */
/* File attributes: modes, owners, times and sizes, in every structure that reports them. */
#include "fs.h"

static void print(const char *name)
{
	struct stat s;

	if (lstat(name, &s)) {
		printf("%s: %s\n", name, strerror(errno));
		return;
	}
	printf("%s: mode %o nlink %d uid %d gid %d size %lld blksize %ld rdev %d:%d\n", name, s.st_mode,
		(int)s.st_nlink, s.st_uid, s.st_gid, S_ISDIR(s.st_mode) ? 0LL : (long long)s.st_size,
		(long)s.st_blksize, major(s.st_rdev), minor(s.st_rdev));
}

static void modes(void)
{
	for (int mask = 0; mask <= 0777; mask += 0333) {
		T(umask(mask));
		close(open("m", O_CREAT | O_RDWR, 07777));
		print("m");
		unlink("m");
		mkdir("m", 07777);
		print("m");
		rmdir("m");
		mknod("m", 0666, 0);
		print("m");
		unlink("m");
	}
	T(umask(022));
	put("f", "12345");
	T(chmod("f", 04755));
	print("f");
	T(chmod("f", 0177777));
	print("f");
	T(chmod("none", 0));
	T(symlink("f", "s"));
	T(chmod("s", 0640));
	print("f");
	print("s");
	int fd = open("f", O_RDONLY);
	T(fchmod(fd, 0600));
	T(fchmod(99, 0600));
	T(fchmodat(AT_FDCWD, "f", 0444, 0));
	print("f");
	T(close(fd));
	T(access("f", R_OK | W_OK));
	T(access("f", X_OK));
	T(access("f", 8));
	T(access("none", F_OK));
	T(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS));
	T(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 0x8000));
}

static void times_of(const char *name)
{
	struct stat s;

	lstat(name, &s);
	printf("%s: atime %lld.%09ld mtime %lld.%09ld\n", name, (long long)s.st_atim.tv_sec, (long)s.st_atim.tv_nsec,
		(long long)s.st_mtim.tv_sec, (long)s.st_mtim.tv_nsec);
}

static int is_now(const char *name)
{
	struct stat s;

	lstat(name, &s);
	return llabs((long long)time(NULL) - s.st_mtim.tv_sec) <= 3 &&
	       llabs((long long)time(NULL) - s.st_ctim.tv_sec) <= 3;
}

static void times_are(void)
{
	struct timespec ts[2] = {{100, 5}, {200, 999999999}};
	struct timeval tv[2] = {{1000, 1}, {2000, 999999}};

	T(is_now("f"));
	T(utimensat(AT_FDCWD, "f", ts, 0));
	times_of("f");
	T(is_now("f"));
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_sec = -5;
	T(utimensat(AT_FDCWD, "f", ts, 0));
	times_of("f");
	ts[1].tv_nsec = 1000000000;
	T(utimensat(AT_FDCWD, "f", ts, 0));
	ts[1].tv_nsec = UTIME_OMIT;
	T(utimensat(AT_FDCWD, "none", ts, 0));
	T(utimensat(AT_FDCWD, "f", ts, 0));
	T(utimensat(AT_FDCWD, "f", ts, 0x8000));
	ts[1].tv_nsec = 7;
	T(utimensat(AT_FDCWD, "s", ts, AT_SYMLINK_NOFOLLOW));
	int fd = open("f", O_RDONLY);
	T(futimens(fd, ts));
	times_of("f");
	T(close(fd));
	T(utimes("f", tv));
	times_of("f");
	tv[0].tv_usec = 1000000;
	T(utimes("f", tv));
	T(utimes("f", NULL));
	T(is_now("f"));
	T(utimensat(AT_FDCWD, NULL, NULL, 0));
	/* Operations that change mtime and ctime. */
	ts[0] = ts[1] = (struct timespec){300, 0};
	T(mkdir("d", 0755));
	utimensat(AT_FDCWD, "d", ts, 0);
	T(is_now("d"));
	put("d/x", "");
	T(is_now("d"));
	utimensat(AT_FDCWD, "d", ts, 0);
	T(unlink("d/x"));
	T(is_now("d"));
	utimensat(AT_FDCWD, "f", ts, 0);
	T(truncate("f", 3));
	T(is_now("f"));
	utimensat(AT_FDCWD, "f", ts, 0);
	T(chmod("f", 0600));
	times_of("f");
}

/* musl has no statx(2). */
#ifdef STATX_TYPE
static void extended(void)
{
	struct statx x;
	struct stat s;

	T(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x));
	stat("f", &s);
	printf("mask %x mode %o size %lld ino %d dev %d mtime %d nlink %u\n", x.stx_mask & 0x7ff, x.stx_mode,
		(long long)x.stx_size, x.stx_ino == s.st_ino, makedev(x.stx_dev_major, x.stx_dev_minor) == s.st_dev,
		x.stx_mtime.tv_sec == s.st_mtim.tv_sec, x.stx_nlink);
	T(syscall(SYS_statx, AT_FDCWD, "none", 0, 0, &x));
	T(syscall(SYS_statx, AT_FDCWD, "s", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &x));
	printf("%o\n", x.stx_mode);
	T(syscall(SYS_statx, AT_FDCWD, "f", 0x8000, 0, &x));
	T(syscall(SYS_statx, AT_FDCWD, "f", 0x6000, 0, &x));
	T(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x80000000U, &x));
	T(syscall(SYS_statx, AT_FDCWD, "f", 0, 0, (void *)8));
	T(syscall(SYS_statx, 99, "", AT_EMPTY_PATH, 0, &x));
	T(syscall(SYS_statx, 99, "f", 0, 0, &x));
}
#else
#define extended()
#endif

static void structures(void)
{
	struct statfs fs;
	T(statfs("/proc", &fs));
	printf("type %lx bsize %ld namelen %ld\n", (long)fs.f_type, (long)fs.f_bsize, (long)fs.f_namelen);
	T(statfs("none", &fs));
	T(fstatfs(99, &fs));
	T(statfs(".", &fs));
	printf("%d %d\n", fs.f_bfree > 0, fs.f_bfree <= fs.f_blocks);
	memset(&fs, 0x55, sizeof fs);
	int fd = open(".", O_RDONLY);
	T(fstatfs(fd, &fs));
	T(fs.f_bsize);
	T(syncfs(fd));
	T(close(fd));
}

static void owners(void)
{
	T(chown("f", 1000, 2000));
	print("f");
	T(chown("f", -1, 3000));
	print("f");
	T(lchown("s", 5, 6));
	print("s");
	print("f");
	T(chmod("f", 06755));
	T(chown("f", 7, -1));
	print("f");
	T(chmod("f", 02745));
	T(fchownat(AT_FDCWD, "f", 8, 9, 0));
	print("f");
	T(fchownat(AT_FDCWD, "f", 8, 9, 0x8000));
	T(chown("none", 0, 0));
	int fd = open("f", O_RDONLY);
	T(fchown(fd, 0, 0));
	T(close(fd));
	T(mkdir("g", 0755));
	T(chown("g", 0, 44));
	T(chmod("g", 02755));
	put("g/x", "");
	mkdir("g/y", 0755);
	print("g/x");
	print("g/y");
}

int main(void)
{
	begin();
	modes();
	times_are();
	extended();
	structures();
	if (geteuid() == 0)
		owners();
	end();
	return 0;
}
