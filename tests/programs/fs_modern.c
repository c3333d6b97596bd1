/* covers: kernel/src/vfs/ */
/* Newer calls, on a tmpfs: extended attributes, O_TMPFILE, seals, openat2, preadv2's flags; and
   ETXTBSY, RLIMIT_FSIZE and set-ID bits. */
#include "fs.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/xattr.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* From linux/openat2.h: not every C library's headers find it. */
struct open_how {
	unsigned long long flags, mode, resolve;
};
#define RESOLVE_NO_XDEV 1
#define RESOLVE_NO_MAGICLINKS 2
#define RESOLVE_NO_SYMLINKS 4
#define RESOLVE_BENEATH 8
#define RESOLVE_IN_ROOT 16

#ifndef RWF_APPEND
#define RWF_DSYNC 2
#define RWF_SYNC 4
#define RWF_NOWAIT 8
#define RWF_APPEND 16
#define preadv2(fd, v, n, at, flags) syscall(SYS_preadv2, fd, v, n, (long)(at), 0L, flags)
#define pwritev2(fd, v, n, at, flags) syscall(SYS_pwritev2, fd, v, n, (long)(at), 0L, flags)
#endif

static char buffer[20000];

static void attributes(void)
{
	char value[100];

	put("x", "file");
	symlink("x", "l");
	mkdir("dir", 0755);
	mkdir("sticky", 01777);
	chmod("sticky", 01777);
	T(listxattr("x", value, 100));
	T(getxattr("x", "user.a", value, 100));
	T(setxattr("x", "user.a", "one", 3, 0));
	T(getxattr("x", "user.a", value, 100));
	printf("%.3s\n", value);
	T(getxattr("x", "user.a", NULL, 0));
	T(getxattr("x", "user.a", value, 2));
	T(setxattr("x", "user.a", "two", 3, XATTR_CREATE));
	T(setxattr("x", "user.b", "two", 3, XATTR_REPLACE));
	T(setxattr("x", "user.b", "", 0, XATTR_CREATE));
	T(setxattr("x", "user.b", "", 0, 7));
	T(getxattr("x", "user.b", value, 100));
	T(listxattr("x", NULL, 0));
	T(listxattr("x", value, 5));
	T(listxattr("x", value, 100));
	T(getxattr("l", "user.a", value, 100));
	T(lgetxattr("l", "user.a", value, 100));
	T(lsetxattr("l", "user.a", "x", 1, 0));
	T(lsetxattr("l", "trusted.a", "x", 1, 0));
	T(lgetxattr("l", "trusted.a", value, 100));
	T(setxattr("dir", "user.d", "x", 1, 0));
	T(setxattr("x", "trusted.t", "x", 1, 0));
	T(setxattr("x", "nothing.t", "x", 1, 0));
	T(setxattr("x", "user.", "x", 1, 0));
	T(setxattr("x", "", "x", 1, 0));
	T(getxattr("none", "user.a", value, 100));
	memset(buffer, 'n', 400);
	memcpy(buffer, "user.", 5);
	buffer[255] = 0;
	T(setxattr("x", buffer, "x", 1, 0));
	buffer[255] = 'n';
	buffer[256] = 0;
	T(setxattr("x", buffer, "x", 1, 0));
	T(setxattr("x", "user.big", buffer, 100000, 0));
	T(removexattr("x", "user.b"));
	T(removexattr("x", "user.b"));
	int fd = open("x", O_RDONLY);
	T(fsetxattr(fd, "user.f", "f", 1, 0));
	T(fgetxattr(fd, "user.f", value, 100));
	T(fremovexattr(fd, "user.f"));
	T(flistxattr(fd, value, 100) > 0);
	close(fd);
	fflush(stdout);
	if (fork() == 0) {
		T(setuid(1000));
		T(getxattr("x", "user.a", value, 100));
		T(setxattr("x", "user.a", "x", 1, 0));
		T(getxattr("x", "trusted.t", value, 100));
		T(setxattr("x", "trusted.t", "x", 1, 0));
		T(setxattr("sticky", "user.s", "x", 1, 0));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static void unnamed(void)
{
	char path[64];
	struct stat st;
	int fd = open(".", O_TMPFILE | O_RDWR, 0640);

	T(fd >= 0);
	T(write(fd, "nameless", 8));
	fstat(fd, &st);
	printf("mode %o links %ld size %ld\n", st.st_mode, (long)st.st_nlink, (long)st.st_size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	show("named");
	fstat(fd, &st);
	printf("links %ld\n", (long)st.st_nlink);
	T(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
	T(unlink("named"));
	T(unlink("again"));
	T(linkat(fd, "", AT_FDCWD, "back", AT_EMPTY_PATH));
	close(fd);
	fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640);
	T(linkat(fd, "", AT_FDCWD, "never", AT_EMPTY_PATH));
	close(fd);
	T(open(".", O_TMPFILE | O_RDONLY, 0600));
	T(open("x", O_TMPFILE | O_RDWR, 0600));
	T(open("none", O_TMPFILE | O_RDWR, 0600));
}

static void seals(void)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	char path[64], name[64] = "";
	struct stat st;

	T(fd >= 0);
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GET_SEALS));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	T(readlink(path, name, 63));
	puts(name);
	fstat(fd, &st);
	printf("mode %o links %ld\n", st.st_mode, (long)st.st_nlink);
	T(write(fd, "0123456789", 10));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	T(ftruncate(fd, 5));
	T(ftruncate(fd, 10));
	T(ftruncate(fd, 20));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	T(ftruncate(fd, 30));
	T(pwrite(fd, "x", 1, 20));
	T(pwrite(fd, "x", 1, 19));
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	T(munmap(map, 4096));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	T(pwrite(fd, "x", 1, 0));
	T(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
	T(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 10));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	T(fcntl(fd, F_ADD_SEALS, 0x1000));
	T(fcntl(fd, F_GET_SEALS));
	close(fd);
	fd = memfd_create("plain", 0);
	T(fcntl(fd, F_GET_SEALS));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	close(fd);
	memset(buffer, 'n', 300);
	buffer[249] = 0;
	T(memfd_create(buffer, 0) >= 0);
	buffer[249] = 'n';
	buffer[250] = 0;
	T(memfd_create(buffer, 0));
	T(memfd_create("x", 0x1000));
	fd = open("x", O_RDONLY);
	T(fcntl(fd, F_GET_SEALS));
	close(fd);
}

