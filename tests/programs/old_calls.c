/* covers: kernel/src/syscall/ */
/* Obsolete i386 system calls, by number, compared with their successors. */
#define _FILE_OFFSET_BITS 64
#include "fs.h"
#include <grp.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#ifdef __i386__

/* Calls without a wrapper in glibc. */
static long call(int number, long a, long b, long c)
{
	return syscall(number, a, b, c);
}

struct first_stat {
	unsigned short dev, ino, mode, nlink, uid, gid, rdev;
	unsigned size, atime, mtime, ctime;
};

/* Prints an old stat's result, and whether its fields match the current stat's. */
static void compare(const char *label, long result, const struct first_stat *old, const struct stat *now)
{
	printf("%s: %ld", label, result);
	if (result < 0)
		printf(" %s\n", strerror(errno));
	else
		printf(" mode %o, nlink %u, owner %u %u, device %x, size %u, times %d, inode %d, file system %d\n",
			old->mode, old->nlink, old->uid, old->gid, old->rdev, old->size,
			old->atime == now->st_atime && old->mtime == now->st_mtime && old->ctime == now->st_ctime,
			old->ino == now->st_ino,
			old->dev == (unsigned short)(major(now->st_dev) << 8 | minor(now->st_dev)));
}

static void stats(void)
{
	struct first_stat old;
	struct stat now;
	/* oldstat fails with EOVERFLOW if the inode number doesn't fit into 16 bits. */
	memset(&old, 0x55, sizeof old);
	stat("/dev/null", &now);
	long result = call(18, (long)"/dev/null", (long)&old, 0);
	if (now.st_ino < 65536)
		compare("oldstat", result, &old, &now);
	else
		printf("oldstat: -1 %s\n", strerror(errno));
	put("large", "x");
	int fd = open("large", O_RDWR);
	T(call(28, 99, (long)&old, 0));
	T(call(18, (long)"nowhere", (long)&old, 0));
	T(call(84, (long)"nowhere", (long)&old, 0));
	T(call(18, 8, (long)&old, 0));
	T(call(84, (long)"", (long)&old, 0));
	T(call(28, fd, (long)&old, 0) == 0 || errno == EOVERFLOW);
	close(fd);
}

static void small_inode(void)
{
	/* The inode number of /proc's root is small. */
	struct first_stat old;
	struct stat now;
	lstat("/proc", &now);
	memset(&old, 0x55, sizeof old);
	long result = call(84, (long)"/proc", (long)&old, 0);
	printf("oldlstat of /proc: %ld mode %o inode %d size %u owner %u %u\n", result, old.mode, old.ino == now.st_ino,
		old.size, old.uid, old.gid);
}

/* All three calls on files of a new tmpfs, whose inode numbers are small: each kind of file, an owner whose
   ID needs more than 16 bits, and a size that needs more than 32. */
static void kinds(void)
{
	static const char *const names[] = {"file", "link", "directory", "symlink", "fifo", "device", "large"};
	static struct first_stat old;
	struct stat now;
	char label[40];
	int is_init = getpid() == 1;

	fflush(stdout);
	if (fork()) {
		wait(NULL);
		return;
	}
	mkdir("mount", 0700);
	if (!is_init && (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)))
		printf("no mount namespace\n");
	if (mount("none", "mount", "tmpfs", 0, NULL) || chdir("mount"))
		printf("no tmpfs\n");
	put("file", "twelve bytes");
	T(link("file", "link"));
	T(chown("file", 70000, 70001));
	T(chmod("file", 06751));
	T(utimes("file", (struct timeval[]){{1000000000, 1}, {2000000000, 2}}));
	T(mkdir("directory", 01777));
	T(symlink("file", "symlink"));
	T(mkfifo("fifo", 0620));
	T(mknod("device", S_IFCHR | 0600, makedev(1, 3)));
	put("large", "");
	T(truncate64("large", (5ll << 30) + 7));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		for (int number = 18; number <= 84; number += 66) {
			(number == 18 ? stat : lstat)(names[i], &now);
			memset(&old, 0x55, sizeof old);
			snprintf(label, sizeof label, "%s %s", number == 18 ? "oldstat" : "oldlstat", names[i]);
			compare(label, call(number, (long)names[i], (long)&old, 0), &old, &now);
		}
		int fd = open(names[i], O_RDONLY | O_NONBLOCK);
		fstat(fd, &now);
		memset(&old, 0x55, sizeof old);
		snprintf(label, sizeof label, "oldfstat %s", names[i]);
		compare(label, call(28, fd, (long)&old, 0), &old, &now);
		close(fd);
	}
	fflush(stdout);
	_exit(0);
}

