/* covers: kernel/src/tty/ */
/* Terminals: VMIN and VTIME, ioctl(2), polling, hang-ups, packet mode, and pseudo-terminal names. */
#include "tty.h"
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static int master, slave;

static void mode(unsigned char least, unsigned char tenths)
{
	struct kernel_termios termios;

	ioctl(slave, K_TCGETS, &termios);
	termios.lflag &= ~(K_ICANON | K_ECHO);
	termios.cc[VMIN_] = least;
	termios.cc[VTIME_] = tenths;
	ioctl(slave, K_TCSETS, &termios);
}

static void blocking(int on)
{
	fcntl(slave, F_SETFL, on ? 0 : O_NONBLOCK);
}

static void read_once(const char *what, long size)
{
	char bytes[100];

	show(what, bytes, read(slave, bytes, size));
}

static void type(const char *text)
{
	long len = strlen(text);

	if (write(master, text, len) != len)
		perror("write");
	settle(slave);
}

static void least_and_time(void)
{
	printf("== VMIN, VTIME\n");
	blocking(1);
	mode(0, 0);
	read_once("0 0, nothing", 10);
	type("abc");
	read_once("0 0, something", 10);
	mode(0, 1);
	read_once("0 1, nothing", 10);
	type("abc");
	read_once("0 1, something", 2);
	read_once("0 1, rest", 2);
	mode(3, 0);
	type("abcde");
	read_once("3 0, enough", 4);
	type("fg");
	read_once("3 0, with the rest", 10);
	type("h");
	read_once("3 0, little wanted", 1);
	mode(5, 1);
	type("ab");
	read_once("5 1, too little", 10);
	type("abcdefg");
	read_once("5 1, enough", 10);
	blocking(0);
	mode(3, 0);
	read_once("3 0, nothing, nonblocking", 10);
	mode(0, 0);
	read_once("0 0, nothing, nonblocking", 10);
	mode(0, 5);
	read_once("0 5, nothing, nonblocking", 10);
	mode(3, 0);
	type("ab");
	printf("poll with 2 of 3: %x\n", settle(slave));
	read_once("3 0, too little, nonblocking", 10);
	type("abc");
	printf("poll with 3 of 3: %x\n", settle(slave));
	mode(3, 1);
	printf("and with a time: %x\n", settle(slave));
	ioctl(slave, K_TCFLSH, 0);
	printf("flushed: %x\n", settle(slave));
	print_result("read of nothing", read(slave, "", 0));
}

static void show_termios(const char *what, int fd)
{
	struct kernel_termios2 termios;

	memset(&termios, 0, sizeof termios);
	if (ioctl(fd, K_TCGETS2, &termios)) {
		print_result(what, -1);
		return;
	}
	printf("%s %x %x %x %x line %d speeds %u %u", what, termios.plain.iflag, termios.plain.oflag,
		termios.plain.cflag, termios.plain.lflag, termios.plain.line, termios.ispeed, termios.ospeed);
	show("", termios.plain.cc, 19);
}

