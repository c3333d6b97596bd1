// Numbers at the edges of the table, by two doors.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static long by_syscall(unsigned long number)
{
	long result;
	asm volatile("syscall" : "=a"(result) : "a"(number), "D"(-1l), "S"(-1l) : "rcx", "r11", "memory");
	return result;
}

static long by_int80(unsigned long number)
{
	long result;
	asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(-1l), "c"(-1l) : "memory");
	return result;
}

static void show(const char *what, unsigned long number)
{
	long results[] = {by_syscall(number), by_int80(number)};
	printf("%#18lx  %-28s", number, what);
	for (int i = 0; i < 2; i++)
		printf(" %-8s", results[i] == -ENOSYS  ? "ENOSYS" :
				results[i] == getpid() ? "the pid" :
				results[i] < 0         ? strerrorname_np((int)-results[i]) :
							 "another");
	printf("\n");
}

int main(void)
{
	printf("%18s  %-28s %-8s %-8s\n", "rax", "", "SYSCALL", "INT 0x80");
	// ANCHOR: numbers
	show("getpid of x86_64", 39);
	show("getpid of i386", 20);
	show("39 and a bit above 31", 1ul << 32 | 39);
	show("20 and a bit above 31", 1ul << 32 | 20);
	show("past both tables", 500);
	show("-1", -1ul);
	show("39 with x32's bit", 1ul << 30 | 39);
	// ANCHOR_END: numbers
}
