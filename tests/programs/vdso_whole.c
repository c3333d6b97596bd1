/* covers: kernel/src/vm/ */
/* The vDSO and its data pages: they can be moved or unmapped only as a whole, calls that change
   nothing succeed, and ARCH_MAP_VDSO_64 maps them again. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
static char *start[8];
static size_t size[8];
static int count, is_code[8];

static void find(void)
{
	char line[256];
	unsigned long from, to;
	FILE *maps = fopen("/proc/self/maps", "r");
	count = 0;
	while (fgets(line, sizeof line, maps))
		if ((strstr(line, "[vdso]") || strstr(line, "[vvar")) && sscanf(line, "%lx-%lx", &from, &to) == 2) {
			is_code[count] = strstr(line, "[vdso]") != NULL;
			start[count] = (char *)from;
			size[count++] = to - from;
		}
	fclose(maps);
}

static const char *err(long result)
{
	return result == -1 ? strerrorname_np(errno) : "ok";
}

// The 64-bit vDSO may be a single page.
#ifdef __x86_64__
#define FIRST_PART 2
#else
#define FIRST_PART 0
#endif

// madvise of both pages, then of the whole vDSO.
static void advices(void)
{
	for (int i = 0; i < count; i++) {
		if (!is_code[i])
			continue;
		for (int part = FIRST_PART; part < 3; part++)
			for (int advice = 1; advice < 24; advice++) {
				if ((advice > 4 && advice < 8) || advice == 12 || advice == 13)
					continue;
				// Parts first: advice for a part that changes nothing would succeed.
				char *at = start[i] + (part == 1 ? PAGE : 0);
				size_t len = part == 2 ? size[i] : PAGE;
				printf("part %d advice %d: %s\n", part, advice, err(madvise(at, len, advice)));
				if (part == 2)
					madvise(at, len, 0);
			}
	}
}

static void parts(char *at, size_t len, size_t from, size_t to)
{
	char *place = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *part = at + from;
	size_t bytes = to - from;
	printf(" protect nothing %s", err(mprotect(part, bytes, PROT_NONE)));
	printf(" munmap %s", err(munmap(part, bytes)));
	printf(" mmap over %d",
		mmap(part, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
	printf(" move %s", err((long)mremap(part, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place)));
	printf(" lock %s unlock %s\n", err(mlock(part, bytes)), err(munlock(part, bytes)));
	munmap(place, len);
}

static void pieces(void)
{
	for (int i = 0; i < count; i++) {
		if (size[i] < 2 * PAGE || FIRST_PART == 2)
			continue;
		// Only the code: Linux has several data pages.
		if (is_code[i]) {
			printf("code:");
			parts(start[i], size[i], 0, PAGE);
			printf("code:");
			parts(start[i], size[i], size[i] - PAGE, size[i]);
			printf("the same protection %s\n", err(mprotect(start[i], PAGE, PROT_READ | PROT_EXEC)));
			printf("shrink %s\n", err((long)mremap(start[i], size[i], PAGE, 0)));
			printf("shrink and move %s\n", err((long)mremap(start[i], size[i], PAGE,
							       MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x10000000)));
			printf("grow %s\n", err((long)mremap(start[i], size[i], size[i] + PAGE, MREMAP_MAYMOVE)));
			printf("keep %s\n", err((long)mremap(start[i], size[i], size[i], MREMAP_MAYMOVE | 4, 0)));
			printf("over its neighbours %s\n", err(munmap(start[i] + PAGE, size[i])));
		}
	}
	int before = count;
	find();
	printf("unchanged number of mappings: %d\n", before == count);
	char *gap = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("another mapping %s\n", err(munmap(gap, PAGE)));
}

// mprotect of the whole vDSO succeeds. (In 32-bit code the call would return into it.)
static void whole(void)
{
#ifdef __x86_64__
	int code = count - 1;
	printf("protect %s", err(mprotect(start[code], size[code], PROT_NONE)));
	printf(" back %s\n", err(mprotect(start[code], size[code], PROT_READ | PROT_EXEC)));
#endif
}

static void again(void)
{
#ifdef __x86_64__
	printf("while it is mapped %s\n", err(syscall(SYS_arch_prctl, ARCH_MAP_VDSO_64, 0)));
	for (int i = 0; i < count; i++)
		munmap(start[i], size[i]);
	find();
	printf("pieces left %d\n", count);
	long got = syscall(SYS_arch_prctl, ARCH_MAP_VDSO_64, 0x200000000000);
	find();
	printf("mapped %d size as in maps %d\n", got > 0, got > 0 && size[count - 1] >= (size_t)got);
	printf("near %d code last %d\n", start[0] == (char *)0x200000000000, is_code[count - 1]);
	printf("image %d\n", !memcmp(start[count - 1], "\177ELF\2", 5));
	printf("twice %s\n", err(syscall(SYS_arch_prctl, ARCH_MAP_VDSO_32, 0)));
	for (int i = 0; i < count; i++)
		munmap(start[i], size[i]);
	got = syscall(SYS_arch_prctl, ARCH_MAP_VDSO_32, 0x10000000);
	find();
	printf("mapped %d near %d image %d\n", got > 0, start[0] == (char *)0x10000000,
		!memcmp(start[count - 1], "\177ELF\1", 5));
	printf("another code %s\n", err(syscall(SYS_arch_prctl, 0x2004, 0)));
#endif
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	find();
	pieces();
	pid_t pid = fork();
	if (pid == 0) {
		advices();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	whole();
	again();
	return 0;
}
