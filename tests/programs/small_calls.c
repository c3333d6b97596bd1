/* covers: kernel/src/syscall/ */
/* Rarely used calls: ustat, sysfs, vhangup, readahead, sync_file_range, remap_file_pages, kcmp,
   acct. */
#include "fs.h"
#include <linux/kcmp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <signal.h>

enum { PAGE = 4096 };

/* Makes the call as an unprivileged user, without a controlling terminal. */
static void as_user(int number, long argument)
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		setsid();
		setuid(65534);
		T(syscall(number, argument));
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void terminal(void)
{
	as_user(SYS_vhangup, 0);
	as_user(SYS_acct, 0);
	as_user(SYS_acct, (long)"/nowhere");
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		setsid();
		T(syscall(SYS_vhangup));
		/* With a controlling terminal. */
		int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), number = 0, unlock = 0;
		char name[32], byte;
		ioctl(master, TIOCSPTLCK, &unlock);
		ioctl(master, TIOCGPTN, &number);
		snprintf(name, sizeof name, "/dev/pts/%d", number);
		int own = open(name, O_RDWR);
		signal(SIGHUP, SIG_IGN);
		T(syscall(SYS_vhangup));
		T(read(own, &byte, 1));
		T(write(own, "x", 1));
		T(open("/dev/tty", O_RDWR));
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void file_systems(void)
{
	char space[64];
	struct stat now;
	memset(space, 'x', sizeof space);
	stat("/proc", &now);
	T(syscall(SYS_ustat, (unsigned)now.st_dev, space));
	/* The two counts precede the names; `end` is the structure's size. */
	int end = sizeof(long) == 8 ? 32 : 20;
	printf("ustat: names %d %d, then %c\n", space[end - 12], space[end - 6 - (sizeof(long) == 8 ? 4 : 0)],
		space[end]);
	T(syscall(SYS_ustat, 0x7fff, space));
	T(syscall(SYS_ustat, (unsigned)now.st_dev, 8));
	int count = syscall(SYS_sysfs, 3), same = 0;
	for (int i = 0; i < count; i++)
		same += syscall(SYS_sysfs, 2, i, space) == 0 && syscall(SYS_sysfs, 1, space) == i;
	printf("sysfs: %d\n", count > 3 && same == count);
	T(syscall(SYS_sysfs, 1, "proc") >= 0);
	T(syscall(SYS_sysfs, 1, "nothing"));
	T(syscall(SYS_sysfs, 1, 8));
	T(syscall(SYS_sysfs, 2, 9999, space));
	T(syscall(SYS_sysfs, 2, 0, 8));
	T(syscall(SYS_sysfs, 0));
	T(syscall(SYS_sysfs, 4));
}

static void ahead(void)
{
	int ends[2];
	put("file", "text");
	int fd = open("file", O_RDONLY), writer = open("file", O_WRONLY), dir = open(".", O_RDONLY),
	    path = open("file", O_PATH);
	if (pipe(ends))
		exit(1);
	T(readahead(fd, 0, 100));
	T(readahead(fd, 1 << 20, 0));
	T(readahead(writer, 0, 1));
	T(readahead(dir, 0, 1));
	T(readahead(ends[0], 0, 1));
	T(readahead(path, 0, 1));
	T(readahead(99, 0, 1));
	T(sync_file_range(fd, 0, 0, 0));
	T(sync_file_range(writer, 1, 100, 7));
	T(sync_file_range(fd, 0, 1, 8));
	T(sync_file_range(fd, -1, 1, 1));
	T(sync_file_range(fd, 1, -1, 1));
	T(sync_file_range(fd, 1, -2, 1));
	T(sync_file_range(fd, 0x7fffffffffffffff, 1, 1));
	T(sync_file_range(fd, 0x7ffffffffffffff0, 15, 1));
	T(sync_file_range(dir, 0, 1, 1));
	T(sync_file_range(ends[1], 0, 1, 1));
	T(sync_file_range(path, 0, 1, 1));
	T(sync_file_range(99, 0, 1, 1));
}

static void pages(const char *at, int count)
{
	printf("pages");
	for (int i = 0; i < count; i++)
		printf(" %c", at[i * PAGE]);
	printf("\n");
}

