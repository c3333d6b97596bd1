/* covers: kernel/src/entry/ kernel/src/process/ */
/* Exceptions as signals: signal number, si_code, address, vector and error code; blocked and
   ignored faults; single-stepping through calls and handlers. The output is the same on Linux. */
#include "signals.h"

#include <fcntl.h>
#include <sys/stat.h>

#ifdef __x86_64__
#define IP REG_RIP
#else
#define IP REG_EIP
#endif

#define TF 0x100

static sigjmp_buf back;
static char *page;

static void caught(int number, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;
	greg_t *gregs = context->uc_mcontext.gregs;
	long address = (long)info->si_addr, ip = gregs[IP];
#ifdef __x86_64__
	unsigned long long cr2 = gregs[REG_CR2];
#else
	unsigned long long cr2 = context->uc_mcontext.cr2;
#endif

	printf("  signal %d, code %d, errno %d, ", number, info->si_code, info->si_errno);
	if (address == ip)
		printf("at the instruction");
	else if (address >= (long)page && address < (long)page + 8192)
		printf("at page + %#lx", address - (long)page);
	else
		printf("at %#lx", address);
	printf(", trapno %lld", (long long)gregs[REG_TRAPNO]);
	/* QEMU's error codes for INT n are wrong. */
	if (gregs[REG_TRAPNO] != 13)
		printf(", err %#llx", (unsigned long long)gregs[REG_ERR]);
	if (gregs[REG_TRAPNO] == 14)
		printf(", cr2 %s", cr2 == (unsigned long)address ? "the same" : "another");
	printf("\n");
	siglongjmp(back, 1);
}

#define TRY(what, ...)                                                                                                 \
	do {                                                                                                           \
		printf("%s\n", what);                                                                                  \
		if (sigsetjmp(back, 1) == 0) {                                                                         \
			__VA_ARGS__;                                                                                   \
			printf("  continues\n");                                                                       \
		}                                                                                                      \
	} while (0)

static void catch_all(void)
{
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};

	for (int i = 0; i < 5; i++)
		handle(numbers[i], caught, SA_SIGINFO, NULL);
}

static void memory(void)
{
	volatile char *at = page;
	char name[] = "/tmp/signal-faults-XXXXXX";

	mkdir("/tmp", 01777);
	int fd = mkstemp(name);
	unlink(name);
	catch_all();
	TRY("read of an unmapped page", at[4096] = *(volatile char *)16);
	TRY("write to an unmapped page", *(volatile char *)0x18 = 1);
	TRY("write to a read-only page", at[4097] = 1);
	TRY("execute an unmapped page", ((void (*)(void))0x20)());
	TRY("execute data", ((void (*)(void))page)());
	mprotect(page, 4096, PROT_NONE);
	TRY("read of PROT_NONE", (void)at[5]);
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
	char *file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	page = file;
	(void)!ftruncate(fd, 100);
	TRY("in the file", file[50] = 1);
	TRY("past the end of a file", file[4096 + 7] = 1);
#ifdef __x86_64__
	TRY("a kernel address", *(volatile char *)0xffffffff80000000 = 1);
	TRY("a non-canonical address", *(volatile char *)0x8000000000000000 = 1);
#else
	TRY("the last page", *(volatile char *)0xfffff000 = 1);
#endif
}

static void instructions(void)
{
	uint16_t control;
	volatile double zero = 0, big = 1e308;
	volatile int none = 0, least = -0x7fffffff - 1, minus = -1;

	catch_all();
	TRY("ud2", asm volatile("ud2"));
	TRY("hlt", asm volatile("hlt"));
	TRY("in", asm volatile("in $0x60, %%al" :: : "eax"));
	TRY("cli", asm volatile("cli"));
	TRY("int3", asm volatile("int3"));
	TRY("int $3", asm volatile(".byte 0xcd, 3"));
	TRY("int $4", asm volatile("int $4"));
	TRY("int $0x81", asm volatile("int $0x81"));
	TRY("int $14", asm volatile("int $14"));
	TRY("int $13", asm volatile("int $13"));
	TRY("divide", none = 7 / none);
	TRY("overflowing divide", none = least / minus);
	TRY("bad ds", asm volatile("mov %0, %%ds" ::"r"(0xfff8)));
#ifndef __x86_64__
	TRY("into", asm volatile("movl $0x7fffffff, %%eax\n\taddl $1, %%eax\n\tinto" :: : "eax"));
	int limits[2] = {0, 1};
	TRY("bound", asm volatile("movl $7, %%eax\n\tbound %%eax, %0" ::"m"(limits) : "eax"));
	TRY("bad ss", asm volatile("mov %0, %%ss" ::"r"(0)));
#endif
	asm volatile("fninit\n\tfnstcw %0" : "=m"(control));
	static const char *const names[] = {
		"invalid", "denormal", "divide by zero", "overflow", "underflow", "precision"};
	/* Without the exceptions that QEMU doesn't raise: denormal, underflow, and all of SSE. */
	for (int i = 0; i < 6; i++) {
		if (i == 1 || i == 4)
			continue;
		uint16_t unmasked = control & ~(1 << i);

		TRY(
			names[i], asm volatile("fninit\n\tfldcw %0" ::"m"(unmasked)); switch (i) {
				case 0: asm volatile("fldl %0\n\tfdiv %%st(0)\n\tfwait" ::"m"(zero)); break;
				case 2: asm volatile("fldl %0\n\tfld1\n\tfdiv %%st(1)\n\tfwait" ::"m"(zero)); break;
				case 3:
					asm volatile("fldl %0\n\tfmul %%st(0)\n\tfmul %%st(0)\n\tfmul %%st(0)\n\t"
						     "fmul %%st(0)\n\tfmul %%st(0)\n\tfwait" ::"m"(big));
					break;
				case 5: asm volatile("fldpi\n\tfld1\n\tfdiv %%st(1)\n\tfwait" ::); break;
			});
		asm volatile("fninit");
	}
}

