/* covers: kernel/src/vfs/ */
/* Directory entries: creating, listing, linking, renaming, removing. */
#include "fs.h"

/* renameat2(2) and its flags: musl has no wrapper. */
#define exchange(...) syscall(SYS_renameat2, __VA_ARGS__)
#define NOREPLACE 1
#define EXCHANGE 2

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Prints a directory's names with their types, sorted. */
static void list(const char *path)
{
	char *names[300];
	int count = 0;
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	while (count < 300 && (entry = readdir(dir))) {
		names[count] = malloc(300);
		snprintf(names[count++], 300, "%s/%d", entry->d_name, entry->d_type);
	}
	closedir(dir);
	qsort(names, count, sizeof *names, compare);
	printf("%s:", path);
	for (int i = 0; i < count; i++)
		printf(" %s", names[i]);
	printf("\n");
}

static unsigned links(const char *path)
{
	struct stat s;

	return lstat(path, &s) ? 0 : s.st_nlink;
}

static void making(void)
{
	T(mkdir("d", 0777));
	T(mkdir("d", 0777));
	T(mkdir("d/", 0777));
	T(mkdir("d/e/", 0700));
	T(mkdir(".", 0777));
	T(mkdir("..", 0777));
	T(mkdir("/", 0777));
	T(mkdir("none/x", 0777));
	T(mkdir("", 0777));
	put("f", "content");
	T(mkdir("f", 0777));
	T(mkdir("f/x", 0777));
	T(mknod("fifo", S_IFIFO | 0644, 0));
	T(mknod("plain", 0644, 0));
	T(mknod("plain", S_IFREG | 0644, 0));
	T(mknod("odd", 0170000 | 0644, 0));
	T(mknod("dir", S_IFDIR | 0644, 0));
	T(symlink("f", "s"));
	list(".");
	list("d");
	list("f");
	list("none");
	list("s");
}

static void removing(void)
{
	T(rmdir("d"));
	T(rmdir("f"));
	T(rmdir("none"));
	T(rmdir("."));
	T(rmdir("d/."));
	T(rmdir("d/e/.."));
	T(rmdir("/"));
	T(unlink("d"));
	T(unlink("d/"));
	T(unlink("f/"));
	T(unlink("none"));
	T(unlink("."));
	T(unlink("s/"));
	T(rmdir("d/e/"));
	T(rmdir("d"));
	T(unlink("s"));
	T(unlink("fifo"));
	T(unlink("plain"));
	int fd = open("f", O_RDWR);
	T(unlink("f"));
	T(write(fd, "still", 5));
	struct stat s;
	T(fstat(fd, &s));
	printf("nlink %d size %d\n", (int)s.st_nlink, (int)s.st_size);
	T(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
	T(close(fd));
	list(".");
}

static void linking(void)
{
	put("a", "text");
	T(mkdir("d", 0755));
	T(link("a", "b"));
	T(link("a", "b"));
	T(link("a", "d/c"));
	T(link("none", "x"));
	T(link("d", "x"));
	T(link("a", "none/x"));
	T(link("a", "x/"));
	T(link("a", "/proc/x"));
	T(links("a"));
	T(symlink("a", "s"));
	T(link("s", "s2"));
	T(linkat(AT_FDCWD, "s", AT_FDCWD, "s3", AT_SYMLINK_FOLLOW));
	T(links("s"));
	T(links("a"));
	T(links("d"));
	T(mkdir("d/e", 0755));
	T(links("d"));
	put("b", "changed");
	show("d/c");
	T(unlink("a"));
	T(links("b"));
	show("s");
}

static void renaming(void)
{
	T(rename("b", "bb"));
	T(rename("b", "x"));
	T(rename("bb", "d/c"));
	T(links("bb"));
	T(rename("bb", "d"));
	T(rename("d", "bb"));
	T(rename("d", "d/e/f"));
	T(rename("d/e", "d"));
	T(rename("d/.", "x"));
	T(rename("d", ".."));
	T(rename("bb/", "x"));
	T(rename("bb", "x/"));
	T(rename("d", "dd/"));
	T(rename("dd/e", "e"));
	T(links("dd"));
	T(mkdir("full", 0755));
	put("full/x", "");
	T(rename("e", "full"));
	T(unlink("full/x"));
	T(rename("e", "full"));
	T(rename("full", "dd/e"));
	T(links("dd"));
	put("p", "p");
	put("q", "q");
	T(exchange(AT_FDCWD, "p", AT_FDCWD, "q", NOREPLACE));
	T(exchange(AT_FDCWD, "p", AT_FDCWD, "q", EXCHANGE));
	show("p");
	T(exchange(AT_FDCWD, "p", AT_FDCWD, "dd/e", EXCHANGE));
	T(exchange(AT_FDCWD, "p", AT_FDCWD, "none", EXCHANGE));
	T(exchange(AT_FDCWD, "p", AT_FDCWD, "q", 0x80));
	T(links("dd"));
	T(rename("q", "dd/e"));
	T(rename("q", "/proc/q"));
	list(".");
	list("dd");
	T(chdir("p"));
	T(rename("../p", "../moved"));
	char cwd[256];
	printf("%s\n", strrchr(getcwd(cwd, sizeof cwd), '/'));
	T(chdir(".."));
}

static void listing(void)
{
	char name[300], buffer[4096];
	int seen = 0, removed = 0;

	T(mkdir("many", 0755));
	for (int i = 0; i < 200; i++) {
		sprintf(name, "many/%03d", i);
		put(name, "");
	}
	/* Removing names during readdir skips or repeats none of the others. */
	DIR *dir = opendir("many");
	struct dirent *entry;
	long middle = 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		seen++;
		if (seen == 100)
			middle = telldir(dir);
		sprintf(name, "many/%s", entry->d_name);
		if (seen % 2 && unlink(name) == 0)
			removed++;
	}
	printf("seen %d, removed %d\n", seen, removed);
	seekdir(dir, middle);
	for (seen = 0; (entry = readdir(dir));)
		seen += entry->d_name[0] != '.';
	printf("after the middle: %d\n", seen);
	rewinddir(dir);
	for (seen = 0; (entry = readdir(dir));)
		seen += entry->d_name[0] != '.';
	printf("all: %d\n", seen);
	closedir(dir);
	int fd = open("many", O_RDONLY);
	T(syscall(SYS_getdents64, fd, buffer, 10));
	T(syscall(SYS_getdents64, fd, NULL, sizeof buffer));
	long total = 0, got;
	while ((got = syscall(SYS_getdents64, fd, buffer, 200)) > 0) {
		for (long at = 0; at < got; total++)
			at += *(uint16_t *)(buffer + at + 16);
	}
	printf("%ld entries in pieces\n", total);
	T(syscall(SYS_getdents64, fd, buffer, sizeof buffer));
	T(lseek(fd, 0, SEEK_SET));
	T(syscall(SYS_getdents, fd, buffer, sizeof buffer) > 0);
	T(lseek(fd, 0, SEEK_SET));
	T(read(fd, buffer, 10));
	T(close(fd));
	fd = open("q", O_RDONLY);
	T(syscall(SYS_getdents64, fd, buffer, sizeof buffer));
	T(syscall(SYS_getdents64, 99, buffer, sizeof buffer));
	T(close(fd));
}

int main(void)
{
	begin();
	making();
	removing();
	linking();
	renaming();
	listing();
	end();
	return 0;
}
