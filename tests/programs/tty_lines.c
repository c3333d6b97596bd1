/* covers: kernel/src/tty/ */
/* The line discipline (termios(3)): input at the master, its echo, and the bytes that the slave
   reads; output processing. A table of cases, then random ones. */
#include "tty.h"

static int master, slave;
static struct kernel_termios standard;

static void set(const struct kernel_termios *termios)
{
	if (ioctl(slave, K_TCSETS, termios))
		perror("TCSETS");
}

static void read_all(long size)
{
	char bytes[5000];
	int left;

	for (int i = 0; i < 6; i++) {
		long got;

		if (ioctl(slave, FIONREAD, &left))
			left = -1;
		got = read(slave, bytes, size);
		if (got < 0 && errno == EAGAIN)
			break;
		printf("  %d:", left);
		show("", bytes, got);
	}
}

static void typed(const char *bytes, long len)
{
	if (write(master, bytes, len) != len)
		printf("  short write\n");
	settle_typed(slave);
	drain("  echo", master);
}

static void type(const char *bytes)
{
	show("type", bytes, strlen(bytes));
	typed(bytes, strlen(bytes));
}

struct change {
	const char *name;
	unsigned iflag, oflag, lflag, not_iflag, not_oflag, not_lflag;
};

static const struct change changes[] = {
	{"standard"},
	{"utf8", .iflag = K_IUTF8},
	{"no echoe", .not_lflag = K_ECHOE},
	{"no echok", .not_lflag = K_ECHOK},
	{"no echoke", .not_lflag = K_ECHOKE},
	{"no echok, echoke", .not_lflag = K_ECHOK | K_ECHOKE},
	{"no echoctl", .not_lflag = K_ECHOCTL},
	{"echoprt", .lflag = K_ECHOPRT},
	{"echoprt, utf8", .lflag = K_ECHOPRT, .iflag = K_IUTF8},
	{"no echo", .not_lflag = K_ECHO},
	{"echonl", .not_lflag = K_ECHO, .lflag = K_ECHONL},
	{"no iexten", .not_lflag = K_IEXTEN},
	{"no isig", .not_lflag = K_ISIG},
	{"noflsh", .lflag = K_NOFLSH},
	{"istrip", .iflag = K_ISTRIP},
	{"iuclc", .iflag = K_IUCLC},
	{"inlcr", .iflag = K_INLCR, .not_iflag = K_ICRNL},
	{"igncr", .iflag = K_IGNCR},
	{"parmrk", .iflag = K_PARMRK},
	{"no opost", .not_oflag = K_OPOST},
	{"xtabs", .oflag = K_XTABS},
	{"no ixon", .not_iflag = K_IXON},
	{"ixany", .iflag = K_IXANY},
	{"raw", .not_lflag = K_ICANON},
	{"raw, no isig", .not_lflag = K_ICANON | K_ISIG},
	{"raw, no echo", .not_lflag = K_ICANON | K_ECHO},
};

static const char *const texts[] = {"one\ntwo\r", "ab\177c\177\177\177\n", "\001\177\001\002\025x\n",
	"caf\303\251\177e \342\202\254\177\177\n", "two words \027x\n", "some, thing_or other\027\027\027\n",
	"a\tb\177\177\tc\177\177\177\n", "\t\t\177x\177\177y\n", "\001\t\177\177z\n", "lit\026\003eral\026\n\026\026\n",
	"re\022print\n", "end\004", "\004", "x\004\004y\n", "stop\023ped\021 on\n", "stop\023ped x\021\n",
	"abc\003def\n", "abc\034def\032ghi\n", "UPPER \377\376\n", "kill\025me\n", "a\005b\006c\n"};

static void cases(void)
{
	for (unsigned i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct kernel_termios termios = standard;
		const struct change *change = &changes[i];

		termios.iflag = (termios.iflag | change->iflag) & ~change->not_iflag;
		termios.oflag = (termios.oflag | change->oflag) & ~change->not_oflag;
		termios.lflag = (termios.lflag | change->lflag) & ~change->not_lflag;
		termios.cc[VEOL_] = 5;
		termios.cc[VEOL2_] = 6;
		set(&termios);
		printf("== %s\n", change->name);
		for (unsigned j = 0; j < sizeof texts / sizeof *texts; j++) {
			type(texts[j]);
			read_all(j % 2 ? 3 : 100);
			ioctl(slave, K_TCFLSH, 2);
			ioctl(slave, K_TCXONC, 1);
		}
		/* Buffered input survives a change of the mode. */
		type("one\ntwo\nrest");
		termios.lflag ^= K_ICANON;
		set(&termios);
		read_all(5);
		type("more");
		termios.lflag ^= K_ICANON;
		set(&termios);
		read_all(100);
		ioctl(slave, K_TCFLSH, 2);
	}
}

