/* covers: kernel/src/tty/ kernel/src/time/ kernel/src/syscall/ */
/* Capabilities for terminals, clocks, ports, limits and programs: a caller with all capabilities
   but the required one is refused, a caller with only that one succeeds. */
#include "rights_rows.h"
#include <elf.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>

static int dates(long (*set)(const struct timespec *))
{
	/* Less than the time since boot: an invalid time. */
	return any_error_but_eperm(set(&(struct timespec){0, 0}));
}

static long by_clock(const struct timespec *to)
{
	return clock_settime(CLOCK_REALTIME, to);
}
static long by_day(const struct timespec *to)
{
	return settimeofday(&(struct timeval){to->tv_sec, 0}, NULL);
}
static long do_log(void)
{
	return klogctl(10, NULL, 0);
}
static long do_clock(void)
{
	return dates(by_clock);
}
static long do_day(void)
{
	return dates(by_day);
}
static long do_zone(void)
{
	return any_error_but_eperm(settimeofday(NULL, &(struct timezone){5000, 0}));
}
static long do_acct(void)
{
	return any_error_but_eperm(acct("none"));
}
static long do_no_acct(void)
{
	return acct(NULL);
}
static long do_port(void)
{
	return ioperm(0x80, 1, 1);
}
static long do_ports(void)
{
	return syscall(SYS_iopl, 3);
}

static long do_map(void)
{
	return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0;
}

/* The capability is required for the calling process, too. */
static long do_advise(void)
{
	struct iovec page = {mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096};

	return syscall(SYS_process_madvise, syscall(SYS_pidfd_open, getpid(), 0), &page, 1, MADV_COLD, 0);
}

static long do_hang_up(void)
{
	/* In a new session: not the terminal that the tests run in. */
	return setsid() == -1 ? -1 : vhangup();
}

static long do_mm(void)
{
	return any_error_but_eperm(prctl(PR_SET_MM, PR_SET_MM_START_CODE, 1, 0, 0));
}

/* The terminal of a new pair, opened without becoming the controlling terminal. */
static int terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), number;

	if (setsid() == -1 || master < 0 || unlockpt(master) || ioctl(master, TIOCGPTN, &number))
		return -1;
	return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
}

static long do_exclusive(void)
{
	int fd = terminal();
	char name[32];

	if (ioctl(fd, TIOCEXCL))
		return -1;
	sprintf(name, "/proc/self/fd/%d", fd);
	return open(name, O_RDWR | O_NOCTTY);
}

static long do_hang_up_that(void)
{
	return ioctl(terminal(), TIOCVHANGUP);
}
static long do_lock_modes(void)
{
	return ioctl(terminal(), TIOCSLCKTRMIOS, &(struct termios){0});
}
static long do_type(void)
{
	return ioctl(terminal(), TIOCSTI, "x");
}

/* TIOCSCTTY with force, of another session's controlling terminal. */
static long do_steal(void)
{
	int fd = terminal(), go[2], status;

	if (ioctl(fd, TIOCSCTTY, 0) || pipe(go))
		return -1;
	if (fork() == 0) {
		setsid();
		_exit(ioctl(fd, TIOCSCTTY, 1) ? errno : 0);
	}
	signal(SIGHUP, SIG_IGN);
	wait(&status);
	errno = WEXITSTATUS(status);
	return status ? -1 : 0;
}

static long do_fork(void)
{
	setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0});

	int child = fork();

	if (child == 0)
		_exit(0);
	return child;
}

static long do_send_files(void)
{
	int ends[2];
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec data = {"x", 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || setrlimit(RLIMIT_NOFILE, &(struct rlimit){2, 2}))
		return -1;
	*head = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(head), &ends[0], sizeof(int));
	for (int i = 0; i < 4; i++)
		if (sendmsg(ends[0], &message, 0) < 0)
			return -1;
	return 0;
}

static long set_option(int option, int value)
{
	return setsockopt(socket(AF_UNIX, SOCK_STREAM, 0), SOL_SOCKET, option, &value, sizeof value);
}

static long do_buffer(void)
{
	return set_option(SO_SNDBUFFORCE, 1 << 20);
}
static long do_priority(void)
{
	return set_option(SO_PRIORITY, 7);
}
static long do_debug(void)
{
	return set_option(SO_DEBUG, 1);
}

static long do_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	return fd < 0 ? -1 : write(fd, "-999", 4);
}

static long do_list_trusted(void)
{
	char names[256];
	long length = listxattr("marked", names, sizeof names);

	errno = EPERM;
	return length > 0 && memmem(names, length, "trusted.x", 10) ? 0 : -1;
}

static long do_link(void)
{
	return linkat(open("mine", O_RDONLY), "", AT_FDCWD, "linked", AT_EMPTY_PATH);
}
static long do_link_others(void)
{
	return link("suid", "linked");
}

/* 0 if the traced set-user-ID program ran as root, else -1 with EPERM. */
static long ends_as_root(int child)
{
	int status;

	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, child, 0, 0);
	errno = EPERM;
	return status ? -1 : 0;
}

static void lose(int capability)
{
	struct caps now = caps_now();

	now.effective &= ~(1ull << capability);
	caps_set(now);
}

static void run_as_root(void)
{
	execl("bin/root", "root", "is it", NULL);
	_exit(2);
}

