/* covers: kernel/src/vm/ */
/* Stack growth, its limits, and memory accesses that raise signals: each in a child, whose status is
   printed. The output is the same on Linux. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, MEGABYTE = 1 << 20 };

static void attempt(const char *name, void (*run)(void))
{
	int status, pid = fork();

	if (pid == 0) {
		run();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s: signal %d\n", name, WTERMSIG(status));
	else
		printf("%s: exit %d\n", name, WEXITSTATUS(status));
}

#define TRY(name) attempt(#name, name)

/* The start of the stack's VMA. */
static unsigned long stack_start(void)
{
	char line[300];
	unsigned long start = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (fgets(line, sizeof line, maps))
		if (strstr(line, "[stack]"))
			sscanf(line, "%lx", &start);
	fclose(maps);
	return start;
}

static void store(unsigned long address)
{
	*(volatile char *)address = 1;
}

static unsigned long stack_pointer(void)
{
	return (unsigned long)__builtin_frame_address(0);
}

static char *map_at(unsigned long address, int protection)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	char *area = mmap((void *)address, PAGE, protection, flags, -1, 0);

	if (area == MAP_FAILED)
		_exit(100);
	return area;
}

static void next_page(void)
{
	store(stack_start() - PAGE);
}

static void seven_megabytes_down(void)
{
	store(stack_pointer() - 7 * MEGABYTE);
}

static void nine_megabytes_down(void)
{
	store(stack_pointer() - 9 * MEGABYTE);
}

/* The stack guard gap below the stack. */
static void down_to_a_neighbour(void)
{
	unsigned long start = stack_start();
	unsigned long neighbour = start - 4 * MEGABYTE;

	map_at(neighbour, PROT_READ | PROT_WRITE);
	for (unsigned long page = start - PAGE; page > neighbour + PAGE; page -= PAGE)
		store(page);
}

static void beside_a_neighbour(void)
{
	unsigned long start = stack_start();

	map_at(start - 0x40000, PROT_READ | PROT_WRITE);
	store(start - PAGE);
}

/* The stack guard gap doesn't apply to a PROT_NONE neighbour. */
static void beside_an_inaccessible_neighbour(void)
{
	unsigned long start = stack_start();

	map_at(start - 0x40000, PROT_NONE);
	store(start - PAGE);
	store(start - 0x10000);
}

static void by_a_system_call(void)
{
	int zero = open("/dev/zero", O_RDONLY);

	_exit(read(zero, (void *)(stack_start() - 20000), 20000) == 20000);
}

static void too_far_by_a_system_call(void)
{
	int zero = open("/dev/zero", O_RDONLY);

	_exit(read(zero, (void *)(stack_pointer() - 9 * MEGABYTE), 20000) == -1);
}

static void beyond_a_lower_limit(void)
{
	struct rlimit limit = {MEGABYTE, MEGABYTE};

	setrlimit(RLIMIT_STACK, &limit);
	store(stack_pointer() - 2 * MEGABYTE);
}

static void below_a_read_only_page(void)
{
	unsigned long start = stack_start();

	mprotect((void *)start, PAGE, PROT_READ);
	store(start - PAGE);
}

static void over_a_mapping_in_its_place(void)
{
	unsigned long start = stack_start();

	map_at(start, PROT_READ | PROT_WRITE);
	store(start);
	store(start - PAGE);
}

static void after_the_lowest_pages_are_unmapped(void)
{
	unsigned long start = stack_start();

	munmap((void *)start, 2 * PAGE);
	store(start + PAGE);
	store(start);
}

static void run_code_on_the_stack(void)
{
	volatile char code[16] = {0xc3};

	((void (*)(void))code)();
}

static void write_to_code(void)
{
	store((unsigned long)attempt);
}

static void write_to_code_made_writable(void)
{
	unsigned long page = (unsigned long)attempt & -PAGE;
	volatile char *byte = (volatile char *)attempt;

	mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	*byte = *byte;
}

/* Maps an unlinked file of two pages; returns its descriptor. */
static int two_pages(int flags, char **area)
{
	char name[] = "/tmp/stack-growth-XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	ftruncate(fd, 2 * PAGE);
	*area = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	return fd;
}

static void past_the_end_of_a_file(void)
{
	char *area;
	int fd = two_pages(MAP_SHARED, &area);

	ftruncate(fd, 10);
	area[11] = 1;
	area[PAGE] = 1;
}

static void truncated_after_use(void)
{
	char *area;
	int fd = two_pages(MAP_SHARED, &area);

	area[PAGE] = 1;
	ftruncate(fd, PAGE);
	area[PAGE] = 1;
}

static void truncated_and_extended(void)
{
	char *area;
	int fd = two_pages(MAP_SHARED, &area);

	area[PAGE] = 7;
	ftruncate(fd, 0);
	ftruncate(fd, 2 * PAGE);
	_exit(area[PAGE]);
}

static void truncated_under_a_private_copy(void)
{
	char *area;
	int fd = two_pages(MAP_PRIVATE, &area);

	area[0] = 1;
	ftruncate(fd, 0);
	_exit(area[0] + 16);
}

/* Bit 0: the mapping shows a write to the file; bit 1: the file shows a store to the mapping. */
static int same_page(int fd, char *area)
{
	char bytes[10];

	pwrite(fd, "Q", 1, 5);
	area[6] = 'R';
	pread(fd, bytes, sizeof bytes, 0);
	return (area[5] == 'Q') | (bytes[6] == 'R') << 1;
}

/* The write's source is the page that the write allocates. */
static void written_from_its_own_mapping(void)
{
	char *area;
	int fd = two_pages(MAP_SHARED, &area);

	pwrite(fd, area, 100, 0);
	_exit(same_page(fd, area));
}

static void written_from_its_own_next_page(void)
{
	char *area;
	int fd = two_pages(MAP_SHARED, &area);

	pwrite(fd, area + PAGE, PAGE, 100);
	_exit(same_page(fd, area));
}

static void read_into_its_own_mapping(void)
{
	char *area;
	int fd = two_pages(MAP_SHARED, &area);

	pread(fd, area, 100, 0);
	_exit(same_page(fd, area));
}

int main(void)
{
	struct rlimit core = {0, 0}, stack = {8 * MEGABYTE, RLIM_INFINITY};

	setvbuf(stdout, NULL, _IONBF, 0);
	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_STACK, &stack);
	mkdir("/tmp", 01777);
	TRY(next_page);
	TRY(seven_megabytes_down);
	TRY(nine_megabytes_down);
	TRY(down_to_a_neighbour);
	TRY(beside_a_neighbour);
	TRY(beside_an_inaccessible_neighbour);
	TRY(by_a_system_call);
	TRY(too_far_by_a_system_call);
	TRY(beyond_a_lower_limit);
	TRY(below_a_read_only_page);
	TRY(over_a_mapping_in_its_place);
	TRY(after_the_lowest_pages_are_unmapped);
	TRY(run_code_on_the_stack);
	TRY(write_to_code);
	TRY(write_to_code_made_writable);
	TRY(past_the_end_of_a_file);
	TRY(truncated_after_use);
	TRY(truncated_and_extended);
	TRY(truncated_under_a_private_copy);
	TRY(written_from_its_own_mapping);
	TRY(written_from_its_own_next_page);
	TRY(read_into_its_own_mapping);
	return 0;
}