/* IDs that need more than 16 bits show as 65534. */
static void ids(void)
{
	static const gid_t groups[] = {5, 65534, 65535, 65536, 70004};
	unsigned short out[8];

	fflush(stdout);
	if (fork()) {
		wait(NULL);
		return;
	}
	T(setgroups(5, groups));
	T(setresgid(70000, 70001, 70002));
	T(setresuid(70000, 70001, 70002));
	printf("getuid16 %ld geteuid16 %ld getgid16 %ld getegid16 %ld\n", call(24, 0, 0, 0), call(49, 0, 0, 0),
		call(47, 0, 0, 0), call(50, 0, 0, 0));
	printf("with 32 bits: %u %u %u %u\n", getuid(), geteuid(), getgid(), getegid());
	memset(out, 0x55, sizeof out);
	printf("getresuid16 %ld", call(165, (long)&out[0], (long)&out[1], (long)&out[2]));
	printf(" %u %u %u, then %x\n", out[0], out[1], out[2], out[3]);
	printf("getresgid16 %ld", call(171, (long)&out[0], (long)&out[1], (long)&out[2]));
	printf(" %u %u %u, then %x\n", out[0], out[1], out[2], out[3]);
	printf("getgroups16 %ld", call(80, 8, (long)out, 0));
	printf(" %u %u %u %u %u, then %x\n", out[0], out[1], out[2], out[3], out[4], out[5]);
	fflush(stdout);
	_exit(0);
}

static void limits(void)
{
	static const struct {
		int resource;
		rlim_t soft;
	} rows[] = {{RLIMIT_CORE, 0}, {RLIMIT_CORE, 0x7ffffffe}, {RLIMIT_CORE, 0x7fffffff}, {RLIMIT_CORE, 0x80000000u},
		{RLIMIT_CORE, 0xfffffffe}, {RLIMIT_CORE, RLIM_INFINITY}};
	unsigned old[2];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rlimit limit = {rows[i].soft, RLIM_INFINITY};
		setrlimit(rows[i].resource, &limit);
		long result = call(76, rows[i].resource, (long)old, 0);
		printf("getrlimit %ld: %x %x", result, old[0], old[1]);
		result = call(191, rows[i].resource, (long)old, 0);
		printf(", ugetrlimit %ld: %x %x\n", result, old[0], old[1]);
	}
	T(call(76, 16, (long)old, 0));
	T(call(76, RLIMIT_CORE, 8, 0));
	T(call(75, RLIMIT_CORE, 0, 0));
	/* The size of struct statfs64 is checked before the path. */
	T(call(268, (long)"none", 1, (long)old));
	T(call(268, (long)"none", 84, (long)old));
	T(call(269, 99, 1, (long)old));
}

static void name(void)
{
	struct utsname now;
	char old[5 * 65], first[5 * 9 + 1];
	memset(old, 'x', sizeof old);
	memset(first, 'x', sizeof first);
	uname(&now);
	const char *fields[] = {now.sysname, now.nodename, now.release, now.version, now.machine};
	T(call(109, (long)old, 0, 0));
	T(call(59, (long)first, 0, 0));
	for (int i = 0; i < 5; i++)
		printf("field %d: %d, cut %d, %zu\n", i, strcmp(old + i * 65, fields[i]) == 0,
			strncmp(first + i * 9, fields[i], 8) == 0,
			strlen(first + i * 9) <= 8 ? 0 : strlen(first + i * 9));
	printf("after the structure: %c, %s\n", first[45], first + 4 * 9);
	T(call(109, 0, 0, 0));
	T(call(59, 0, 0, 0));
	T(call(59, 8, 0, 0));
	personality(PER_LINUX32);
	T(call(59, (long)first, 0, 0));
	printf("machine %s\n", first + 4 * 9);
	personality(0x0020000);
	T(call(59, (long)first, 0, 0));
	printf("release %.4s\n", first + 2 * 9);
	personality(0);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void listing(void)
{
	struct {
		unsigned ino, offset;
		unsigned short length;
		char name[256];
	} entry;
	static char names[64][256];
	char file[300];
	int count = 0;
	long result;
	mkdir("list", 0755);
	for (int i = 1; i < 30; i++) {
		snprintf(file, sizeof file, "list/%0*d", i * 8, i);
		close(open(file, O_CREAT | O_WRONLY, 0644));
	}
	int fd = open("list", O_RDONLY | O_DIRECTORY);
	while (memset(&entry, 'x', sizeof entry), (result = call(89, fd, (long)&entry, 1)) == 1 && count < 64) {
		if (strlen(entry.name) != entry.length || entry.name[entry.length])
			printf("length %u of %s\n", entry.length, entry.name);
		struct stat now;
		snprintf(file, sizeof file, "list/%.255s", entry.name);
		if (stat(file, &now) || (strcmp(entry.name, "..") && now.st_ino != entry.ino))
			printf("inode of %s\n", entry.name);
		strcpy(names[count++], entry.name);
	}
	qsort(names, count, sizeof *names, by_name);
	for (int i = 0; i < count; i++)
		printf("%zu ", strlen(names[i]));
	printf("%d entries, then %ld\n", count, result);
	T(call(89, fd, (long)&entry, 1));
	lseek(fd, 0, SEEK_SET);
	T(call(89, fd, 8, 1));
	T(call(89, fd, (long)&entry, 0));
	T(call(89, 99, (long)&entry, 1));
	int plain = open("large", O_RDONLY);
	T(call(89, plain, (long)&entry, 1));
}

int main(void)
{
	begin();
	stats();
	small_inode();
	kinds();
	ids();
	limits();
	name();
	listing();
	return 0;
}

#else
int main(void)
{
	return 0;
}
#endif
