/* covers: kernel/src/vfs/ */
/* Files of various modes and owners in various directories and mounts, as uid 1000 with group 1000
   only: the result of each access, and the file's attributes afterwards. */
#include "rights.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

static const struct place {
	const char *name;
	unsigned uid, gid, mode;
	unsigned long flags; /* of a mount; 0: a directory */
} places[] = {
	{"open", 0, 0, 0777, 0},
	{"closed", 0, 0, 0755, 0},
	{"shut", 0, 0, 0700, 0},
	{"sticky", 0, 0, 01777, 0},
	{"own_sticky", 1000, 0, 01777, 0},
	{"setgid", 0, 50, 02777, 0},
	{"own_setgid", 0, 1000, 02777, 0},
	{"noexec", 0, 0, 0777, MS_NOEXEC},
	{"nosuid", 0, 50, 02777, MS_NOSUID},
	{"nodev", 0, 0, 0777, MS_NODEV},
	{"readonly", 0, 0, 0777, MS_RDONLY},
};

static const struct kind {
	unsigned uid, gid, mode;
} kinds[] = {{0, 0, 0600}, {0, 0, 0644}, {0, 0, 0666}, {0, 0, 0622}, {0, 0, 0755}, {0, 0, 0711}, {0, 0, 04755},
	{0, 0, 04777}, {0, 0, 02777}, {0, 0, 06777}, {0, 0, 02767}, {0, 1000, 060}, {0, 1000, 0606}, {0, 1000, 02070},
	{0, 50, 02775}, {0, 50, 02666}, {0, 0, 0}, {0, 0, 0007}, {1000, 1000, 0}, {1000, 1000, 0077},
	{1000, 1000, 0644}, {1000, 0, 0400}, {1000, 0, 02777}, {1000, 50, 02070}, {1000, 1000, 06777},
	{1000, 1000, 0555}};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void path_of(char *path, const struct place *place, const struct kind *kind)
{
	sprintf(path, "%s/%u-%u-%04o", place->name, kind->uid, kind->gid, kind->mode);
}

/* Makes a file, with a script as its content, for execve. */
static void make(const char *path, const struct kind *kind)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

	if (fd < 0 || write(fd, "#!/none\n", 8) != 8 || fchown(fd, kind->uid, kind->gid) || fchmod(fd, kind->mode))
		perror(path);
	close(fd);
}

static void make_all(void)
{
	char path[100];

	for (const struct place *place = places; place < places + COUNT(places); place++) {
		mkdir(place->name, 0700);
		if (place->flags && mount("none", place->name, "tmpfs", 0, NULL))
			perror(place->name);
		for (const struct kind *kind = kinds; kind < kinds + COUNT(kinds); kind++) {
			path_of(path, place, kind);
			make(path, kind);
		}
		if (chown(place->name, place->uid, place->gid) || chmod(place->name, place->mode))
			perror(place->name);
		if (place->flags && mount("none", place->name, "tmpfs", MS_REMOUNT | place->flags, NULL))
			perror(place->name);
	}
}

static long try_open(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static long try_write(const char *path)
{
	int fd = open(path, O_WRONLY);
	long result = fd < 0 ? -1 : write(fd, "#", 1);

	if (fd >= 0)
		close(fd);
	return result;
}

static long try_map(const char *path, int now, int later)
{
	int fd = open(path, O_RDONLY);
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, now, MAP_PRIVATE, fd, 0);
	int was = errno;
	long result = map == MAP_FAILED ? -1 : later ? mprotect(map, 4096, later) : 0;

	if (map != MAP_FAILED) {
		was = errno;
		munmap(map, 4096);
	}
	if (fd >= 0)
		close(fd);
	errno = was;
	return result;
}

static void after(const char *path)
{
	struct stat s;

	if (stat(path, &s) == 0)
		printf("[%o %d %d] ", s.st_mode & 07777, s.st_uid, s.st_gid);
	else
		printf("[%s] ", answer(-1));
}

#define TRY(what, call) (errno = 0, printf("%s %s ", what, answer(call)))

