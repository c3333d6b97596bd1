/* Prints the lines of the kernel's log that begin with "doors:". */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>

#define READ_ALL 3

int main(void)
{
	static char log[1 << 16];
	int length = klogctl(READ_ALL, log, sizeof log - 1);

	if (length < 0) {
		perror("klogctl");
		return 1;
	}
	log[length] = '\0';
	for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
		const char *found = strstr(line, "doors:");

		if (found)
			puts(found);
	}
	return 0;
}
