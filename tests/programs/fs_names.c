/* covers: kernel/src/vfs/ */
/* File names of NAME_MAX (255) bytes and of 256, in each call that takes a name. */
#include "fs.h"

static char fits[256], too_long[257];

static void each(const char *name)
{
	T(close(open(name, O_CREAT | O_EXCL | O_WRONLY, 0600)));
	T(unlink(name));
	T(mkdir(name, 0700));
	T(rmdir(name));
	T(mknod(name, S_IFREG | 0600, 0));
	T(truncate(name, 0));
	T(unlink(name));
	T(symlink("file", name));
	T(unlink(name));
	T(link("file", name));
	T(rename(name, "other"));
	T(rename("other", name));
	T(rename("none", name));
	T(rename("dir", name));
	T(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, name, 1));
	T(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, name, 2));
	T(rename("file/", name));
	T(rename(name, "none/x"));
	T(unlink(name));
	T(rmdir(name));
	T(rename("file", name));
	T(rename(name, "file"));
	T(access(name, F_OK));
	T(chdir(name));
}

int main(void)
{
	begin();
	memset(fits, 'n', 255);
	memset(too_long, 'n', 256);
	put("file", "x");
	mkdir("dir", 0700);
	printf("fits\n");
	each(fits);
	printf("too long\n");
	each(too_long);
	end();
	return 0;
}
