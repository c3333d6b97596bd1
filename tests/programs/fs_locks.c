/* covers: kernel/src/vfs/ */
/* File locks: POSIX locks, open file description locks and flock; conflicts, waits, and
   deadlocks. */
#include "fs.h"
#include "children.h"
#include <signal.h>
#include <sys/file.h>

static struct flock lock(int type, int whence, off_t start, off_t length)
{
	struct flock l;

	memset(&l, 0, sizeof l);
	l.l_type = type;
	l.l_whence = whence;
	l.l_start = start;
	l.l_len = length;
	return l;
}

static int set(int fd, int command, int type, off_t start, off_t length)
{
	struct flock l = lock(type, SEEK_SET, start, length);

	return fcntl(fd, command, &l);
}

/* Prints F_GETLK's result in another process. */
static void ask(int fd, int type, off_t start, off_t length)
{
	fflush(stdout);
	if (fork() == 0) {
		struct flock l = lock(type, SEEK_SET, start, length);
		int result = fcntl(fd, F_GETLK, &l);

		printf("ask %d %ld+%ld: %d type %d whence %d start %ld len %ld holder %s\n", type, (long)start,
			(long)length, result, l.l_type, l.l_whence, (long)l.l_start, (long)l.l_len,
			l.l_type == F_UNLCK  ? "none" :
			l.l_pid == getppid() ? "parent" :
			l.l_pid == -1        ? "file" :
					       "?");
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

/* Prints whether another process can lock the range. */
static void attempt(int fd, int command, int type, off_t start, off_t length)
{
	fflush(stdout);
	if (fork() == 0) {
		int result = set(fd, command, type, start, length);

		printf("try %d %ld+%ld: %d %s\n", type, (long)start, (long)length, result,
			result ? strerror(errno) : "");
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static void ranges(void)
{
	int fd = open("r", O_RDWR | O_CREAT, 0644);

	T(write(fd, "0123456789", 10));
	T(set(fd, F_SETLK, F_WRLCK, 10, 10));
	ask(fd, F_RDLCK, 0, 10);
	ask(fd, F_RDLCK, 0, 11);
	ask(fd, F_WRLCK, 19, 1);
	ask(fd, F_WRLCK, 20, 0);
	attempt(fd, F_SETLK, F_RDLCK, 15, 1);
	attempt(fd, F_SETLK, F_RDLCK, 20, 1);
	puts("adjacent locks merge, unlocking splits");
	T(set(fd, F_SETLK, F_WRLCK, 20, 5));
	ask(fd, F_WRLCK, 0, 0);
	T(set(fd, F_SETLK, F_UNLCK, 15, 2));
	ask(fd, F_WRLCK, 0, 0);
	ask(fd, F_WRLCK, 15, 0);
	ask(fd, F_WRLCK, 15, 2);
	puts("a read lock inside a write lock");
	T(set(fd, F_SETLK, F_RDLCK, 12, 2));
	ask(fd, F_RDLCK, 12, 2);
	ask(fd, F_WRLCK, 12, 2);
	ask(fd, F_WRLCK, 14, 1);
	puts("length 0: to the end of the file");
	T(set(fd, F_SETLK, F_RDLCK, 100, 0));
	ask(fd, F_WRLCK, 1000000, 1);
	puts("SEEK_END and SEEK_CUR");
	struct flock l = lock(F_WRLCK, SEEK_END, -2, 1);
	T(fcntl(fd, F_SETLK, &l));
	ask(fd, F_WRLCK, 0, 10);
	T(lseek(fd, 3, SEEK_SET));
	l = lock(F_WRLCK, SEEK_CUR, 0, -2);
	T(fcntl(fd, F_SETLK, &l));
	ask(fd, F_WRLCK, 0, 8);
	l = lock(F_WRLCK, SEEK_SET, -1, 1);
	T(fcntl(fd, F_SETLK, &l));
	l = lock(F_WRLCK, SEEK_SET, 1, -2);
	T(fcntl(fd, F_SETLK, &l));
	l = lock(F_WRLCK, 7, 0, 1);
	T(fcntl(fd, F_SETLK, &l));
	l = lock(7, SEEK_SET, 0, 1);
	T(fcntl(fd, F_SETLK, &l));
	T(fcntl(fd, F_SETLK, (void *)8));
	l = lock(F_UNLCK, SEEK_SET, 0, 1);
	T(fcntl(fd, F_GETLK, &l));
	T(set(99, F_SETLK, F_WRLCK, 0, 1));
	puts("own locks don't conflict");
	T(set(fd, F_SETLK, F_WRLCK, 0, 0));
	T(set(fd, F_SETLK, F_RDLCK, 0, 0));
	l = lock(F_WRLCK, SEEK_SET, 0, 0);
	T(fcntl(fd, F_GETLK, &l));
	T(l.l_type == F_UNLCK);
	puts("closing any descriptor releases them");
	int second = open("r", O_RDONLY);
	T(close(second));
	ask(fd, F_WRLCK, 0, 0);
	T(set(fd, F_SETLK, F_WRLCK, 0, 0));
	T(dup2(0, fd) == fd);
	fd = open("r", O_RDWR);
	ask(fd, F_WRLCK, 0, 0);
	close(fd);
	fd = open("r", O_RDONLY);
	T(set(fd, F_SETLK, F_WRLCK, 0, 0));
	T(set(fd, F_SETLK, F_RDLCK, 0, 0));
	close(fd);
	fd = open("r", O_WRONLY);
	T(set(fd, F_SETLK, F_RDLCK, 0, 0));
	T(set(fd, F_SETLK, F_WRLCK, 0, 0));
	close(fd);
	fd = open("r", O_PATH);
	T(set(fd, F_SETLK, F_RDLCK, 0, 0));
	close(fd);
}

static void inherited(void)
{
	int fd = open("i", O_RDWR | O_CREAT, 0644);

	T(set(fd, F_SETLK, F_WRLCK, 0, 0));
	fflush(stdout);
	if (fork() == 0) {
		struct flock l = lock(F_WRLCK, SEEK_SET, 0, 0);

		T(fcntl(fd, F_GETLK, &l));
		printf("held by the parent: %d\n", l.l_pid == getppid());
		T(close(fd));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	ask(fd, F_WRLCK, 0, 0);
	fflush(stdout);
	if (fork() == 0) {
		char *words[] = {"true", NULL};
		int other = open("i2", O_RDWR | O_CREAT, 0644);

		set(other, F_SETLK, F_WRLCK, 0, 0);
		execv("/bin/true", words);
		_exit(0);
	}
	wait(NULL);
	int other = open("i2", O_RDWR);
	ask(other, F_WRLCK, 0, 0);
	close(other);
	close(fd);
}

/* Lets the process that awaits the pipe continue. */
static void step(int out)
{
	if (write(out, "x", 1) != 1)
		_exit(9);
}

static void await(int in)
{
	char byte;

	if (read(in, &byte, 1) != 1)
		_exit(9);
}

static void waiting(void)
{
	int fd = open("w", O_RDWR | O_CREAT, 0644), up[2], status;

	T(pipe(up));
	T(set(fd, F_SETLK, F_WRLCK, 0, 0));
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		step(up[1]);
		_exit(set(fd, F_SETLKW, F_WRLCK, 0, 0) ? 1 : 0);
	}
	await(up[0]);
	until_asleep(child);
	T(waitpid(child, &status, WNOHANG));
	T(set(fd, F_SETLK, F_UNLCK, 0, 0));
	T(waitpid(child, &status, 0) == child && status == 0);
	puts("exit released the lock");
	T(set(fd, F_SETLK, F_WRLCK, 0, 0));
	puts("deadlock");
	T(set(fd, F_SETLK, F_UNLCK, 0, 0));
	T(set(fd, F_SETLK, F_WRLCK, 0, 1));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		set(fd, F_SETLK, F_WRLCK, 1, 1);
		step(up[1]);
		int result = set(fd, F_SETLKW, F_WRLCK, 0, 1);
		_exit(result ? 1 : 0);
	}
	await(up[0]);
	until_asleep(child);
	T(set(fd, F_SETLKW, F_WRLCK, 1, 1));
	T(set(fd, F_SETLK, F_UNLCK, 0, 0));
	T(waitpid(child, &status, 0) == child && status == 0);
	puts("killed while waiting");
	T(set(fd, F_SETLK, F_WRLCK, 0, 0));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		step(up[1]);
		set(fd, F_SETLKW, F_WRLCK, 0, 0);
		_exit(0);
	}
	await(up[0]);
	until_asleep(child);
	T(kill(child, SIGKILL));
	T(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
	close(up[0]);
	close(up[1]);
	close(fd);
}

static void open_file_descriptions(void)
{
	int one = open("o", O_RDWR | O_CREAT, 0644), two = open("o", O_RDWR), same = dup(one);

	T(set(one, F_OFD_SETLK, F_WRLCK, 0, 10));
	T(set(same, F_OFD_SETLK, F_WRLCK, 0, 10));
	T(set(two, F_OFD_SETLK, F_RDLCK, 9, 1));
	T(set(two, F_OFD_SETLK, F_RDLCK, 10, 1));
	T(set(two, F_SETLK, F_RDLCK, 5, 1));
	struct flock l = lock(F_WRLCK, SEEK_SET, 0, 0);
	T(fcntl(two, F_GETLK, &l));
	printf("type %d start %ld len %ld pid %d\n", l.l_type, (long)l.l_start, (long)l.l_len, l.l_pid);
	l = lock(F_WRLCK, SEEK_SET, 0, 1);
	l.l_pid = 5;
	T(fcntl(one, F_OFD_SETLK, &l));
	ask(one, F_WRLCK, 0, 1);
	T(close(one));
	T(set(two, F_OFD_SETLK, F_RDLCK, 9, 1));
	T(close(same));
	T(set(two, F_OFD_SETLK, F_RDLCK, 9, 1));
	T(close(two));
}

static void whole(void)
{
	int one = open("f", O_RDWR | O_CREAT, 0644), two = open("f", O_RDONLY), same = dup(one);

	T(flock(one, LOCK_EX));
	T(flock(same, LOCK_EX | LOCK_NB));
	T(flock(two, LOCK_SH | LOCK_NB));
	T(flock(one, LOCK_SH));
	T(flock(two, LOCK_SH | LOCK_NB));
	T(flock(one, LOCK_EX | LOCK_NB));
	puts("the failed upgrade lost the shared lock");
	T(flock(two, LOCK_EX | LOCK_NB));
	T(flock(one, LOCK_SH | LOCK_NB));
	T(flock(two, LOCK_UN));
	T(flock(two, LOCK_UN));
	T(flock(one, LOCK_EX));
	puts("POSIX locks don't conflict with flock");
	T(set(one, F_SETLK, F_WRLCK, 0, 0));
	T(flock(one, 0));
	T(flock(one, LOCK_EX | LOCK_SH));
	T(flock(99, LOCK_EX));
	T(close(one));
	T(flock(two, LOCK_EX | LOCK_NB));
	T(close(same));
	T(flock(two, LOCK_EX | LOCK_NB));
	fflush(stdout);
	if (fork() == 0) {
		T(flock(two, LOCK_UN));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	puts("a child shares the lock and can release it");
	int three = open("f", O_RDONLY);
	T(flock(three, LOCK_EX | LOCK_NB));
	int directory = open(".", O_RDONLY);
	T(flock(directory, LOCK_EX | LOCK_NB));
	T(close(directory));
	close(three);
	close(two);
}

static void owners(void)
{
	int fd = open("own", O_RDWR | O_CREAT, 0644);

	T(fcntl(fd, F_GETOWN));
	T(fcntl(fd, F_SETOWN, getpid()));
	T(fcntl(fd, F_GETOWN) == getpid());
	T(fcntl(fd, F_SETSIG, SIGUSR1));
	T(fcntl(fd, F_GETSIG) == SIGUSR1);
	T(fcntl(fd, F_SETSIG, 99));
	T(fcntl(fd, F_GETLEASE) == F_UNLCK);
	close(fd);
}

int main(void)
{
	begin();
	ranges();
	inherited();
	waiting();
	open_file_descriptions();
	whole();
	owners();
	end();
	return 0;
}
