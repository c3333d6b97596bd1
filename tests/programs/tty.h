/* For the tty_*.c programs: a pseudo-terminal, the kernel's structures, and printing. */
#ifndef TTY_H
#define TTY_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The kernel's structures: the C libraries' structures of the same names differ. */
struct kernel_termios {
	unsigned iflag, oflag, cflag, lflag;
	unsigned char line, cc[19];
};

struct kernel_termios2 {
	struct kernel_termios plain;
	unsigned ispeed, ospeed;
};

struct kernel_termio {
	unsigned short iflag, oflag, cflag, lflag;
	unsigned char line, cc[8], padding;
};

enum {
	K_TCGETS = 0x5401,
	K_TCSETS,
	K_TCSETSW,
	K_TCSETSF,
	K_TCGETA,
	K_TCSETA,
	K_TCSETAW,
	K_TCSETAF,
	K_TCSBRK,
	K_TCXONC,
	K_TCFLSH,
	K_TIOCGPTN = (int)0x80045430,
	K_TIOCSPTLCK = 0x40045431,
	K_TIOCGPTLCK = (int)0x80045439,
	K_TIOCGPTPEER = 0x5441,
	K_TIOCSIG = 0x40045436,
	K_TIOCGDEV = (int)0x80045432,
	K_TIOCGPKT = (int)0x80045438,
	K_TIOCGEXCL = (int)0x80045440,
	K_TCGETS2 = (int)0x802c542a,
	K_TCSETS2 = 0x402c542b,
};

/* Flags of kernel_termios and kernel_termio: input ... */
enum {
	K_PARMRK = 010,
	K_ISTRIP = 040,
	K_INLCR = 0100,
	K_IGNCR = 0200,
	K_ICRNL = 0400,
	K_IUCLC = 01000,
	K_IXON = 02000,
	K_IXANY = 04000,
	K_IUTF8 = 040000,
	/* ... output ... */
	K_OPOST = 1,
	K_OLCUC = 2,
	K_ONLCR = 4,
	K_OCRNL = 010,
	K_ONOCR = 020,
	K_ONLRET = 040,
	K_XTABS = 014000,
	/* ... local. */
	K_ISIG = 1,
	K_ICANON = 2,
	K_ECHO = 010,
	K_ECHOE = 020,
	K_ECHOK = 040,
	K_ECHONL = 0100,
	K_NOFLSH = 0200,
	K_TOSTOP = 0400,
	K_ECHOCTL = 01000,
	K_ECHOPRT = 02000,
	K_ECHOKE = 04000,
	K_IEXTEN = 0100000,
};

enum {
	VINTR_,
	VQUIT_,
	VERASE_,
	VKILL_,
	VEOF_,
	VTIME_,
	VMIN_,
	VSWTC_,
	VSTART_,
	VSTOP_,
	VSUSP_,
	VEOL_,
	VREPRINT_,
	VDISCARD_,
	VWERASE_,
	VLNEXT_,
	VEOL2_,
};

static inline const char *error_name(void)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {{EPERM, "EPERM"}, {ENOENT, "ENOENT"}, {ESRCH, "ESRCH"}, {EINTR, "EINTR"}, {EIO, "EIO"},
		{ENXIO, "ENXIO"}, {EBADF, "EBADF"}, {ECHILD, "ECHILD"}, {EAGAIN, "EAGAIN"}, {EACCES, "EACCES"},
		{EFAULT, "EFAULT"}, {EBUSY, "EBUSY"}, {EINVAL, "EINVAL"}, {ENOTTY, "ENOTTY"}, {ENOSPC, "ENOSPC"},
		{ESPIPE, "ESPIPE"}};
	static char number[20];

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].number == errno)
			return names[i].name;
	snprintf(number, sizeof number, "error %d", errno);
	return number;
}

/* Prints bytes as a C string. */
static inline void show(const char *what, const void *bytes, long len)
{
	printf("%s ", what);
	if (len < 0) {
		printf("%s\n", error_name());
		return;
	}
	putchar('"');
	for (long i = 0; i < len; i++) {
		unsigned char c = ((const unsigned char *)bytes)[i];

		if (c == '\\' || c == '"')
			printf("\\%c", c);
		else if (c >= ' ' && c < 127)
			putchar(c);
		else
			printf("\\%02x", c);
	}
	printf("\"\n");
}

/* Prints a result, or the name of the error. */
static inline void print_result(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, error_name());
	else
		printf("%s: %ld\n", what, result);
}

/* Opens a pair, nonblocking, not as the controlling terminal. */
static inline void open_pair(int *master, int *slave)
{
	int zero = 0;

	*master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (*master < 0 || ioctl(*master, K_TIOCSPTLCK, &zero)) {
		perror("ptmx");
		exit(1);
	}
	*slave = ioctl(*master, K_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (*slave < 0) {
		perror("TIOCGPTPEER");
		exit(1);
	}
}

/* Flushes bytes written to the other end: Linux delivers them asynchronously, but at the latest when a
 * poll finds nothing to read. */
static inline short settle(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI};

	poll(&look, 1, 0);
	return look.revents;
}

/* settle for input of a terminal without readable bytes: TCSETS waits for a delivery in progress. */
static inline void settle_typed(int slave)
{
	struct kernel_termios same;

	for (int i = 0; i < 3; i++) {
		settle(slave);
		ioctl(slave, K_TCGETS, &same);
		ioctl(slave, K_TCSETS, &same);
	}
}

/* Prints all readable bytes of a nonblocking end. */
static inline void drain(const char *what, int fd)
{
	char all[20000];
	long len = 0, got = 0;

	settle(fd);
	while (len < (long)sizeof all && (got = read(fd, all + len, sizeof all - len)) > 0)
		len += got;
	show(what, all, len ? len : got < 0 && errno == EAGAIN ? 0 : got);
}
#endif
