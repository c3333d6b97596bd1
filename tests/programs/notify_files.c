/* covers: kernel/src/vfs/ */
/* inotify events of files deleted while open, replaced by rename, executed, or on unmounted file
   systems; and the flags of a watch. */
#include "notify.h"

static int exchange(const char *first, const char *second)
{
	return syscall(SYS_renameat2, AT_FDCWD, first, AT_FDCWD, second, 2);
}

static void deleted_in_use(void)
{
	int fd;

	put("d/used", "x");
	watch("d/used", IN_ALL_EVENTS);
	events();
	fd = open("d/used", O_RDWR);
	E(unlink("d/used"));
	E(write(fd, "y", 1));
	E(fchmod(fd, 0600));
	E(close(fd));
	/* One of two hard links remains. */
	put("d/first", "x");
	link("d/first", "d/second");
	events();
	int wd = watch("d/first", IN_ALL_EVENTS);
	T(inotify_add_watch(instance, "d/second", IN_ALL_EVENTS) == wd);
	E(unlink("d/first"));
	E(close(open("d/second", O_RDONLY)));
	fd = open("d/second", O_RDONLY);
	E(unlink("d/second"));
	E(close(fd));
	/* A working directory. */
	mkdir("d/cwd", 0755);
	watch("d/cwd", IN_ALL_EVENTS);
	E(chdir("d/cwd"));
	E(rmdir("../cwd"));
	E(chdir(".."));
	E(chdir(".."));
}

static void replaced(void)
{
	int fd;

	put("d/old", "x");
	put("e/new", "x");
	watch("d/old", IN_ALL_EVENTS);
	watch("e/new", IN_ALL_EVENTS);
	events();
	E(rename("e/new", "d/old"));
	E(close(open("d/old", O_RDONLY)));
	put("e/newest", "x");
	fd = open("d/old", O_RDONLY);
	events();
	E(rename("e/newest", "d/old"));
	E(read(fd, &fd + 1, 0));
	E(close(fd));
	E(unlink("d/old"));
	mkdir("d/empty", 0755);
	mkdir("e/full", 0755);
	put("e/full/file", "x");
	watch("d/empty", IN_ALL_EVENTS);
	watch("e/full", IN_ALL_EVENTS);
	events();
	E(rename("e/full", "d/empty"));
	E(unlink("d/empty/file"));
	E(exchange("d/empty", "e"));
	E(rmdir("d/empty"));
	mkdir("d/one", 0755);
	put("e/two", "x");
	watch("d/one", IN_ALL_EVENTS);
	watch("e/two", IN_ALL_EVENTS);
	events();
	E(exchange("d/one", "e/two"));
	E(unlink("d/one"));
	E(rmdir("e/two"));
}

/* Flags of a watch. */
static void flags(void)
{
	int fd, wd;

	put("d/f", "x");
	put("d/g", "x");
	symlink("f", "d/link");
	events();
	wd = watch("d", IN_OPEN);
	E(close(open("d/f", O_RDONLY)));
	T(inotify_add_watch(instance, "d", IN_CLOSE_NOWRITE | IN_MASK_ADD) == wd);
	E(close(open("d/f", O_RDONLY)));
	T(inotify_add_watch(instance, "d", IN_CLOSE_NOWRITE | IN_MASK_CREATE));
	T(inotify_add_watch(instance, "d", IN_CLOSE_NOWRITE | IN_MASK_CREATE | IN_MASK_ADD));
	T(inotify_add_watch(instance, "d/f", IN_ONLYDIR | IN_OPEN));
	T(inotify_add_watch(instance, "d", IN_ONLYDIR | IN_ALL_EVENTS | IN_EXCL_UNLINK) == wd);
	fd = open("d/f", O_RDWR);
	int other = open("d/g", O_RDWR);
	events();
	E(unlink("d/f"));
	E(write(fd, "x", 1));
	E(fchmod(fd, 0600));
	E(fallocate(fd, 0, 0, 10));
	E(ftruncate(fd, 0));
	E(close(fd));
	watch("d", IN_ALL_EVENTS);
	E(unlink("d/g"));
	E(write(other, "x", 1));
	E(close(other));
	put("d/f", "x");
	wd = watch("d/f", IN_ONESHOT | IN_OPEN);
	events();
	E(close(open("d/f", O_RDONLY)));
	E(close(open("d/f", O_RDONLY)));
	watched[wd] = "once";
	watch("d/link", IN_ALL_EVENTS);
	T(inotify_add_watch(instance, "d/link", IN_ALL_EVENTS | IN_DONT_FOLLOW) > 0);
	E(chown("d/f", 0, 0));
	E(lchown("d/link", 0, 0));
	E(unlink("d/link"));
	E(inotify_rm_watch(instance, wd));
	wd = inotify_add_watch(instance, "d/f", IN_OPEN);
	watched[wd] = "again";
	E(inotify_rm_watch(instance, wd));
	E(inotify_rm_watch(instance, wd));
	T(inotify_add_watch(instance, "d/f", IN_UNMOUNT) > 0);
	T(inotify_add_watch(instance, "d/f", IN_ISDIR) > 0);
	T(inotify_add_watch(instance, "d/f", IN_ONLYDIR));
	T(inotify_add_watch(instance, "d", 0));
	T(inotify_add_watch(instance, "d", 0x1000));
	T(inotify_add_watch(instance, "d", 0x08000000));
	T(inotify_add_watch(instance, "missing", IN_OPEN));
	T(inotify_add_watch(instance, "d/f/x", IN_OPEN));
	T(inotify_add_watch(instance, NULL, IN_OPEN));
	T(inotify_add_watch(instance, "", IN_OPEN));
	T(inotify_add_watch(-1, "d", IN_OPEN));
	T(inotify_add_watch(0, "d", IN_OPEN));
	T(inotify_rm_watch(-1, 1));
	T(inotify_rm_watch(0, 1));
	T(inotify_rm_watch(instance, -1));
	T(inotify_rm_watch(instance, 0));
	E(unlink("d/f"));
}

