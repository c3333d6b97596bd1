/* covers: kernel/src/process/ kernel/src/vm/ kernel/src/abi/ */
/* personality(2): setting, reading, inheritance, and its effect on uname(2) and on addresses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* Calls the kernel directly: the C library may reject the value. */
#include <sys/syscall.h>
static long set(unsigned long persona)
{
	return syscall(SYS_personality, persona);
}

static void ask_uname(const char *what)
{
	struct utsname name;
	uname(&name);
	printf("%s: %s %.4s\n", what, name.machine, name.release[0] == '2' ? name.release : "new.");
}

static void in_child(const char *self, const char *argument)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		execl(self, self, argument, (char *)0);
		_exit(9);
	}
	int status;
	waitpid(pid, &status, 0);
	printf("%s: status %x\n", argument, status);
}

/* Addresses of a child's stack, heap and data, as text. */
static void where(const char *self, char *line, int size)
{
	int ends[2];
	if (pipe(ends) != 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		execl(self, self, "where", (char *)0);
		_exit(9);
	}
	close(ends[1]);
	ssize_t got = read(ends[0], line, size - 1);
	line[got > 0 ? got : 0] = 0;
	close(ends[0]);
	waitpid(pid, 0, 0);
}

/* Whether the addresses differ between two runs; -1 on failure. */
static int moves(const char *self)
{
	char first[128], second[128];
	where(self, first, sizeof first);
	where(self, second, sizeof second);
	return strlen(first) < 10 ? -1 : strcmp(first, second) != 0;
}

int main(int argc, char **argv)
{
	static int data;
	if (argc > 1 && strcmp(argv[1], "kept") == 0) {
		printf("after exec: %lx\n", set(0xffffffff));
		ask_uname("after exec");
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "where") == 0) {
		/* Numbers that differ from run to run with address randomization. */
		printf("%lx %lx %lx\n", (unsigned long)&argc >> 12, (unsigned long)malloc(1) >> 12,
			(unsigned long)&data >> 12);
		return 0;
	}
	printf("at first: %lx\n", set(0xffffffff));
	ask_uname("at first");
	printf("32: %lx\n", set(PER_LINUX32));
	ask_uname("32");
	in_child(argv[0], "kept");
	printf("2.6: %lx\n", set(0x0020000));
	ask_uname("2.6");
	printf("flags: %lx\n", set(0x0400000 | ADDR_NO_RANDOMIZE));
	printf("read back: %lx\n", set(0xffffffff));
	in_child(argv[0], "kept");
	FILE *f = fopen("/proc/self/personality", "r");
	char line[64] = "";
	if (f && fgets(line, sizeof line, f))
		printf("/proc: %s", line);
	set(ADDR_NO_RANDOMIZE);
	printf("same addresses: %d\n", moves(argv[0]) == 0);
	set(0);
	printf("random addresses: %d\n", moves(argv[0]) != 0);
	return 0;
}
