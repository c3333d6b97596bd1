/* covers: kernel/src/syscall/ */
/* Greets its first argument: the smallest program that prints through a C library. */
#include <stdio.h>

int main(int argc, char **argv)
{
	printf("Hello, %s!\n", argc > 1 ? argv[1] : "World");
	return 0;
}
