/* Three calls that fail: the same number as the C library sees it, and as the kernel gave it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* clang-format off */
/* ANCHOR: raw */
/* Makes a call of three arguments; returns what is in rax afterwards. */
static long raw(long number, long a, long b, long c)
{
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c)
		     : "rcx", "r11", "memory");
	return result;
}
/* ANCHOR_END: raw */
/* clang-format on */

int main(void)
{
	printf("descriptor 7 is not open: rax = %ld\n", raw(SYS_write, 7, (long)"x", 1));
	printf("nothing at address 16:    rax = %ld\n", raw(SYS_write, 1, 16, 1));
	printf("no call has this number:  rax = %ld\n", raw(12345, 0, 0, 0));
	ssize_t result = write(7, "x", 1);
	printf("by the C library:         write() = %zd, errno = %d (%s)\n", result, errno, strerror(errno));
	return 0;
}