static int open2(const char *path, int flags, unsigned long long resolve)
{
	struct open_how how = {.flags = flags, .resolve = resolve};
	int fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	return fd;
}

static void walks(void)
{
	struct open_how how = {.flags = O_RDONLY};
	struct {
		struct open_how how;
		unsigned long long more;
	} longer = {{.flags = O_RDONLY}, 0};

	mkdir("w", 0755);
	mkdir("w/in", 0755);
	put("w/f", "f");
	symlink("f", "w/l");
	symlink("../x", "w/out");
	symlink("/w/f", "w/abs");
	symlink("in", "w/dirlink");
	T(chdir("w"));
	T(open2("f", O_RDONLY, 0));
	T(open2("l", O_RDONLY, RESOLVE_NO_SYMLINKS));
	T(open2("l", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
	T(open2("dirlink/../f", O_RDONLY, RESOLVE_NO_SYMLINKS));
	T(open2("in/../f", O_RDONLY, RESOLVE_NO_SYMLINKS));
	T(open2("../x", O_RDONLY, RESOLVE_BENEATH));
	T(open2("in/../../x", O_RDONLY, RESOLVE_BENEATH));
	T(open2("in/../f", O_RDONLY, RESOLVE_BENEATH));
	T(open2("out", O_RDONLY, RESOLVE_BENEATH));
	T(open2("l", O_RDONLY, RESOLVE_BENEATH));
	T(open2("abs", O_RDONLY, RESOLVE_BENEATH));
	T(open2("/tmp", O_RDONLY, RESOLVE_BENEATH));
	T(open2("/f", O_RDONLY, RESOLVE_IN_ROOT));
	T(open2("../f", O_RDONLY, RESOLVE_IN_ROOT));
	T(open2("../../in/../f", O_RDONLY, RESOLVE_IN_ROOT));
	T(open2("abs", O_RDONLY, RESOLVE_IN_ROOT));
	T(open2("out", O_RDONLY, RESOLVE_IN_ROOT));
	T(open2("/proc/self/exe", O_RDONLY, RESOLVE_NO_MAGICLINKS));
	T(open2("/proc/self/exe", O_RDONLY, 0));
	T(open2("/proc/self/stat", O_RDONLY, RESOLVE_NO_MAGICLINKS));
	T(open2("/proc/self/stat", O_RDONLY, RESOLVE_NO_XDEV));
	T(open2("f", O_RDONLY, RESOLVE_NO_XDEV));
	T(open2("f", O_RDONLY, 0x1000));
	T(open2("f", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
	T(open2("f", O_PATH | O_RDWR, 0));
	T(open2("f", 0x40000000, 0));
	T(syscall(SYS_openat2, AT_FDCWD, "f", &how, 8));
	T(syscall(SYS_openat2, AT_FDCWD, "f", &longer, sizeof longer) > 0);
	longer.more = 1;
	T(syscall(SYS_openat2, AT_FDCWD, "f", &longer, sizeof longer));
	how.mode = 0600;
	T(syscall(SYS_openat2, AT_FDCWD, "f", &how, sizeof how));
	T(chdir(".."));
}

static void flags_of_one_call(void)
{
	struct iovec v = {"abc", 3}, in = {buffer, 10};
	int fd = open("p", O_RDWR | O_CREAT, 0644), pipes[2];

	T(pwritev2(fd, &v, 1, 0, 0));
	T(pwritev2(fd, &v, 1, -1, 0));
	T(lseek(fd, 0, SEEK_CUR));
	T(pwritev2(fd, &v, 1, 0, RWF_APPEND));
	T(preadv2(fd, &in, 1, 0, 0));
	printf("%.6s\n", buffer);
	T(preadv2(fd, &in, 1, -1, 0));
	T(preadv2(fd, &in, 1, 0, RWF_APPEND));
	T(pwritev2(fd, &v, 1, 0, RWF_DSYNC | RWF_SYNC));
	T(pwritev2(fd, &v, 1, 0, 0x8000000));
	T(preadv2(fd, &in, 1, -2, 0));
	close(fd);
	T(pipe(pipes));
	T(preadv2(pipes[0], &in, 1, -1, RWF_NOWAIT));
	T(preadv2(pipes[0], &in, 1, 0, 0));
	close(pipes[0]);
	close(pipes[1]);
}

static void holes(void)
{
	int fd = open("h", O_RDWR | O_CREAT, 0644);

	pwrite(fd, "x", 1, 8192);
	pwrite(fd, "x", 1, 20000);
	T(lseek(fd, 0, SEEK_DATA));
	T(lseek(fd, 8192, SEEK_DATA));
	T(lseek(fd, 9000, SEEK_DATA));
	T(lseek(fd, 12288, SEEK_DATA));
	T(lseek(fd, 20000, SEEK_DATA));
	T(lseek(fd, 20001, SEEK_DATA));
	T(lseek(fd, 0, SEEK_HOLE));
	T(lseek(fd, 8192, SEEK_HOLE));
	T(lseek(fd, 16384, SEEK_HOLE));
	T(ftruncate(fd, 50000));
	T(lseek(fd, 30000, SEEK_DATA));
	T(lseek(fd, 30000, SEEK_HOLE));
	T(lseek(fd, -1, SEEK_DATA));
	close(fd);
}

static void in_use(void)
{
	char *self = buffer;
	int up[2], fd, status;

	fd = open("/proc/self/exe", O_RDONLY);
	int copy = open("prog", O_WRONLY | O_CREAT, 0755);
	ssize_t size;
	while ((size = read(fd, self, sizeof buffer)) > 0)
		write(copy, self, size);
	close(fd);
	T(execl("prog", "prog", "wait", NULL));
	close(copy);
	pipe(up);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		dup2(up[1], 100);
		execl("prog", "prog", "wait", NULL);
		_exit(9);
	}
	read(up[0], buffer, 1);
	T(open("prog", O_WRONLY));
	T(open("prog", O_RDONLY | O_TRUNC));
	T(truncate("prog", 5));
	T(open("prog", O_RDONLY) >= 0);
	T(chmod("prog", 0700));
	T(rename("prog", "prog2"));
	T(open("prog2", O_WRONLY));
	T(kill(child, SIGKILL));
	T(waitpid(child, &status, 0) == child);
	T(open("prog2", O_WRONLY) >= 0);
}

static void limit(void)
{
	struct rlimit l = {100, 100};
	int fd = open("lim", O_RDWR | O_CREAT, 0644), status;

	fflush(stdout);
	if (fork() == 0) {
		signal(SIGXFSZ, SIG_IGN);
		T(setrlimit(RLIMIT_FSIZE, &l));
		T(write(fd, buffer, 60));
		T(write(fd, buffer, 60));
		T(write(fd, buffer, 60));
		T(write(fd, buffer, 0));
		T(pwrite(fd, buffer, 10, 100));
		T(pwrite(fd, buffer, 10, 95));
		T(ftruncate(fd, 101));
		T(ftruncate(fd, 100));
		T(fallocate(fd, 0, 0, 200));
		signal(SIGXFSZ, SIG_DFL);
		fflush(stdout);
		write(fd, buffer, 60);
		_exit(0);
	}
	wait(&status);
	T(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
	close(fd);
}

static void set_id(void)
{
	struct stat st;
	int fd = open("suid", O_RDWR | O_CREAT, 0644);

	T(fchmod(fd, 06777));
	T(write(fd, "x", 1));
	fstat(fd, &st);
	printf("root wrote: %o\n", st.st_mode);
	fflush(stdout);
	if (fork() == 0) {
		setuid(1000);
		int own = open("suid", O_RDWR);
		T(write(own, "y", 1));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	fstat(fd, &st);
	printf("a user wrote: %o\n", st.st_mode);
	T(fchmod(fd, 06777));
	fflush(stdout);
	if (fork() == 0) {
		setuid(1000);
		T(truncate("suid", 0));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	fstat(fd, &st);
	printf("a user truncated: %o\n", st.st_mode);
	close(fd);
	puts("set-user-ID programs");
	chmod(".", 0755);
	chmod("prog2", 04755);
	fflush(stdout);
	if (fork() == 0) {
		setgid(1000);
		setuid(1000);
		execl("prog2", "prog2", "ids", NULL);
		_exit(9);
	}
	wait(NULL);
	chown("prog2", 7, 8);
	chmod("prog2", 06755);
	if (fork() == 0) {
		execl("prog2", "prog2", "ids", NULL);
		_exit(9);
	}
	wait(NULL);
	mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL);
	if (fork() == 0) {
		execl("prog2", "prog2", "ids", NULL);
		_exit(9);
	}
	wait(NULL);
}

#include <sys/auxv.h>

static int other(const char *what)
{
	if (strcmp(what, "wait") == 0) {
		write(100, "x", 1);
		pause();
		return 0;
	}
	uid_t r, e, s;
	gid_t gr, ge, gs;

	getresuid(&r, &e, &s);
	getresgid(&gr, &ge, &gs);
	printf("user %d %d %d group %d %d %d secure %ld auxv %ld %ld %ld %ld\n", r, e, s, gr, ge, gs,
		(long)getauxval(AT_SECURE), (long)getauxval(AT_UID), (long)getauxval(AT_EUID), (long)getauxval(AT_GID),
		(long)getauxval(AT_EGID));
	return 0;
}

static void modes(void)
{
	struct stat st;

	put("m", "m");
	symlink("m", "ml");
	T(syscall(SYS_fchmodat2, AT_FDCWD, "m", 0600, AT_SYMLINK_NOFOLLOW));
	T(syscall(SYS_fchmodat2, AT_FDCWD, "ml", 0600, AT_SYMLINK_NOFOLLOW));
	T(syscall(SYS_fchmodat2, AT_FDCWD, "ml", 0604, 0));
	stat("m", &st);
	printf("%o\n", st.st_mode);
	T(syscall(SYS_fchmodat2, AT_FDCWD, "m", 0600, 0x8000));
}

int main(int count, char **words)
{
	if (count > 1)
		return other(words[1]);
	/* Mounts made here don't propagate. */
	if (unshare(CLONE_NEWNS) == 0)
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	begin();
	T(mount("work", ".", "tmpfs", 0, "mode=777"));
	T(chdir(workplace));
	attributes();
	unnamed();
	seals();
	walks();
	flags_of_one_call();
	holes();
	in_use();
	limit();
	modes();
	set_id();
	T(chdir("/"));
	T(umount2(workplace, MNT_DETACH));
	end();
	return 0;
}
