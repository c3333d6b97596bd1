// What this machine and this kernel have of what came after.
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	// ANCHOR: ask
	char parameters[120] = {0};
	long ring = syscall(425, 8, parameters); // io_uring_setup
	printf("io_uring_setup: %s\n", ring < 0 ? strerrorname_np(errno) : "a ring");
	unsigned a, b, c, d;
	__cpuid_count(7, 1, a, b, c, d);
	printf("CPUID leaf 7, subleaf 1, eax bit 17 (FRED): %u\n", a >> 17 & 1);
	// ANCHOR_END: ask
	return 0;
}
