/* For the fs_*.c programs: prints each call with its result, so that the output can be compared
   with the same program's on Linux. Each program works in a temporary directory. */
#ifndef FS_H
#define FS_H
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Bad pointers are intended. */
#pragma GCC diagnostic ignored "-Wnonnull"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wstringop-overflow"

/* Prints the call's text and result; on failure also the error message. */
#define T(call)                                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long long result_ = (long long)(call);                                                                 \
		printf("%s = %lld%s%s\n", #call, result_, result_ == -1 ? " " : "",                                    \
			result_ == -1 ? strerror(errno) : "");                                                         \
	} while (0)

static char workplace[] = "/tmp/fs-test-XXXXXX";

/* Makes and enters the temporary directory. */
static inline void begin(void)
{
	if (mkdir("/tmp", 01777) == 0)
		chmod("/tmp", 01777);
	if (!mkdtemp(workplace) || chdir(workplace)) {
		perror(workplace);
		exit(1);
	}
	umask(022);
}

/* Makes a file with the given content. */
static inline void put(const char *name, const char *content)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content))
		perror(name);
	close(fd);
}

/* Prints a file's content. */
static inline void show(const char *name)
{
	char text[256];
	int fd = open(name, O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (size >= 0) {
		text[size] = 0;
		printf("%s: %zd [%s]\n", name, size, text);
	} else {
		printf("%s: %s\n", name, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
}

/* Removes the temporary directory. */
static inline void end(void)
{
	fflush(stdout);
	if (fork() == 0) {
		execl("/bin/rm", "rm", "-rf", workplace, NULL);
		_exit(0);
	}
	wait(NULL);
}
#endif