static void settings(void)
{
	struct kernel_termios termios;
	struct kernel_termios2 two;
	struct kernel_termio old;
	int new_master, number = -1;

	printf("== settings\n");
	show_termios("fresh", slave);
	show_termios("by the other end", master);
	ioctl(slave, K_TCGETA, &old);
	printf("termio %x %x %x %x %d", old.iflag, old.oflag, old.cflag, old.lflag, old.line);
	show("", old.cc, 8);
	old.iflag ^= K_IXON;
	old.cc[0] = 'q';
	print_result("TCSETA", ioctl(slave, K_TCSETA, &old));
	show_termios("set", slave);
	ioctl(slave, K_TCGETS, &termios);
	/* CS7 with parity, at each speed. */
	for (unsigned speed = 0; speed < 32; speed++) {
		termios.cflag = (speed < 16 ? speed : 010000 | (speed - 16)) | 040 | 0400 | 0100;
		ioctl(master, K_TCSETS, &termios);
		ioctl(slave, K_TCGETS2, &two);
		printf("%x: %x %u %u\n", termios.cflag, two.plain.cflag, two.ispeed, two.ospeed);
	}
	two.plain.cflag = (two.plain.cflag & ~010017) | 010000;
	two.ispeed = two.ospeed = 12345;
	print_result("TCSETS2", ioctl(slave, K_TCSETS2, &two));
	show_termios("odd speed", slave);
	print_result("bad pointer", ioctl(slave, K_TCSETS, 1));
	print_result("bad pointer", ioctl(slave, K_TCGETS, 1));
	two.plain.line = 3;
	print_result("TCSETS2", ioctl(slave, K_TCSETS2, &two));
	show_termios("line", slave);
	print_result("TIOCGETD", ioctl(slave, TIOCGETD, &number));
	printf("%d\n", number);
	number = 77;
	print_result("TIOCSETD", ioctl(slave, TIOCSETD, &number));
	new_master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	show_termios("another", new_master);
	close(new_master);
}

