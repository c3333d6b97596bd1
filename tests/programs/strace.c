/* covers: kernel/src/trace/ */
/* System calls of many kinds, for the kernel's call log: its output for this program must be
   strace's output on Linux. Only calls between the two markers are compared; of these only
   addresses, times and process IDs depend on the machine.

   Usage: strace DIRECTORY: the directory to work in. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* An unmapped address: a bad pointer. */
#define NOWHERE ((void *)0x1000)

/* The calls with 32-bit IDs: their names differ between the ABIs. */
#ifdef SYS_setresuid32
#define SET_IDS SYS_setresuid32
#define GET_IDS SYS_getresuid32
#else
#define SET_IDS SYS_setresuid
#define GET_IDS SYS_getresuid
#endif

/* Terminal ioctls, on a pseudo-terminal. */
static void terminals(void)
{
	unsigned char bytes[64];
	int zero = 0, master = open("/dev/ptmx", O_RDWR | O_NOCTTY), slave;

	ioctl(master, 0x40045431, &zero); /* TIOCSPTLCK */
	slave = ioctl(master, 0x5441, O_RDWR | O_NOCTTY); /* TIOCGPTPEER */
	for (unsigned command = 0x5405; command <= 0x5407; command++)
		ioctl(slave, command, bytes); /* TCGETA, TCSETA, TCSETAW */
	ioctl(slave, 0x802c542a, bytes); /* TCGETS2 */
	ioctl(slave, 0x402c542b, bytes); /* TCSETS2 */
	for (unsigned i = 0; i < 4; i++) {
		ioctl(slave, 0x540b, i); /* TCFLSH */
		ioctl(slave, 0x540a, i ^ 1); /* TCXONC */
	}
	ioctl(slave, 0x5409, 1); /* TCSBRK */
	ioctl(slave, 0x5425, 0); /* TCSBRKP */
	ioctl(master, 0x5420, &zero); /* TIOCPKT */
	ioctl(master, 0x40045436, 2); /* TIOCSIG */
	ioctl(slave, 0x540c, 0); /* TIOCEXCL */
	ioctl(slave, 0x80045440, &zero); /* TIOCGEXCL */
	ioctl(slave, 0x540d, 0); /* TIOCNXCL */
	ioctl(slave, 0x5424, &zero); /* TIOCGETD */
	ioctl(slave, 0x5423, &zero); /* TIOCSETD */
	ioctl(slave, 0x5419, &zero); /* TIOCGSOFTCAR */
	ioctl(slave, 0x541a, &zero); /* TIOCSSOFTCAR */
	ioctl(slave, 0x540e, 0); /* TIOCSCTTY */
	ioctl(slave, 0x5422, 0); /* TIOCNOTTY */
	ioctl(slave, 0x5427, 0); /* TIOCSBRK */
	ioctl(slave, 0x5428, 0); /* TIOCCBRK */
	ioctl(slave, 0x5437, 0); /* TIOCVHANGUP */
	close(slave);
	close(master);
}

static char bytes[4096];

static void on_signal(int number)
{
	(void)number;
}

static void files(void)
{
	struct stat status;
	int fd = open("data", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	write(fd, "short\n", 6);
	write(fd, "quote \" backslash \\ tab \t bell \a 7 \0001 \377", 38);
	write(fd, "more than thirty-two bytes are cut by strace", 44);
	write(fd, NOWHERE, 3);
	write(99, "x", 1);
	lseek(fd, 0, SEEK_SET);
	read(fd, bytes, 12);
	read(fd, bytes, 4096);
	read(fd, bytes, 1);
	pread(fd, bytes, 5, 1);
	pwrite(fd, "abc", 3, 100);
	lseek(fd, -4, SEEK_END);
	fstat(fd, &status);
	stat("/dev/null", &status);
	lstat("missing", &status);
	syscall(SYS_statx, AT_FDCWD, "data", AT_SYMLINK_NOFOLLOW, 0x7ff, NOWHERE);
	fcntl(fd, F_GETFD);
	fcntl(fd, F_SETFD, 0);
	fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK);
	fcntl(fd, F_DUPFD_CLOEXEC, 30);
	fcntl(fd, 77, 5);
	ftruncate(fd, 10);
	fsync(fd);
	struct iovec out[2] = {{"one, ", 5}, {"two\n\1\0019\377", 8}};
	struct iovec in[2] = {{bytes, 4}, {bytes + 100, 50}};
	writev(fd, out, 2);
	lseek(fd, 0, SEEK_SET);
	readv(fd, in, 2);
	dup(fd);
	dup2(fd, 20);
	dup3(fd, 21, O_CLOEXEC);
	close(21);
	close(21);
}

