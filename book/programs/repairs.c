// Five holes of the past, tried again. A kernel with all the repairs prints the same five lines.
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <unistd.h>

static long by_int80(unsigned long number)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0l) : "memory");
	return result;
}

static sigjmp_buf back;
static unsigned long new_rip, new_flags, seen_flags;

static void on_segv(int number)
{
	siglongjmp(back, 1);
}

// ANCHOR: edit
static void on_usr1(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	if (new_rip)
		registers[REG_RIP] = new_rip;
	registers[REG_EFL] |= new_flags;
}
// ANCHOR_END: edit

static unsigned long flags(void)
{
	unsigned long now;
	__asm__ volatile("pushfq; pop %0" : "=r"(now));
	return now;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGUSR1, &action, NULL);
	signal(SIGSEGV, on_segv);

	// ANCHOR: tries
	printf("1. number 20 and a bit above 31, INT 0x80: %s\n",
		by_int80(1ul << 32 | 20) == getpid() ? "getpid" : "something else");

	void *last = mmap((void *)0x7ffffffff000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	printf("2. the last page below 1 << 47: %s\n", last == MAP_FAILED ? strerrorname_np(errno) : "mapped");

	if (sigsetjmp(back, 1) == 0) {
		new_rip = 1ul << 47;
		raise(SIGUSR1);
	}
	new_rip = 0;
	printf("3. sigreturn to an address that isn't canonical: SIGSEGV, and the program goes on\n");

	new_flags = 3 << 12; // IOPL
	raise(SIGUSR1);
	seen_flags = flags();
	new_flags = 0;
	printf("4. I/O privilege level after a sigreturn with 3: %lu\n", seen_flags >> 12 & 3);

	__asm__ volatile("pushfq; orl $0x4000, (%%rsp); popfq" ::: "memory", "cc"); // NT
	getppid();
	seen_flags = flags();
	__asm__ volatile("pushfq; andl $~0x4000, (%%rsp); popfq" ::: "memory", "cc");
	printf("5. a call with NT set: made, and NT is %s\n", seen_flags & 0x4000 ? "still set" : "clear");
	// ANCHOR_END: tries
	return 0;
}