static void run(char *const argv[])
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		execv(argv[0], argv);
		_exit(99);
	}
	wait(&status);
	printf("ran %s: %d\n", argv[0], WEXITSTATUS(status));
	events();
}

/* Executes this program, which exits at once with the argument x, and a script that it interprets. */
static void programs(const char *self)
{
	char script[300];
	char copy[4096];
	int from = open(self, O_RDONLY), to = open("d/program", O_WRONLY | O_CREAT, 0755);
	ssize_t size;

	while ((size = read(from, copy, sizeof copy)) > 0)
		if (write(to, copy, size) != size)
			perror("copy");
	close(from);
	close(to);
	snprintf(script, sizeof script, "#!%s/d/program x\n", workplace);
	put("d/script", script);
	put("d/text", "neither");
	chmod("d/script", 0755);
	chmod("d/text", 0755);
	events();
	run((char *[]){"d/program", "x", NULL});
	run((char *[]){"d/script", NULL});
	run((char *[]){"d/text", NULL});
	chmod("d/text", 0644);
	events();
	run((char *[]){"d/text", NULL});
	watch("d/program", IN_ALL_EVENTS);
	run((char *[]){"d/program", "x", NULL});
	unlink("d/text");
	unlink("d/script");
	unlink("d/program");
	events();
}

static void mounts(void)
{
	int fd;

	mkdir("m", 0755);
	T(mount("none", "m", "tmpfs", 0, ""));
	put("m/f", "x");
	mkdir("m/sub", 0755);
	mkdir("bound", 0755);
	watch("m", IN_ALL_EVENTS);
	watch("m/f", IN_OPEN);
	watch("m/sub", IN_OPEN);
	/* The same file on another mount. */
	T(mount("m", "bound", NULL, MS_BIND, NULL));
	E(close(open("bound/f", O_RDONLY)));
	E(umount("bound"));
	E(close(open("m", O_RDONLY)));
	E(inotify_add_watch(instance, "m/sub", IN_ONLYDIR | IN_ATTRIB) > 0);
	fd = open("m/f", O_RDONLY);
	events();
	E(umount("m"));
	E(close(fd));
	T(umount("m"));
	/* The order in which files are closed is not defined. */
	static char buffer[4096] __attribute__((aligned(8)));
	int events_seen = 0, ends[3] = {0};
	ssize_t size = read(instance, buffer, sizeof buffer);

	for (ssize_t at = 0; at < size;
		at += sizeof(struct inotify_event) + ((struct inotify_event *)(buffer + at))->len) {
		struct inotify_event *event = (void *)(buffer + at);

		events_seen++;
		if (event->mask == IN_UNMOUNT)
			ends[0]++;
		else if (event->mask == (IN_UNMOUNT | IN_ISDIR))
			ends[1]++;
		else if (event->mask == IN_IGNORED)
			ends[2]++;
	}
	printf("%d events: %d unmounts, %d of directories, %d ends\n", events_seen, ends[0], ends[1], ends[2]);
	T(mount("none", "m", "tmpfs", 0, ""));
	put("m/f", "x");
	watch("m/f", IN_ALL_EVENTS);
	fd = open("m/f", O_RDWR);
	events();
	/* A detached mount is unmounted when the last file is closed. */
	E(umount2("m", MNT_DETACH));
	E(write(fd, "x", 1));
	E(close(fd));
	rmdir("m");
	rmdir("bound");
}

/* A watch on /dev/pts, a separate file system. */
static void terminals(void)
{
	char buffer[1000] __attribute__((aligned(8)));
	int fd = inotify_init1(IN_NONBLOCK), slave, master;

	T(inotify_add_watch(fd, "/dev/pts", IN_ALL_EVENTS));
	master = posix_openpt(O_RDWR | O_NOCTTY);
	unlockpt(master);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	write(slave, "x", 1);
	close(slave);
	close(master);
	ssize_t size = read(fd, buffer, sizeof buffer);
	for (ssize_t at = 0; at < size;) {
		struct inotify_event *event = (void *)(buffer + at);

		printf("    %x %d\n", event->mask, event->name[0] >= '0' && event->name[0] <= '9');
		at += sizeof *event + event->len;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "x") == 0)
		return 0;
	char self[300];

	snprintf(self, sizeof self, "%s", argv[0]);
	begin_watching();
	mkdir("d", 0755);
	mkdir("e", 0755);
	watch("d", IN_ALL_EVENTS);
	watch("e", IN_ALL_EVENTS);
	deleted_in_use();
	replaced();
	flags();
	programs(self);
	mounts();
	terminals();
	end();
	return 0;
}