static void other_pages(void)
{
	char text[PAGE];
	int fd = open("pages", O_RDWR | O_CREAT, 0644);
	for (int i = 0; i < 8; i++) {
		memset(text, 'a' + i, PAGE);
		if (write(fd, text, PAGE) != PAGE)
			exit(1);
	}
	char *at = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
#define REMAP(page, pages, protection, offset, flags)                                                                  \
	T(syscall(SYS_remap_file_pages, at + (page) * PAGE, (pages) * PAGE, protection, offset, flags))
	REMAP(0, 1, 0, 7, 0);
	REMAP(7, 1, 0, 0, 0);
	REMAP(2, 3, 0, 3, MAP_NONBLOCK);
	pages(at, 8);
	at[0] = 'Z';
	pages(at, 8);
	REMAP(0, 8, 0, 0, 0);
	pages(at, 8);
	REMAP(1, 1, 0, 100, 0);
	REMAP(1, 1, PROT_READ, 0, 0);
	REMAP(1, 0, 0, 0, 0);
	T(syscall(SYS_remap_file_pages, at + 5, PAGE + 7, 0, 4, 0));
	pages(at, 1);
	T(syscall(SYS_remap_file_pages, at, -PAGE, 0, 0, 0));
	T(syscall(SYS_remap_file_pages, at, PAGE, 0, -1L, 0));
	munmap(at + 3 * PAGE, PAGE);
	REMAP(2, 3, 0, 0, 0);
	REMAP(3, 1, 0, 0, 0);
	mprotect(at + 4 * PAGE, PAGE, PROT_READ);
	REMAP(4, 2, 0, 0, 0);
	REMAP(4, 1, 0, 6, 0);
	pages(at + 4 * PAGE, 2);
	char *own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	T(syscall(SYS_remap_file_pages, own, PAGE, 0, 1, 0));
	own = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	own[0] = 'o';
	own[PAGE] = 'p';
	T(syscall(SYS_remap_file_pages, own, PAGE, 0, 1, 0));
	pages(own, 2);
}

/* kcmp's result as text. */
static const char *same(pid_t a, pid_t b, int kind, long x, long y)
{
	long result = syscall(SYS_kcmp, a, b, kind, x, y);
	return result == 0 ? "same" : result > 0 ? "other" : strerror(errno);
}

static void comparisons(void)
{
	static const char *const kinds[] = {"file", "memory", "files", "directory", "handlers", "i/o", "semaphores"};
	pid_t me = getpid(), child = fork();
	if (child == 0) {
		for (;;)
			pause();
	}
	int fd = open("file", O_RDONLY), copy = dup(fd), again = open("file", O_RDONLY);
	printf("a copy: %s, opened again: %s\n", same(me, me, KCMP_FILE, fd, copy), same(me, me, KCMP_FILE, fd, again));
	for (int kind = KCMP_VM; kind <= KCMP_SIGHAND; kind++)
		printf("%s: own %s, child's %s\n", kinds[kind], same(me, me, kind, 0, 0), same(me, child, kind, 0, 0));
	printf("semaphores: %s\n", same(me, child, KCMP_SYSVSEM, 0, 0));
	printf("a file of both: %s, of one: %s, none: %s\n", same(me, child, KCMP_FILE, 1, 1),
		same(me, child, KCMP_FILE, fd, fd), same(me, me, KCMP_FILE, 99, 1));
	printf("no such process: %s, no such type: %s %s\n", same(me, 99999999, KCMP_VM, 0, 0), same(me, me, 99, 0, 0),
		same(me, me, -1, 0, 0));
	/* Epoll items, also by a descriptor that now refers to another file. */
	int epoll = epoll_create1(0), files[2] = {eventfd(0, 0), eventfd(0, 0)};
	struct epoll_event event = {EPOLLIN, {0}};
	struct kcmp_epoll_slot slot = {epoll, files[0], 0}, second = {epoll, files[0], 1}, third = {epoll, files[0], 2};
	struct kcmp_epoll_slot of_none = {fd, files[0], 0}, of_nothing = {99, files[0], 0}, unwatched = {epoll, fd, 0};
	epoll_ctl(epoll, EPOLL_CTL_ADD, files[0], &event);
	int kept = dup(files[0]);
	dup2(files[1], files[0]);
	printf("once: %s\n", same(me, me, KCMP_EPOLL_TFD, kept, (long)&slot));
	epoll_ctl(epoll, EPOLL_CTL_ADD, files[0], &event);
	const char *first = same(me, me, KCMP_EPOLL_TFD, kept, (long)&slot),
		   *other_one = same(me, me, KCMP_EPOLL_TFD, kept, (long)&second);
	printf("one of two: %d, none of three: %s\n", strcmp(first, other_one) != 0,
		same(me, me, KCMP_EPOLL_TFD, kept, (long)&third));
	printf("no epoll: %s, no file: %s, not watched: %s\n", same(me, me, KCMP_EPOLL_TFD, kept, (long)&of_none),
		same(me, me, KCMP_EPOLL_TFD, kept, (long)&of_nothing),
		same(me, me, KCMP_EPOLL_TFD, kept, (long)&unwatched));
	printf("no slot: %s %s\n", same(me, me, KCMP_EPOLL_TFD, kept, 1), same(me, me, KCMP_EPOLL_TFD, 99, 1));
	printf("no file to compare: %s, of the child: %s\n", same(me, me, KCMP_EPOLL_TFD, 99, (long)&slot),
		same(me, child, KCMP_EPOLL_TFD, kept, (long)&slot));
	long one = syscall(SYS_kcmp, me, me, KCMP_FILE, fd, again),
	     two = syscall(SYS_kcmp, me, me, KCMP_FILE, again, fd);
	printf("the other way round: %d\n", one + two == 3);
	fflush(stdout);
	pid_t other = fork();
	if (other == 0) {
		setuid(65534);
		printf("another user: %s\n", same(me, me, KCMP_VM, 0, 0));
		fflush(stdout);
		_exit(0);
	}
	waitpid(other, NULL, 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(void)
{
	begin();
	terminal();
	file_systems();
	ahead();
	other_pages();
	comparisons();
	return 0;
}
