/* covers: kernel/src/process/ */
/* Prints its arguments, its environment, and the first lines of a file. */
#include <stdio.h>

extern char **environ;

int main(int argc, char **argv)
{
	char line[256];
	FILE *motd;

	for (int i = 0; i < argc; i++)
		printf("argument [%s]\n", argv[i]);
	for (char **word = environ; *word; word++)
		printf("environment [%s]\n", *word);
	motd = fopen("/etc/motd", "r");
	while (motd && fgets(line, sizeof(line), motd))
		printf("motd [%.*s]\n", (int)__builtin_strcspn(line, "\n"), line);
	return 0;
}
