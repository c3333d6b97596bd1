/* The same 4,096 bytes three times: how many system calls does each way make? */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BYTES 4096

static char bytes[BYTES];

/* The kernel's count of write(2) by SYSCALL, from /proc/doors. */
static long writes(void)
{
	static char text[8192];
	int fd = open("/proc/doors", O_RDONLY);
	ssize_t length = read(fd, text, sizeof text - 1);
	long count = 0;

	close(fd);
	text[length > 0 ? length : 0] = '\0';
	char *line = strstr(text, "syscall write ");
	if (line)
		sscanf(line, "syscall write %ld", &count);
	return count;
}

static void one_by_one(int fd)
{
	/* ANCHOR: one-by-one */
	for (int i = 0; i < BYTES; i++)
		write(fd, &bytes[i], 1);
	/* ANCHOR_END: one-by-one */
}

static void by_library(int fd)
{
	FILE *file = fdopen(dup(fd), "w");

	for (int i = 0; i < BYTES; i++)
		putc(bytes[i], file);
	fclose(file);
}

static void at_once(int fd)
{
	write(fd, bytes, BYTES);
}

static void count(const char *name, void (*way)(int fd), int fd)
{
	long before = writes();

	way(fd);
	printf("%-22s %5ld calls of write\n", name, writes() - before);
}

int main(void)
{
	int fd = open("/file", O_WRONLY | O_CREAT, 0600);

	setvbuf(stdout, NULL, _IOFBF, 4096);
	count("write, one by one:", one_by_one, fd);
	count("putc, one by one:", by_library, fd);
	count("write, all at once:", at_once, fd);
	return 0;
}
