/* covers: kernel/src/vfs/ */
/* Path resolution (path_resolution(7)): every error, symbolic links, and the *at calls. */
#include "fs.h"

static int opens(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static void look(const char *path)
{
	struct stat s;

	errno = 0;
	int followed = stat(path, &s);
	int error = errno;
	unsigned mode = followed ? 0 : s.st_mode;
	errno = 0;
	int itself = lstat(path, &s);
	printf("[%.40s] stat %d %s %o, lstat %d %s %o\n", path, followed, strerror(error), mode, itself,
		strerror(errno), itself ? 0 : s.st_mode);
}

static void simple(void)
{
	static char long_name[300], long_path[5000];

	memset(long_name, 'n', 256);
	memset(long_path, '/', 4999);
	look("");
	look("/");
	look(".");
	look("..");
	look("//tmp//.//");
	look("none");
	look("none/");
	look("none/x");
	look("file");
	look("file/");
	look("file/x");
	look("file/.");
	look("file/..");
	look("dir");
	look("dir/");
	look("dir/./sub/../sub/deep");
	look("dir/../file");
	look(long_name);
	long_name[255] = 0;
	look(long_name);
	look(long_path);
	long_path[4095] = 0;
	look(long_path);
	look("/../../../tmp");
}

static void links(void)
{
	char text[64];

	T(symlink("file", "to_file"));
	T(symlink("dir", "to_dir"));
	T(symlink("none", "dangling"));
	T(symlink("loop2", "loop1"));
	T(symlink("loop1", "loop2"));
	T(symlink("/tmp/..", "absolute"));
	T(symlink("", "empty"));
	T(symlink("x", "file"));
	T(symlink("x", "none/y"));
	T(symlink("x", "y/"));
	look("to_file");
	look("to_file/");
	look("to_dir");
	look("to_dir/");
	look("to_dir/sub/deep");
	look("dangling");
	look("dangling/");
	look("loop1");
	look("loop1/x");
	look("absolute");
	look("absolute/tmp");
	T(readlink("to_file", text, sizeof text));
	T(readlink("to_file", text, 2));
	T(readlink("to_file", text, 0));
	T(readlink("file", text, sizeof text));
	T(readlink("none", text, sizeof text));
	T(readlinkat(AT_FDCWD, "", text, sizeof text));
	T(opens("to_file", O_RDONLY | O_NOFOLLOW));
	T(opens("to_file", O_PATH | O_NOFOLLOW));
	T(opens("dangling", O_RDONLY));
	T(opens("dangling", O_RDWR | O_CREAT | O_EXCL));
	T(opens("dangling", O_RDWR | O_CREAT));
	look("none");
	T(unlink("none"));
	char name[16];
	for (int i = 0; i < 42; i++) {
		char target[16];
		sprintf(name, "chain%d", i);
		sprintf(target, i ? "chain%d" : "file", i - 1);
		symlink(target, name);
	}
	look("chain39");
	look("chain40");
}

static void opening(void)
{
	T(opens("dir", O_RDONLY));
	T(opens("dir", O_WRONLY));
	T(opens("dir", O_RDWR));
	T(opens("dir", O_RDONLY | O_TRUNC));
	T(opens("dir", O_RDONLY | O_CREAT));
	T(opens("dir", O_DIRECTORY));
	T(opens("file", O_DIRECTORY));
	T(opens("file", O_CREAT | O_EXCL | O_RDWR));
	T(opens("file/", O_RDONLY));
	T(opens("new/", O_RDWR | O_CREAT));
	T(opens("none/new", O_RDWR | O_CREAT));
	T(opens("file/new", O_RDWR | O_CREAT));
	T(opens(".", O_RDWR | O_CREAT));
	T(opens("dir/.", O_RDONLY));
	T(opens("to_dir", O_RDONLY | O_DIRECTORY));
	T(opens("to_dir", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
	T(open((char *)8, O_RDONLY));
	T(open(NULL, O_RDONLY));
}

static void relative(void)
{
	int dir = open("dir", O_RDONLY | O_DIRECTORY);
	int file = open("file", O_RDONLY);
	int path = open("dir", O_PATH);
	struct stat s;

	T(fstatat(dir, "sub", &s, 0));
	T(fstatat(path, "sub", &s, 0));
	T(fstatat(file, "sub", &s, 0));
	T(fstatat(99, "sub", &s, 0));
	T(fstatat(99, "/tmp", &s, 0));
	T(fstatat(AT_FDCWD, "dir/sub", &s, 0));
	T(fstatat(dir, "", &s, 0));
	T(fstatat(dir, "", &s, AT_EMPTY_PATH));
	T(fstatat(dir, "..", &s, 0x40000000));
	T(fstat(path, &s));
	T(fstat(99, &s));
	T(faccessat(dir, "sub", R_OK, 0));
	T(mkdirat(dir, "made", 0755));
	T(unlinkat(dir, "made", 0));
	T(unlinkat(dir, "made", AT_REMOVEDIR));
	T(unlinkat(dir, "made", 0x1234));
	T(symlinkat("sub", dir, "link"));
	T(readlinkat(dir, "link", (char[8]){0}, 8));
	T(linkat(dir, "link", dir, "link2", 0));
	T(fstatat(dir, "link2", &s, AT_SYMLINK_NOFOLLOW));
	printf("nlink %d, is a link: %d\n", (int)s.st_nlink, S_ISLNK(s.st_mode));
	T(renameat(dir, "link2", AT_FDCWD, "link3"));
	T(unlink("link3"));
	char byte;
	T(read(path, &byte, 1));
	T(fcntl(path, F_GETFD));
	T(fcntl(path, F_GETFL) & O_PATH ? 1 : 0);
	T(fchmod(path, 0700));
	T(close(dir));
	T(close(path));
	T(close(file));
	T(close(file));
	T(close(-1));
}

static void moving(void)
{
	char cwd[256];

	T(chdir("dir/sub"));
	printf("%s\n", strrchr(getcwd(cwd, sizeof cwd), '/'));
	T(chdir("../../to_dir/sub/.."));
	printf("%s\n", strrchr(getcwd(cwd, sizeof cwd), '/'));
	T(chdir(workplace));
	T(chdir("file"));
	T(chdir("none"));
	T(syscall(SYS_getcwd, cwd, 3));
	T(syscall(SYS_getcwd, cwd, sizeof cwd) == (long)strlen(workplace) + 1);
	T(mkdir("gone", 0755));
	T(chdir("gone"));
	T(rmdir("../gone"));
	T(syscall(SYS_getcwd, cwd, sizeof cwd));
	T(opens("x", O_RDWR | O_CREAT));
	T(opens(".", O_RDONLY));
	T(chdir(".."));
	T(syscall(SYS_getcwd, cwd, sizeof cwd) == (long)strlen(workplace) + 1);
}

int main(void)
{
	begin();
	put("file", "content");
	mkdir("dir", 0755);
	mkdir("dir/sub", 0755);
	put("dir/sub/deep", "deep");
	simple();
	links();
	opening();
	relative();
	moving();
	end();
	return 0;
}
