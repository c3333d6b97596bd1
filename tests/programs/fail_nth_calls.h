/* For fail_nth.c: valid arguments for each call. A call may have several rows. */
#ifndef FAIL_NTH_CALLS_H
#define FAIL_NTH_CALLS_H
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <utime.h>

#include "fail_nth_world.h"

enum {
	/* The call returns twice, as fork does: the child exits. */
	FORKS = 1,
	/* The call doesn't return: the process exits or executes another program. */
	LEAVES = 2,
	/* The call would harm the host. */
	HARMS = 4,
	/* The row's arguments are those of one width's table. */
	ONLY_64 = 8,
	ONLY_32 = 16,
	/* A second call can't succeed. */
	ONCE = 32,
	/* An argument that is known only at run time: this process, the helper, or the timer. */
	SELF_FIRST = 64,
	SELF_SECOND = 128,
	HELPER_FIRST = 256,
	HELPER_SECOND = 512,
	TIMER_FIRST = 1024,
	/* Not every kernel has the call. */
	MAY_LACK = 2048,
};

struct call {
	const char *name;
	unsigned long arguments[6];
	int flags;
	void (*prepare)(void);
	/* Its error number without a fault; 0 means any success. */
	int error;
};

#define AT AT_FDCWD
#define P(pointer) ((unsigned long)(pointer))
#define C(name, ...) {#name, {__VA_ARGS__}, 0, 0, 0}
#define F(name, flags, ...) {#name, {__VA_ARGS__}, flags, 0, 0}
#define Q(name, prepare, flags, ...) {#name, {__VA_ARGS__}, flags, prepare, 0}
#define E(name, error, ...) {#name, {__VA_ARGS__}, 0, 0, error}

static struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2}, taken = {.msg_iov = places, .msg_iovlen = 2};
static struct mmsghdr messages[2], all_taken[2];
static struct {
	struct cmsghdr header;
	int fds[2];
} rights = {{sizeof(struct cmsghdr) + 2 * sizeof(int), SOL_SOCKET, SCM_RIGHTS}, {FILE_FD, PIPE_R}};
static struct msghdr with_rights = {
	.msg_iov = pieces, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
static struct iovec mine[1] = {{out, 8000}}, of_helper[1] = {{area, 8000}};
static struct rlimit limit = {1000, 1000};
static unsigned long long limit64[2] = {1000, 1000};
static struct user_desc descriptor = {.entry_number = 1000, .limit = 1, .seg_32bit = 1},
			tls = {.entry_number = -1, .limit = 1, .seg_32bit = 1, .useable = 0};
static struct flock lock = {.l_type = F_WRLCK, .l_start = 1000, .l_len = 10};
static struct {
	unsigned long long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
} clone_words = {.exit_signal = SIGCHLD}, clone_open = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
static struct {
	unsigned long long flags, mode, resolve;
} how = {O_RDWR | O_CREAT, 0600, 0};
static struct {
	unsigned long long value, address;
	unsigned flags, reserved;
} vector[2] = {{1, 0, 2, 0}, {1, 0, 2, 0}};
static struct {
	unsigned long set;
	unsigned long size;
} select_set = {P(&no_signals), 8};
static unsigned long old_select[5] = {64, P(readable), 0, 0, P(&brief)};
static unsigned long old_mmap[6] = {0, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
static unsigned long socketpair_words[4] = {AF_UNIX, SOCK_STREAM, 0, P(out)};
static unsigned long bind_words[3] = {CLIENT, P(&named), sizeof named};
static struct utimbuf utime_words = {1, 1};
static long stime_word = 1700000000;
static struct timespec date = {1700000000, 0};
static struct wide_time wide_date = {1700000000, 0};
static struct timeval day = {1700000000, 0};
static int sched_word[16], caps[8] = {0x20080522};
static struct {
	unsigned size, policy;
	unsigned long long flags;
	int nice;
	unsigned priority;
	unsigned long long runtime, deadline, period;
} sched_attributes = {.size = 48};
static union {
	long words[32];
	struct sigaction action;
} handler;

/* The address is no constant expression of the field's width. */
static void set_pidfd_address(void)
{
	clone_open.pidfd = P(out);
}

static const struct call calls[] = { /* Files and descriptors. */
	C(read, FILE_FD, P(out), 8000), C(read, PIPE_R, P(out), 8000), C(read, ZERO, P(out), 8000),
	C(read, STATUS, P(out), 8000), Q(read, block_and_raise, ONCE, SIGNALS, P(out), 8000),
	C(write, FILE_FD, P(in), 60000), C(write, PIPE_W, P(in), 20000), C(write, SOCKET_A, P(in), 20000),
	C(write, DGRAM_A, P(in), 2000), C(write, EVENT, P(&file_offset), 8),
	F(open, ONCE, P(W "/new"), O_CREAT | O_RDWR | O_EXCL, 0600), C(open, P(W "/link"), O_RDONLY),
	C(open, P("/proc/self/maps"), O_RDONLY), C(open, P("/dev/ptmx"), O_RDWR), C(open, P(W "/fifo"), O_RDWR),
	F(creat, 0, P(W "/created"), 0600), C(openat, AT, P(W "/new"), O_CREAT | O_RDWR, 0600),
	C(openat, AT, P(W), O_TMPFILE | O_RDWR, 0600), C(openat2, AT, P(W "/new"), P(&how), sizeof how),
	F(close, ONCE, FILE_FD), C(close_range, 50, 80, 0), F(close_range, ONCE, 12, 80, 2),
	C(stat, P(W "/file"), P(out)), C(lstat, P(W "/link"), P(out)), C(fstat, FILE_FD, P(out)),
	C(stat64, P(W "/file"), P(out)), C(lstat64, P(W "/link"), P(out)), C(fstat64, FILE_FD, P(out)),
	C(fstatat64, AT, P(W "/file"), P(out), 0), C(newfstatat, AT, P(W "/file"), P(out), 0),
	C(statx, AT, P(W "/file"), 0, STATX_BASIC_STATS, P(out)), F(oldstat, MAY_LACK, P(W "/file"), P(out)),
	F(oldlstat, MAY_LACK, P(W "/link"), P(out)), F(oldfstat, MAY_LACK, FILE_FD, P(out)),
	C(lseek, FILE_FD, 100, SEEK_SET), C(_llseek, FILE_FD, 0, 100, P(out), SEEK_SET),
	C(pread64, FILE_FD, P(out), 8000, 0), C(pwrite64, FILE_FD, P(in), 60000, 0), C(readv, FILE_FD, P(places), 2),
	C(writev, FILE_FD, P(pieces), 2), C(writev, PIPE_W, P(pieces), 2), C(preadv, FILE_FD, P(places), 2, 0, 0),
	C(pwritev, FILE_FD, P(pieces), 2, 0, 0), C(preadv2, FILE_FD, P(places), 2, 0, 0, 0),
	C(pwritev2, FILE_FD, P(pieces), 2, 0, 0, 0), C(access, P(W "/file"), R_OK),
	C(faccessat, AT, P(W "/file"), R_OK), C(faccessat2, AT, P(W "/file"), R_OK, 0), C(pipe, P(out)),
	C(pipe2, P(out), O_CLOEXEC), C(dup, FILE_FD), C(dup2, FILE_FD, 1000), C(dup3, FILE_FD, 1000, 0),
	C(fcntl, FILE_FD, F_DUPFD, 1000), C(fcntl, FILE_FD, F_SETLK, P(&lock)),
	Q(fcntl, lock_a_part, 0, FILE_FD, F_SETLKW, P(&lock)), C(fcntl, PIPE_W, F_SETPIPE_SZ, 1 << 20),
	C(fcntl64, FILE_FD, F_DUPFD, 1000), C(fcntl64, FILE_FD, F_SETLK, P(&lock)), C(flock, FILE_FD, LOCK_EX),
	C(ioctl, PIPE_R, FIONREAD, P(out)), C(ioctl, TERMINAL, 0x80045430, P(out)),
	C(sendfile, SOCKET_A, FILE_FD, 0, 8000), C(sendfile64, SOCKET_A, FILE_FD, 0, 8000),
	C(copy_file_range, FILE_FD, 0, OTHER_FILE, 0, 8000, 0), C(splice, FILE_FD, 0, PIPE_W, 0, 8000, 0),
	C(splice, PIPE_R, 0, EMPTY_W, 0, 1000, 0), C(tee, PIPE_R, EMPTY_W, 1000, 0),
	C(vmsplice, EMPTY_W, P(pieces), 2, 0), C(fsync, FILE_FD), C(fdatasync, FILE_FD), C(sync), C(syncfs, FILE_FD),
	C(truncate, P(W "/file"), 5000), C(ftruncate, FILE_FD, 5000), C(truncate64, P(W "/file"), 5000, 0),
	C(ftruncate64, FILE_FD, 5000, 0), F(fallocate, ONLY_64, FILE_FD, 0, 0, 100000),
	F(fallocate, ONLY_32, FILE_FD, 0, 0, 0, 100000, 0), F(fallocate, ONLY_64, FILE_FD, 3, 0, 4096),
	C(fadvise64, FILE_FD, 0, 0, 0, 0), C(fadvise64_64, FILE_FD, 0, 0, 0, 0, 0), C(readahead, FILE_FD, 0, 8000),
	C(sync_file_range, FILE_FD, 0, 0, 0), C(readdir, DIR_FD, P(out), 1), C(getdents, DIR_FD, P(out), 8000),
	C(getdents64, DIR_FD, P(out), 8000), E(ustat, EINVAL, 0, P(out)), C(statfs, P(W), P(out)),
	C(fstatfs, FILE_FD, P(out)), C(statfs64, P(W), 84, P(out)), C(fstatfs64, FILE_FD, 84, P(out)),
	/* Paths, metadata and mounts. */
	C(getcwd, P(out), 4096), F(chdir, 0, P(W "/empty")), F(fchdir, 0, DIR_FD),
	F(rename, ONCE, P(W "/file"), P(W "/moved")), F(renameat, ONCE, AT, P(W "/file"), AT, P(W "/moved")),
	F(renameat2, 0, AT, P(W "/file"), AT, P(W "/other"), 2), F(mkdir, ONCE, P(W "/new"), 0700),
	F(mkdirat, ONCE, AT, P(W "/new"), 0700), F(rmdir, ONCE, P(W "/empty")),
	F(link, ONCE, P(W "/file"), P(W "/new")), F(linkat, ONCE, AT, P(W "/file"), AT, P(W "/new"), 0),
	F(unlink, ONCE, P(W "/file")), F(unlinkat, ONCE, AT, P(W "/file"), 0),
	F(symlink, ONCE, P("target"), P(W "/new")), F(symlinkat, ONCE, P("target"), AT, P(W "/new")),
	C(readlink, P(W "/link"), P(out), 4096), C(readlinkat, AT, P(W "/link"), P(out), 4096),
	C(readlink, P("/proc/self/exe"), P(out), 4096), F(mknod, ONCE, P(W "/new"), S_IFIFO | 0600),
	F(mknodat, ONCE, AT, P(W "/new"), S_IFIFO | 0600), C(chmod, P(W "/file"), 0600), C(fchmod, FILE_FD, 0600),
	C(fchmodat, AT, P(W "/file"), 0600), C(fchmodat2, AT, P(W "/file"), 0600, 0), C(chown, P(W "/file"), 1, 1),
	C(lchown, P(W "/file"), 1, 1), C(fchown, FILE_FD, 1, 1), C(chown32, P(W "/file"), 1, 1),
	C(lchown32, P(W "/file"), 1, 1), C(fchown32, FILE_FD, 1, 1), C(fchownat, AT, P(W "/file"), 1, 1, 0),
	C(umask, 022), C(utime, P(W "/file"), P(&utime_words)), C(utimes, P(W "/file"), P(dates)),
	C(futimesat, AT, P(W "/file"), P(dates)), C(utimensat, AT, P(W "/file"), P(stamps), 0),
	C(utimensat_time64, AT, P(W "/file"), P(wide_stamps), 0), C(chroot, P("/")),
	F(setxattr, 0, P(W "/file"), P("user.two"), P(in), 1000, 0),
	C(lsetxattr, P(W "/file"), P("user.two"), P(in), 1000, 0), C(fsetxattr, FILE_FD, P("user.two"), P(in), 1000, 0),
	C(getxattr, P(W "/file"), P("user.one"), P(out), 100), C(lgetxattr, P(W "/file"), P("user.one"), P(out), 100),
	C(fgetxattr, FILE_FD, P("user.one"), P(out), 100), C(listxattr, P(W "/file"), P(out), 1000),
	C(llistxattr, P(W "/file"), P(out), 1000), C(flistxattr, FILE_FD, P(out), 1000),
	F(removexattr, ONCE, P(W "/file"), P("user.one")), F(lremovexattr, ONCE, P(W "/file"), P("user.one")),
	F(fremovexattr, ONCE, FILE_FD, P("user.one")), F(mount, HARMS | ONCE, P("x"), P(W "/empty"), P("tmpfs"), 0, 0),
	F(mount, HARMS | ONCE, P(W "/full"), P(W "/empty"), 0, MS_BIND, 0),
	Q(umount2, mount_something, HARMS | ONCE, P(W "/empty"), 0),
	Q(umount, mount_something, HARMS | ONCE, P(W "/empty")),
	{"pivot_root", {P(W "/empty"), P(W "/empty")}, HARMS, mount_something, EINVAL},
	/* Waiting and events. */
	C(poll, P(polled), 3, 0), C(poll, P(polled), 1, 1), C(ppoll, P(polled), 1, P(&soon), P(&no_signals), 8),
	C(ppoll_time64, P(polled), 1, P(&wide_soon), P(&no_signals), 8),
	F(select, ONLY_64, 64, P(readable), 0, 0, P(&brief)), F(select, ONLY_32, P(old_select)),
	C(_newselect, 64, P(readable), 0, 0, P(&brief)), C(pselect6, 64, P(readable), 0, 0, P(&soon), P(&select_set)),
	C(pselect6_time64, 64, P(readable), 0, 0, P(&wide_soon), P(&select_set)), C(epoll_create, 1),
	C(epoll_create1, 0), F(epoll_ctl, ONCE, EPOLL, EPOLL_CTL_ADD, EVENT, P(&watched)),
	F(epoll_ctl, ONCE, EPOLL, EPOLL_CTL_DEL, PIPE_R, P(&watched)),
	F(epoll_ctl, ONCE, EPOLL, EPOLL_CTL_ADD, SOCKET_A, P(&watched)), C(epoll_wait, EPOLL, P(out), 10, 0),
	C(epoll_pwait, EPOLL, P(out), 10, 1, P(&no_signals), 8),
	C(epoll_pwait2, EPOLL, P(out), 10, P(&wide_soon), P(&no_signals), 8), C(eventfd, 1), C(eventfd2, 1, 0),
	C(signalfd, -1, P(&signal_set), 8), C(signalfd4, -1, P(&signal_set), 8, 0),
	C(timerfd_create, CLOCK_MONOTONIC, 0), C(timerfd_settime, TIMER, 0, P(&far), P(out)),
	C(timerfd_settime64, TIMER, 0, P(&wide_far), P(out)), C(timerfd_gettime, TIMER, P(out)),
	C(timerfd_gettime64, TIMER, P(out)), C(memfd_create, P("name"), 0),
	/* Memory. */
	F(mmap, ONLY_64, 0, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0),
	F(mmap, ONLY_64, 0, 3 * PAGE, PROT_READ, MAP_SHARED, FILE_FD, 0), F(mmap, ONLY_32, P(old_mmap)),
	C(mmap2, 0, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0),
	C(mmap2, 0, 3 * PAGE, PROT_READ, MAP_SHARED, FILE_FD, 0), C(mprotect, P(area) + PAGE, 9 * PAGE, PROT_READ),
	Q(mprotect, cut_the_area, 0, P(area), 64 * PAGE, PROT_NONE), C(munmap, P(area) + PAGE, 9 * PAGE),
	Q(munmap, cut_the_area, 0, P(area), 64 * PAGE), C(brk, 0),
	Q(mremap, 0, ONCE, P(area), 64 * PAGE, 70 * PAGE, MREMAP_MAYMOVE),
	F(mremap, 0, P(area) + 16 * PAGE, 4 * PAGE, 4 * PAGE, 7, P(area) + 32 * PAGE),
	C(msync, P(area), 64 * PAGE, MS_SYNC), C(mincore, P(area), 64 * PAGE, P(out)),
	C(madvise, P(area), 32 * PAGE, MADV_DONTNEED), Q(madvise, cut_the_area, 0, P(area), 64 * PAGE, MADV_DONTFORK),
	C(madvise, P(area), 32 * PAGE, 23), C(mlock, P(area) + PAGE, 9 * PAGE), C(mlock2, P(area) + PAGE, 9 * PAGE, 1),
	C(munlock, P(area), 64 * PAGE), C(mlockall, MCL_CURRENT), C(munlockall),
	F(modify_ldt, 0, 1, P(&descriptor), sizeof descriptor), C(set_thread_area, P(&tls)),
	{"get_thread_area", {P(&tls)}, 0, 0, EINVAL}, C(pkey_mprotect, P(area) + PAGE, 9 * PAGE, PROT_READ, -1),
	F(pkey_alloc, MAY_LACK, 0, 0), F(pkey_free, MAY_LACK, 1), E(remap_file_pages, EINVAL, P(area), PAGE, 0, 0, 0),
	{"process_vm_readv", {0, P(mine), 1, P(of_helper), 1}, HELPER_FIRST, start_a_helper, 0},
	{"process_vm_writev", {0, P(mine), 1, P(of_helper), 1}, HELPER_FIRST, start_a_helper, 0},
	/* Processes and threads. */
	F(fork, FORKS), Q(fork, cut_the_area, FORKS), F(vfork, FORKS), F(clone, FORKS, SIGCHLD),
	F(clone3, FORKS, P(&clone_words), sizeof clone_words),
	Q(clone3, set_pidfd_address, FORKS, P(&clone_open), sizeof clone_open),
	F(clone, FORKS, SIGCHLD | CLONE_PIDFD, 0, P(out)), F(execve, LEAVES, P("/init"), P(exec_words), P(no_words)),
	F(execveat, LEAVES, AT, P("/init"), P(exec_words), P(no_words), 0), F(exit, LEAVES, 42),
	F(exit_group, LEAVES, 42), Q(wait4, leave_a_zombie, ONCE, -1, P(out), 0, P(out) + 64),
	Q(waitpid, leave_a_zombie, ONCE, -1, P(out), 0),
	Q(waitid, leave_a_zombie, ONCE, P_ALL, 0, P(out), WEXITED, P(out) + 256),
	Q(waitid, open_a_zombie, ONCE, 3 /* P_PIDFD */, PROCESS, P(out), WEXITED, P(out) + 256),
	C(unshare, CLONE_FILES | CLONE_FS), E(setns, EINVAL, FILE_FD, 0),
	{"ptrace", {PTRACE_PEEKUSER, 0, 0, P(out)}, HELPER_SECOND, start_a_tracee, 0},
	{"ptrace", {PTRACE_GETREGS, 0, 0, P(out)}, HELPER_SECOND, start_a_tracee, 0},
	{"ptrace", {PTRACE_CONT, 0, 0, 0}, ONCE | HELPER_SECOND, start_a_tracee, 0},
	{"ptrace", {PTRACE_SEIZE, 0, 0, 0}, ONCE | HELPER_SECOND, start_a_helper, 0},
	{"ptrace", {PTRACE_POKEUSER, 0, 0, 0}, HELPER_SECOND, start_a_tracee, 0}, C(getpid), C(gettid), C(getppid),
	C(getuid), C(geteuid), C(getgid), C(getegid), C(getuid32), C(geteuid32), C(getgid32), C(getegid32), C(getpgrp),
	C(getpgid, 0), C(getsid, 0), C(setpgid, 0, 0), F(setsid, ONCE), C(setuid, 0), C(setgid, 0), C(setreuid, 0, 0),
	C(setregid, 0, 0), C(setresuid, 0, 0, 0), C(setresgid, 0, 0, 0), C(setuid32, 0), C(setgid32, 0),
	C(setreuid32, 0, 0), C(setregid32, 0, 0), C(setresuid32, 0, 0, 0), C(setresgid32, 0, 0, 0), C(setfsuid, 0),
	C(setfsgid, 0), C(setfsuid32, 0), C(setfsgid32, 0), C(getresuid, P(out), P(out), P(out)),
	C(getresgid, P(out), P(out), P(out)), C(getresuid32, P(out), P(out), P(out)),
	C(getresgid32, P(out), P(out), P(out)), C(setgroups, 64, P(ids)), C(setgroups32, 64, P(ids)),
	/* The most groups: NGROUPS_MAX. */
	C(setgroups, 65536, P(area)), C(setgroups32, 65536, P(area)), C(getgroups, 0, 0), C(getgroups32, 0, 0),
	C(capget, P(caps), P(out)), {"capset", {P(caps), P(caps) + 8}, ONCE, 0, 0}, C(prctl, PR_SET_NAME, P("name")),
	C(prctl, PR_GET_PDEATHSIG, P(out)), F(arch_prctl, ONLY_64, 0x1003, P(out)),
	{"arch_prctl", {0x1011}, ONLY_32, 0, 0}, C(personality, 0xffffffff), C(getpriority, 0, 0),
	C(setpriority, 0, 0, 1), C(nice, 1), C(sched_yield), C(sched_setparam, 0, P(sched_word)),
	C(sched_getparam, 0, P(out)), C(sched_setscheduler, 0, 0, P(sched_word)), C(sched_getscheduler, 0),
	C(sched_get_priority_max, 1), C(sched_get_priority_min, 1), C(sched_rr_get_interval, 0, P(out)),
	C(sched_rr_get_interval_time64, 0, P(out)), C(sched_setaffinity, 0, 8, P("\1\0\0\0\0\0\0\0")),
	C(sched_getaffinity, 0, 128, P(out)), C(sched_setattr, 0, P(&sched_attributes), 0),
	C(sched_getattr, 0, P(out), 48, 0), C(ioprio_set, 1, 0, 0x4004), C(ioprio_get, 1, 0), C(getrlimit, 7, P(out)),
	C(ugetrlimit, 7, P(out)), C(setrlimit, 7, P(&limit)), C(prlimit64, 0, 7, P(limit64), P(out)),
	C(getrusage, 0, P(out)), C(times, P(out)), C(set_tid_address, P(out)),
	C(set_robust_list, P(out), 3 * sizeof(long)), C(get_robust_list, 0, P(out), P(out) + 64),
	F(rseq, MAY_LACK, P(area), 32, 0, 0x53053053), C(membarrier, 0, 0, 0), C(getcpu, P(out), 0, 0),
	F(kcmp, SELF_FIRST | SELF_SECOND, 0, 0, 0, FILE_FD, PIPE_R),
	/* Signals. */
	C(kill, 0, 0), F(tkill, SELF_FIRST, 0, SIGUSR1), F(tgkill, SELF_FIRST | SELF_SECOND, 0, 0, SIGUSR1),
	F(rt_sigqueueinfo, SELF_FIRST, 0, SIGUSR1, P(handler.words)),
	F(rt_tgsigqueueinfo, SELF_FIRST | SELF_SECOND, 0, 0, SIGUSR1, P(handler.words)),
	C(rt_sigaction, SIGUSR2, 0, P(out), 8), C(sigaction, SIGUSR2, 0, P(out)), C(signal, SIGUSR2, 1),
	C(rt_sigprocmask, SIG_BLOCK, P(&signal_set), P(out), 8), C(sigprocmask, SIG_BLOCK, P(&signal_set), P(out)),
	C(rt_sigpending, P(out), 8), C(sigpending, P(out)),
	Q(rt_sigtimedwait, block_and_raise, ONCE, P(&signal_set), P(out), P(&soon), 8),
	Q(rt_sigtimedwait_time64, block_and_raise, ONCE, P(&signal_set), P(out), P(&wide_soon), 8),
	{"rt_sigsuspend", {P(&no_signals), 8}, 0, start_interval_timer, EINTR},
	{"sigsuspend", {0, 0, 0}, 0, start_interval_timer, EINTR}, C(sigaltstack, 0, P(out)), C(sgetmask),
	C(ssetmask, 0), {"pause", {0}, 0, start_interval_timer, EINTR},
	/* Time. */
	C(nanosleep, P(&soon), 0), C(clock_nanosleep, 1, 0, P(&soon), 0),
	C(clock_nanosleep_time64, 1, 0, P(&wide_soon), 0), C(getitimer, 0, P(out)),
	C(setitimer, 0, P(&far_off), P(out)), C(alarm, 1000), C(gettimeofday, P(out), 0), C(clock_gettime, 1, P(out)),
	C(clock_gettime64, 1, P(out)), C(clock_getres, 1, P(out)), C(clock_getres_time64, 1, P(out)), C(time, 0),
	F(settimeofday, HARMS, P(&day), 0), F(clock_settime, HARMS, 0, P(&date)),
	F(clock_settime64, HARMS, 0, P(&wide_date)), F(stime, HARMS, P(&stime_word)), C(adjtimex, P(area)),
	C(clock_adjtime, 0, P(area)), C(clock_adjtime64, 0, P(area)), C(timer_create, 1, 0, P(out)),
	{"timer_settime", {0, 0, P(&far), P(out)}, TIMER_FIRST, make_a_timer, 0},
	{"timer_settime64", {0, 0, P(&wide_far), P(out)}, TIMER_FIRST, make_a_timer, 0},
	{"timer_gettime", {0, P(out)}, TIMER_FIRST, make_a_timer, 0},
	{"timer_gettime64", {0, P(out)}, TIMER_FIRST, make_a_timer, 0},
	{"timer_getoverrun", {0}, TIMER_FIRST, make_a_timer, 0},
	{"timer_delete", {0}, ONCE | TIMER_FIRST, make_a_timer, 0},
	/* Sockets. */
	C(socket, AF_UNIX, SOCK_STREAM, 0), C(socketpair, AF_UNIX, SOCK_STREAM, 0, P(out)),
	F(connect, ONCE, CLIENT, P(&listening), sizeof listening), Q(accept, connect_a_client, ONCE, LISTENER, 0, 0),
	Q(accept4, connect_a_client, ONCE, LISTENER, 0, 0, 0), C(sendto, SOCKET_A, P(in), 20000, 0, 0, 0),
	C(sendto, DGRAM_A, P(in), 2000, 0, 0, 0), C(recvfrom, SOCKET_A, P(out), 8000, MSG_PEEK, 0, 0),
	F(recvfrom, ONCE, DGRAM_A, P(out), 8000, 0, P(out) + 9000, P(&name_length)),
	C(sendmsg, SOCKET_A, P(&message), 0), C(sendmsg, DGRAM_A, P(&with_rights), 0),
	F(recvmsg, ONCE, SOCKET_A, P(&taken), 0), C(sendmmsg, DGRAM_A, P(messages), 2, 0),
	F(recvmmsg, ONCE, DGRAM_A, P(all_taken), 2, 0, 0), F(recvmmsg_time64, ONCE, DGRAM_A, P(all_taken), 2, 0, 0),
	C(shutdown, SOCKET_A, SHUT_WR), F(bind, ONCE, CLIENT, P(&named), sizeof named),
	F(bind, ONCE, CLIENT, P(&abstract), 11), C(listen, LISTENER, 10),
	C(getsockname, LISTENER, P(out), P(&name_length)), C(getpeername, SOCKET_A, P(out), P(&name_length)),
	C(setsockopt, SOCKET_A, SOL_SOCKET, SO_PASSCRED, P(&number), 4),
	C(getsockopt, SOCKET_A, SOL_SOCKET, SO_PEERCRED, P(out), P(&name_length)),
	C(socketcall, 8, P(socketpair_words)), F(socketcall, ONCE, 2, P(bind_words)),
	/* Futexes, system information, pidfd and inotify. */
	C(futex, P(&futex_word), FUTEX_WAKE, 1, 0, 0, 0),
	{"futex", {P(&futex_word), FUTEX_WAIT, 0, P(&soon)}, 0, 0, ETIMEDOUT},
	{"futex_time64", {P(&futex_word), FUTEX_WAIT, 0, P(&wide_soon)}, 0, 0, ETIMEDOUT},
	{"futex_waitv", {P(vector), 2, 0, P(out), 1}, 0, 0, EAGAIN}, C(futex_wake, P(&futex_word), 0xffffffff, 1, 2),
	{"futex_wait", {P(&futex_word), 1, 0xffffffff, 2, 0, 0}, 0, 0, EAGAIN},
	E(futex_requeue, EAGAIN, P(vector), 0, 1, 1), C(uname, P(out)), C(oldolduname, P(out)), C(olduname, P(out)),
	C(sysinfo, P(out)), C(syslog, 3, P(out), 8000), C(getrandom, P(out), 8000, 0),
	F(sethostname, HARMS, P("name"), 4), F(setdomainname, HARMS, P("name"), 4),
	{"reboot", {1, 2, 3}, HARMS, 0, EINVAL}, {"restart_syscall", {0}, 0, 0, EINTR}, F(acct, HARMS, 0),
	F(vhangup, HARMS), C(sysfs, 3), {"rt_sigreturn", {0}, LEAVES, 0, 0}, {"sigreturn", {0}, LEAVES, 0, 0},
	{"ioperm", {0x80, 1, 1}, HARMS, 0, 0}, {"iopl", {3}, HARMS, 0, 0}, C(inotify_init), C(inotify_init1, 0),
	F(pidfd_open, SELF_FIRST, 0, 0), Q(pidfd_getfd, open_a_process, 0, PROCESS, 0, 0),
	Q(pidfd_send_signal, open_a_process, 0, PROCESS, SIGUSR1, 0, 0),
	Q(process_madvise, open_a_process, 0, PROCESS, P(mine), 1, 20 /* MADV_COLD */, 0),
	Q(inotify_add_watch, watch_a_directory, 0, NOTIFY, P(W "/empty"), IN_ALL_EVENTS),
	Q(inotify_rm_watch, watch_a_directory, ONCE, NOTIFY, 1)};
#endif
