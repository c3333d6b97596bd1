/* covers: kernel/src/vfs/ */
/* Random file operations under several inotify watches: the events are the same as Linux's.

   Usage: notify_random SEED OPERATIONS */
#include "notify.h"
#include "random.h"
#include <sys/xattr.h>

enum { FILES = 6, DESCRIPTORS = 6 };

static const char *const directories[] = {"d", "e", "d/s"};
static const char *const names[] = {"a", "b", "c-longer-than-others", "t"};
static int fds[DESCRIPTORS];

static const char *path(void)
{
	static char paths[4][64];
	static int turn;
	char *to = paths[turn++ % 4];

	if (one_in(8))
		snprintf(to, 64, "%s", ONE_OF(directories));
	else
		snprintf(to, 64, "%s/%s", ONE_OF(directories), ONE_OF(names));
	return to;
}

static void print_result(const char *what, const char *first, const char *second, long result)
{
	printf("%s %s %s = %ld%s%s\n", what, first, second, result, result < 0 ? " " : "",
		result < 0 ? strerror(errno) : "");
	events();
}

static void change_names(void)
{
	const char *first = path(), *second = path();

	switch (below(9)) {
	case 0:
	case 1: print_result("mknod", first, "", mknod(first, S_IFREG | 0644, 0)); break;
	case 2: print_result("mkdir", first, "", mkdir(first, 0755)); break;
	case 3: print_result("symlink", "a", second, symlink("a", second)); break;
	case 4: print_result("link", first, second, link(first, second)); break;
	case 5: print_result("unlink", first, "", unlink(first)); break;
	case 6: print_result("rmdir", first, "", rmdir(first)); break;
	case 7: print_result("rename", first, second, rename(first, second)); break;
	default: print_result("exchange", first, second, syscall(SYS_renameat2, AT_FDCWD, first, AT_FDCWD, second, 2));
	}
}

static void change_attributes(void)
{
	const char *at = path();
	struct timespec times[2] = {{1, one_in(2) ? UTIME_OMIT : 5}, {2, one_in(2) ? UTIME_OMIT : 5}};

	switch (below(6)) {
	case 0: print_result("chmod", at, "", chmod(at, 0700 + below(64))); break;
	case 1: print_result("chown", at, "", chown(at, below(3) - 1, below(3) - 1)); break;
	case 2: print_result("utimensat", at, "", utimensat(AT_FDCWD, at, times, AT_SYMLINK_NOFOLLOW)); break;
	case 3: print_result("setxattr", at, "", setxattr(at, "trusted.x", "v", 1, 0)); break;
	case 4: print_result("removexattr", at, "", removexattr(at, "trusted.x")); break;
	default: print_result("truncate", at, "", truncate(at, below(100)));
	}
}

static void use(void)
{
	char text[64] = "text", number[16];
	struct iovec piece = {text, below(5)};
	int slot = below(DESCRIPTORS), fd = fds[slot];
	const char *at = path();
	long result;

	snprintf(number, sizeof number, "%d", slot);
	switch (below(11)) {
	case 0:
	case 1:
	case 2:
		if (fd >= 0)
			close(fd);
		result = fds[slot] = open(at, one_in(3) ? O_RDONLY : O_RDWR);
		print_result("open", number, at, result < 0 ? -1 : 0);
		break;
	case 3:
		result = close(fd);
		fds[slot] = -1;
		print_result("close", number, "", result);
		break;
	case 4: print_result("read", number, "", read(fd, text, below(30))); break;
	case 5: print_result("write", number, "", write(fd, text, below(30))); break;
	case 6: print_result("pread", number, "", pread(fd, text, below(30), 0)); break;
	case 7: print_result("readv", number, "", readv(fd, &piece, 1)); break;
	case 8: print_result("ftruncate", number, "", ftruncate(fd, below(50))); break;
	case 9: print_result("fchmod", number, "", fchmod(fd, 0600 + below(64))); break;
	default: print_result("fallocate", number, "", fallocate(fd, 0, below(50), 10));
	}
}

static void change_watches(void)
{
	static const uint32_t flags[] = {
		0, 0, 0, IN_ONESHOT, IN_EXCL_UNLINK, IN_MASK_ADD, IN_DONT_FOLLOW, IN_ONLYDIR, IN_MASK_CREATE};
	const char *at = path();
	char number[16];

	if (one_in(4)) {
		int wd = 1 + below(12);

		snprintf(number, sizeof number, "%d", wd);
		print_result("remove", number, "", inotify_rm_watch(instance, wd));
		return;
	}
	uint32_t mask = one_in(2) ? IN_ALL_EVENTS : next_random() & IN_ALL_EVENTS;

	print_result("watch", at, "", inotify_add_watch(instance, at, mask | ONE_OF(flags)));
}

int main(int argc, char **argv)
{
	int operations = argc > 2 ? atoi(argv[2]) : 1000;

	seed_random(argc > 1 ? atoi(argv[1]) : 1);
	begin_watching();
	for (int i = 0; i < DESCRIPTORS; i++)
		fds[i] = -1;
	for (int i = 0; i < 3; i++)
		mkdir(directories[i], 0755);
	watch("d", IN_ALL_EVENTS);
	for (int i = 0; i < operations; i++)
		switch (below(8)) {
		case 0:
		case 1:
		case 2: change_names(); break;
		case 3: change_attributes(); break;
		case 4: change_watches(); break;
		default: use();
		}
	for (int i = 0; i < DESCRIPTORS; i++)
		close(fds[i]);
	events();
	end();
	return 0;
}
