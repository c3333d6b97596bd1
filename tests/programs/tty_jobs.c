/* covers: kernel/src/tty/ kernel/src/process/ */
/* Sessions, process groups, controlling terminals and job control (credentials(7),
   ioctl_tty(2)): a session leader makes each call on a pseudo-terminal and prints the result. */
#include "tty.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int master, slave;
static char name[64];
/* Shared with the children. */
static volatile int *turn;

static void until(int value)
{
	while (*turn < value)
		usleep(200);
}

static void new_pair(void)
{
	int number;

	open_pair(&master, &slave);
	ioctl(master, K_TIOCGPTN, &number);
	snprintf(name, sizeof name, "/dev/pts/%d", number);
	fcntl(slave, F_SETFL, 0);
}

static void status_of(const char *what, int status)
{
	if (WIFEXITED(status))
		printf("%s: exited %d\n", what, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		printf("%s: killed by %d\n", what, WTERMSIG(status));
	else if (WIFSTOPPED(status))
		printf("%s: stopped by %d\n", what, WSTOPSIG(status));
	else if (WIFCONTINUED(status))
		printf("%s: continued\n", what);
	else
		printf("%s: status %x\n", what, status);
}

static void waits_for(const char *what, pid_t pid, int options)
{
	int status = 0;

	if (waitpid(pid, &status, options) != pid)
		print_result(what, -1);
	else
		status_of(what, status);
}

static void waits(const char *what, pid_t pid)
{
	waits_for(what, pid, WUNTRACED | WCONTINUED);
}

/* Continues a group, of which `pid` goes on to its next stop, or to its end with options of 0. That may
   come before the wait, and takes back the report of the continuation: only it is waited for. */
static void continues(const char *what, pid_t pid, int options)
{
	kill(-pid, SIGCONT);
	waits_for(what, pid, options);
}

/* Runs a part as the leader of a session. */
static void in_session(const char *what, void (*part)(void))
{
	pid_t pid;

	printf("== %s\n", what);
	fflush(stdout);
	*turn = 0;
	pid = fork();
	if (!pid) {
		setsid();
		part();
		fflush(stdout);
		_exit(7);
	}
	waits("session leader", pid);
}

/* A child in a new process group, in the foreground or the background. */
static pid_t job(void (*part)(void), int foreground)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		while (*turn < 1)
			usleep(200);
		part();
		fflush(stdout);
		_exit(9);
	}
	setpgid(pid, pid);
	if (foreground)
		ioctl(slave, TIOCSPGRP, &pid);
	*turn = 1;
	return pid;
}

static void groups(void)
{
	pid_t first, second, me = getpid();

	printf("%d %d %d\n", getsid(0) == me, getpgid(0) == me, getpgrp() == me);
	print_result("setsid of a leader", setsid());
	print_result("setpgid of a leader", setpgid(0, 0));
	print_result("setpgid of a leader", setpgid(me, 1));
	print_result("setpgid of init", setpgid(1, 1));
	print_result("setpgid of no process", setpgid(32000, 0));
	print_result("negative group", setpgid(0, -1));
	print_result("negative process", setpgid(-5, 0));
	print_result("getsid of no process", getsid(32000));
	print_result("getpgid of no process", getpgid(32000));
	print_result("getsid negative", getsid(-1));
	fflush(stdout);
	first = fork();
	if (!first) {
		print_result("setpgid to a group that isn't there", setpgid(0, 31999));
		print_result("setpgid", setpgid(0, 0));
		printf("%d\n", getpgrp() == getpid());
		print_result("setsid of a group's leader", setsid());
		fflush(stdout);
		*turn = 1;
		until(2);
		print_result("setpgid to the session's leader's", setpgid(0, getsid(0)));
		print_result("setsid", setsid() == getpid() ? 0 : -1);
		fflush(stdout);
		*turn = 3;
		until(4);
		_exit(0);
	}
	until(1);
	second = fork();
	if (!second) {
		until(4);
		execl("/proc/self/exe", "tty_jobs", "end", NULL);
		_exit(1);
	}
	print_result("setpgid of a child to another child's", setpgid(second, first));
	printf("%d\n", getpgid(second) == first);
	print_result("and back", setpgid(second, me));
	*turn = 2;
	until(3);
	print_result("setpgid of a child in another session", setpgid(first, 0));
	print_result("setpgid of a child to a group in another session", setpgid(second, first));
	*turn = 4;
	waits("child", first);
	waits("other child", second);
	print_result("setpgid of a reaped child", setpgid(first, 0));

	/* setpgid fails for a child that has called execve. */
	int executed[2], ends[2];
	char byte;

	if (pipe2(executed, O_CLOEXEC) || pipe(ends))
		perror("pipe");
	fflush(stdout);
	first = fork();
	if (!first) {
		dup2(ends[0], 0);
		close(ends[1]);
		execl("/proc/self/exe", "tty_jobs", "read", NULL);
		_exit(1);
	}
	close(executed[1]);
	print_result("executed", read(executed[0], &byte, 1));
	print_result("setpgid of a child that called execve", setpgid(first, 0));
	close(ends[1]);
	waits("it", first);
}

