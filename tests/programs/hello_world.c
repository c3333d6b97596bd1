/* covers: kernel/src/syscall/ */
/* The program in the README's transcripts. */
#include <stdio.h>
int main()
{
	printf("Hello, World!");
	return 0;
}
