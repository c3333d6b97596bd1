/* covers: kernel/src/dev/ kernel/src/fs/ kernel/src/vm/ */
/* Random numbers from each source, in this process and in children: one line each, with the source's
   name. The addresses that ASLR randomizes are a source, too. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

static void print(const char *source, const void *bytes)
{
	uint64_t words[2];

	memcpy(words, bytes, sizeof words);
	printf("%s %016lx%016lx\n", source, (long)words[0], (long)words[1]);
	fflush(stdout);
}

static void from_file(const char *path)
{
	char bytes[16] = {0};
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, bytes, sizeof bytes) != sizeof bytes)
		perror(path);
	print(path, bytes);
	close(fd);
}

static void all(void)
{
	char bytes[16];
	int on_stack;
	void *places[2] = {malloc(1 << 20), &on_stack};

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		perror("getrandom");
	print("getrandom", bytes);
	from_file("/dev/random");
	from_file("/dev/urandom");
	from_file("/proc/sys/kernel/random/uuid");
	print("places", places);
	print("AT_RANDOM", (void *)getauxval(AT_RANDOM));
	free(places[0]);
}

int main(int count, char **words)
{
	if (count > 1) {
		all();
		return 0;
	}
	from_file("/proc/sys/kernel/random/boot_id");
	for (int child = 0; child < 4; child++) {
		int pid = fork();

		if (!pid) {
			execl("/proc/self/exe", words[0], "child", NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	return 0;
}
