/* covers: kernel/src/vfs/ */
/* File permissions of an unprivileged user. The program starts as root, makes the files, and drops
   its privileges. */
#include "fs.h"
#include <grp.h>

static int opens(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static void as_user(void)
{
	struct stat s;

	T(opens("private", O_RDONLY));
	T(opens("private", O_WRONLY));
	T(opens("public", O_RDONLY));
	T(opens("public", O_RDWR));
	T(opens("public", O_RDONLY | O_TRUNC));
	T(opens("mine", O_RDWR));
	T(opens("group", O_RDWR));
	T(opens("group", O_RDONLY));
	T(opens("denied", O_RDONLY));
	T(access("denied", R_OK));
	T(access("public", W_OK));
	T(access("mine", R_OK | W_OK));
	T(stat("closed/x", &s));
	T(stat("closed", &s));
	T(opens("closed", O_RDONLY));
	T(chdir("closed"));
	T(opens("passage", O_RDONLY));
	T(stat("passage/x", &s));
	T(opens("passage/new", O_CREAT | O_RDWR));
	T(opens("open/new", O_CREAT | O_RDWR));
	T(unlink("open/roots"));
	T(unlink("sticky/roots"));
	T(rename("sticky/roots", "sticky/other"));
	T(rename("sticky/mine", "sticky/other"));
	T(rename("sticky/other", "sticky/roots"));
	T(unlink("sticky/other"));
	T(rmdir("sticky/dir"));
	T(mkdir("passage/dir", 0755));
	T(symlink("x", "passage/link"));
	T(link("mine", "passage/link"));
	T(rename("mine", "passage/mine"));
	T(chmod("public", 0777));
	T(chmod("mine", 02770));
	T(stat("mine", &s));
	printf("mode %o\n", s.st_mode);
	T(chown("mine", 0, -1));
	T(chown("mine", -1, 2000));
	T(chown("mine", -1, 3000));
	T(chown("mine", -1, 4000));
	T(utimensat(AT_FDCWD, "public", NULL, 0));
	T(utimensat(AT_FDCWD, "writable", NULL, 0));
	struct timespec ts[2] = {{1, 0}, {1, 0}};
	T(utimensat(AT_FDCWD, "writable", ts, 0));
	T(truncate("public", 0));
	T(mknod("open/device", S_IFCHR | 0666, makedev(1, 3)));
	T(mknod("open/fifo", S_IFIFO | 0666, 0));
	T(mount("none", "open", "tmpfs", 0, NULL));
	T(chroot("open"));
	T(opens("public", O_RDONLY | O_NOATIME));
	T(execl("data", "data", NULL));
	T(execl("private", "private", NULL));
}

int main(void)
{
	begin();
	chmod(workplace, 0755);
	put("private", "p");
	chmod("private", 0600);
	put("public", "p");
	put("writable", "w");
	chmod("writable", 0666);
	put("data", "d");
	put("mine", "m");
	chown("mine", 1000, 2000);
	chmod("mine", 0600);
	put("group", "g");
	chown("group", 0, 3000);
	chmod("group", 0640);
	put("denied", "d");
	chown("denied", 1000, 2000);
	chmod("denied", 0077);
	mkdir("closed", 0700);
	put("closed/x", "x");
	mkdir("passage", 0711);
	put("passage/x", "x");
	mkdir("open", 0777);
	chmod("open", 0777);
	put("open/roots", "r");
	mkdir("sticky", 0777);
	chmod("sticky", 01777);
	put("sticky/roots", "r");
	put("sticky/mine", "m");
	chown("sticky/mine", 1000, 2000);
	mkdir("sticky/dir", 0777);
	fflush(stdout);
	if (fork() == 0) {
		gid_t groups[] = {3000};
		if (setgroups(1, groups) || setresgid(2000, 2000, 2000) || setresuid(1000, 1000, 1000))
			perror("cannot become a user");
		as_user();
		fflush(stdout);
		_exit(0);
	}
	int status;
	wait(&status);
	printf("status %d\n", status);
	end();
	return 0;
}
