/* covers: kernel/src/tty/ */
/* Pseudo-terminals through the C library, and handlers for the terminal's signals. */
#include "tty.h"
#include <pty.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <termios.h>

static volatile int caught;

static void note(int signo)
{
	caught = signo;
}

static void handle(int signo, int flags)
{
	struct sigaction action = {.sa_handler = note, .sa_flags = flags};

	sigaction(signo, &action, NULL);
}

/* Reads until the other end is closed. */
static long read_all(int fd, char *bytes, long size)
{
	long len = 0, got;

	while ((got = read(fd, bytes + len, size - len)) > 0)
		len += got;
	printf("last read: %s\n", got ? error_name() : "0");
	return len;
}

static void status_of(int pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		print_result("waitpid", -1);
	else if (WIFSIGNALED(status))
		printf("killed by %d\n", WTERMSIG(status));
	else
		printf("exited %d\n", WEXITSTATUS(status));
}

static void opened(void)
{
	struct winsize size = {.ws_row = 5, .ws_col = 60};
	struct termios termios;
	char name[64], other[64];
	int master, slave;

	printf("== openpty\n");
	print_result("openpty", openpty(&master, &slave, name, NULL, &size));
	printf("ttyname %d ptsname %d isatty %d\n", !strcmp(name, ttyname(slave)),
		!ptsname_r(master, other, sizeof other) && !strcmp(name, other), isatty(slave));
	memset(&size, 0, sizeof size);
	ioctl(slave, TIOCGWINSZ, &size);
	printf("%d %d\n", size.ws_row, size.ws_col);
	print_result("tcgetattr", tcgetattr(slave, &termios));
	printf("%lx %lx %lx %lx speed %lx\n", (long)termios.c_iflag, (long)termios.c_oflag, (long)termios.c_cflag,
		(long)termios.c_lflag, (long)cfgetospeed(&termios));
	cfmakeraw(&termios);
	cfsetspeed(&termios, B9600);
	print_result("tcsetattr", tcsetattr(slave, TCSAFLUSH, &termios));
	print_result("tcgetattr", tcgetattr(slave, &termios));
	printf("%lx %lx %lx %lx speed %lx\n", (long)termios.c_iflag, (long)termios.c_oflag, (long)termios.c_cflag,
		(long)termios.c_lflag, (long)cfgetospeed(&termios));
	print_result("tcdrain", tcdrain(slave));
	print_result("tcflush", tcflush(slave, TCIOFLUSH));
	print_result("tcsendbreak", tcsendbreak(slave, 0));
	print_result("tcgetpgrp", tcgetpgrp(slave));
	print_result("tcgetsid", tcgetsid(slave));
	close(slave);
	close(master);
}

static void forked(void)
{
	static char bytes[4000];
	int master, pid;
	long len;

	printf("== forkpty\n");
	fflush(stdout);
	pid = forkpty(&master, NULL, NULL, NULL);
	if (!pid) {
		int fd;

		printf("session %d group %d foreground %d\n", getsid(0) == getpid(), getpgrp() == getpid(),
			tcgetpgrp(0) == getpid());
		fd = open("/dev/tty", O_RDWR);
		print_result("/dev/tty", fd < 0 ? -1 : 0);
		print_result("TIOCSTI", ioctl(0, TIOCSTI, "k"));
		printf("got %c\n", getchar());
		fflush(stdout);
		_exit(3);
	}
	if (write(master, "ey\n", 3) != 3)
		perror("write");
	len = read_all(master, bytes, sizeof bytes);
	/* The position of the echo among the output is random. */
	printf("%ld bytes, echo %d\n", len, strstr(bytes, "ey\r\n") != NULL);
	status_of(pid);
	close(master);
}

static void handlers(void)
{
	struct winsize size = {.ws_row = 9, .ws_col = 9};
	int master, slave, pid;
	char bytes[100];

	printf("== handlers\n");
	openpty(&master, &slave, NULL, NULL, NULL);
	for (int restarts = 0; restarts < 2; restarts++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			int me = getpid(), fd[2];

			setsid();
			ioctl(slave, TIOCSCTTY, 0);
			if (pipe(fd))
				_exit(1);
			handle(SIGINT, restarts ? SA_RESTART : 0);
			handle(SIGWINCH, restarts ? SA_RESTART : 0);
			if (!fork()) {
				setpgid(0, 0);
				if (read(fd[0], bytes, 1) != 1)
					_exit(1);
				kill(me, SIGWINCH);
				if (restarts && write(master, "line\n", 5) != 5)
					_exit(1);
				_exit(0);
			}
			if (write(fd[1], "x", 1) != 1)
				_exit(1);
			print_result("read", read(slave, bytes, sizeof bytes));
			printf("caught %d\n", caught);
			wait(NULL);
			caught = 0;
			ioctl(master, TIOCSWINSZ, &size);
			size.ws_row++;
			printf("caught %d\n", caught);
			caught = 0;
			if (write(master, "\003", 1) != 1)
				_exit(1);
			settle_typed(slave);
			while (!caught)
				usleep(100);
			printf("caught %d\n", caught);
			fflush(stdout);
			_exit(0);
		}
		status_of(pid);
	}
	close(slave);
	close(master);
}

static void epolls(void)
{
	int master, slave, fd = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET}, got;
	char bytes[100];

	printf("== epoll\n");
	openpty(&master, &slave, NULL, NULL, NULL);
	fcntl(master, F_SETFL, O_NONBLOCK);
	print_result("add", epoll_ctl(fd, EPOLL_CTL_ADD, slave, &event));
	print_result("nothing", epoll_wait(fd, &got, 1, 0));
	if (write(master, "a\n", 2) != 2)
		perror("write");
	print_result("a line", epoll_wait(fd, &got, 1, 1000));
	printf("%x\n", got.events);
	print_result("the same", epoll_wait(fd, &got, 1, 0));
	show("read", bytes, read(slave, bytes, sizeof bytes));
	event.events = EPOLLIN;
	print_result("add", epoll_ctl(fd, EPOLL_CTL_ADD, master, &event));
	print_result("the echo", epoll_wait(fd, &got, 1, 1000));
	drain("echo", master);
	epoll_ctl(fd, EPOLL_CTL_DEL, slave, NULL);
	close(slave);
	print_result("a hang-up", epoll_wait(fd, &got, 1, 1000));
	printf("%x\n", got.events);
	close(master);
	close(fd);
}

/* Many pseudo-terminals, repeatedly: numbers are reused. */
static void many(void)
{
	int masters[50], number;

	printf("== many\n");
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 50; i++) {
			masters[i] = posix_openpt(O_RDWR | O_NOCTTY);
			if (masters[i] < 0)
				print_result("posix_openpt", -1);
		}
		for (int i = 0; i < 50; i++)
			close(masters[i]);
	}
	masters[0] = posix_openpt(O_RDWR | O_NOCTTY);
	/* Other processes may have some, but not 900. */
	ioctl(masters[0], K_TIOCGPTN, &number);
	printf("%d\n", number < 900);
	close(masters[0]);
}

int main(void)
{
	opened();
	forked();
	handlers();
	epolls();
	many();
	return 0;
}
