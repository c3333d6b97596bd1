/* covers: kernel/src/process/ kernel/src/vfs/ kernel/src/fs/ */
/* Indirect attempts of uid 1000 to reach root's files and processes: open descriptors, other
   names of a file, /proc and /dev, process groups. */
#include "rights.h"
#include <dirent.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

static long opens(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	return fd < 0 ? -1 : close(fd);
}

static long reopen(int fd, int flags)
{
	char name[40];

	sprintf(name, "/proc/self/fd/%d", fd);
	return opens(name, flags);
}

static long linked(int fd)
{
	char name[40];

	sprintf(name, "/proc/self/fd/%d", fd);
	long result = linkat(AT_FDCWD, name, AT_FDCWD, "open/link", AT_SYMLINK_FOLLOW);
	int was = errno;

	unlink("open/link");
	errno = was;
	return result;
}

static long maps(int fd, int flags, int now, int later)
{
	void *map = mmap(NULL, 4096, now, flags, fd, 0);
	long result = map == MAP_FAILED ? -1 : later ? mprotect(map, 4096, later) : 0;
	int was = errno;

	if (map != MAP_FAILED)
		munmap(map, 4096);
	errno = was;
	return result;
}

/* Operations on a descriptor of root's file. */
static void with_descriptor(const char *what, int fd)
{
	char byte;

	printf("%s\n", what);
	T(read(fd, &byte, 1));
	T(write(fd, "x", 1));
	T(reopen(fd, O_RDONLY));
	T(reopen(fd, O_WRONLY));
	T(reopen(fd, O_RDWR | O_TRUNC));
	T(reopen(fd, O_RDONLY | O_NOATIME));
	T(reopen(fd, O_PATH));
	T(maps(fd, MAP_SHARED, PROT_READ, 0));
	T(maps(fd, MAP_SHARED, PROT_WRITE, 0));
	T(maps(fd, MAP_SHARED, PROT_READ, PROT_READ | PROT_WRITE));
	T(maps(fd, MAP_PRIVATE, PROT_READ | PROT_WRITE, 0));
	T(ftruncate(fd, 0));
	T(fallocate(fd, 0, 0, 4096));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	T(fchmod(fd, 0777));
	T(fchown(fd, 1000, -1));
	T(fchown(fd, -1, 1000));
	T(futimens(fd, NULL));
	T(futimens(fd, (struct timespec[2]){{1, 0}, {1, 0}}));
	T(futimens(fd, (struct timespec[2]){{0, UTIME_NOW}, {0, UTIME_NOW}}));
	T(futimens(fd, (struct timespec[2]){{0, UTIME_NOW}, {0, UTIME_OMIT}}));
	T(futimens(fd, (struct timespec[2]){{0, UTIME_OMIT}, {0, UTIME_OMIT}}));
	T(fsetxattr(fd, "trusted.x", "y", 1, 0));
	T(fgetxattr(fd, "trusted.z", &byte, 1));
	T(fcntl(fd, F_SETFL, O_NOATIME));
	T(fcntl(fd, F_SETFL, O_APPEND));
	T(linkat(fd, "", AT_FDCWD, "open/link", AT_EMPTY_PATH));
	T(linked(fd));
	T(syscall(SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH));
	T(fchdir(fd));
	T(openat(fd, "..", O_RDONLY));
}

