// Where a 32-bit program enters the kernel: the bytes of __kernel_vsyscall, and a call by it.
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(void)
{
	// ANCHOR: call
	unsigned char *door = (unsigned char *)getauxval(AT_SYSINFO);
	int pid;
	asm volatile("call *%1" : "=a"(pid) : "r"(door), "0"(20) : "memory");
	// ANCHOR_END: call
	printf("__kernel_vsyscall:");
	for (int i = 0; i < 13; i++)
		printf(" %02x", door[i]);
	printf("\ngetpid() by it: %s\n", pid == getpid() ? "the pid" : "another number");
	FILE *doors = fopen("/proc/doors", "r");
	char line[80];
	while (doors && fgets(line, sizeof line, doors))
		if (strstr(line, " getpid "))
			fputs(line, stdout);
}
