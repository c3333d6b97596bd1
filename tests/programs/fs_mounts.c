/* covers: kernel/src/vfs/ */
/* Mounts: tmpfs with limits, bind mounts, read-only mounts, moved mounts, busy mounts. */
#include "fs.h"

static void create(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0644);

	printf("make %s: %s\n", name, fd < 0 ? strerror(errno) : "made");
	if (fd >= 0)
		close(fd);
}

/* Prints the line of /proc/self/mounts for a path below `workplace`, without the changing directory. */
static void line(const char *name)
{
	char text[4096], want[300];
	FILE *mounts = fopen("/proc/self/mounts", "r");

	snprintf(want, sizeof want, "%s/%s ", workplace, name);
	int found = 0;
	while (mounts && fgets(text, sizeof text, mounts)) {
		char *at = strstr(text, want);

		if (at) {
			found = 1;
			printf("%.*s%s at %s", (int)(at - text), text, "", at + strlen(want));
		}
	}
	if (!found)
		printf("%s is not mounted\n", name);
	if (mounts)
		fclose(mounts);
}

static void limits(void)
{
	static char block[65536];
	struct statfs s;
	struct stat st;

	mkdir("t", 0755);
	T(mount("mem", "t", "tmpfs", 0, "size=64k,nr_inodes=5,mode=750"));
	line("t");
	stat("t", &st);
	printf("mode %o\n", st.st_mode);
	statfs("t", &s);
	printf("type %lx blocks %ld free %ld files %ld %ld\n", (long)s.f_type, (long)s.f_blocks, (long)s.f_bfree,
		(long)s.f_files, (long)s.f_ffree);
	int fd = open("t/a", O_RDWR | O_CREAT, 0644);
	T(write(fd, block, 40000));
	T(write(fd, block, 40000));
	T(write(fd, block, 1));
	statfs("t", &s);
	printf("free %ld files %ld\n", (long)s.f_bfree, (long)s.f_ffree);
	T(ftruncate(fd, 5000));
	statfs("t", &s);
	printf("free %ld\n", (long)s.f_bfree);
	T(fallocate(fd, 0, 0, 70000));
	T(fallocate(fd, 0, 0, 60000));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 40960));
	statfs("t", &s);
	printf("free %ld\n", (long)s.f_bfree);
	create("t/b");
	create("t/c");
	create("t/d");
	create("t/e");
	T(mkdir("t/f", 0755));
	T(symlink("x", "t/g"));
	T(link("t/b", "t/h"));
	T(unlink("t/c"));
	create("t/e");
	T(mount("mem", "t", "tmpfs", MS_REMOUNT, "size=4k"));
	T(mount("mem", "t", "tmpfs", MS_REMOUNT, "size=1m"));
	line("t");
	T(mount("mem", "t", "tmpfs", MS_REMOUNT, "nonsense=1"));
	T(umount("t"));
	T(close(fd));
	T(umount("t"));
	T(umount("t"));
	T(mount("mem", "t", "tmpfs", 0, "size=lots"));
	T(mount("mem", "none", "tmpfs", 0, ""));
	T(mount("mem", "t", "nonesuchfs", 0, ""));
	T(umount("none"));
	T(umount2("t", 0x1000));
}

