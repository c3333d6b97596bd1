/* Prints in four parts: how many calls of write(2) are made depends on what standard output is. */
#include <stdio.h>

int main(void)
{
	for (int i = 1; i <= 3; i++)
		printf("line %d\n", i);
	printf("no line feed");
	return 0;
}