static void attempts(const char *path)
{
	char other[120];

	sprintf(other, "%s.new", path);
	printf("%s: ", path);
	after(path);
	TRY("access r", access(path, R_OK));
	TRY("w", access(path, W_OK));
	TRY("x", access(path, X_OK));
	TRY("open r", try_open(path, O_RDONLY));
	TRY("w", try_open(path, O_WRONLY));
	TRY("rw", try_open(path, O_RDWR));
	TRY("noatime", try_open(path, O_RDONLY | O_NOATIME));
	TRY("mmap x", try_map(path, PROT_READ | PROT_EXEC, 0));
	TRY("mprotect x", try_map(path, PROT_READ, PROT_READ | PROT_EXEC));
	TRY("exec", execl(path, path, NULL));
	TRY("write", try_write(path));
	after(path);
	TRY("chmod", chmod(path, 06775));
	after(path);
	TRY("chown user", chown(path, 0, -1));
	TRY("group", chown(path, -1, 1000));
	TRY("none", chown(path, -1, -1));
	after(path);
	TRY("utime", utimensat(AT_FDCWD, path, NULL, 0));
	TRY("setxattr", setxattr(path, "user.x", "y", 1, 0));
	TRY("trusted", setxattr(path, "trusted.x", "y", 1, 0));
	TRY("truncate", truncate(path, 2));
	after(path);
	TRY("trunc", try_open(path, O_RDWR | O_TRUNC));
	TRY("rename", rename(path, other));
	TRY("back", rename(other, path));
	TRY("unlink", unlink(path));
	printf("\n");
}

static long make_socket(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	long result;

	strcpy(name.sun_path, path);
	fchmod(fd, 02775);
	result = bind(fd, (void *)&name, sizeof name);
	close(fd);
	return result;
}

static long make_unnamed(const char *path, int mode)
{
	char proc[40];
	int fd = open(".", O_TMPFILE | O_RDWR, mode);

	if (fd < 0)
		return -1;
	sprintf(proc, "/proc/self/fd/%d", fd);
	long result = linkat(AT_FDCWD, proc, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
	close(fd);
	return result;
}

/* Owner and mode of a new file of each type, with and without a umask. */
static void creations(const char *where)
{
	static const unsigned modes[] = {0666, 0777, 01777, 02777, 02767, 04777, 06775, 02775};
	static const unsigned masks[] = {0, 022, 077, 010};

	if (chdir(where)) {
		printf("%s: %s\n", where, answer(-1));
		return;
	}
	for (unsigned i = 0; i < COUNT(modes) * COUNT(masks); i++) {
		unsigned mode = modes[i / COUNT(masks)], mask = masks[i % COUNT(masks)];

		umask(mask);
		printf("%s new %o %o: ", where, mode, mask);
		TRY("file", close(open("f", O_CREAT | O_EXCL | O_RDWR, mode)));
		after("f");
		TRY("unnamed", make_unnamed("u", mode));
		after("u");
		TRY("mkdir", mkdir("d", mode));
		after("d");
		TRY("regular", mknod("r", S_IFREG | mode, 0));
		after("r");
		TRY("fifo", mknod("p", S_IFIFO | mode, 0));
		after("p");
		TRY("socket", make_socket("s"));
		after("s");
		TRY("char", mknod("c", S_IFCHR | mode, 0x103));
		TRY("block", mknod("b", S_IFBLK | mode, 0x103));
		TRY("whiteout", mknod("w", S_IFCHR | mode, 0));
		TRY("link", symlink("x", "l"));
		TRY("chmod d", chmod("d", 02770));
		after("d");
		printf("\n");
		unlink("f"), unlink("u"), rmdir("d"), unlink("r"), unlink("p"), unlink("s");
		unlink("w"), unlink("l");
	}
	umask(0);
	if (chdir(".."))
		perror("..");
}

int main(void)
{
	char where[] = "/tmp/rights-XXXXXX", path[100];

	own_place(where);
	make_all();
	IN_A_CHILD
	{
		become(1000, 1000);
		for (unsigned i = 0; i < COUNT(places) * COUNT(kinds); i++) {
			path_of(path, places + i / COUNT(kinds), kinds + i % COUNT(kinds));
			attempts(path);
		}
		for (const struct place *place = places; place < places + COUNT(places); place++)
			creations(place->name);
	}
	leave_place(where);
	printf("PASS\n");
	return 0;
}
