/* Sets its GS base to a recognizable value, and makes a system call. */
#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	long result;

	syscall(SYS_arch_prctl, ARCH_SET_GS, 0x123456789000);
	asm volatile("at_syscall: syscall\n"
		     "after_syscall:"
		: "=a"(result)
		: "a"(SYS_getpid)
		: "rcx", "r11", "memory");
	return result <= 0;
}
