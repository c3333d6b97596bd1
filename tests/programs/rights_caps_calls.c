/* covers: kernel/src/process/ kernel/src/syscall/ */
/* Capabilities for processes and the machine: a caller with all capabilities but the required
   one is refused, a caller with only that one succeeds. */
#include "rights_rows.h"
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/uio.h>

static long do_kill(void)
{
	return kill(other, SIGURG);
}
static long do_queue(void)
{
	return syscall(SYS_rt_sigqueueinfo, other, SIGURG, &(siginfo_t){.si_code = SI_QUEUE});
}
static long do_setgid(void)
{
	return syscall(WIDE(setgid), 77);
}
static long do_setregid(void)
{
	return syscall(WIDE(setregid), 77, -1);
}
static long do_setregid_effective(void)
{
	return syscall(WIDE(setregid), -1, 77);
}
static long do_setresgid(void)
{
	return syscall(WIDE(setresgid), -1, -1, 77);
}
static long do_setfsgid(void)
{
	syscall(WIDE(setfsgid), 77);
	errno = EPERM;
	return syscall(WIDE(setfsgid), -1) == 77 ? 0 : -1;
}
static long do_setgroups(void)
{
	return syscall(WIDE(setgroups), 1, (unsigned[]){77});
}
static long do_setuid(void)
{
	return syscall(WIDE(setuid), 77);
}
static long do_setreuid(void)
{
	return syscall(WIDE(setreuid), 77, -1);
}
static long do_setreuid_effective(void)
{
	return syscall(WIDE(setreuid), -1, 77);
}
static long do_setresuid(void)
{
	return syscall(WIDE(setresuid), 77, -1, -1);
}
static long do_setfsuid(void)
{
	syscall(WIDE(setfsuid), 77);
	errno = EPERM;
	return syscall(WIDE(setfsuid), -1) == 77 ? 0 : -1;
}
static long do_bound(void)
{
	return prctl(PR_CAPBSET_DROP, CAP_KILL);
}
static long do_bits(void)
{
	return prctl(PR_SET_SECUREBITS, 1);
}

static long do_inherit(void)
{
	struct caps now = caps_now();

	now.effective &= ~(1ull << CAP_NET_ADMIN);
	now.permitted &= ~(1ull << CAP_NET_ADMIN);
	caps_set(now);
	now.inheritable |= 1 << CAP_NET_ADMIN;
	return caps_set(now);
}

static long do_lock(void)
{
	static char page[4096];

	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){0, 0});
	return mlock(page, sizeof page);
}

static long do_map_locked(void)
{
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){0, 0});
	return (long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) == -1 ? -1 : 0;
}

static long do_attach(void)
{
	long result = ptrace(PTRACE_ATTACH, other, 0, 0);

	if (result == 0) {
		waitpid(other, NULL, __WALL);
		ptrace(PTRACE_DETACH, other, 0, 0);
	}
	return result;
}

static long do_readv(void)
{
	char bytes[4];
	struct iovec here = {bytes, 4}, there = {&other, 4};

	return process_vm_readv(other, &here, 1, &there, 1, 0);
}

static long do_exe(void)
{
	char path[40], to[40];

	sprintf(path, "/proc/%d/exe", other);
	return readlink(path, to, sizeof to);
}

static long do_robust(void)
{
	void *head;
	size_t size;
	return syscall(SYS_get_robust_list, other, &head, &size);
}
static long do_hostname(void)
{
	return any_error_but_eperm(syscall(SYS_sethostname, "x", -1));
}
static long do_domainname(void)
{
	return any_error_but_eperm(syscall(SYS_setdomainname, "x", -1));
}
static long do_unshare(void)
{
	return any_error_but_eperm(unshare(CLONE_NEWNS));
}
static long do_reboot(void)
{
	return any_error_but_eperm(syscall(SYS_reboot, 1, 2, 3, 0));
}
static long do_nice(void)
{
	return setpriority(PRIO_PROCESS, 0, -5);
}
static long do_nice_other(void)
{
	return setpriority(PRIO_PROCESS, other, 10);
}
static long do_fifo(void)
{
	return sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1});
}
static long do_affinity(void)
{
	return syscall(SYS_sched_setaffinity, other, 8, (uint64_t[]){1});
}
static long do_io(void)
{
	return syscall(SYS_ioprio_set, 1, other, 2 << 13 | 4);
}
static long do_io_first(void)
{
	return syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 4);
}

static long do_limit(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	return setrlimit(RLIMIT_CORE, &(struct rlimit){0, 1});
}

static long do_limit_other(void)
{
	struct rlimit limit;
	return prlimit(other, RLIMIT_CORE, NULL, &limit);
}
static long do_time(void)
{
	return any_error_but_eperm(adjtimex(&(struct timex){.modes = ADJ_TICK, .tick = 1}));
}

/* Without CAP_SYS_ADMIN, which old versions accepted instead. */
static long do_log(void)
{
	struct caps now = caps_now();

	now.effective &= ~(1ull << CAP_SYS_ADMIN);
	caps_set(now);
	return klogctl(10, NULL, 0);
}

