/* covers: kernel/src/vfs/ */
/* Access times: which calls update them under each mount flag (mount(2)). */
#include "fs.h"

static char buffer[4096];

static struct timespec atime_of(const char *name)
{
	struct stat s = {0};

	fstatat(AT_FDCWD, name, &s, AT_SYMLINK_NOFOLLOW);
	return s.st_atim;
}

static int same(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Waits longer than one tick of the coarse clock. */
static void later(void)
{
	usleep(30000);
}

static int from(const char *name, int flags)
{
	return open(name, O_RDONLY | flags);
}

/* The file, opened before the call. */
static int opened;
static off_t at_end;

static void do_nothing(void) {}
static void do_stat(void)
{
	access("file", R_OK);
	atime_of("file");
}
static void do_open(void)
{
	close(from("file", 0));
}
static void do_read(void)
{
	read(opened, buffer, 10);
}
static void do_read_nothing(void)
{
	lseek(opened, 0, SEEK_END);
	read(opened, buffer, 10);
}
static void do_pread(void)
{
	pread(opened, buffer, 10, 0);
}
static void do_readv(void)
{
	readv(opened, &(struct iovec){buffer, 10}, 1);
}
static void do_bad_read(void)
{
	read(opened, (void *)1, 10);
}
static void do_write(void)
{
	pwrite(opened, "x", 1, 0);
}
static void do_map(void)
{
	munmap(mmap(0, 4096, PROT_READ, MAP_PRIVATE, opened, 0), 4096);
}
static void do_sendfile(void)
{
	int to = open("copy", O_RDWR | O_CREAT, 0600);

	sendfile(to, opened, &at_end, 4);
	close(to);
}
static void do_splice(void)
{
	int ends[2];

	pipe(ends);
	splice(opened, &(off_t){0}, ends[1], NULL, 4, 0);
	close(ends[0]);
	close(ends[1]);
}
static void do_list(void)
{
	DIR *d = opendir("dir");

	while (readdir(d))
		;
	closedir(d);
}
static void do_enter(void)
{
	access("dir/inside", F_OK);
}
static void do_readlink(void)
{
	readlink("link", buffer, 10);
}
static void do_follow(void)
{
	access("link", R_OK);
}
static void do_lstat(void)
{
	access("linked/inside", R_OK);
}
static void do_run(void)
{
	if (fork() == 0) {
		execl("./prog", "prog", "nothing", NULL);
		_exit(1);
	}
	wait(NULL);
}

static const struct {
	const char *name, *what;
	void (*call)(void);
	int flags;
} rows[] = {
	{"nothing", "file", do_nothing, O_RDONLY},
	{"stat", "file", do_stat, O_RDONLY},
	{"open", "file", do_open, O_RDONLY},
	{"read", "file", do_read, O_RDONLY},
	{"read at the end", "file", do_read_nothing, O_RDONLY},
	{"pread", "file", do_pread, O_RDONLY},
	{"readv", "file", do_readv, O_RDWR},
	{"read with O_NOATIME", "file", do_read, O_RDONLY | O_NOATIME},
	{"read to a bad pointer", "file", do_bad_read, O_RDONLY},
	{"write", "file", do_write, O_RDWR},
	{"mmap", "file", do_map, O_RDONLY},
	{"mmap with O_NOATIME", "file", do_map, O_RDONLY | O_NOATIME},
	{"sendfile", "file", do_sendfile, O_RDONLY},
	{"splice", "file", do_splice, O_RDONLY},
	{"readdir", "dir", do_list, O_RDONLY},
	{"a name in it", "dir", do_enter, O_RDONLY},
	{"readlink", "link", do_readlink, O_RDONLY},
	{"through a link", "link", do_follow, O_RDONLY},
	{"through a link to a directory", "linked", do_lstat, O_RDONLY},
	{"execve", "prog", do_run, O_RDONLY},
};

static void make(const char *self)
{
	char command[9000];
	int in = open(self, O_RDONLY), out = open("prog", O_CREAT | O_WRONLY, 0755);
	ssize_t size;

	while ((size = read(in, command, sizeof command)) > 0)
		write(out, command, size);
	close(in);
	close(out);
	put("file", "0123456789");
	mkdir("dir", 0755);
	put("dir/inside", "x");
	symlink("file", "link");
	symlink("dir", "linked");
}

/* Which rows update an atime older than mtime, and which a newer one. */
static void each(const char *title)
{
	const struct timespec old[2] = {{100, 0}, {200, 0}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		opened = from("file", rows[i].flags & ~O_ACCMODE);
		if ((rows[i].flags & O_ACCMODE) == O_RDWR) {
			close(opened);
			opened = open("file", O_RDWR);
		}
		utimensat(AT_FDCWD, rows[i].what, old, AT_SYMLINK_NOFOLLOW);
		struct timespec before = atime_of(rows[i].what);
		later();
		rows[i].call();
		struct timespec first = atime_of(rows[i].what);
		later();
		rows[i].call();
		struct timespec second = atime_of(rows[i].what);
		printf("%s, %s: %s, again: %s\n", title, rows[i].name, same(before, first) ? "stays" : "moves",
			same(first, second) ? "stays" : "moves");
		close(opened);
	}
}

static const struct {
	const char *name;
	unsigned long flags;
} mounts[] = {
	{"relatime", MS_RELATIME},
	{"noatime", MS_NOATIME},
	{"nodiratime", MS_NODIRATIME},
	{"strictatime", MS_STRICTATIME},
	{"strictatime and nodiratime", MS_STRICTATIME | MS_NODIRATIME},
};

int main(int argc, char **argv)
{
	char self[4096] = {0};

	if (argc > 1 && strcmp(argv[1], "nothing") == 0)
		return 0;
	readlink("/proc/self/exe", self, sizeof self - 1);
	begin();
	mkdir("mount", 0755);
	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		T(mount("none", "mount", "tmpfs", mounts[i].flags, ""));
		T(chdir("mount"));
		make(self);
		each(mounts[i].name);
		T(chdir(".."));
		T(umount2("mount", MNT_DETACH));
	}
	end();
	return 0;
}
