/* covers: kernel/src/syscall/ kernel/src/dev/ */
/* Ends as its first argument says: exit with the status in the second one, crash, power off, restart
   or hang. Prints the third argument, a token, first. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "exit";
	int status = argc > 2 ? atoi(argv[2]) : 0;

	if (argc > 3)
		printf("token: %s\n", argv[3]);
	fflush(stdout);
	if (!strcmp(how, "env"))
		printf("environment: %s\n", getenv("TOKEN") ? getenv("TOKEN") : "nothing");
	if (!strcmp(how, "null"))
		*(volatile int *)0 = 1;
	if (!strcmp(how, "trap"))
		__builtin_trap();
	if (!strcmp(how, "poweroff"))
		reboot(RB_POWER_OFF);
	while (!strcmp(how, "hang"))
		pause();
	if (!strcmp(how, "restart"))
		reboot(RB_AUTOBOOT);
	return status;
}