static void directories(void)
{
	mkdir("d", 0755);
	mkdir("d", 0);
	symlink("a target", "d/link");
	readlink("d/link", bytes, 100);
	readlink("d/link", bytes, 3);
	readlink("data", bytes, 100);
	rename("d/link", "d/other");
	link("data", "d/hard");
	unlink("d/hard");
	unlink("d/other");
	int fd = open("d", O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	syscall(SYS_getdents64, fd, bytes, sizeof(bytes));
	syscall(SYS_getdents64, fd, bytes, sizeof(bytes));
	close(fd);
	rmdir("d");
	access("data", R_OK | W_OK);
	access("data", F_OK);
	access(NOWHERE, X_OK);
	faccessat(AT_FDCWD, "d", F_OK, 0);
	chmod("data", 0600);
	chown("data", 0, -1);
	umask(027);
	umask(022);
	mknod("fifo", S_IFIFO | 0600, 0);
	mknod("null", S_IFCHR | 0600, makedev(1, 3));
	unlink("fifo");
	unlink("null");
	struct timespec times[2] = {{1, 2}, {0, UTIME_OMIT}};
	utimensat(AT_FDCWD, "data", times, AT_SYMLINK_NOFOLLOW);
	utimensat(AT_FDCWD, "data", NULL, 0);
	syscall(SYS_utime, "data", &(struct { long access, change; }){1000000000, 5});
	syscall(SYS_utimes, "data", &(struct { long time[4]; }){{1, 2, 1000000000, 0}});
	syscall(SYS_futimesat, AT_FDCWD, "data", NULL);
	mount("proc", "missing", "proc", MS_NOSUID | MS_RDONLY, "x=y");
	umount2("missing", MNT_DETACH);
	open("missing", O_WRONLY | O_APPEND | O_NOFOLLOW);
	unlink("data");
	/* getcwd in the root: the path of the working directory differs from run to run. */
	fd = open(".", O_RDONLY | O_DIRECTORY);
	chdir("/");
	getcwd(bytes, 100);
	getcwd(bytes, 1);
	fchdir(fd);
	close(fd);
}

static void memory(void)
{
	char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(at, 4096, PROT_READ | PROT_EXEC);
	mprotect(at, 4096, PROT_NONE);
	madvise(at, 4096, MADV_DONTNEED);
	at = mremap(at + 4096, 4096, 8192, MREMAP_MAYMOVE);
	msync(at, 4096, MS_SYNC);
	munmap(at, 8192);
	munmap(at + 1, 8192);
	mmap(NULL, 4096, PROT_READ, MAP_SHARED, 99, 4096);
#ifdef __i386__
	syscall(SYS_mmap, (unsigned[]){0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0});
#endif
	mmap((void *)0x20000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void clocks(void)
{
	struct timespec now;
	struct timeval day;
	struct timezone zone;
	time_t seconds;

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, &now);
	syscall(SYS_clock_gettime, 1234, &now);
	syscall(SYS_clock_getres, CLOCK_MONOTONIC, &now);
	syscall(SYS_gettimeofday, &day, &zone);
	syscall(SYS_gettimeofday, &day, NULL);
	syscall(SYS_time, NULL);
	syscall(SYS_time, &seconds);
	struct timespec wait = {.tv_nsec = 1000};
	syscall(SYS_nanosleep, &wait, &now);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wait, NULL);
}

static void signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;

	sigaddset(&action.sa_mask, SIGINT);
	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = SA_RESTART | SA_NODEFER | SA_ONSTACK | SA_RESETHAND;
	sigaction(SIGUSR1, &action, &action);
	action.sa_handler = SIG_IGN;
	action.sa_flags = SA_NOCLDSTOP;
	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGTERM, NULL, &action);
	sigaction(SIGKILL, &action, NULL);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, 35);
	sigprocmask(SIG_SETMASK, &set, &set);
	sigprocmask(SIG_UNBLOCK, NULL, &set);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	kill(getpid(), 0);
	kill(getpid(), 99);
}

