/* One write(2) without the C library's function, with names for the places before and after it. */
#include <sys/syscall.h>

static const char text[] = "Hello by hand\n";

int main(void)
{
	long result;

	/* ANCHOR: call */
	asm volatile("at_syscall: syscall\n"
		     "after_syscall:"
		: "=a"(result)
		: "a"(SYS_write), "D"(1), "S"(text), "d"(sizeof text - 1)
		: "rcx", "r11", "memory");
	/* ANCHOR_END: call */
	return result != sizeof text - 1;
}
