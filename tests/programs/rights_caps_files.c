/* covers: kernel/src/vfs/ */
/* Capabilities for files and mounts: a caller with all capabilities but the required one is
   refused, a caller with only that one succeeds. */
#include "rights_rows.h"
#include <sys/xattr.h>

static long open_file(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd >= 0)
		close(fd);
	return fd;
}

static long keeps(const char *path, unsigned bit)
{
	struct stat s;

	if (stat(path, &s))
		return -1;
	errno = EPERM;
	return s.st_mode & bit ? 0 : -1;
}

static long do_chown(void)
{
	return chown("mine", 1001, -1);
}
static long do_chgrp(void)
{
	return chown("mine", -1, 77);
}
static long do_write(void)
{
	return open_file("secret", O_WRONLY);
}
static long do_create(void)
{
	return open_file("closed/new", O_CREAT | O_RDWR);
}
static long do_read(void)
{
	return open_file("secret", O_RDONLY);
}
static long do_list(void)
{
	return open_file("closed", O_RDONLY | O_DIRECTORY);
}
static long do_search(void)
{
	return stat("closed/file", &(struct stat){0});
}
static long do_chmod(void)
{
	return chmod("public", 0600);
}
static long do_utime(void)
{
	return utimensat(AT_FDCWD, "public", (struct timespec[2]){{1, 0}, {1, 0}}, 0);
}
static long do_noatime(void)
{
	return open_file("public", O_RDONLY | O_NOATIME);
}
static long do_sticky(void)
{
	return unlink("sticky/file");
}
static long do_fsetid(void)
{
	return chmod("foreign", 02775) ? -1 : keeps("foreign", S_ISGID);
}

static long do_written(void)
{
	int fd = open("suid", O_WRONLY);

	if (write(fd, "x", 1) != 1)
		return -1;
	close(fd);
	return keeps("suid", S_ISUID);
}

static long do_new_sgid(void)
{
	return close(open("sgid/new", O_CREAT | O_RDWR, 02775)) ? -1 : keeps("sgid/new", S_ISGID);
}

static long do_chroot(void)
{
	return chroot(".");
}
static long do_mount(void)
{
	return mount("none", "closed", "tmpfs", 0, NULL);
}
static long do_umount(void)
{
	return any_error_but_eperm(umount2("mine", 0));
}
static long do_pivot(void)
{
	return any_error_but_eperm(syscall(SYS_pivot_root, "none", "none"));
}
static long do_trusted(void)
{
	return setxattr("mine", "trusted.x", "y", 1, 0);
}
static long do_security(void)
{
	return setxattr("mine", "security.x", "y", 1, 0);
}
static long do_fcaps(void)
{
	return setxattr("mine", "security.capability", (uint32_t[5]){0x02000000}, 20, 0);
}

static long do_pipe(void)
{
	int ends[2];

	return pipe(ends) ? -1 : fcntl(ends[0], F_SETPIPE_SZ, 2 << 20);
}

static long do_mknod(void)
{
	return mknod("dev", S_IFCHR | 0600, 0x103);
}

static const struct row rows[] = {
	{ONE(CHOWN), "chown", "EPERM", do_chown},
	{ONE(CHOWN), "chgrp", "EPERM", do_chgrp},
	{ONE(DAC_OVERRIDE), "open to write", "EACCES", do_write},
	{ONE(DAC_OVERRIDE), "create", "EACCES", do_create},
	{EITHER(DAC_OVERRIDE, DAC_READ_SEARCH), "open to read", "EACCES", do_read},
	{EITHER(DAC_OVERRIDE, DAC_READ_SEARCH), "open a directory", "EACCES", do_list},
	{EITHER(DAC_OVERRIDE, DAC_READ_SEARCH), "search", "EACCES", do_search},
	{ONE(FOWNER), "chmod", "EPERM", do_chmod},
	{ONE(FOWNER), "utimensat", "EPERM", do_utime},
	{ONE(FOWNER), "O_NOATIME", "EPERM", do_noatime},
	{ONE(FOWNER), "unlink in a sticky directory", "EPERM", do_sticky},
	{ONE(FSETID), "chmod 2775", "EPERM", do_fsetid},
	{ONE(FSETID), "write to a set-user-ID file", "EPERM", do_written},
	{ONE(FSETID), "create 2775", "EPERM", do_new_sgid},
	{ONE(SYS_CHROOT), "chroot", "EPERM", do_chroot},
	{ONE(SYS_ADMIN), "mount", "EPERM", do_mount},
	{ONE(SYS_ADMIN), "umount2", "EPERM", do_umount},
	{ONE(SYS_ADMIN), "pivot_root", "EPERM", do_pivot},
	{ONE(SYS_ADMIN), "trusted attribute", "EPERM", do_trusted},
	{ONE(SYS_ADMIN), "security attribute", "EPERM", do_security},
	{ONE(SETFCAP), "security.capability", "EPERM", do_fcaps},
	{ONE(SYS_RESOURCE), "F_SETPIPE_SZ", "EPERM", do_pipe},
	{ONE(MKNOD), "mknod", "EPERM", do_mknod},
};

int main(int argc, char **argv)
{
	return try_all(rows, COUNT(rows), argv);
}