static void owning(void)
{
	pid_t pid = 0, child;
	int fd, other_master, other;

	new_pair();
	print_result("/dev/tty", open("/dev/tty", O_RDWR));
	print_result("TIOCGPGRP", ioctl(slave, TIOCGPGRP, &pid));
	print_result("TIOCSCTTY", ioctl(slave, TIOCSCTTY, 0));
	print_result("again", ioctl(slave, TIOCSCTTY, 0));
	print_result("TIOCGPGRP", ioctl(slave, TIOCGPGRP, &pid));
	printf("%d\n", pid == getpid());
	print_result("TIOCGSID", ioctl(slave, TIOCGSID, &pid));
	printf("%d\n", pid == getpid());
	print_result("TIOCGPGRP, other end", ioctl(master, TIOCGPGRP, &pid));
	printf("%d\n", pid == getpid());
	fd = open("/dev/tty", O_RDWR);
	print_result("/dev/tty", fd < 0 ? -1 : 0);
	print_result("TIOCGPGRP of it", ioctl(fd, TIOCGPGRP, &pid));
	pid = -1;
	print_result("TIOCSPGRP, negative", ioctl(slave, TIOCSPGRP, &pid));
	pid = 31999;
	print_result("TIOCSPGRP, no such group", ioctl(slave, TIOCSPGRP, &pid));
	pid = 1;
	print_result("TIOCSPGRP, another session's", ioctl(slave, TIOCSPGRP, &pid) && errno != EPERM && errno != ESRCH);
	pid = getpid();
	print_result("TIOCSPGRP", ioctl(slave, TIOCSPGRP, &pid));
	print_result("TIOCSPGRP, bad pointer", ioctl(slave, TIOCSPGRP, 1));
	/* A session leader can't acquire a second controlling terminal. */
	open_pair(&other_master, &other);
	print_result("TIOCSCTTY of another", ioctl(other, TIOCSCTTY, 0));
	print_result("TIOCGPGRP of another", ioctl(other, TIOCGPGRP, &pid));
	print_result("TIOCSPGRP of another", ioctl(other, TIOCSPGRP, &pid));
	fflush(stdout);
	child = fork();
	if (!child) {
		print_result("child: TIOCNOTTY", ioctl(slave, TIOCNOTTY, 0));
		print_result("child: /dev/tty", open("/dev/tty", O_RDWR));
		print_result("child: TIOCSCTTY", ioctl(slave, TIOCSCTTY, 0));
		setsid();
		print_result("leader: TIOCSCTTY of a taken one", ioctl(slave, TIOCSCTTY, 0));
		/* open makes a free terminal the controlling terminal, unless O_NOCTTY is set. */
		fflush(stdout);
		_exit(0);
	}
	waits("child", child);
	fd = open("/dev/tty", O_RDWR);
	print_result("/dev/tty", fd < 0 ? -1 : 0);
	fflush(stdout);
	child = fork();
	if (!child) {
		setsid();
		print_result("stolen", ioctl(slave, TIOCSCTTY, 1));
		pid = 0;
		print_result("TIOCGSID", ioctl(slave, TIOCGSID, &pid));
		printf("%d\n", pid == getpid());
		fflush(stdout);
		_exit(0);
	}
	waits("child", child);
	print_result("/dev/tty", open("/dev/tty", O_RDWR));
	print_result("TIOCGPGRP of the stolen one", ioctl(slave, TIOCGPGRP, &pid));
}

static void by_opening(void)
{
	int fd;

	new_pair();
	fd = open(name, O_RDWR | O_NOCTTY);
	print_result("O_NOCTTY", open("/dev/tty", O_RDWR));
	close(fd);
	fd = open(name, O_WRONLY);
	print_result("O_WRONLY", open("/dev/tty", O_RDWR));
	close(fd);
	fd = open(name, O_RDONLY);
	print_result("O_RDONLY", open("/dev/tty", O_RDWR) < 0 ? -1 : 0);
	signal(SIGHUP, SIG_IGN);
	print_result("TIOCNOTTY", ioctl(fd, TIOCNOTTY, 0));
	print_result("after TIOCNOTTY", open("/dev/tty", O_RDWR));
	print_result("TIOCSCTTY", ioctl(fd, TIOCSCTTY, 0));
}