/* Inherited descriptors of root's files. */
static void descriptors(void)
{
	int read_only = open("closed/secret", O_RDONLY), path = open("closed/secret", O_PATH);
	int write_only = open("closed/secret", O_WRONLY | O_APPEND), all = open("closed/public", O_RDWR);
	int directory = open("closed", O_RDONLY | O_DIRECTORY), closed = open("closed", O_PATH);
	int program = open("closed/suid", O_RDONLY);

	IN_A_CHILD
	{
		become(1000, 1000);
		with_descriptor("O_RDONLY, 0600", read_only);
		with_descriptor("O_WRONLY | O_APPEND, 0600", write_only);
		with_descriptor("O_PATH, 0600", path);
		with_descriptor("O_RDWR, 0666", all);
		with_descriptor("O_RDONLY, 04755", program);
		printf("a directory\n");
		T(fchdir(directory));
		T(fchdir(closed));
		T(openat(directory, "public", O_RDONLY));
		T(openat(directory, "..", O_RDONLY | O_DIRECTORY));
		T(openat(closed, "public", O_RDONLY));
		T(openat(closed, ".", O_RDONLY | O_DIRECTORY));
		T(fstatat(closed, "public", &(struct stat){0}, 0));
		T(unlinkat(directory, "public", 0));
		T(fchmod(directory, 0777));
		T(reopen(directory, O_RDONLY));
		T(reopen(directory, O_PATH));
		T(openat(directory, ".", O_TMPFILE | O_RDWR, 0600));
	}
	for (int fd = read_only; fd <= program; fd++)
		close(fd);
}

/* Hard links, renames and symbolic links. */
static void names(void)
{
	T(link("sticky/roots", "open/link"));
	T(link("sticky/public", "open/link"));
	T(unlink("open/link"));
	T(link("sticky/suid", "open/link"));
	T(link("sticky/sgid", "open/link"));
	T(link("sticky/fifo", "open/link"));
	T(link("sticky/mine", "open/link"));
	T(unlink("open/link"));
	T(link("sticky/own suid", "open/link"));
	T(unlink("open/link"));
	T(link("sticky/readable", "sticky/link"));
	T(rename("sticky/roots", "open/link"));
	T(rename("sticky/mine", "sticky/roots"));
	T(syscall(SYS_renameat2, AT_FDCWD, "sticky/mine", AT_FDCWD, "sticky/roots", RENAME_EXCHANGE));
	T(syscall(SYS_renameat2, AT_FDCWD, "sticky/roots", AT_FDCWD, "sticky/mine", RENAME_EXCHANGE));
	T(syscall(SYS_renameat2, AT_FDCWD, "open/mine", AT_FDCWD, "sticky/roots", RENAME_EXCHANGE));
	T(unlink("open/mine"));
	T(rename("sticky/dir", "open/dir"));
	T(rename("open/kept dir", "sticky/kept dir"));
	T(rename("open/kept dir", "open/own"));
	T(rename("open/own", "open/kept dir"));
	T(rename("open/roots dir", "open/moved"));
	T(rename("open/roots dir", "sticky/moved"));
	T(rmdir("open/roots dir"));
	T(opens("sticky/roots", O_CREAT | O_RDWR));
	T(opens("sticky/public", O_CREAT | O_RDWR));
	T(opens("sticky/fifo", O_CREAT | O_RDWR | O_NONBLOCK));
	T(opens("sticky/root's link", O_RDONLY));
	T(opens("sticky/other's link", O_RDONLY));
	T(stat("sticky/other's link", &(struct stat){0}));
	T(lstat("sticky/other's link", &(struct stat){0}));
	T(stat("sticky/dir of link/readable", &(struct stat){0}));
	T(opens("open/other's link", O_RDONLY));
	T(symlink("../open/roots", "sticky/link"));
	T(opens("sticky/link", O_RDONLY));
	T(lchown("sticky/link", 1000, 1000));
	T(lchown("sticky/root's link", -1, -1));
	T(chown("sticky/roots", -1, -1));
	T(chown("sticky/suid", -1, -1));
	T(mkdir("sticky/dir/new", 0777));
	T(mount("sticky", "open", NULL, MS_BIND, NULL));
	T(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND, NULL));
	T(umount2(".", MNT_DETACH));
	T(umount2("/nowhere", 0));
	T(unshare(CLONE_FS));
	T(mkdir("closed/new", 0777));
	T(chdir("closed"));
	T(syscall(SYS_statfs, "closed/public", &(char[256]){0}));
}

