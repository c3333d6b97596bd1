// One door, two buffers: INT 0x80 from a 64-bit program takes the lower 32 bits of each argument.
#include <stdio.h>

// ANCHOR: write
/* write(2) of the i386 table, which has number 4 there. */
static long write_int80(int fd, const char *text, unsigned long len)
{
	long result;

	asm volatile("int $0x80" : "=a"(result) : "a"(4), "b"((long)fd), "c"(text), "d"(len) : "memory");
	return result;
}
// ANCHOR_END: write

static void show(const char *what, const char *buffer, unsigned long len)
{
	long result = write_int80(1, buffer, len);

	printf("%s: at %#lx, the call saw %#x, result %ld\n", what, (long)buffer, (unsigned int)(long)buffer, result);
	fflush(stdout);
}

int main(void)
{
	static const char low[] = "Hello\n";
	char high[] = "Hello\n";

	show("static buffer", low, sizeof low - 1);
	show("buffer on the stack", high, sizeof high - 1);
}
