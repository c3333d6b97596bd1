/* covers: kernel/src/vfs/ */
/* Reads of an inotify instance: buffer sizes, blocking, polling, invalid operations. */
#include "notify.h"
#include <signal.h>
#include <sys/epoll.h>

static char buffer[65536] __attribute__((aligned(8)));

static int ready(int fd)
{
	struct pollfd entry = {fd, POLLIN | POLLOUT | POLLPRI, 0};

	poll(&entry, 1, 0);
	return entry.revents;
}

static void touch(const char *name)
{
	close(open(name, O_CREAT | O_WRONLY, 0644));
}

static void sizes(void)
{
	int waiting;

	watch("d", IN_CREATE | IN_DELETE);
	T(read(instance, buffer, sizeof buffer));
	T(read(instance, buffer, 0));
	T(ready(instance));
	T(ioctl(instance, FIONREAD, &waiting));
	T(waiting);
	touch("d/a");
	touch("d/fifteen-letters");
	touch("d/sixteen--letters");
	T(ready(instance));
	T(ioctl(instance, FIONREAD, &waiting));
	T(waiting);
	T(ioctl(instance, FIONREAD, NULL));
	T(ioctl(instance, TCGETS, buffer));
	T(read(instance, buffer, 0));
	T(read(instance, buffer, 15));
	T(read(instance, buffer, 16));
	T(read(instance, buffer, 31));
	T(read(instance, buffer, 33));
	T(ioctl(instance, FIONREAD, &waiting));
	T(waiting);
	T(read(instance, buffer, 48));
	T(read(instance, buffer, 100));
	T(read(instance, buffer, 100));
	touch("d/b");
	touch("d/c");
	struct iovec pieces[2] = {{buffer, 40}, {buffer + 40, 24}};
	T(readv(instance, pieces, 2));
	events();
	/* A buffer that ends in the middle of the second event. */
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page + 4096, 4096);
	unlink("d/b");
	unlink("d/c");
	T(read(instance, page + 4096 - 40, 64));
	T(read(instance, NULL, 64));
	T(read(instance, buffer, 64));
	T(write(instance, "x", 1));
	T(pread(instance, buffer, 64, 0));
	T(lseek(instance, 5, SEEK_SET));
	T(lseek(instance, -5, SEEK_CUR));
	T(lseek(instance, 0, 77));
	T(fcntl(instance, F_GETFL) & ~O_LARGEFILE);
	T(fcntl(instance, F_GETFD));
	struct stat s;
	T(fstat(instance, &s));
	T(s.st_mode);
	T(ftruncate(instance, 0));
	T(fsync(instance));
	T(inotify_init1(1));
	T(inotify_init1(~0));
	int fd = inotify_init1(0);
	T(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	T(fcntl(fd, F_GETFD));
	close(fd);
	fd = inotify_init();
	T(fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	close(fd);
}

/* A watch descriptor is the next number after the last one; INOTIFY_IOC_SETNEXTWD sets it. */
static void numbers(void)
{
	const unsigned long set_next = _IOW('I', 0, int);
	int fd = inotify_init();

	T(inotify_add_watch(fd, "d", IN_OPEN));
	T(inotify_rm_watch(fd, 1));
	T(inotify_add_watch(fd, "d", IN_OPEN));
	T(inotify_add_watch(fd, "/", IN_OPEN));
	T(ioctl(fd, set_next, 2));
	T(inotify_add_watch(fd, "/tmp", IN_OPEN));
	T(ioctl(fd, set_next, 0));
	T(ioctl(fd, set_next, INT_MAX));
	T(inotify_add_watch(fd, "..", IN_OPEN));
	T(inotify_rm_watch(fd, 4));
	T(inotify_add_watch(fd, ".", IN_OPEN));
	T(inotify_add_watch(fd, "d/..", IN_OPEN));
	T(inotify_add_watch(fd, "/dev", IN_OPEN));
	close(fd);
}

/* An event equal to the last one in the queue is merged with it. */
static void repeats(void)
{
	int fd;

	watch("d", IN_ALL_EVENTS);
	for (int i = 0; i < 5; i++)
		touch("d/a");
	events();
	fd = open("d/a", O_RDWR);
	for (int i = 0; i < 5; i++)
		write(fd, "x", 1);
	for (int i = 0; i < 5; i++)
		pread(fd, buffer, 1, 0);
	close(fd);
	events();
	rename("d/a", "d/b");
	rename("d/b", "d/a");
	rename("d/a", "d/b");
	events();
	mkdir("d/x", 0755);
	rmdir("d/x");
	mkdir("d/x", 0755);
	rmdir("d/x");
	events();
	for (int i = 0; i < 3; i++)
		inotify_rm_watch(instance, inotify_add_watch(instance, "d", IN_OPEN));
	events();
	unlink("d/b");
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void waiting(void)
{
	int fd = inotify_init1(0), epoll = epoll_create1(0);
	struct epoll_event event = {EPOLLIN | EPOLLET, {.u32 = 7}};
	struct sigaction action = {.sa_handler = on_alarm};

	inotify_add_watch(fd, "d", IN_CREATE);
	T(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	T(epoll_wait(epoll, &event, 1, 0));
	if (fork() == 0) {
		usleep(50000);
		touch("d/later");
		_exit(0);
	}
	T(read(fd, buffer, sizeof buffer));
	wait(NULL);
	T(epoll_wait(epoll, &event, 1, 0));
	if (fork() == 0) {
		usleep(50000);
		touch("d/later still");
		_exit(0);
	}
	T(epoll_wait(epoll, &event, 1, -1));
	wait(NULL);
	T(event.data.u32);
	T(epoll_wait(epoll, &event, 1, 0));
	T(ready(fd));
	T(fcntl(fd, F_SETFL, O_NONBLOCK));
	events_of(fd);
	T(fcntl(fd, F_SETFL, 0));
	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 0);
	T(read(fd, buffer, sizeof buffer));
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 0);
	if (fork() == 0) {
		usleep(100000);
		touch("d/at last");
		_exit(0);
	}
	T(read(fd, buffer, sizeof buffer));
	wait(NULL);
	/* An instance that is closed while an epoll instance watches it. */
	T(close(fd));
	T(epoll_wait(epoll, &event, 1, 0));
	close(epoll);
}

int main(void)
{
	begin_watching();
	mkdir("d", 0755);
	setvbuf(stdout, NULL, _IOLBF, 0);
	sizes();
	numbers();
	repeats();
	waiting();
	end();
	return 0;
}
