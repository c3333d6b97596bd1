/* covers: kernel/src/fs/ kernel/src/vm/ */
/* /proc/self/smaps of some VMAs, and the lines of smaps_rollup. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define P 4096

/* Prints the flags that depend only on this program's calls. */
static void flags(char *line)
{
	static const char known[] = "rd wr ex sh mr mw me gd lo";

	printf("VmFlags:");
	for (char *flag = strtok(line + 8, " \n"); flag; flag = strtok(NULL, " \n"))
		if (strstr(known, flag))
			printf(" %s", flag);
	printf("\n");
}

static void show(const char *title, void *at)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[300], start[40];
	int is_it = 0;

	snprintf(start, sizeof start, "%08lx-", (unsigned long)at);
	printf("== %s\n", title);
	while (fgets(line, sizeof line, file)) {
		if (strchr(line, '-') && strchr(line, ':') > strchr(line, '-'))
			is_it = strncmp(line, start, strlen(start)) == 0;
		else if (is_it && strncmp(line, "VmFlags:", 8) == 0)
			flags(line);
		else if (is_it && strncmp(line, "ProtectionKey:", 14))
			fputs(line, stdout);
	}
	fclose(file);
}

static void *area(int prot, int kind)
{
	/* Holes on both sides: equal adjacent VMAs would merge. */
	char *at = mmap(NULL, 6 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(at, 6 * P);
	return mmap(at + P, 4 * P, prot, kind | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

int main(void)
{
	char line[300];

	setvbuf(stdout, NULL, _IONBF, 0);
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, "");
	char *plain = area(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	memset(plain, 1, 2 * P);
	show("two pages of four", plain);
	mprotect(plain, 4 * P, PROT_READ);
	show("read-only", plain);
	/* All pages are written: mlock maps zero pages, which Linux doesn't count. */
	mprotect(plain, 4 * P, PROT_READ | PROT_WRITE);
	memset(plain, 1, 4 * P);
	mlock(plain, 4 * P);
	show("locked", plain);
	munlock(plain, 4 * P);
	show("unlocked", plain);
	char *grows = area(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_GROWSDOWN);
	grows[3 * P] = 1;
	show("grows down", grows);
	char *none = area(PROT_NONE, MAP_PRIVATE);
	show("without access", none);
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	printf("== rollup\n");
	while (fgets(line, sizeof line, file))
		if (!strchr(line, '['))
			printf("%.*s\n", (int)strcspn(line, ":"), line);
	fclose(file);
	return 0;
}
