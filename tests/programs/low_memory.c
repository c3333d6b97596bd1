/* covers: kernel/src/mm/ kernel/src/process/ */
/* Exhaustion of memory by each kind of allocation, on a small machine: calls may fail with ENOMEM
   and the program may be killed, but the next program must run.

   Usage: low_memory FREE_KB [WORD]: each attack, or those with the word in their name, starts
   with about FREE_KB of free memory; 0 means no limit. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "children.h"

enum { PAGE = 4096, MEGABYTE = 1 << 20 };

static const int read_write = PROT_READ | PROT_WRITE;
static const int private = MAP_PRIVATE | MAP_ANONYMOUS;
static const size_t too_much = 1ul << 30;

static const char *self;
static char bytes[MEGABYTE];

static char *map(size_t size, int flags)
{
	char *area = mmap(NULL, size, read_write, flags | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		_exit(0);
	return area;
}

static void touch(char *start, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		start[i] = 1;
}

static int create(const char *kind, int number)
{
	char name[60];

	sprintf(name, "/tmp/%s%d", kind, number);
	return open(name, O_CREAT | O_RDWR, 0600);
}

static void touch_everything(void)
{
	touch(map(too_much, private), too_much);
}

static void touch_everything_shared(void)
{
	touch(map(too_much, MAP_SHARED | MAP_ANONYMOUS), too_much);
}

static void touch_a_file(void)
{
	int fd = create("mapped", 0);

	ftruncate(fd, too_much);
	touch(mmap(NULL, too_much, read_write, MAP_SHARED, fd, 0), too_much);
}

static void let_the_kernel_touch(void)
{
	int zero = open("/dev/zero", O_RDONLY);
	char *area = map(too_much, private);

	for (size_t i = 0; i < too_much; i += MEGABYTE)
		if (read(zero, area + i, MEGABYTE) < 0)
			return;
}

/* The source's pages can't be allocated. */
static void write_untouched_memory(void)
{
	int fd = create("untouched", 0);
	char *area = map(too_much, private);

	for (size_t i = 0; i < too_much; i += MEGABYTE)
		if (pwrite(fd, area + i, MEGABYTE, 0) < 0)
			return;
}

/* Adjacent areas with different protections, so that no two of them merge. */
static void map_small_areas(int number)
{
	for (int i = 0; i < number; i++) {
		int protection = i % 2 ? PROT_READ : read_write;

		if (mmap(NULL, 2 * PAGE, protection, private, -1, 0) == MAP_FAILED)
			return;
	}
}

static void map_many_areas(void)
{
	map_small_areas(200000);
}

/* The file is longer than any free block of memory. */
static void read_long_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY);

	map_small_areas(60000);
	while (read(fd, bytes, sizeof bytes) > 0)
		;
}

static void split_areas(void)
{
	size_t size = 64 * MEGABYTE;
	char *area = map(size, private);

	for (size_t i = 0; i < size; i += 2 * PAGE)
		if (mprotect(area + i, PAGE, PROT_READ))
			break;
	for (size_t i = PAGE; i < size; i += 2 * PAGE)
		area[i] = 1;
}

/* Each page needs separate page tables. */
static void map_far_apart(void)
{
	for (unsigned long i = 0; i < 10000; i++) {
		char *place = (char *)(0x100000000000ul + (i << 30));

		if (mmap(place, PAGE, read_write, private | MAP_FIXED, -1, 0) == MAP_FAILED)
			return;
		*place = 1;
	}
}