static long do_alarm(void)
{
	return syscall(SYS_timerfd_create, 8, 0);
}

static long do_set_tid(void)
{
	int tid = getpid();
	uint64_t args[11] = {[4] = SIGCHLD, [8] = (uintptr_t)&tid, [9] = 1};

	return any_error_but_eperm(syscall(SYS_clone3, args, sizeof args));
}

static long do_send(unsigned pid, unsigned uid, unsigned gid)
{
	int ends[2];
	struct ucred who = {pid, uid, gid};
	char control[CMSG_SPACE(sizeof who)] = {0};
	struct iovec data = {"x", 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -1;
	*head = (struct cmsghdr){CMSG_LEN(sizeof who), SOL_SOCKET, SCM_CREDENTIALS};
	memcpy(CMSG_DATA(head), &who, sizeof who);
	return sendmsg(ends[0], &message, 0);
}

static long do_send_pid(void)
{
	return do_send(other, 1000, 1000);
}
static long do_send_uid(void)
{
	return do_send(getpid(), 77, 1000);
}
static long do_send_gid(void)
{
	return do_send(getpid(), 1000, 77);
}

static const struct row rows[] = {
	{ONE(KILL), "kill", "EPERM", do_kill},
	{ONE(KILL), "rt_sigqueueinfo", "EPERM", do_queue},
	{ONE(SETGID), "setgid", "EPERM", do_setgid},
	{ONE(SETGID), "setregid", "EPERM", do_setregid},
	{ONE(SETGID), "setregid, effective", "EPERM", do_setregid_effective},
	{ONE(SETGID), "setresgid", "EPERM", do_setresgid},
	{ONE(SETGID), "setfsgid", "EPERM", do_setfsgid},
	{ONE(SETGID), "setgroups", "EPERM", do_setgroups},
	{ONE(SETGID), "SCM_CREDENTIALS", "EPERM", do_send_gid},
	{ONE(SETUID), "setuid", "EPERM", do_setuid},
	{ONE(SETUID), "setreuid", "EPERM", do_setreuid},
	{ONE(SETUID), "setreuid, effective", "EPERM", do_setreuid_effective},
	{ONE(SETUID), "setresuid", "EPERM", do_setresuid},
	{ONE(SETUID), "setfsuid", "EPERM", do_setfsuid},
	{ONE(SETUID), "SCM_CREDENTIALS", "EPERM", do_send_uid},
	{ONE(SETPCAP), "PR_CAPBSET_DROP", "EPERM", do_bound},
	{ONE(SETPCAP), "PR_SET_SECUREBITS", "EPERM", do_bits},
	{ONE(SETPCAP), "capset inheritable", "EPERM", do_inherit},
	{ONE(IPC_LOCK), "mlock", "EPERM", do_lock},
	{ONE(IPC_LOCK), "MAP_LOCKED", "EPERM", do_map_locked},
	{ONE(SYS_PTRACE), "PTRACE_ATTACH", "EPERM", do_attach},
	{ONE(SYS_PTRACE), "process_vm_readv", "EPERM", do_readv},
	{ONE(SYS_PTRACE), "/proc/PID/exe", "EACCES", do_exe},
	{ONE(SYS_PTRACE), "get_robust_list", "EPERM", do_robust},
	{ONE(SYS_ADMIN), "sethostname", "EPERM", do_hostname},
	{ONE(SYS_ADMIN), "setdomainname", "EPERM", do_domainname},
	{ONE(SYS_ADMIN), "unshare", "EPERM", do_unshare},
	{ONE(SYS_ADMIN), "SCM_CREDENTIALS", "EPERM", do_send_pid},
	{ONE(SYSLOG), "syslog", "EPERM", do_log},
	{EITHER(SYS_ADMIN, CHECKPOINT_RESTORE), "clone3 set_tid", "EPERM", do_set_tid},
	{EITHER(SYS_ADMIN, SYS_NICE), "ioprio_set real time", "EPERM", do_io_first},
	{ONE(SYS_BOOT), "reboot", "EPERM", do_reboot},
	{ONE(SYS_NICE), "setpriority", "EACCES", do_nice},
	{ONE(SYS_NICE), "setpriority of another", "EPERM", do_nice_other},
	{ONE(SYS_NICE), "sched_setscheduler", "EPERM", do_fifo},
	{ONE(SYS_NICE), "sched_setaffinity", "EPERM", do_affinity},
	{ONE(SYS_NICE), "ioprio_set", "EPERM", do_io},
	{ONE(SYS_RESOURCE), "setrlimit", "EPERM", do_limit},
	{ONE(SYS_RESOURCE), "prlimit", "EPERM", do_limit_other},
	{ONE(SYS_TIME), "adjtimex", "EPERM", do_time},
	{ONE(WAKE_ALARM), "timerfd_create", "EPERM", do_alarm},
};

int main(int argc, char **argv)
{
	return try_all(rows, COUNT(rows), argv);
}