static long do_be_watched(void)
{
	int child = fork();

	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		/* CAP_SETUID would keep the set-user-ID bit's effect. */
		lose(CAP_SETUID);
		run_as_root();
	}
	return ends_as_root(child);
}

/* A caller with CAP_SETUID gets the set-user-ID bit's effect even under an unprivileged tracer. */
static long do_be_watched_who_may(void)
{
	int child = fork();

	if (child == 0) {
		lose(CAP_SYS_PTRACE);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		run_as_root();
	}
	return ends_as_root(child);
}

static long do_watch(void)
{
	int go[2];
	char byte;

	if (pipe(go))
		return -1;

	int child = fork();

	if (child == 0) {
		lose(CAP_SETUID);
		if (read(go[0], &byte, 1) == 1)
			run_as_root();
		_exit(3);
	}
	if (ptrace(PTRACE_SEIZE, child, 0, 0) || write(go[1], "x", 1) != 1)
		return -1;
	return ends_as_root(child);
}

/* A program linked below mmap_min_addr, with inherited capabilities. */
static long do_run_low(void)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segment;
		unsigned char code[16];
	} file = {{{ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, ET_EXEC, EM_X86_64,
			  EV_CURRENT, 0x1000 + 64 + 56, 64, 0, 0, 64, 56, 1, 0, 0, 0},
		{PT_LOAD, PF_R | PF_X, 0, 0x1000, 0x1000, sizeof file, sizeof file, 0x1000},
		/* xor edi, edi; mov eax, 60; syscall */
		{0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05}};
	struct caps now = caps_now();
	int fd = open("bin/low", O_CREAT | O_TRUNC | O_WRONLY, 0755), status;

	if (write(fd, &file, sizeof file) != sizeof file || close(fd))
		return -1;
	now.inheritable = now.permitted;
	caps_set(now);
	for (int i = 0; i < 64; i++)
		if (now.permitted >> i & 1)
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
	if (fork() == 0) {
		execl("bin/low", "low", NULL);
		_exit(1);
	}
	wait(&status);
	errno = EPERM;
	return status ? -1 : 0;
}

static const struct row rows[] = {
	{ONE(SYS_TIME), "clock_settime", "EPERM", do_clock},
	{ONE(SYS_TIME), "settimeofday", "EPERM", do_day},
	{ONE(SYS_TIME), "settimeofday of a zone", "EPERM", do_zone},
	{ONE(SYS_PACCT), "acct", "EPERM", do_acct},
	{ONE(SYS_PACCT), "acct of no file", "EPERM", do_no_acct},
	{ONE(SYS_RAWIO), "ioperm", "EPERM", do_port},
	{ONE(SYS_RAWIO), "iopl", "EPERM", do_ports},
	{ONE(SYS_RAWIO), "mmap of page 0", "EPERM", do_map},
	{ONE(SYS_RAWIO), "execve at 0x1000", "EPERM", do_run_low},
	{ONE(SYS_NICE), "process_madvise", "EPERM", do_advise},
	{ONE(SYS_TTY_CONFIG), "vhangup", "EPERM", do_hang_up},
	{ONE(SYS_ADMIN), "open of an exclusive terminal", "EBUSY", do_exclusive},
	{ONE(SYS_ADMIN), "TIOCVHANGUP", "EPERM", do_hang_up_that},
	{EITHER(SYS_ADMIN, CHECKPOINT_RESTORE), "TIOCSLCKTRMIOS", "EPERM", do_lock_modes},
	{ONE(SYS_ADMIN), "TIOCSTI of no own terminal", "EPERM", do_type},
	{ONE(SYS_ADMIN), "TIOCSCTTY of another session's", "EPERM", do_steal},
	{ONE(DAC_READ_SEARCH), "linkat by descriptor", "ENOENT", do_link},
	{ONE(FOWNER), "link to another's", "EPERM", do_link_others},
	{ONE(SYS_ADMIN), "listxattr", "EPERM", do_list_trusted},
	{EITHER(SYS_RESOURCE, SYS_ADMIN), "fork", "EAGAIN", do_fork},
	{EITHER(SYS_RESOURCE, SYS_ADMIN), "SCM_RIGHTS", "ETOOMANYREFS", do_send_files},
	{ONE(NET_ADMIN), "SO_SNDBUFFORCE", "EPERM", do_buffer},
	{EITHER(NET_ADMIN, NET_RAW), "SO_PRIORITY", "EPERM", do_priority},
	{ONE(NET_ADMIN), "SO_DEBUG", "EACCES", do_debug},
	{ONE(SYS_RESOURCE), "PR_SET_MM", "EPERM", do_mm},
	{ONE(SYS_RESOURCE), "oom_score_adj", "EACCES", do_score},
	{ONE(SYS_PTRACE), "PTRACE_TRACEME, set-user-ID", "EPERM", do_be_watched},
	{ONE(SETUID), "PTRACE_TRACEME, set-user-ID", "EPERM", do_be_watched_who_may},
	{EITHER(SYSLOG, SYS_ADMIN), "syslog", "EPERM", do_log},
	{ONE(SYS_PTRACE), "PTRACE_SEIZE, set-user-ID", "EPERM", do_watch},
};

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "is it"))
		return geteuid() != 0;
	return try_all(rows, COUNT(rows), argv);
}