static void long_lines(void)
{
	static char bytes[6000];

	set(&standard);
	printf("== long lines\n");
	memset(bytes, 'x', sizeof bytes);
	for (long len = 4093; len <= 4098; len++) {
		long got, at = 0;
		char echo[20000];

		/* Reads the echo in between: it would fill the master's buffer. */
		while (at < len) {
			long part = len - at < 500 ? len - at : 500;

			if (write(master, bytes + at, part) != part)
				printf("short\n");
			at += part;
			settle_typed(slave);
			while (read(master, echo, sizeof echo) > 0)
				;
		}
		printf("%ld:", len);
		if (write(master, "yz\n", 3) != 3)
			printf("short\n");
		settle_typed(slave);
		got = read(slave, bytes, sizeof bytes);
		printf(" %ld", got);
		show("", bytes + got - 4, 4);
		memset(bytes, 'x', sizeof bytes);
		drain("echo", master);
	}
}

static unsigned long long seed = 20240101;

static unsigned number(unsigned below)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % below;
}

static void random_cases(int count)
{
	static const unsigned iflags[] = {
		K_PARMRK, K_ISTRIP, K_INLCR, K_IGNCR, K_ICRNL, K_IUCLC, K_IXON, K_IXANY, K_IUTF8};
	static const unsigned oflags[] = {K_OPOST, K_OLCUC, K_ONLCR, K_OCRNL, K_ONOCR, K_ONLRET, K_XTABS};
	static const unsigned lflags[] = {K_ISIG, K_ICANON, K_ECHO, K_ECHOE, K_ECHOK, K_ECHONL, K_NOFLSH, K_ECHOCTL,
		K_ECHOPRT, K_ECHOKE, K_IEXTEN};
	static const char special[] =
		"\003\034\032\177\025\004\021\023\022\027\026\005\006\r\n\t\b \001\200\303\251\377";

	printf("== random\n");
	for (int i = 0; i < count; i++) {
		struct kernel_termios termios = standard;
		char bytes[64];
		int len = number(sizeof bytes);

		for (unsigned j = 0; j < sizeof iflags / sizeof *iflags; j++)
			if (!number(3))
				termios.iflag ^= iflags[j];
		for (unsigned j = 0; j < sizeof oflags / sizeof *oflags; j++)
			if (!number(4))
				termios.oflag ^= oflags[j];
		for (unsigned j = 0; j < sizeof lflags / sizeof *lflags; j++)
			if (!number(4))
				termios.lflag ^= lflags[j];
		/* On Linux the amount of pending echo that a signal flushes is random. */
		if (!(termios.lflag & K_NOFLSH))
			termios.lflag &= ~K_ISIG;
		termios.cc[VEOL_] = 5;
		termios.cc[VEOL2_] = 6;
		set(&termios);
		for (int j = 0; j < len; j++)
			bytes[j] = number(3) ? "abcXYZ _1"[number(9)] : special[number(sizeof special - 1)];
		printf("%d: %x %x %x", i, termios.iflag, termios.oflag, termios.lflag);
		show("", bytes, len);
		typed(bytes, len);
		read_all(number(2) ? 100 : 1 + number(8));
		for (int j = 0; j < len; j++)
			bytes[j] = number(2) ? "abcXYZ _1"[number(9)] : "\r\n\t\b\001\303\251"[number(7)];
		/* Input may have stopped output (^S). */
		ioctl(slave, K_TCXONC, 1);
		if (number(2)) {
			long wrote = write(slave, bytes, len);

			show("  write", bytes, wrote);
			drain("  out", master);
		}
		ioctl(slave, K_TCFLSH, 2);
		drain("  left", master);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seed = atoll(argv[1]);
	open_pair(&master, &slave);
	if (ioctl(slave, K_TCGETS, &standard))
		perror("TCGETS");
	cases();
	long_lines();
	random_cases(argc > 2 ? atoi(argv[2]) : 400);
	return 0;
}