static void move_far_apart(void)
{
	for (unsigned long i = 0; i < 100; i++) {
		char *area = map(MEGABYTE, private);
		char *place = (char *)(0x300000000000ul + (i << 40));
		size_t size = 3 * MEGABYTE;

		touch(area, MEGABYTE);
		area = mremap(area, MEGABYTE, size, MREMAP_MAYMOVE);
		if (area == MAP_FAILED)
			return;
		mremap(area, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	}
}

static void fork_sleepers(void)
{
	for (;;) {
		int pid = fork();

		if (pid < 0)
			return;
		if (pid == 0)
			for (;;)
				pause();
	}
}

/* Every child forks, too. */
static void fork_bomb(void)
{
	for (int i = 0; i < 12; i++)
		fork();
	sleep(1);
}

static void execute_with(int words, int length)
{
	char **list = malloc((words + 1) * sizeof *list);
	char *word = malloc(length + 1);

	if (!list || !word)
		return;
	memset(word, 'a', length);
	word[length] = 0;
	for (int i = 0; i < words; i++)
		list[i] = word;
	list[words] = NULL;
	execve(self, list, list);
}

static void execute_with_many_words(void)
{
	execute_with(200000, 0);
	execute_with(262144, 7);
	execute_with(100000, 100);
	execute_with(1000000, 0);
}

static void execute_with_long_words(void)
{
	execute_with(15, 129999);
}

static void fill_pipes(void)
{
	int ends[2];

	for (int i = 0; i < 4000 && !pipe(ends); i++) {
		fcntl(ends[1], F_SETFL, O_NONBLOCK);
		while (write(ends[1], bytes, 65536) > 0)
			;
	}
}

static void make_small_files(void)
{
	int fd;

	for (int i = 0; (fd = create("small", i)) >= 0; i++) {
		if (write(fd, bytes, i % 5000) < 0)
			return;
		close(fd);
	}
}

static void make_directories(void)
{
	char name[60];
	int i = 0;

	do
		sprintf(name, "/tmp/directory%d", i++);
	while (!mkdir(name, 0700));
}

static void make_long_links(void)
{
	char name[60], target[200];
	int i = 0;

	memset(target, 'a', sizeof target - 1);
	target[sizeof target - 1] = 0;
	do
		sprintf(name, "/tmp/link%d", i++);
	while (!symlink(target, name));
}

static void fill_a_file(void)
{
	struct iovec pieces[1000];
	int fd = create("filled", 0);

	for (int i = 0; i < 1000; i++)
		pieces[i] = (struct iovec){bytes, 1000};
	while (writev(fd, pieces, 1000) > 0)
		;
	readv(fd, pieces, 1000);
}

static void use_up_descriptors(void)
{
	while (dup(1) >= 0)
		;
	for (int i = 0; i < 500; i++)
		if (fork() == 0)
			_exit(0);
}

static void list_a_long_directory(void)
{
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY), fd;

	for (int i = 0; i < 3000 && (fd = create("listed", i)) >= 0; i++)
		close(fd);
	while (syscall(SYS_getdents64, directory, bytes, sizeof bytes) > 0)
		;
}

static void poll_many(void)
{
	static struct pollfd files[1000];

	for (int i = 0; i < 1000; i++)
		files[i] = (struct pollfd){1, POLLOUT, 0};
	for (int i = 0; i < 10; i++) {
		poll(files, 1000, 0);
		syscall(SYS_setgroups, 65536, bytes);
		if (fork() == 0)
			sleep(1);
	}
}

static const struct attack {
	const char *name;
	void (*run)(void);
} attacks[] = {
	{"touch everything", touch_everything},
	{"touch everything shared", touch_everything_shared},
	{"touch a file", touch_a_file},
	{"let the kernel touch", let_the_kernel_touch},
	{"write untouched memory", write_untouched_memory},
	{"map many areas", map_many_areas},
	{"read long maps", read_long_maps},
	{"split areas", split_areas},
	{"map far apart", map_far_apart},
	{"move far apart", move_far_apart},
	{"fork sleepers", fork_sleepers},
	{"fork bomb", fork_bomb},
	{"execute with many words", execute_with_many_words},
	{"execute with long words", execute_with_long_words},
	{"fill pipes", fill_pipes},
	{"make small files", make_small_files},
	{"make directories", make_directories},
	{"make long links", make_long_links},
	{"fill a file", fill_a_file},
	{"use up descriptors", use_up_descriptors},
	{"list a long directory", list_a_long_directory},
	{"poll many", poll_many},
};

/* Empties /tmp. */
static void clean_up(void)
{
	DIR *directory = opendir("/tmp");
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			if (unlinkat(dirfd(directory), entry->d_name, 0))
				unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	if (directory)
		closedir(directory);
}

/* A child that allocates memory until about `kilobytes` are free; returns its process ID. */
static int take_all_but(long kilobytes)
{
	int pid = fork();

	if (pid == 0) {
		while (memory_info("MemFree") > kilobytes)
			touch(map(16 * PAGE, private), 16 * PAGE);
		for (;;)
			pause();
	}
	for (int i = 0; i < 2000 && memory_info("MemFree") > kilobytes + 100; i++)
		usleep(1000);
	return pid;
}

static void run_attack(const struct attack *attack, long kilobytes)
{
	int hog = kilobytes ? take_all_but(kilobytes) : 0;
	int pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		attack->run();
		_exit(0);
	}
	if (pid > 0) {
		reap(pid, 8000);
		kill(-pid, SIGKILL);
	}
	if (hog > 0)
		kill(hog, SIGKILL);
	while (wait(NULL) > 0)
		;
	clean_up();
}

static int next_program_runs(void)
{
	int status = -1, pid = fork();

	if (pid == 0) {
		execl(self, self, "next", NULL);
		_exit(1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int count, char **words)
{
	int failures = 0;

	if (count < 2 || !strcmp(words[1], "next"))
		return 0;
	only_as_init();
	self = words[0];
	mkdir("/tmp", 01777);
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		int runs;

		if (count > 2 && !strstr(attacks[i].name, words[2]))
			continue;
		run_attack(&attacks[i], atol(words[1]));
		runs = next_program_runs();
		printf("%s: %s, %ld kB free\n", attacks[i].name, runs ? "passed" : "NO PROGRAM CAN RUN",
			memory_info("MemFree"));
		failures += !runs;
	}
	return failures != 0;
}
