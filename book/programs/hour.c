// Sleeps for an hour.
#include <stdio.h>
#include <time.h>

int main(void)
{
	// ANCHOR: main
	struct timespec hour = {3600, 0}, before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	nanosleep(&hour, NULL);
	clock_gettime(CLOCK_MONOTONIC, &after);
	printf("%ld s have passed\n", after.tv_sec - before.tv_sec);
	// ANCHOR_END: main
	return 0;
}