/* Sealed memfds. */
static void sealed(int seals, const char *what)
{
	int fd = syscall(SYS_memfd_create, "x", 2), ends[2], more = syscall(SYS_memfd_create, "y", 2);
	void *before;

	if (ftruncate(fd, 8192) || ftruncate(more, 8192) || pipe(ends) || write(ends[1], "abc", 3) != 3)
		perror("memfd");
	before = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	printf("%s\n", what);
	T(fcntl(fd, F_ADD_SEALS, seals));
	T(write(fd, "x", 1));
	T(pwrite(fd, "x", 1, 9000));
	T(ftruncate(fd, 4096));
	T(ftruncate(fd, 16384));
	T(fallocate(fd, 0, 0, 4096));
	T(fallocate(fd, 0, 16384, 4096));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	T(reopen(fd, O_RDWR));
	T(reopen(fd, O_RDWR | O_TRUNC));
	T(maps(fd, MAP_SHARED, PROT_READ | PROT_WRITE, 0));
	T(maps(fd, MAP_SHARED, PROT_READ, PROT_READ | PROT_WRITE));
	T(mprotect(before, 4096, PROT_READ | PROT_WRITE));
	T(madvise(before, 4096, MADV_REMOVE));
	T(mremap(before, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
	T(splice(ends[0], NULL, fd, &(loff_t){0}, 3, 0));
	T(sendfile(fd, more, &(off_t){0}, 10));
	T(copy_file_range(more, &(off64_t){0}, fd, &(off64_t){0}, 10, 0));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	T(fchmod(fd, 0600));
	T(fchmod(fd, 0777));
	close(fd), close(more), close(ends[0]), close(ends[1]);
}

static void all_sealed(void)
{
	sealed(0, "no seals");
	sealed(F_SEAL_WRITE, "F_SEAL_WRITE");
	sealed(F_SEAL_FUTURE_WRITE, "F_SEAL_FUTURE_WRITE");
	sealed(F_SEAL_SHRINK, "F_SEAL_SHRINK");
	sealed(F_SEAL_GROW, "F_SEAL_GROW");
	sealed(F_SEAL_SEAL, "F_SEAL_SEAL");

	int fd = syscall(SYS_memfd_create, "x", 2);
	char name[40];

	if (ftruncate(fd, 4096))
		perror("ftruncate");
	sprintf(name, "/proc/self/fd/%d", fd);
	int other = open(name, O_RDONLY);
	T(fcntl(other, F_ADD_SEALS, F_SEAL_GROW));
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	T(munmap(map, 4096));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	close(fd), close(other);
}

/* Files of /proc, /dev and other processes. */
static void system_files(void)
{
	static const char *const written[] = {"/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname",
		"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/randomize_va_space",
		"/proc/sys/vm/overcommit_memory", "/proc/sys/fs/protected_hardlinks", "/proc/sys/fs/pipe-max-size",
		"/proc/1/comm", "/proc/1/oom_score_adj", "/proc/1/mem", "/proc/1/coredump_filter", "/proc/1/stat",
		"/proc/self/stat", "/proc/self/maps", "/proc/self/exe", "/proc/cpuinfo", "/dev/kmsg", "/dev/console"};
	static const char *const read[] = {"/proc/1/maps", "/proc/1/mem", "/proc/1/environ", "/proc/1/auxv",
		"/proc/1/smaps", "/proc/1/fd/0", "/proc/1/fdinfo/0", "/proc/1/io", "/proc/1/cwd", "/proc/1/root",
		"/proc/1/exe", "/proc/1/personality", "/proc/1/task/1/mem", "/proc/1/task/1/maps", "/proc/1/limits",
		"/proc/1/status", "/proc/1/cmdline", "/proc/self/mem", "/proc/self/environ"};

	for (unsigned i = 0; i < sizeof written / sizeof *written; i++)
		printf("write %s: %s\n", written[i], answer(opens(written[i], O_WRONLY)));
	for (unsigned i = 0; i < sizeof read / sizeof *read; i++)
		printf("read %s: %s\n", read[i], answer(opens(read[i], O_RDONLY)));
	T(chdir("/proc/1/cwd"));
	T(chdir("/proc/1/root"));
	T(stat("/proc/1/fd/0", &(struct stat){0}));
	T(link("/proc/1/status", "open/link"));
	T(chmod("/proc/self/mem", 0777));
	T(chmod("/proc/1/status", 0777));
	T(truncate("/proc/sys/kernel/hostname", 0));
	T(mkdir("/proc/new", 0777));
	T(unlink("/dev/null"));
	T(chmod("/dev/null", 0777));
	T(mkdir("/dev/pts/x", 0777));
	T(mknod("open/null", S_IFCHR | 0666, 0x103));
	T(mknod("open/zero", S_IFBLK | 0666, 0));
	T(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x89abcdef, 0));
}

/* /proc/sys checks the user ID: all capabilities aren't enough. */
static void settings(void)
{
	IN_A_CHILD
	{
		prctl(PR_SET_KEEPCAPS, 1);
		become(1000, 1000);
		uint64_t all = caps_now().permitted;
		caps_set((struct caps){all, all, 0});
		T(opens("/proc/sys/kernel/hostname", O_WRONLY));
		T(opens("/proc/sys/vm/overcommit_memory", O_WRONLY));
		T(opens("/proc/sys/kernel/hostname", O_RDONLY));
	}
	IN_A_CHILD
	{
		caps_set((struct caps){0});
		T(opens("/proc/sys/kernel/hostname", O_WRONLY));
		T(opens("closed/secret", O_WRONLY));
	}
}

/* Process groups and sessions with processes of other users. */
static void signals(void)
{
	int roots = fork();

	if (roots == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	IN_A_CHILD
	{
		become(1000, 1000);
		T(kill(roots, SIGCONT));
		T(kill(roots, SIGTERM));
		T(setpriority(PRIO_PGRP, 0, 6));
		T(setpgid(roots, 0));
		T(setpgid(0, getppid()));
		T(setpgid(0, 0));
		T(kill(roots, SIGCONT));
		T(kill(-roots, SIGTERM));
		T(kill(0, 0));
		T(setsid());
		fflush(stdout);
		int mine = fork();
		if (mine == 0) {
			setsid();
			T(kill(roots, SIGCONT));
			T(kill(getppid(), SIGCONT));
			T(setpgid(getppid(), 0));
			fflush(stdout);
			_exit(0);
		}
		waitpid(mine, NULL, 0);
		T(syscall(SYS_rt_sigqueueinfo, getpid(), SIGURG, &(siginfo_t){.si_code = SI_USER}));
		T(syscall(SYS_rt_sigqueueinfo, getppid(), SIGURG, &(siginfo_t){.si_code = SI_USER}));
		T(syscall(SYS_rt_sigqueueinfo, getppid(), SIGURG, &(siginfo_t){.si_code = SI_TKILL}));
		T(syscall(SYS_tgkill, roots, roots, SIGTERM));
		T(waitpid(roots, NULL, WNOHANG));
		T(ptrace(PTRACE_CONT, roots, 0, 0));
		T(ptrace(PTRACE_KILL, roots, 0, 0));
	}
	kill(roots, SIGKILL);
	waitpid(roots, NULL, 0);
}

/* setuid to a user at RLIMIT_NPROC succeeds, and the next execve fails: programs rarely check setuid's
   result. */
static void many_processes(void)
{
	int others[2], gate[2], status;
	char byte;

	if (pipe(gate))
		return;
	for (int i = 0; i < 2; i++) {
		others[i] = fork();
		if (others[i] == 0) {
			become(1000, 1000);
			if (write(gate[1], "x", 1) == 1)
				pause();
			_exit(1);
		}
	}
	if (read(gate[0], &byte, 1) != 1 || read(gate[0], &byte, 1) != 1)
		perror("read");
	for (int limit = 0; limit < 4; limit++)
		for (int how = 0; how < 4; how++) {
			int child = fork();

			if (child == 0) {
				setrlimit(RLIMIT_NPROC, &(struct rlimit){limit, limit});
				if (how == 0     ? syscall(WIDE(setuid), 1000) :
					how == 1 ? syscall(WIDE(setreuid), 1000, 1000) :
					how == 2 ? syscall(WIDE(setresuid), 1000, 1000, 1000) :
						   syscall(WIDE(setreuid), 0, 1000))
					_exit(99);
				execl("/proc/self/exe", "x", "run", NULL);
				_exit(errno);
			}
			waitpid(child, &status, 0);
			printf("limit %d, call %d: %s\n", limit, how,
				WEXITSTATUS(status) == EAGAIN ? "EAGAIN" :
				WEXITSTATUS(status) == 9      ? "runs" :
								"other");
		}
	for (int i = 0; i < 2; i++) {
		kill(others[i], SIGKILL);
		waitpid(others[i], NULL, 0);
	}
}

/* Connecting to root's socket. */
static void sockets(void)
{
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un name = {AF_UNIX, "closed/socket"}, mine = {AF_UNIX, "closed/mine"};

	if (bind(server, (void *)&name, sizeof name) || listen(server, 5))
		perror("bind");
	for (unsigned mode = 0600; mode <= 0606; mode++) {
		chmod("closed/socket", mode);
		IN_A_CHILD
		{
			become(1000, 1000);
			int fd = socket(AF_UNIX, SOCK_STREAM, 0);

			printf("%o ", mode);
			T(connect(fd, (void *)&name, sizeof name));
		}
	}
	IN_A_CHILD
	{
		become(1000, 1000);
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		T(bind(fd, (void *)&mine, sizeof mine));
		T(unlink("closed/socket"));
		T(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){1 << 20}, 4));
		T(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){1 << 20}, 4));
		T(setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &(int){7}, 4));
		T(setsockopt(fd, SOL_SOCKET, SO_DEBUG, &(int){1}, 4));
	}
	close(server);
}