/* Handlers, signals with values, and waits for signals. */
static void handlers(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct timespec soon = {0, 1000};
	sigset_t set;
	siginfo_t info = {.si_code = SI_QUEUE};

	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = SA_SIGINFO;
	sigaction(40, &action, NULL);
	raise(SIGUSR1);
	kill(getpid(), SIGUSR1);
	info.si_value.sival_int = 7;
	syscall(SYS_rt_sigqueueinfo, getpid(), 40, &info);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, 40);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigtimedwait(&set, &info, &soon);
	info.si_signo = 40;
	syscall(SYS_rt_sigqueueinfo, getpid(), 40, &info);
	sigtimedwait(&set, &info, &soon);
	syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 40, &info);
	sigwaitinfo(&set, NULL);
	raise(SIGUSR1);
	sigpending(&set);
	sigemptyset(&set);
	sigsuspend(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	syscall(SYS_rt_sigsuspend, NOWHERE, 8);
	syscall(SYS_tkill, getpid(), 0);
#ifdef __i386__
	struct {
		void *handler;
		unsigned mask, flags;
		void *restorer;
	} old = {on_signal, 0x400, SA_RESTART, 0}, before;
	unsigned mask = 0x400;

	syscall(SYS_sigaction, SIGUSR2, &old, &before);
	syscall(SYS_sigaction, SIGUSR2, NULL, &before);
	raise(SIGUSR2);
	syscall(SYS_signal, SIGUSR2, on_signal);
	syscall(SYS_signal, SIGUSR2, SIG_IGN);
	syscall(SYS_signal, SIGUSR2, SIG_DFL);
	syscall(SYS_sigprocmask, SIG_BLOCK, &mask, &mask);
	syscall(SYS_sigpending, &mask);
	syscall(SYS_sgetmask);
	syscall(SYS_ssetmask, 0x200);
	raise(SIGUSR1);
	syscall(SYS_sigsuspend, 0, 0, 0x400);
	syscall(SYS_ssetmask, 0);
#endif
}

static void named_processes(void)
{
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
	int named = syscall(SYS_pidfd_open, getpid(), 0);

	info.si_value.sival_int = 42;
	syscall(SYS_pidfd_open, -1, O_NONBLOCK);
	syscall(SYS_pidfd_open, -1, O_NONBLOCK | 1);
	syscall(SYS_pidfd_send_signal, named, 0, NULL, 0);
	syscall(SYS_pidfd_send_signal, named, SIGUSR2, &info, 0);
	syscall(SYS_pidfd_send_signal, named, SIGUSR1, NOWHERE, 3);
	close(syscall(SYS_pidfd_getfd, named, named, 0));
	syscall(SYS_pidfd_getfd, named, 100, 5);
	syscall(SYS_waitid, 3 /* P_PIDFD */, named, NULL, 4 /* WEXITED */, NULL);
	syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, NOWHERE, 0, 0);
	close(named);
}