static void requests(void)
{
	struct winsize size = {1, 2, 3, 4};
	int number = 7;
	pid_t pid;

	printf("== requests\n");
	print_result("TIOCGWINSZ", ioctl(slave, TIOCGWINSZ, &size));
	printf("%d %d %d %d\n", size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
	size = (struct winsize){24, 80, 5, 6};
	print_result("TIOCSWINSZ", ioctl(master, TIOCSWINSZ, &size));
	memset(&size, 0, sizeof size);
	print_result("TIOCGWINSZ", ioctl(slave, TIOCGWINSZ, &size));
	printf("%d %d %d %d\n", size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
	print_result("TIOCGWINSZ, bad", ioctl(slave, TIOCGWINSZ, 1));
	print_result("TIOCOUTQ", ioctl(slave, TIOCOUTQ, &number));
	printf("%d\n", number);
	for (int what = -1; what < 5; what++) {
		printf("%d ", what);
		print_result("TCFLSH", ioctl(slave, K_TCFLSH, what));
		print_result("TCFLSH, other end", ioctl(master, K_TCFLSH, what));
		print_result("TCXONC", ioctl(slave, K_TCXONC, what));
	}
	print_result("TCSBRK", ioctl(slave, K_TCSBRK, 1));
	print_result("TIOCGPGRP", ioctl(slave, TIOCGPGRP, &pid));
	print_result("TIOCGPGRP, other end", ioctl(master, TIOCGPGRP, &pid));
	printf("%d\n", pid);
	print_result("TIOCGSID", ioctl(slave, TIOCGSID, &pid));
	print_result("TIOCGSID, other end", ioctl(master, TIOCGSID, &pid));
	print_result("TIOCSPGRP", ioctl(slave, TIOCSPGRP, &pid));
	print_result("TIOCNOTTY", ioctl(slave, TIOCNOTTY, 0));
	print_result("TIOCNOTTY, other end", ioctl(master, TIOCNOTTY, 0));
	print_result("TIOCMGET", ioctl(slave, TIOCMGET, &number));
	print_result("TIOCGEXCL", ioctl(slave, K_TIOCGEXCL, &number));
	printf("%d\n", number);
	print_result("TIOCEXCL", ioctl(slave, TIOCEXCL, 0));
	print_result("TIOCGEXCL", ioctl(slave, K_TIOCGEXCL, &number));
	printf("%d\n", number);
	print_result("TIOCNXCL", ioctl(slave, TIOCNXCL, 0));
	print_result("TIOCGSOFTCAR", ioctl(slave, TIOCGSOFTCAR, &number));
	printf("%d\n", number);
	print_result("unknown", ioctl(slave, 0x54ff, 0));
	print_result("unknown, other end", ioctl(master, 0x54ff, 0));
	print_result("lseek", lseek(slave, 0, SEEK_SET));
	print_result("pread", pread(slave, &number, 1, 0));
	print_result("isatty", isatty(slave));
	print_result("isatty, other end", isatty(master));
	mode(1, 0);
	print_result("TIOCSTI", ioctl(slave, TIOCSTI, "z"));
	read_once("simulated", 10);
	ioctl(slave, K_TCXONC, 0);
	print_result("write while stopped", write(slave, "abc", 3));
	printf("poll %x\n", settle(slave));
	ioctl(slave, K_TCXONC, 1);
	print_result("write", write(slave, "abc\n", 4));
	print_result("FIONREAD", ioctl(master, FIONREAD, &number));
	drain("other end", master);
	print_result("TCXONC 2", ioctl(slave, K_TCXONC, 2));
	print_result("TCXONC 3", ioctl(slave, K_TCXONC, 3));
	drain("other end", master);
}

static void packets(void)
{
	struct kernel_termios termios;
	char bytes[100];
	int on = 1;

	printf("== packets\n");
	print_result("TIOCPKT", ioctl(master, TIOCPKT, &on));
	on = 0;
	print_result("TIOCGPKT", ioctl(master, K_TIOCGPKT, &on));
	printf("%d\n", on);
	print_result("write", write(slave, "output", 6));
	show("data", bytes, read(master, bytes, 4));
	show("data", bytes, read(master, bytes, 100));
	print_result("nothing", read(master, bytes, 100));
	ioctl(slave, K_TCFLSH, 0);
	printf("poll %x\n", settle(master));
	show("flushed input", bytes, read(master, bytes, 100));
	ioctl(slave, K_TCFLSH, 1);
	show("flushed output", bytes, read(master, bytes, 100));
	ioctl(slave, K_TCXONC, 0);
	show("stopped", bytes, read(master, bytes, 100));
	ioctl(slave, K_TCXONC, 1);
	show("started", bytes, read(master, bytes, 100));
	ioctl(slave, K_TCGETS, &termios);
	termios.iflag ^= K_IXON;
	ioctl(slave, K_TCSETS, &termios);
	show("flow control", bytes, read(master, bytes, 100));
	termios.iflag ^= K_IXON;
	ioctl(slave, K_TCSETS, &termios);
	show("flow control", bytes, read(master, bytes, 100));
	on = 0;
	ioctl(master, TIOCPKT, &on);
	on = 2;
	print_result("TIOCSIG", ioctl(master, K_TIOCSIG, 2));
	print_result("TIOCSIG, another", ioctl(master, K_TIOCSIG, 9));
}

static void names(void)
{
	struct stat of_name, of_fd, of_master;
	struct statfs fs;
	char name[64], link[64], path[64];
	int number = -1, other, locked = -1, first, second;
	long len;

	printf("== names\n");
	print_result("TIOCGPTN", ioctl(master, K_TIOCGPTN, &number));
	print_result("TIOCGPTN of the terminal", ioctl(slave, K_TIOCGPTN, &other));
	snprintf(name, sizeof name, "/dev/pts/%d", number);
	print_result("stat", stat(name, &of_name));
	print_result("fstat", fstat(slave, &of_fd));
	printf("type %o same %d ino %d rdev %d, %d nlink %d size %d\n", of_name.st_mode & S_IFMT,
		of_name.st_ino == of_fd.st_ino && of_name.st_dev == of_fd.st_dev, (int)of_name.st_ino == number + 3,
		major(of_name.st_rdev), (int)minor(of_name.st_rdev) == number, (int)of_name.st_nlink,
		(int)of_name.st_size);
	fstat(master, &of_master);
	printf("other end: %d, %d\n", major(of_master.st_rdev), minor(of_master.st_rdev));
	print_result("statfs", statfs("/dev/pts", &fs));
	printf("%lx\n", (long)fs.f_type);
	snprintf(link, sizeof link, "/proc/self/fd/%d", slave);
	len = readlink(link, path, sizeof path - 1);
	path[len > 0 ? len : 0] = 0;
	printf("link %d ttyname %d\n", !strcmp(path, name), ttyname(slave) && !strcmp(ttyname(slave), name));
	print_result("chmod", chmod(name, 0640));
	print_result("chown", chown(name, 3, 4));
	stat(name, &of_name);
	printf("%o %d %d\n", of_name.st_mode & 07777, of_name.st_uid, of_name.st_gid);
	first = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	ioctl(first, K_TIOCGPTN, &number);
	snprintf(name, sizeof name, "/dev/pts/%d", number);
	print_result("TIOCGPTLCK", ioctl(first, K_TIOCGPTLCK, &locked));
	printf("%d\n", locked);
	print_result("open, locked", open(name, O_RDWR | O_NOCTTY));
	locked = 0;
	print_result("TIOCSPTLCK", ioctl(first, K_TIOCSPTLCK, &locked));
	second = open(name, O_RDWR | O_NOCTTY);
	print_result("open", second < 0 ? -1 : 0);
	close(first);
	print_result("stat, other end closed", stat(name, &of_name));
	print_result("open, other end closed", open(name, O_RDWR | O_NOCTTY));
	close(second);
	print_result("no such", open("/dev/pts/4000", O_RDWR));
	print_result("unlink", unlink("/dev/pts/ptmx"));
	print_result("create", open("/dev/pts/new", O_RDWR | O_CREAT, 0600));
}

static void hang_ups(void)
{
	struct winsize size;
	char bytes[10];
	pid_t pid = 1;
	int end, tty, again, number, zero = 0;
	char name[64];

	printf("== hang-ups\n");
	open_pair(&end, &tty);
	ioctl(end, K_TIOCGPTN, &number);
	snprintf(name, sizeof name, "/dev/pts/%d", number);
	print_result("write", write(tty, "last", 4));
	close(tty);
	printf("poll %x\n", settle(end));
	show("buffered output", bytes, read(end, bytes, 10));
	print_result("then", read(end, bytes, 10));
	printf("poll %x\n", settle(end));
	print_result("write", write(end, "typed\n", 6));
	print_result("FIONREAD", ioctl(end, FIONREAD, &number));
	again = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	show("typed before", bytes, read(again, bytes, 10));
	printf("poll %x\n", settle(end));
	drain("echo", end);
	print_result("write", write(end, "more\n", 5));
	settle(again);
	close(end);
	printf("poll %x\n", settle(again));
	print_result("read", read(again, bytes, 10));
	print_result("write", write(again, "x", 1));
	print_result("TIOCGWINSZ", ioctl(again, TIOCGWINSZ, &size));
	print_result("TIOCSPGRP", ioctl(again, TIOCSPGRP, &pid));
	print_result("isatty", isatty(again));
	close(again);
	/* The slave of this master was never opened. */
	end = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	printf("poll %x\n", settle(end));
	print_result("read", read(end, bytes, 10));
	print_result("write", write(end, "x\n", 2));
	ioctl(end, K_TIOCSPTLCK, &zero);
	tty = ioctl(end, K_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK);
	show("typed before", bytes, read(tty, bytes, 10));
	/* Fills the buffers of both directions. */
	for (number = 0; number < 100000; number++)
		if (write(tty, "0123456789", 10) != 10)
			break;
	printf("full %d ", number > 400 && number < 100000);
	print_result("write", write(tty, "0123456789", 10));
	printf("poll %x\n", settle(tty) & POLLOUT);
	for (number = 0; number < 100000; number++)
		if (write(end, "0123\n", 5) != 5)
			break;
	printf("full %d\n", number > 400 && number < 100000);
	print_result("read", read(tty, bytes, 10));
	close(end);
	close(tty);
}

int main(void)
{
	open_pair(&master, &slave);
	settings();
	close(slave);
	close(master);
	open_pair(&master, &slave);
	least_and_time();
	requests();
	packets();
	names();
	hang_ups();
	return 0;
}
