/* A program may put any canonical address into its GS base: what it can do with it is another matter. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static sigjmp_buf back;

static void on_fault(int signal)
{
	siglongjmp(back, signal);
}

int main(void)
{
	/* ANCHOR: lie */
	unsigned long set = 0xffff800000000000, base, value;

	asm volatile("wrgsbase %0" : : "r"(set));
	asm volatile("rdgsbase %0" : "=r"(base));
	printf("the GS base is %#lx, an address of the kernel's\n", base);
	printf("getpid() still works: %s\n", syscall(SYS_getpid) > 0 ? "yes" : "no");
	/* ANCHOR_END: lie */
	signal(SIGSEGV, on_fault);
	if (sigsetjmp(back, 1) == 0) {
		asm volatile("mov %%gs:0, %0" : "=r"(value));
		printf("gs:[0] was read\n");
	} else {
		printf("gs:[0] can't be read: SIGSEGV\n");
	}
	return 0;
}