static void system_state(void)
{
	struct utsname name;
	struct rlimit limit = {100, 4096};
	struct sysinfo info;

	uname(&name);
	uname(NOWHERE);
	sysinfo(&info);
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	prctl(PR_SET_NAME, "a name");
	prctl(PR_GET_NAME, bytes);
	prctl(PR_GET_DUMPABLE);
	prctl(12345, 1, 2, 3, 4);
	syscall(SYS_getrandom, bytes, 4, 3);
	syscall(SYS_getrandom, bytes, 4, 99);
	getpid();
	getuid();
	getpgid(0);
	sched_yield();
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	sched_getscheduler(0);
	syscall(SYS_sched_get_priority_max, SCHED_RR);
	syscall(SET_IDS, -1, 0, -1);
	syscall(GET_IDS, &cpus, &cpus, &cpus);
	syscall(SYS_getpriority, PRIO_PROCESS, 0);
	syscall(SYS_syslog, 10, NULL, 0);
	stack_t stack = {.ss_sp = bytes, .ss_size = 16384};
	sigaltstack(&stack, NULL);
	sigaltstack(NULL, &stack);
	syscall(0x1ff, 1, 0, 3, 4, 5, 6);
	struct pollfd descriptor = {.fd = open("/dev/null", O_RDWR), .events = POLLIN | POLLOUT};
	poll(&descriptor, 1, 0);
	poll(&descriptor, 0, 0);
	ioctl(descriptor.fd, TIOCGWINSZ, bytes);
	ioctl(descriptor.fd, 0x1234, 1);
	struct timespec second = {.tv_sec = 1};
	ppoll(&descriptor, 1, &second, NULL);
	fd_set set;
	FD_ZERO(&set);
	FD_SET(descriptor.fd, &set);
	struct timeval none = {0};
	select(descriptor.fd + 1, &set, NULL, NULL, &none);
	fcntl(descriptor.fd, F_GETLK, &(struct flock){.l_type = F_RDLCK});
	flock(descriptor.fd, LOCK_EX | LOCK_NB);
	close(descriptor.fd);
}

static void children(void)
{
	int status;

	if (fork() == 0)
		_exit(3);
	wait4(-1, &status, 0, NULL);
	if (fork() == 0)
		*(volatile int *)NOWHERE = 1;
	waitpid(-1, &status, 0);
	waitpid(-1, NULL, WNOHANG);
	if (vfork() == 0) {
		execve("missing", (char *[]){"a", "an argument longer than thirty-two bytes", NULL},
			(char *[]){"one=1", NULL});
		_exit(0);
	}
	waitpid(-1, &status, 0);
}

