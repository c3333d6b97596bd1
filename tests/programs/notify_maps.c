/* covers: kernel/src/vfs/ kernel/src/vm/ */
/* A mapping keeps its file open: IN_CLOSE is queued when the last page is unmapped. */
#include "notify.h"
#include <signal.h>

static char *map(int prot, int flags, int fd, size_t size)
{
	return mmap(NULL, size, prot, flags, fd, 0);
}

int main(void)
{
	char *area, *other;
	int fd, status;

	begin_watching();
	mkdir("d", 0755);
	put("d/f", "content");
	truncate("d/f", 5 * 4096);
	watch("d", IN_ALL_EVENTS);
	fd = open("d/f", O_RDWR);
	E((area = map(PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096)) == MAP_FAILED);
	E(close(fd));
	area[0] = 'x';
	E(msync(area, 4096, MS_SYNC));
	E(munmap(area, 4096));
	/* Unmapped in parts, and moved. */
	fd = open("d/f", O_RDONLY);
	area = map(PROT_READ, MAP_PRIVATE, fd, 5 * 4096);
	E(close(fd));
	E(munmap(area + 4096, 4096));
	E(mprotect(area + 3 * 4096, 4096, PROT_NONE));
	E(munmap(area, 4096));
	E((other = mremap(area + 2 * 4096, 4096, 2 * 4096, MREMAP_MAYMOVE)) == MAP_FAILED);
	E(munmap(other, 2 * 4096));
	E(munmap(area + 3 * 4096, 4096));
	E(mmap(area + 4 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
	/* Adjacent mappings of two open file descriptions don't merge. */
	fd = open("d/f", O_RDONLY);
	area = map(PROT_READ, MAP_SHARED, fd, 2 * 4096);
	close(fd);
	fd = open("d/f", O_RDONLY);
	E(mmap(area + 4096, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 4096) == MAP_FAILED);
	E(close(fd));
	E(munmap(area, 4096));
	E(munmap(area + 4096, 4096));
	/* fork copies the mapping. */
	fd = open("d/f", O_RDWR);
	area = map(PROT_READ, MAP_SHARED, fd, 4096);
	close(fd);
	fflush(stdout);
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	E(munmap(area, 4096));
	kill(child, SIGKILL);
	E(wait(&status) == child);
	/* A mapping that mprotect could make writable counts as a writer: execve fails with ETXTBSY. */
	fd = open("d/f", O_RDWR);
	area = map(PROT_READ, MAP_SHARED, fd, 4096);
	fchmod(fd, 0755);
	close(fd);
	if (fork() == 0) {
		execl("d/f", "f", NULL);
		_exit(errno == ETXTBSY ? 1 : 2);
	}
	wait(&status);
	T(WEXITSTATUS(status));
	munmap(area, 4096);
	events();
	end();
	return 0;
}
