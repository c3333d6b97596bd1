/* covers: kernel/src/syscall/ kernel/src/vfs/ kernel/src/net/ */
/* Boundary values as sizes of buffers and structures, as ranges of files and as numbers of objects, in calls
   that the other numbers_*.c don't make (numbers.h). The output is the same on Linux. */
#include "numbers.h"
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define IS_SMALL (V_SIZE <= 2 * PAGE)
#define IS_PAST_ALL (sizeof(long) == 8 ? V_SIZE >= 1ul << 47 : V_SIZE >= -8ul * PAGE)

static char name[40];
static int file, in, out;

static int filled_pipe(void)
{
	while (read(in, pages, PAGE) > 0)
		;
	return write(out, "0123456789", 10) == 10;
}

static void ranges(void)
{
	int path;

	EACH("truncate", 1, truncate(name, v));
	(void)!truncate(name, 10000);
	EACH("readahead from", 1, readahead(file, v, 10));
	EACH("readahead of", 1, readahead(file, 0, V_SIZE));
	EACH("advice from", 1, posix_fadvise(file, v, 10, POSIX_FADV_WILLNEED));
	EACH("advice of", 1, posix_fadvise(file, 10, v, POSIX_FADV_DONTNEED));
	EACH("sync from", 1, sync_file_range(file, v, 10, 0));
	EACH("sync of", 1, sync_file_range(file, 10, v, 0));
	EACH("preadv2 at", v != -1, preadv2(file, &(struct iovec){pages, 10}, 1, v, 0));
	EACH("pwritev2 at", v < 0 && v != -1, pwritev2(file, &(struct iovec){pages, 10}, 1, v, 0));
	EACH("tee", filled_pipe(), tee(in, out, V_SIZE, SPLICE_F_NONBLOCK) >= 0 ? 0 : -1);
	EACH("vmsplice of", (IS_SMALL || v < 0) && filled_pipe(),
		vmsplice(out, &(struct iovec){pages, V_SIZE}, 1, SPLICE_F_NONBLOCK) >= 0 ? 0 : -1);
	EACH("vmsplice parts", V_SIZE > 1024 && filled_pipe(),
		vmsplice(out, &(struct iovec){pages, 1}, V_SIZE, SPLICE_F_NONBLOCK));
	EACH("utimes seconds", 1, syscall(SYS_utimes, name, (struct { long t[4]; }[]){{{V_LONG, 5, V_LONG, 5}}}));
	EACH("utimes us", 1, syscall(SYS_utimes, name, (struct { long t[4]; }[]){{{5, V_LONG, 5, V_LONG}}}));
	EACH("utime", 1, syscall(SYS_utime, name, (long[]){V_LONG, V_LONG}));
	EACH("close_range from", (unsigned)v > 1000, syscall(SYS_close_range, V_LONG, -1, 0));
	path = open("/proc/self", O_RDONLY | O_DIRECTORY);
	EACH("getdents64 of", lseek(path, 0, SEEK_SET) == 0, syscall(SYS_getdents64, path, pages, V_LONG) < 0 ? -1 : 0);
	close(path);
	EACH("readlinkat", (int)v <= 0, syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", pages, V_LONG));
}

static void attributes(void)
{
	static char value[100];

	EACH("setxattr", V_SIZE > 65536, setxattr(name, "user.numbers", pages, V_SIZE, 0));
	EACH("fsetxattr", V_SIZE > 65536, fsetxattr(file, "user.numbers", pages, V_SIZE, 0));
	EACH("lsetxattr", V_SIZE > 65536, lsetxattr(name, "user.numbers", pages, V_SIZE, 0));
	setxattr(name, "user.numbers", value, sizeof value, 0);
	EACH("getxattr", 1, getxattr(name, "user.numbers", pages, V_SIZE));
	EACH("fgetxattr", 1, fgetxattr(file, "user.numbers", pages, V_SIZE));
	EACH("lgetxattr", 1, lgetxattr(name, "user.numbers", pages, V_SIZE));
	EACH("listxattr", 1, listxattr(name, pages, V_SIZE) > 0 ? 1 : -1);
	EACH("flistxattr", 1, flistxattr(file, pages, V_SIZE) > 0 ? 1 : -1);
	EACH("llistxattr", 1, llistxattr(name, pages, V_SIZE) > 0 ? 1 : -1);
}

static void structures(void)
{
	struct rlimit64 limit;

	EACH("openat2", V_SIZE < 24 || V_SIZE > PAGE, syscall(SYS_openat2, AT_FDCWD, name, pages, V_LONG));
	EACH("clone3", V_SIZE < 64 || V_SIZE > PAGE, syscall(SYS_clone3, pages, V_LONG));
	EACH("sched_getattr", 1, syscall(SYS_sched_getattr, 0, pages, V_LONG, 0));
	EACH("sched_getaffinity", 1, syscall(SYS_sched_getaffinity, 0, V_LONG, pages) > 0 ? 1 : -1);
	EACH("sched_setaffinity", 1, (pages[0] = 1, syscall(SYS_sched_setaffinity, 0, V_LONG, pages)));
	EACH("sigaction of", 1, syscall(SYS_rt_sigaction, SIGUSR1, NULL, pages, V_LONG));
	EACH("sigpending of", 1, syscall(SYS_rt_sigpending, pages, V_LONG));
	EACH("sigsuspend of", V_SIZE != 8, syscall(SYS_rt_sigsuspend, pages, V_LONG));
	EACH("sigtimedwait of", V_SIZE != 8, syscall(SYS_rt_sigtimedwait, pages, NULL, pages, V_LONG));
	EACH("signalfd of", V_SIZE != 8, syscall(SYS_signalfd, -1, pages, V_LONG));
	EACH("signalfd4 of", V_SIZE != 8, syscall(SYS_signalfd4, -1, pages, V_LONG, 0));
	EACH("epoll_pwait of", V_SIZE != 8, syscall(SYS_epoll_pwait, 99, pages, 1, 0, pages, V_LONG));
	EACH("modify_ldt", V_SIZE != 16, syscall(SYS_modify_ldt, 1, pages, V_LONG));
	EACH("sched_setattr", 1, (*(unsigned *)pages = v, syscall(SYS_sched_setattr, 0, pages, 0)));
	EACH("rseq of", V_SIZE < 20, syscall(SYS_rseq, pages, V_LONG, 0, 0));
	EACH("prlimit64", 1,
		(limit = (struct rlimit64){v, -1}, syscall(SYS_prlimit64, 0, RLIMIT_CORE, &limit, NULL)) ?
			-1 :
			(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &limit), (long long)limit.rlim_cur));
	EACH("futex_waitv", V_SIZE > 128 || !V_SIZE, syscall(449, pages, V_LONG, 0, NULL, 0));
	EACH("sethostname", (int)v < 0 || (int)v > 64, sethostname(pages, V_SIZE));
	EACH("setdomainname", (int)v < 0 || (int)v > 64, setdomainname(pages, V_SIZE));
}

