/* covers: kernel/src/syscall/ */
/* Greets its first argument: a minimal program that prints through the C library. */
#include <stdio.h>

int main(int argc, char **argv)
{
	printf("Hello, %s!\n", argc > 1 ? argv[1] : "World");
	return 0;
}
