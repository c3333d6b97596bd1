/* covers: kernel/src/vfs/ */
/* Inode accounting of a tmpfs with a limit (nr_inodes). */
#include "fs.h"

static long files_left(const char *name)
{
	struct statfs s = {0};

	statfs(name, &s);
	return s.f_ffree;
}

/* nr_inodes: each hard link after the first one counts as an inode. */
static void counted(void)
{
	mkdir("few", 0755);
	T(mount("few", "few", "tmpfs", 0, "nr_inodes=4"));
	for (int turn = 0; turn < 3; turn++) {
		int fd = open("few", O_TMPFILE | O_WRONLY, 0600);
		char path[40];

		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		T(files_left("few"));
		T(linkat(AT_FDCWD, path, AT_FDCWD, "few/a", AT_SYMLINK_FOLLOW));
		T(link("few/a", "few/b"));
		T(link("few/a", "few/c"));
		T(files_left("few"));
		T(unlink("few/a"));
		T(unlink("few/b"));
		T(close(fd));
		T(files_left("few"));
	}
	T(umount("few"));
	rmdir("few");
}

int main(void)
{
	begin();
	counted();
	end();
	return 0;
}