/* Later signals have the vector and the error code of the last exception. */
static void other(int number, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;
	greg_t *gregs = context->uc_mcontext.gregs;

	(void)info;
	printf("signal %d: trapno %lld, err %#llx\n", number, (long long)gregs[REG_TRAPNO],
		(unsigned long long)gregs[REG_ERR]);
}

static void last_exception(void)
{
	catch_all();
	handle(SIGUSR1, other, SA_SIGINFO, NULL);
	raise(SIGUSR1);
	TRY("write to an unmapped page", *(volatile char *)0x18 = 1);
	raise(SIGUSR1);
	TRY("ud2", asm volatile("ud2"));
	raise(SIGUSR1);
}

static void blocked_fault(void)
{
	sigset_t set = set_of(SIGSEGV, 0, 0);

	catch_all();
	sigprocmask(SIG_BLOCK, &set, NULL);
	*(volatile char *)16 = 1;
}

static void ignored_fault(void)
{
	signal(SIGFPE, SIG_IGN);
	volatile int none = 0;
	none = 7 / none;
}

static void fault_in_its_own_handler(int number)
{
	printf("handler\n");
	*(volatile char *)(long)number = 1;
}

static void nested_fault(void)
{
	handle(SIGSEGV, fault_in_its_own_handler, 0, NULL);
	*(volatile char *)16 = 1;
}

/* A sent SIGSEGV stays pending while it is blocked; afterwards its handler runs. */
static void sent(void)
{
	sigset_t set = set_of(SIGSEGV, 0, 0);

	handle(SIGSEGV, other, SA_SIGINFO, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGSEGV);
	printf("continues\n");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(SIGSEGV);
	printf("continues again\n");
}

/* Each step's distance from the first instruction, in bytes. */
static long steps[64], codes;
static int step_count;
extern char stepped[];

static void step(int number, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;
	long ip = context->uc_mcontext.gregs[IP], flags;

	(void)number;
	asm volatile("pushf\n\tpop %0" : "=r"(flags));
	codes |= 1 << info->si_code;
	if (flags & TF)
		codes |= 1 << 30;
	if (step_count < 64)
		steps[step_count++] = ip - (long)stepped;
}

static void print_steps(const char *what)
{
	printf("%s: codes %#lx,", what, codes);
	for (int i = 0, away = 0; i < step_count; i++) {
		if (labs(steps[i]) < 200)
			printf(" %ld", steps[i]);
		else if (!away)
			printf(" elsewhere");
		away = labs(steps[i]) >= 200;
	}
	printf("\n");
	step_count = codes = 0;
}

static void nothing(int number)
{
	(void)number;
	long flags;

	asm volatile("pushf\n\tpop %0" : "=r"(flags));
	if (flags & TF)
		printf("TF in a handler\n");
}

/* System calls preserve TF; a handler runs without it. */
static void stepping(void)
{
	long pid = getpid();

	handle(SIGTRAP, step, SA_SIGINFO, NULL);
	handle(SIGUSR1, nothing, 0, NULL);
#ifdef __x86_64__
	asm volatile("pushfq\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n"
		     ".globl stepped\nstepped:\n\t"
		     "nop\n\tmov $39, %%eax\n\tsyscall\n\tnop\n\t"
		     "mov $20, %%eax\n\tint $0x80\n\tnop\n\t"
		     "mov %0, %%rdi\n\tmov $10, %%esi\n\tmov $62, %%eax\n\tsyscall\n\tnop\n\t"
		     "popfq\n\tnop\n\tnop\n\t" ::"r"(pid)
		: "rax", "rdi", "rsi", "rcx", "r11", "memory", "cc");
	print_steps("steps");
#else
	asm volatile("pushfl\n\tpushfl\n\torl $0x100, (%%esp)\n\tpopfl\n"
		     ".globl stepped\nstepped:\n\t"
		     "nop\n\tmov $20, %%eax\n\tint $0x80\n\tnop\n\t"
		     "mov %0, %%ebx\n\tmov $10, %%ecx\n\tmov $37, %%eax\n\tint $0x80\n\tnop\n\t"
		     /* __kernel_vsyscall, whichever entry it uses. */
		     "mov $20, %%eax\n\tcall *%%gs:0x10\n\tnop\n\t"
		     "mov $37, %%eax\n\tcall *%%gs:0x10\n\tnop\n\t"
		     "popfl\n\tnop\n\tnop\n\t" ::"r"(pid)
		: "eax", "ebx", "ecx", "memory", "cc");
	print_steps("steps");
#endif
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(page + 4096, 4096, PROT_READ);
	page[0] = 1;
	IN_A_CHILD(memory);
	IN_A_CHILD(instructions);
	IN_A_CHILD(last_exception);
	IN_A_CHILD(blocked_fault);
	IN_A_CHILD(ignored_fault);
	IN_A_CHILD(nested_fault);
	IN_A_CHILD(sent);
	IN_A_CHILD(stepping);
	return 0;
}
