/* For the rights_*.c programs: credentials and capabilities of a process, and results of calls as text.
   The programs run as root. */
#ifndef RIGHTS_H
#define RIGHTS_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The result of a call as text: the error's name, or "ok". */
static inline const char *answer(long result)
{
	static const struct {
		int number;
		const char *name;
	} errors[] = {{EPERM, "EPERM"}, {ENOENT, "ENOENT"}, {ESRCH, "ESRCH"}, {EIO, "EIO"}, {EBADF, "EBADF"},
		{EAGAIN, "EAGAIN"}, {EACCES, "EACCES"}, {EFAULT, "EFAULT"}, {EBUSY, "EBUSY"}, {EEXIST, "EEXIST"},
		{ENOTDIR, "ENOTDIR"}, {EISDIR, "EISDIR"}, {EINVAL, "EINVAL"}, {EROFS, "EROFS"}, {ENOSYS, "ENOSYS"},
		{ENODATA, "ENODATA"}, {ETXTBSY, "ETXTBSY"}, {EXDEV, "EXDEV"}, {ENOTEMPTY, "ENOTEMPTY"},
		{EOPNOTSUPP, "EOPNOTSUPP"}, {ECHILD, "ECHILD"}, {ENOTTY, "ENOTTY"}, {EDOM, "EDOM"}, {ENXIO, "ENXIO"},
		{ENOMEM, "ENOMEM"}, {ENODEV, "ENODEV"}, {ETOOMANYREFS, "ETOOMANYREFS"}};
	static char other[32];

	if (result >= 0)
		return "ok";
	for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].number == errno)
			return errors[i].name;
	snprintf(other, sizeof other, "error %d", errno);
	return other;
}

/* Prints the call and its result. */
#define T(call)                                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long result_ = (long)(call);                                                                           \
		printf("%s = %s\n", #call, answer(result_));                                                           \
	} while (0)

#ifdef __i386__
#define WIDE(call) SYS_##call##32
#else
#define WIDE(call) SYS_##call
#endif

/* Capability sets of the calling thread. */
struct caps {
	uint64_t effective, permitted, inheritable;
};

static inline struct caps caps_now(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		perror("capget");
	return (struct caps){
		data[0].effective | (uint64_t)data[1].effective << 32,
		data[0].permitted | (uint64_t)data[1].permitted << 32,
		data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
}

static inline long caps_set(struct caps to)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{to.effective, to.permitted, to.inheritable},
		{to.effective >> 32, to.permitted >> 32, to.inheritable >> 32},
	};

	return syscall(SYS_capset, &header, data);
}

/* Drops all privileges: no groups, the given IDs; dumpable. */
static inline void become(unsigned uid, unsigned gid)
{
	if (syscall(WIDE(setgroups), 0, NULL) || syscall(WIDE(setresgid), gid, gid, gid) ||
		syscall(WIDE(setresuid), uid, uid, uid) || prctl(PR_SET_DUMPABLE, 1)) {
		perror("become");
		_exit(1);
	}
}

/* Runs the following statement in a child, which then exits. */
#define IN_A_CHILD                                                                                                     \
	for (int child_ = (fflush(stdout), fork()), once_ = 1; once_;                                                  \
		once_ = 0, child_ ? waitpid(child_, NULL, 0) : (fflush(stdout), _exit(0), 0))                          \
		if (!child_)

/* Makes a temporary directory with a new tmpfs, in a private mount namespace, and enters it. */
static inline void own_place(char *where)
{
	if (getpid() != 1 && (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))) {
		perror("unshare");
		exit(1);
	}
	if (mkdir("/tmp", 01777) == 0)
		chmod("/tmp", 01777);
	mkdir("/proc", 0755);
	if (access("/proc/self", F_OK))
		mount("proc", "/proc", "proc", 0, NULL);
	mkdir("/dev", 0755);
	if (access("/dev/ptmx", F_OK))
		mount("dev", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/pts", 0755);
	if (access("/dev/pts/ptmx", F_OK))
		mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666");
	if (!mkdtemp(where) || mount("none", where, "tmpfs", 0, "mode=755") || chdir(where)) {
		perror(where);
		exit(1);
	}
	umask(0);
}

/* Leaves and removes the directory. */
static inline void leave_place(const char *where)
{
	if (chdir("/") || umount2(where, MNT_DETACH) || rmdir(where))
		perror(where);
}
#endif
