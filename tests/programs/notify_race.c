/* covers: kernel/src/vfs/ */
/* inotify races: one thread adds and removes watches, one causes events, one closes and reopens
   the instance, one reads; some of the processes are killed in the middle. Nothing may leak.

   Usage: notify_race ROUNDS */
#include "notify.h"
#include "random.h"
#include <pthread.h>
#include <signal.h>

enum { STEPS = 300 };

static volatile int fd;
static volatile int is_over;

static void *watches(void *unused)
{
	static const char *const paths[] = {"d", "d/f", "d/g", "e", "/", "/tmp", "/proc/self", "d/fifo"};

	for (int i = 0; !is_over; i++) {
		int wd = inotify_add_watch(fd, paths[i % 8], IN_ALL_EVENTS | (i % 5 ? 0 : IN_ONESHOT));

		if (i % 3 == 0)
			inotify_rm_watch(fd, wd);
		if (i % 7 == 0)
			sched_yield();
	}
	return unused;
}

static void *changes(void *unused)
{
	char text[100] = "";

	for (int i = 0; !is_over; i++) {
		int file = open("d/f", O_RDWR | O_CREAT, 0644);

		write(file, text, sizeof text);
		pread(file, text, sizeof text, 0);
		rename("d/f", i % 2 ? "e/f" : "d/g");
		unlink(i % 2 ? "e/f" : "d/g");
		close(file);
		mkdir("e/x", 0755);
		rmdir("e/x");
		if (i % 5 == 0)
			sched_yield();
	}
	return unused;
}

static void *reads(void *unused)
{
	static char buffer[4096];

	for (int i = 0; !is_over; i++) {
		struct pollfd entry = {fd, POLLIN, 0};

		poll(&entry, 1, 1);
		read(fd, buffer, i % 3 ? sizeof buffer : 40);
	}
	return unused;
}

static void run_round(int number)
{
	pthread_t threads[3];

	seed_random(number);
	fd = inotify_init1(IN_NONBLOCK);
	is_over = 0;
	pthread_create(&threads[0], NULL, watches, NULL);
	pthread_create(&threads[1], NULL, changes, NULL);
	pthread_create(&threads[2], NULL, reads, NULL);
	for (int i = 0; i < STEPS; i++) {
		usleep(below(300));
		int next = inotify_init1(IN_NONBLOCK);

		if (next >= 0) {
			dup2(next, fd);
			close(next);
		}
		if (number % 3 == 0 && i == STEPS / 2)
			_exit(0);
	}
	is_over = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 6;

	begin_watching();
	mkdir("d", 0755);
	mkdir("e", 0755);
	mkfifo("d/fifo", 0644);
	for (int i = 1; i <= rounds; i++) {
		pid_t pid = fork();

		if (pid == 0)
			run_round(i);
		if (i % 3 == 1) {
			usleep(30000);
			kill(pid, SIGKILL);
		}
		waitpid(pid, NULL, 0);
	}
	/* All instances were released: the user may open as many as the limit allows. */
	int count = 0;

	while (inotify_init() >= 0)
		count++;
	printf("%d instances: %s\n", count, strerror(errno));
	end();
	return 0;
}
