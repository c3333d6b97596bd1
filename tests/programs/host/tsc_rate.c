/* On the host: prints the rate of the TSC in Hz, measured against CLOCK_MONOTONIC over half a second. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

struct point {
	unsigned long long cycles, nanos;
};

/* The TSC and the clock at one moment: the closest of many readings. */
static struct point now(void)
{
	unsigned long long closest = ~0ULL;
	struct point best = {0, 0};
	for (int i = 0; i < 100; i++) {
		struct timespec time;
		unsigned long long before = __rdtsc(), spread;
		clock_gettime(CLOCK_MONOTONIC, &time);
		spread = __rdtsc() - before;
		if (spread < closest) {
			closest = spread;
			best.cycles = before + spread / 2;
			best.nanos = time.tv_sec * 1000000000ULL + time.tv_nsec;
		}
	}
	return best;
}

int main(void)
{
	struct point first = now(), last;
	usleep(500000);
	last = now();
	printf("%.0f\n", (last.cycles - first.cycles) * 1e9 / (last.nanos - first.nanos));
	return 0;
}