static void twice(void)
{
	struct stat a, b;

	mkdir("from", 0755);
	mkdir("to", 0755);
	put("from/x", "one file");
	T(mount("from", "to", NULL, MS_BIND, NULL));
	show("to/x");
	stat("from/x", &a);
	stat("to/x", &b);
	T(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	create("to/y");
	T(access("from/y", F_OK));
	T(rename("to/y", "from/z"));
	T(link("to/y", "from/z"));
	T(rmdir("to"));
	T(rename("to", "elsewhere"));
	puts("a file mounted on a file");
	put("f1", "the one");
	put("f2", "the other");
	T(mount("f1", "f2", NULL, MS_BIND, NULL));
	show("f2");
	T(unlink("f2"));
	T(mount("f1", "to", NULL, MS_BIND, NULL));
	T(umount("f2"));
	show("f2");
	puts("read-only");
	T(mount(NULL, "to", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	T(mount(NULL, "from", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	show("to/x");
	T(open("to/x", O_RDWR));
	T(open("to/x", O_RDONLY | O_TRUNC));
	T(open("to/new", O_WRONLY | O_CREAT, 0644));
	int fd = open("to/x", O_RDONLY | O_CREAT, 0644);
	T(fd >= 0);
	T(fchmod(fd, 0600));
	close(fd);
	T(mkdir("to/d", 0755));
	T(mkdir("to/x", 0755));
	T(symlink("a", "to/l"));
	T(mknod("to/p", S_IFIFO | 0644, 0));
	T(unlink("to/x"));
	T(unlink("to/none"));
	T(rmdir("to/none"));
	T(rename("to/x", "to/w"));
	T(link("to/x", "to/w"));
	T(chmod("to/x", 0600));
	T(chown("to/x", 0, 0));
	T(truncate("to/x", 0));
	T(utimensat(AT_FDCWD, "to/x", NULL, 0));
	T(access("to/x", R_OK));
	T(access("to/x", W_OK));
	create("from/w");
	T(mount(NULL, "to", NULL, MS_REMOUNT | MS_BIND, NULL));
	create("to/v");
	T(mount(NULL, "to", NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC | MS_NODEV | MS_NOSUID, NULL));
	mknod("to/null", S_IFCHR | 0666, makedev(1, 3));
	T(open("to/null", O_RDWR));
	struct statfs s;
	statfs("to", &s);
	printf("flags %lx\n", (long)s.f_flags);
	put("to/script", "#!/bin/sh\n");
	chmod("to/script", 0755);
	T(execl("to/script", "script", NULL));
	T(umount("to"));
}

static void trees(void)
{
	mkdir("a", 0755);
	mkdir("b", 0755);
	mkdir("c", 0755);
	T(mount("mem", "a", "tmpfs", 0, ""));
	mkdir("a/in", 0755);
	T(mount("mem2", "a/in", "tmpfs", 0, ""));
	put("a/in/deep", "deep");
	T(mount("a", "b", NULL, MS_BIND, NULL));
	show("b/in/deep");
	T(umount("b"));
	T(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	show("b/in/deep");
	T(umount("b"));
	T(umount2("b", MNT_DETACH));
	show("b/in/deep");
	show("a/in/deep");
	T(chdir("a/in"));
	char where[300];
	T(getcwd(where, sizeof where) != NULL && strcmp(where + strlen(workplace), "/a/in") == 0);
	show("../../a/in/deep");
	T(chdir("../.."));
	T(umount("a"));
	int fd = open("a/in/deep", O_RDONLY);
	T(umount("a/in"));
	T(umount2("a/in", MNT_DETACH));
	char text[10];
	T(read(fd, text, 10));
	T(close(fd));
	show("a/in/deep");
	puts("stacked mounts");
	put("a/under", "under");
	T(mount("mem3", "a", "tmpfs", 0, ""));
	show("a/under");
	T(umount("a"));
	show("a/under");
	T(umount("a"));
}

static void not_root(void)
{
	fflush(stdout);
	if (fork() == 0) {
		T(setuid(1000));
		T(mount("mem", "t", "tmpfs", 0, ""));
		T(umount("t"));
		T(chroot("."));
		T(syscall(SYS_pivot_root, ".", "."));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

/* A lazily unmounted file system is freed with the last working directory in it. */
static void left_behind(void)
{
	mkdir("gone", 0755);
	for (int how = 0; how < 4; how++) {
		int back = open(".", O_RDONLY);

		T(mount("mem", "gone", "tmpfs", 0, ""));
		put("gone/file", "text");
		fflush(stdout);
		if (fork() == 0) {
			if (how == 0)
				T(chroot("gone"));
			T(how == 0 ? 0 : chdir("gone"));
			T(umount2(how == 0 ? "gone" : "../gone", MNT_DETACH));
			switch (how) {
			case 0: T(chroot(".")); break;
			case 1: T(chdir("/")); break;
			case 2: T(fchdir(back)); show("gone/file");
			}
			fflush(stdout);
			_exit(0);
		}
		wait(NULL);
		close(back);
		show("gone/file");
	}
	rmdir("gone");
}

/* The working directory after a chroot to a directory below it. */
static void outside(void)
{
	char cwd[PATH_MAX] = "";

	fflush(stdout);
	if (fork() == 0) {
		mkdir("inner", 0755);
		T(chroot("inner"));
		T(syscall(SYS_getcwd, cwd, sizeof cwd) > 0);
		cwd[13] = 0;
		printf("%s\n", cwd);
		T(chdir("/"));
		T(strcmp(getcwd(cwd, sizeof cwd), "/"));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	rmdir("inner");
}

/* RESOLVE_NO_XDEV: neither ".." nor a link may leave the mount. */
static void one_mount(void)
{
	static const char *links[][2] = {
		{"up", ".."}, {"top", "/"}, {"in_top", "/tmp"}, {"missing", "/none/at/all"}, {"here", "."}};
	static const char *paths[] = {"..", "/", "/tmp", "../other", "file"};
	unsigned long long how[3] = {O_PATH, 0, 1};
	int fd, dir;

	mkdir("other", 0755);
	T(mount("other", "other", "tmpfs", 0, ""));
	put("other/file", "x");
	dir = open("other", O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		symlinkat(links[i][1], dir, links[i][0]);
		fd = syscall(437, dir, links[i][0], how, sizeof how);
		printf("%s -> %s: %s\n", links[i][0], links[i][1], fd < 0 ? strerror(errno) : "opened");
	}
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		fd = syscall(437, dir, paths[i], how, sizeof how);
		printf("%s: %s\n", paths[i], fd < 0 ? strerror(errno) : "opened");
	}
	T(umount2("other", MNT_DETACH));
	rmdir("other");
}

int main(void)
{
	/* Mounts made here don't propagate. */
	if (unshare(CLONE_NEWNS) == 0)
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	begin();
	T(mount("work", ".", "tmpfs", 0, "size=4m"));
	T(chdir(workplace));
	limits();
	twice();
	trees();
	not_root();
	left_behind();
	outside();
	one_mount();
	T(chdir("/"));
	T(umount(workplace));
	end();
	return 0;
}
