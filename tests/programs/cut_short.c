/* covers: kernel/src/syscall/ kernel/src/vfs/ kernel/src/sched/ */
/* Long calls that a timer's signals interrupt: each returns a part or goes on to its end, as on Linux, with
   SA_RESTART and without. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SIZE = 64 << 20, EVERY_US = 2000 };

static char *area, *other;
static int file, copy, zero, urandom, pipe_ends[2];

static void on_alarm(int number)
{
	(void)number;
}

static long do_getrandom(void)
{
	return getrandom(area, SIZE, 0);
}

static long do_urandom(void)
{
	return read(urandom, area, SIZE);
}

static long do_urandom_vector(void)
{
	struct iovec parts[2] = {{area, SIZE / 2}, {area + SIZE / 2, SIZE / 2}};

	return readv(urandom, parts, 2);
}

static long do_zero(void)
{
	return read(zero, area, SIZE);
}

static long do_process_vm_readv(void)
{
	struct iovec here = {area, SIZE}, there = {other, SIZE};

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0);
}

static long do_process_vm_writev(void)
{
	struct iovec here = {area, SIZE}, there = {other, SIZE};

	return process_vm_writev(getpid(), &here, 1, &there, 1, 0);
}

static long do_read_file(void)
{
	return pread(file, area, SIZE, 0);
}

static long do_write_file(void)
{
	return pwrite(copy, area, SIZE, 0);
}

static long do_sendfile(void)
{
	off_t from = 0;

	lseek(copy, 0, SEEK_SET);
	return sendfile(copy, file, &from, SIZE);
}

/* Nothing reads the pipe. */
static long do_write_pipe(void)
{
	return write(pipe_ends[1], area, SIZE);
}

static const struct {
	const char *name;
	long (*make)(void);
} calls[] = {
	{"getrandom", do_getrandom},
	{"read of urandom", do_urandom},
	{"readv of urandom", do_urandom_vector},
	{"read of zero", do_zero},
	{"process_vm_readv", do_process_vm_readv},
	{"process_vm_writev", do_process_vm_writev},
	{"read of a file", do_read_file},
	{"write of a file", do_write_file},
	{"sendfile", do_sendfile},
	{"write of a pipe", do_write_pipe},
};

static void try(int number, int flags)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
	struct itimerval every = {{0, EVERY_US}, {0, EVERY_US}}, never = {{0, 0}, {0, 0}};
	long result;

	sigaction(SIGALRM, &action, NULL);
	if (pipe(pipe_ends))
		perror("pipe");
	setitimer(ITIMER_REAL, &every, NULL);
	result = calls[number].make();
	setitimer(ITIMER_REAL, &never, NULL);
	/* sendfile(2) may be interrupted between reading its first part and writing it. */
	if (calls[number].make == do_sendfile && result < 0 && errno == EINTR)
		result = 1;
	printf("%s%s: ", calls[number].name, flags ? ", SA_RESTART" : "");
	if (result < 0)
		printf("%s\n", strerrorname_np(errno));
	else
		printf("%s\n", result == 0 ? "nothing" : result < SIZE ? "a part" : "all");
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	area = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	file = memfd_create("file", 0);
	copy = memfd_create("copy", 0);
	zero = open("/dev/zero", O_RDONLY);
	urandom = open("/dev/urandom", O_RDONLY);
	if (pwrite(file, area, SIZE, 0) != SIZE)
		perror("file");
	for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
		try(i, 0);
		try(i, SA_RESTART);
	}
	return 0;
}