static void make(const char *name, unsigned uid, unsigned mode)
{
	int fd = open(name, O_CREAT | O_RDWR, 0600);

	if (fd < 0 || write(fd, "text\n", 5) != 5 || fchown(fd, uid, uid) || fchmod(fd, mode))
		perror(name);
	if (setxattr(name, "trusted.z", "y", 1, 0))
		perror("setxattr");
	close(fd);
}

static void make_directory(const char *name, unsigned uid, unsigned mode)
{
	if (mkdir(name, 0700) || chown(name, uid, uid) || chmod(name, mode))
		perror(name);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "run"))
		return 9;

	char where[] = "/tmp/rights-XXXXXX";

	own_place(where);
	make_directory("open", 0, 0777);
	make_directory("closed", 0, 0755);
	make_directory("sticky", 0, 01777);
	make_directory("sticky/dir", 0, 0755);
	make_directory("open/kept dir", 1000, 0555);
	make_directory("open/roots dir", 0, 0755);
	make("closed/secret", 0, 0600);
	make("closed/public", 0, 0666);
	make("closed/suid", 0, 04755);
	make("sticky/roots", 0, 0600);
	make("sticky/public", 0, 0666);
	make("sticky/readable", 0, 0644);
	make("sticky/suid", 0, 04777);
	make("sticky/sgid", 0, 02777);
	make("sticky/mine", 1000, 0644);
	make("sticky/own suid", 1000, 04755);
	make("open/mine", 1000, 0644);
	make("open/roots", 0, 0644);
	if (mkfifo("sticky/fifo", 0666) || symlink("readable", "sticky/root's link"))
		perror("sticky");
	if (symlink("readable", "sticky/other's link") || lchown("sticky/other's link", 1001, 1001) ||
		symlink("../sticky", "sticky/dir of link") || lchown("sticky/dir of link", 1001, 1001) ||
		symlink("roots", "open/other's link") || lchown("open/other's link", 1001, 1001))
		perror("links");
	descriptors();
	IN_A_CHILD
	{
		become(1000, 1000);
		names();
	}
	IN_A_CHILD
	{
		become(1000, 1000);
		all_sealed();
	}
	IN_A_CHILD
	{
		become(1000, 1000);
		system_files();
	}
	settings();
	signals();
	many_processes();
	sockets();
	leave_place(where);
	printf("PASS\n");
	return 0;
}
