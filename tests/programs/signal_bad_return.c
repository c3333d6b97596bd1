/* covers: kernel/src/entry/ kernel/src/process/ */
/* sigreturn to CS and SS selectors that can't be loaded: the signal frame of the resulting fault has
   the vector, the selector as its error code, and the registers that sigreturn restored. The output
   is the same on Linux. */
#include "signals.h"

#include <asm/ldt.h>

#ifdef __x86_64__
static const int names[] = {REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RDI, REG_RSI,
	REG_RBP, REG_RBX, REG_RDX, REG_RAX, REG_RCX, REG_RSP, REG_RIP};
#define USER_CODE 0x33
#else
static const int names[] = {REG_EDI, REG_ESI, REG_EBP, REG_EBX, REG_EDX, REG_EAX, REG_ECX, REG_ESP, REG_EIP};
#define USER_CODE 0x73
#endif
#define COUNT (int)(sizeof names / sizeof *names)

/* Selectors: null, kernel code and data, user data and code, past the GDT's limit, and three LDT
   entries, of which two are marked not present. */
static const unsigned short selectors[] = {0, 0x10, 0x18, 0x2b, USER_CODE, 0xfffb, 0x1f, 7, 0xf};

static unsigned short code, stack;

static greg_t value(int number)
{
	return 0x1000001L * (number + 1);
}

static unsigned short with(unsigned short selector, greg_t was)
{
	return selector == 1 ? (unsigned short)was : selector;
}

static void spoil(int number, siginfo_t *info, void *pointer)
{
	greg_t *gregs = ((ucontext_t *)pointer)->uc_mcontext.gregs;

	(void)number;
	(void)info;
	for (int i = 0; i < COUNT; i++)
		gregs[names[i]] = value(i);
#ifdef __x86_64__
	unsigned long all = gregs[REG_CSGSFS];
	unsigned long cs = with(code, all & 0xffff), ss = with(stack, all >> 48);

	gregs[REG_CSGSFS] = (all & 0xffffffff0000) | cs | ss << 48;
#else
	gregs[REG_CS] = with(code, gregs[REG_CS]);
	gregs[REG_SS] = with(stack, gregs[REG_SS]);
#endif
}

static void caught(int number, siginfo_t *info, void *pointer)
{
	greg_t *gregs = ((ucontext_t *)pointer)->uc_mcontext.gregs;
	int wrong = 0;

	for (int i = 0; i < COUNT; i++)
		wrong |= (gregs[names[i]] != value(i)) << i;
	printf("signal %d code %d, exception %d, error code %#x, wrong registers %#x\n", number, info->si_code,
		(int)gregs[REG_TRAPNO], (int)gregs[REG_ERR], wrong);
	fflush(stdout);
	_exit(0);
}

static void one_return(void)
{
	static char room[65536];
	stack_t other = {.ss_sp = room, .ss_size = sizeof room};

	for (unsigned entry = 0; entry < 2; entry++) {
		struct user_desc absent = {.entry_number = entry,
			.limit = 0xfffff,
			.seg_32bit = 1,
			.contents = entry ? MODIFY_LDT_CONTENTS_CODE : 0,
			.limit_in_pages = 1,
			.seg_not_present = 1};

		absent.useable = 1;
		printf("%ld ", (long)syscall(SYS_modify_ldt, 1, &absent, sizeof absent));
	}
	sigaltstack(&other, NULL);
	handle(SIGSEGV, caught, SA_SIGINFO | SA_ONSTACK, NULL);
	handle(SIGBUS, caught, SA_SIGINFO | SA_ONSTACK, NULL);
	handle(SIGUSR1, spoil, SA_SIGINFO, NULL);
	syscall(SYS_kill, getpid(), SIGUSR1);
	printf("returned\n");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; i < sizeof selectors / sizeof *selectors; i++) {
		/* 1 leaves a selector unchanged. User data as SS and user code as CS are valid. */
		for (int which = 0; which < 2; which++) {
			code = which ? 1 : selectors[i];
			stack = which ? selectors[i] : 1;
			if (selectors[i] == (which ? 0x2b : USER_CODE))
				continue;
			printf("%s %#x: ", which ? "stack" : "code", selectors[i]);
			IN_A_CHILD(one_return);
		}
	}
	return 0;
}
