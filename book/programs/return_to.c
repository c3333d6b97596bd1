// Where does a signal handler return to? The program looks at its own return address.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static unsigned char *place;

// ANCHOR: handler
static void handler(int number)
{
	place = __builtin_return_address(0);
}
// ANCHOR_END: handler

// The name of the region that has this address.
static const char *region(uintptr_t address)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	static char line[256];
	unsigned long from, to;
	while (fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from <= address && address < to)
			return strchr(line, '[') ? "[vdso]" : "the program's own code";
	return "no region";
}

int main(void)
{
	// ANCHOR: main
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	printf("the handler returned to %s\n", region((uintptr_t)place));
	for (int i = 0; i < (sizeof(long) == 8 ? 9 : 8); i++)
		printf("%02x ", place[i]);
	// ANCHOR_END: main
	printf("\n");
	return 0;
}