static void sockets(void)
{
	struct sockaddr_un address = {AF_UNIX, "socket"};
	socklen_t length = sizeof address;
	char control[64] = {0};
	struct iovec parts[2] = {{"one", 3}, {"more than thirty-two bytes are cut", 34}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = control};
	struct cmsghdr *header = (struct cmsghdr *)control;
	struct ucred who = {getpid(), 1, 2};
	struct mmsghdr several[2] = {0};
	struct timeval limit = {1, 500};
	int fd[2], files[2] = {0, 1}, on = 1, listener, end;

	socket(AF_UNIX, 99, 0);
	socket(99, SOCK_STREAM | SOCK_CLOEXEC, 5);
	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd);
	close(fd[0]);
	close(fd[1]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	send(fd[0], "hello", 5, MSG_NOSIGNAL | MSG_DONTWAIT);
	sendto(fd[0], "to", 2, 0, (struct sockaddr *)&address, 9);
	recv(fd[1], bytes, 100, MSG_PEEK);
	recvfrom(fd[1], bytes, 100, MSG_WAITALL | MSG_DONTWAIT, (struct sockaddr *)&address, &length);
	recv(fd[1], bytes, 100, MSG_DONTWAIT);
	message.msg_controllen = CMSG_SPACE(sizeof files);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof files);
	memcpy(CMSG_DATA(header), files, sizeof files);
	sendmsg(fd[0], &message, MSG_NOSIGNAL);
	memset(control, 0, sizeof control);
	parts[0] = (struct iovec){bytes, 2};
	parts[1] = (struct iovec){bytes + 100, 200};
	message.msg_controllen = sizeof control;
	recvmsg(fd[1], &message, MSG_CMSG_CLOEXEC);
	close(fd[1] + 1);
	close(fd[1] + 2);
	setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
	header->cmsg_type = SCM_CREDENTIALS;
	header->cmsg_len = CMSG_LEN(sizeof who);
	memcpy(CMSG_DATA(header), &who, sizeof who);
	message.msg_controllen = CMSG_SPACE(sizeof who);
	message.msg_iovlen = 1;
	sendmsg(fd[0], &message, 0);
	message.msg_controllen = sizeof control;
	recvmsg(fd[1], &message, 0);
	message.msg_control = NULL;
	message.msg_controllen = 0;
	recvmsg(fd[1], &message, MSG_DONTWAIT);
	several[0].msg_hdr.msg_iov = several[1].msg_hdr.msg_iov = parts;
	several[0].msg_hdr.msg_iovlen = several[1].msg_hdr.msg_iovlen = 1;
	sendmmsg(fd[0], several, 2, 0);
	shutdown(fd[0], SHUT_WR);
	shutdown(fd[0], 7);
	getsockopt(fd[0], SOL_SOCKET, SO_TYPE, &on, &length);
	setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, NOWHERE, 4);
	close(fd[0]);
	close(fd[1]);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	bind(listener, (struct sockaddr *)&address, sizeof address);
	listen(listener, 3);
	end = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(end, NOWHERE, 5);
	connect(end, (struct sockaddr *)&address, 9);
	length = sizeof address;
	getpeername(end, (struct sockaddr *)&address, &length);
	length = 1;
	getsockname(end, (struct sockaddr *)&address, &length);
	length = sizeof address;
	accept4(listener, (struct sockaddr *)&address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	getpeername(listener, (struct sockaddr *)&address, &length);
	memcpy(address.sun_path, "\0abstract", 9);
	connect(listener, (struct sockaddr *)&address, 11);
	address.sun_family = AF_INET;
	bind(end, (struct sockaddr *)&address, 16);
	close(end + 1);
	close(end);
	close(listener);
	unlink("socket");
}

static void watches(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	syscall(SYS_inotify_init1, 0x123);
	inotify_add_watch(fd, "/", IN_ALL_EVENTS);
	inotify_add_watch(fd, "/", IN_MODIFY | IN_ONLYDIR | IN_ONESHOT | IN_DONT_FOLLOW);
	inotify_add_watch(fd, "/", 0x1000 | IN_OPEN | IN_ISDIR | IN_UNMOUNT | IN_MASK_CREATE);
	inotify_add_watch(fd, NOWHERE, IN_Q_OVERFLOW | IN_IGNORED | IN_EXCL_UNLINK | IN_MASK_ADD);
	inotify_add_watch(fd, "/", 0);
	inotify_rm_watch(fd, 1);
	inotify_rm_watch(fd, -1);
	close(fd);
	close(syscall(SYS_inotify_init));
}

/* A line of the trace names the part that follows. */
#define PART(part) (access("== " #part, F_OK), part())

int main(int argc, char **argv)
{
	if (argc > 1 && chdir(argv[1]) != 0)
		return 1;
	umask(022);
	setpriority(PRIO_PROCESS, 0, 0);
	access("begin", F_OK);
	PART(files);
	PART(directories);
	PART(memory);
	PART(clocks);
	PART(signals);
	PART(handlers);
	PART(system_state);
	PART(named_processes);
	PART(terminals);
	PART(sockets);
	PART(watches);
	PART(children);
	access("end", F_OK);
	return 0;
}