static void memory(void)
{
	struct iovec here, there;

	EACH("getrandom", IS_SMALL || IS_PAST_ALL, getrandom(pages, V_SIZE, 0) >= 0 ? 0 : -1);
	EACH("vm_writev here", IS_SMALL || v < 0,
		(here = (struct iovec){pages, V_SIZE}, there = (struct iovec){pages, PAGE},
			process_vm_writev(getpid(), &here, 1, &there, 1, 0)));
	EACH("vm_writev there", IS_SMALL || v < 0,
		(here = (struct iovec){pages, PAGE}, there = (struct iovec){pages, V_SIZE},
			process_vm_writev(getpid(), &here, 1, &there, 1, 0)));
	EACH("vm_writev parts", V_SIZE > 1024,
		(here = there = (struct iovec){pages, PAGE}, process_vm_writev(getpid(), &here, V_SIZE, &there, 1, 0)));
	EACH("mlock2 of", IS_SMALL || IS_PAST_ALL, syscall(SYS_mlock2, pages, V_LONG, 1));
	EACH("pkey_mprotect of", 1, syscall(SYS_pkey_mprotect, pages, V_LONG, PROT_READ, -1));
	EACH("remap_file_pages of", 1, syscall(SYS_remap_file_pages, pages, V_LONG, 0, 0, 0));
	EACH("remap_file_pages to", 1, syscall(SYS_remap_file_pages, pages, PAGE, 0, V_LONG, 0));
}

static void sockets(void)
{
	struct sockaddr_un address = {AF_UNIX, "/not/there"};
	socklen_t length;
	int pair[2], one = socket(AF_UNIX, SOCK_STREAM, 0), value;

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
	EACH("bind", (unsigned)v <= 2 || (unsigned)v > 110, bind(one, (void *)&address, v));
	EACH("listen", 1, listen(one, v));
	EACH("sendto of", IS_SMALL || v < 0,
		(recv(pair[1], pages, 2 * PAGE, 0), sendto(pair[0], pages, V_SIZE, 0, NULL, 0)));
	while (recv(pair[1], pages, PAGE, 0) > 0)
		;
	EACH("sendto by name", (unsigned)v > 0, sendto(pair[0], pages, 1, 0, (void *)&address, v));
	EACH("recvfrom", send(pair[0], "0123456789", 10, 0) == 10,
		(length = v, recvfrom(pair[1], pages, V_SIZE, 0, (void *)&address, &length)));
	EACH("getpeername", (length = v, 1), getpeername(pair[0], (void *)&address, &length));
	EACH("getsockopt", (length = v, 1), getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, &length));
	EACH("sendmmsg", 1, (memset(pages, 0, PAGE), syscall(SYS_sendmmsg, pair[0], pages, V_LONG, 0) < 0 ? -1 : 0));
	EACH("eventfd", (unsigned)v > 1000, (value = syscall(SYS_eventfd, V_LONG), close(value)));
	EACH("eventfd2", (unsigned)v > 1000, (value = syscall(SYS_eventfd2, V_LONG, 0), close(value)));
}

int main(void)
{
	int ends[2], status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (fork() == 0) {
		file = memfd_create("numbers", 0);
		sprintf(name, "/proc/self/fd/%d", file);
		(void)!pipe2(ends, O_NONBLOCK);
		in = ends[0], out = ends[1];
		ranges();
		attributes();
		structures();
		memory();
		sockets();
		_exit(0);
	}
	wait(&status);
	printf("status %x\n", status);
	return 0;
}
