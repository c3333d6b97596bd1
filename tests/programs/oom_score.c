/* covers: kernel/src/fs/ kernel/src/process/ */
/* /proc/PID/{oom_score_adj,oom_adj}: accepted values, required privilege, inheritance. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *self;

static int get(const char *name)
{
	char path[60], text[40] = "";
	int fd;

	sprintf(path, "/proc/self/%s", name);
	fd = open(path, O_RDONLY);
	read(fd, text, sizeof text - 1);
	close(fd);
	return atoi(text);
}

static void set(const char *name, const char *value)
{
	char path[60];
	int fd, done, error;

	sprintf(path, "/proc/self/%s", name);
	fd = open(path, O_WRONLY);
	errno = 0;
	done = write(fd, value, strlen(value));
	error = errno;
	close(fd);
	printf("%s of \"%.*s\": %d %s; then %d %d\n", name, (int)strcspn(value, "\n"), value, done,
		done < 0 ? strerror(error) : "", get("oom_score_adj"), get("oom_adj"));
}

static void in_a_child(void (*what)(void))
{
	fflush(stdout);
	if (fork() == 0) {
		what();
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static void inherits(void)
{
	printf("child: %d %d\n", get("oom_score_adj"), get("oom_adj"));
	set("oom_score_adj", "123");
	fflush(stdout);
	execl(self, self, "again", NULL);
}

static void as_a_user(void)
{
	setgid(1000);
	setuid(1000);
	/* After setuid /proc/self belongs to root until execve (PR_SET_DUMPABLE). */
	execl(self, self, "user", NULL);
}

int main(int count, char **words)
{
	static const char *const scores[] = {"0", "500", "-500\n", "1000", "-1000", "1001", "-1001", "0x10", "010",
		"-0x8", "+7", " 12 ", "12 13", "", "a", "-", "09", "4294967296"};
	static const char *const old[] = {"0", "15", "16", "-16", "-17", "-18", "8", "-8", "1", "x"};

	self = words[0];
	if (count > 1 && !strcmp(words[1], "again")) {
		printf("after execve: %d %d\n", get("oom_score_adj"), get("oom_adj"));
		return 0;
	}
	if (count > 1) {
		printf("a user: %d\n", get("oom_score_adj"));
		set("oom_score_adj", "300");
		set("oom_score_adj", "200");
		set("oom_score_adj", "199");
		set("oom_score_adj", "-1");
		set("oom_adj", "-17");
		set("oom_adj", "15");
		set("oom_score_adj", "200");
		return 0;
	}
	for (size_t i = 0; i < sizeof scores / sizeof *scores; i++)
		set("oom_score_adj", scores[i]);
	for (size_t i = 0; i < sizeof old / sizeof *old; i++)
		set("oom_adj", old[i]);
	set("oom_score_adj", "200");
	in_a_child(inherits);
	printf("parent: %d\n", get("oom_score_adj"));
	in_a_child(as_a_user);
	return 0;
}
