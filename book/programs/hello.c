/* The first chapter's program: one line through the C library. */
#include <stdio.h>

/* ANCHOR: main */
int main(void)
{
	printf("Hello, World!\n");
	return 0;
}
/* ANCHOR_END: main */