static void sleeps(void)
{
	close(master);
	turn[1] = 1;
	for (;;)
		pause();
}

static void reads(void)
{
	char bytes[20];
	long got = read(slave, bytes, sizeof bytes);

	show("job read", bytes, got);
}

static void typed_signals(void)
{
	static const struct {
		const char *what, *typed;
	} keys[] = {{"^C", "\003"}, {"^\\", "\034"}, {"^Z", "\032"}};
	sigset_t pending, blocked;
	int status;

	prctl(PR_SET_DUMPABLE, 0);
	new_pair();
	ioctl(slave, TIOCSCTTY, 0);
	signal(SIGTTOU, SIG_IGN);
	for (int i = 0; i < 3; i++) {
		pid_t first = job(sleeps, 1), second;

		/* Two processes in the foreground group; the session leader is in the background. */
		second = fork();
		if (!second)
			sleeps();
		setpgid(second, first);
		if (write(master, keys[i].typed, 1) != 1)
			perror("write");
		waits(keys[i].what, first);
		waits(keys[i].what, second);
		if (keys[i].typed[0] == 032) {
			kill(-first, SIGCONT);
			waits("continued", first);
			waits("continued", second);
			kill(-first, SIGSTOP);
			waits("again", first);
			waits("again", second);
			kill(-first, SIGTERM);
			print_result("SIGTERM stays pending in stopped processes",
				waitpid(first, &status, WNOHANG | WUNTRACED));
			kill(-first, SIGCONT);
			while (waitpid(first, &status, 0) != first)
				;
			status_of("then", status);
			while (waitpid(second, &status, 0) != second)
				;
			status_of("then", status);
		}
		*turn = 0;
	}
	/* The leader itself, with the signals blocked: all arrive. */
	sigfillset(&blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	int me = getpid();
	struct winsize size = {30, 90, 0, 0};

	ioctl(slave, TIOCSPGRP, &me);
	print_result("write", write(master, "\003\034\032", 3));
	ioctl(master, TIOCSWINSZ, &size);
	ioctl(slave, FIONREAD, &status);
	settle_typed(slave);
	sigpending(&pending);
	for (int i = 1; i < 32; i++)
		if (i != SIGCHLD && sigismember(&pending, i))
			printf("pending %d\n", i);
	ioctl(slave, TIOCSWINSZ, &size);
	drain("echo", master);
}

static struct kernel_termios settings;

static void writes(void)
{
	print_result("job write", write(slave, "x\n", 2));
}

static void sets(void)
{
	print_result("job TCSETS", ioctl(slave, K_TCSETS, &settings));
}

static void ignores(void)
{
	char byte;
	pid_t own = getpid();

	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	print_result("ignored: read", read(slave, &byte, 1));
	print_result("ignored: write", write(slave, "y\n", 2));
	print_result("ignored: TCSETS", ioctl(slave, K_TCSETS, &settings));
	print_result("ignored: TCFLSH", ioctl(slave, K_TCFLSH, 1));
	print_result("ignored: TIOCSPGRP", ioctl(slave, TIOCSPGRP, &own));
}

/* The group becomes orphaned: the only process that could continue it exits first. */
static void orphan(void)
{
	pid_t parent = getpid(), inner = fork();
	char byte;

	if (inner)
		_exit(0);
	while (getppid() == parent)
		usleep(200);
	inner = getpid();
	print_result("orphan: read", read(slave, &byte, 1));
	print_result("orphan: write", write(slave, "z\n", 2));
	print_result("orphan: TCSETS", ioctl(slave, K_TCSETS, &settings));
	print_result("orphan: TIOCSPGRP", ioctl(slave, TIOCSPGRP, &inner));
	raise(SIGTSTP);
	printf("orphan: SIGTSTP doesn't stop it\n");
	fflush(stdout);
	*turn = 3;
	_exit(0);
}

static void background(void)
{
	const char *typed = "line\n";
	pid_t pid, me = getpid();

	new_pair();
	ioctl(slave, TIOCSCTTY, 0);
	pid = job(reads, 0);
	waits("read", pid);
	/* In the foreground the job reads the input. */
	if (write(master, typed, 5) != 5)
		perror("write");
	ioctl(slave, TIOCSPGRP, &pid);
	continues("done", pid, 0);
	signal(SIGTTOU, SIG_IGN);
	ioctl(slave, TIOCSPGRP, &me);
	signal(SIGTTOU, SIG_DFL);
	*turn = 0;
	pid = job(writes, 0);
	waits("write", pid);
	*turn = 0;
	ioctl(slave, K_TCGETS, &settings);
	settings.lflag |= K_TOSTOP;
	ioctl(slave, K_TCSETS, &settings);
	pid = job(writes, 0);
	waits("write with TOSTOP", pid);
	kill(-pid, SIGKILL);
	waits("killed", pid);
	*turn = 0;
	pid = job(sets, 0);
	waits("TCSETS", pid);
	continues("and again", pid, WUNTRACED);
	kill(-pid, SIGKILL);
	waits("killed", pid);
	*turn = 0;
	pid = job(ignores, 0);
	waits("ignores", pid);
	*turn = 0;
	signal(SIGTTOU, SIG_IGN);
	ioctl(slave, TIOCSPGRP, &me);
	signal(SIGTTOU, SIG_DFL);
	pid = job(orphan, 0);
	waits("the orphan's parent", pid);
	until(3);
}

/* Prints the pending signals, once `first` is among them. */
static void shows_pending(const char *what, int first)
{
	sigset_t pending;

	do {
		usleep(200);
		sigpending(&pending);
	} while (!sigismember(&pending, first));
	printf("%s:", what);
	for (int i = 1; i < 32; i++)
		if (i != SIGCHLD && sigismember(&pending, i))
			printf(" %d", i);
	printf("\n");
	fflush(stdout);
}

static void blocks_all(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

/* The foreground group gets SIGHUP. A stopped background group is orphaned and gets it, too; a running
 * one doesn't. */
static void ends(void)
{
	pid_t front, stopped, running, inner, me = getpid();

	new_pair();
	ioctl(slave, TIOCSCTTY, 0);
	signal(SIGTTOU, SIG_IGN);
	front = fork();
	if (!front) {
		setpgid(0, 0);
		front = getpid();
		ioctl(slave, TIOCSPGRP, &front);
		blocks_all();
		*turn = 1;
		shows_pending("foreground", SIGHUP);
		print_result("foreground: /dev/tty", open("/dev/tty", O_RDWR));
		print_result("foreground: TIOCGPGRP", ioctl(slave, TIOCGPGRP, &front));
		fflush(stdout);
		*turn = 5;
		_exit(0);
	}
	until(1);
	stopped = fork();
	if (!stopped) {
		setpgid(0, 0);
		inner = fork();
		if (!inner) {
			blocks_all();
			*turn = 2;
			until(5);
			shows_pending("with a stopped one", SIGHUP);
			*turn = 6;
			_exit(0);
		}
		until(2);
		raise(SIGSTOP);
		_exit(0);
	}
	waits("one", stopped);
	running = fork();
	if (!running) {
		sigset_t pending;

		setpgid(0, 0);
		blocks_all();
		*turn = 3;
		while (getppid() == me)
			usleep(200);
		until(6);
		sigpending(&pending);
		printf("running: %d\n", sigismember(&pending, SIGHUP));
		fflush(stdout);
		*turn = 7;
		_exit(0);
	}
	until(3);
	_exit(3);
}

static void other_end_closes(void)
{
	sigset_t all, pending;
	pid_t pid;
	char byte;

	new_pair();
	ioctl(slave, TIOCSCTTY, 0);
	turn[1] = 0;
	pid = job(sleeps, 1);
	while (!turn[1])
		usleep(200);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	close(master);
	print_result("read", read(slave, &byte, 1));
	print_result("write", write(slave, "x", 1));
	print_result("/dev/tty", open("/dev/tty", O_RDWR));
	sigpending(&pending);
	for (int i = 1; i < 32; i++)
		if (sigismember(&pending, i))
			printf("pending %d\n", i);
	/* The foreground group gets SIGHUP when the leader exits. */
	kill(pid, SIGKILL);
	waits("foreground", pid);
}

static int all(void)
{
	in_session("groups", groups);
	in_session("controlling terminals", owning);
	in_session("by opening", by_opening);
	in_session("typed signals", typed_signals);
	in_session("background", background);
	in_session("the leader ends", ends);
	until(7);
	in_session("the other end closes", other_end_closes);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t driver;
	int status = 1;

	char byte;

	if (argc > 1)
		return argv[1][0] == 'r' && read(0, &byte, 1) != 0;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	/* The parent may ignore some signals. */
	for (int i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* This process may be init, the parent of orphans. */
	driver = fork();
	if (!driver) {
		all();
		fflush(stdout);
		_exit(0);
	}
	for (;;) {
		pid_t pid = wait(&status);

		if (pid == driver || pid < 0)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
}
