/* Prints the selectors of the running code. */
#include <stdio.h>

int main(void)
{
	unsigned short cs, ss;

	asm("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
	printf("a %zu-bit program: cs = %#x, ss = %#x\n", 8 * sizeof(void *), cs, ss);
	return 0;
}
