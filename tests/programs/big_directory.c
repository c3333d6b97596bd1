/* covers: kernel/src/vfs/tmpfs/ */
/* A directory that grows to thousands of names, of which some are removed, renamed and replaced meanwhile: each name is
   found, and listed once. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES = 9000, EACH = 1500 };

/* Whether the name with this number exists. */
static char exists[NAMES];

static const char *name(int number)
{
	static char names[2][20];
	static int turn;

	turn ^= 1;
	sprintf(names[turn], "%d", number);
	return names[turn];
}

/* Compares lookups and the listing with `exists`. */
static void check(int made)
{
	static char listed[NAMES];
	DIR *directory = opendir(".");
	int count = 0, wrong = 0;

	memset(listed, 0, sizeof listed);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			listed[atoi(entry->d_name)]++;
	closedir(directory);
	for (int i = 0; i < NAMES; i++) {
		struct stat data;
		int found = stat(name(i), &data) == 0;

		count += found;
		wrong += found != exists[i] || listed[i] != exists[i];
	}
	printf("%d made: %d found, %d wrong\n", made, count, wrong);
}

int main(void)
{
	unsigned state = 1;

	mkdir("/tmp", 0777);
	mkdir("/tmp/big_directory", 0755);
	if (chdir("/tmp/big_directory"))
		return 1;
	for (int i = 0; i < NAMES; i++) {
		int other, third;

		close(open(name(i), O_CREAT | O_EXCL | O_WRONLY, 0644));
		exists[i] = 1;
		state = state * 1103515245 + 12345;
		other = (state >> 8) % (i + 1);
		state = state * 1103515245 + 12345;
		third = (state >> 8) % (i + 1);
		if (i % 5 == 0 && unlink(name(other)) == 0)
			exists[other] = 0;
		if (i % 7 == 0 && other != third && rename(name(other), name(third)) == 0) {
			exists[other] = 0;
			exists[third] = 1;
		}
		if (i % EACH == EACH - 1)
			check(i + 1);
	}
	for (int i = 0; i < NAMES; i++)
		if (unlink(name(i)) == 0)
			exists[i] = 0;
	check(NAMES);
	printf("removed: %d\n", rmdir("/tmp/big_directory"));
	return 0;
}
