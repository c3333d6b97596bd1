// Asks for the time a thousand times by the C library, and once by a call of its own.
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	// ANCHOR: main
	struct timespec now;
	for (int i = 0; i < 1000; i++)
		clock_gettime(CLOCK_MONOTONIC, &now);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	// ANCHOR_END: main
	return 0;
}
