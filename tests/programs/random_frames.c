/* Random frames for the 64-bit rt_sigreturn(2): whatever they hold, the program goes on or gets a signal,
   and the kernel lives. Arguments: a seed, and how many frames. Prints how often which signal came,
   and under 64 how often none did. */
#include "signals.h"

#include "random.h"

#define WORDS 55
#define CONTEXT 6

static sigjmp_buf back;
static char stack[65536] __attribute__((aligned(16)));
/* Alone between pages that aren't there: code that runs on a stack in it hurts nothing else. */
static struct area {
	char below[16384];
	long frame[WORDS];
	/* What lies above a frame. */
	char fpu[8192] __attribute__((aligned(64)));
} *area;

static void caught(int number)
{
	siglongjmp(back, number);
}

static void here(void)
{
	siglongjmp(back, 64);
}

static long odd(void)
{
	static const unsigned long values[] = { 0, 1, 8, 0x23, 0x2b, 0x33, 0x10, 0xfff8, -1, -8,
		1ul << (sizeof(long) * 6 - 1), ~0ul << (sizeof(long) * 6 - 1), 0x46505853, 0x46505845, 832, 512 };

	switch (below(4)) {
	case 0: return (long)next_random();
	case 1: return values[below(sizeof values / sizeof *values)];
	case 2: return (long)area + below(sizeof *area);
	default: return (long)here;
	}
}

/* A frame as the kernel makes it, but for a few words. */
static void make(const long *good)
{
	memcpy(area->frame, good, sizeof area->frame);
	for (int i = below(6); i > 0; i--)
		area->frame[below(WORDS)] = odd();
	for (int i = below(4); i > 0; i--)
		((long *)(area->fpu + 448))[below(48)] = odd();
	/* What would be the end: a blocked SIGSEGV, handlers without a stack or with alignment
	   checked. */
	area->frame[38] = 0;
	memcpy(area->frame + 3, good + 3, 3 * sizeof(long));
	area->frame[CONTEXT + 17] &= ~0x40000;
}

static long good[WORDS];

static void keep(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	memcpy(good, (char *)context - 8, sizeof good);
	char *fpu = (char *)((ucontext_t *)context)->uc_mcontext.fpregs;
	memcpy(area->fpu, fpu, *(unsigned *)(fpu + 468));
	good[CONTEXT + 23] = (long)area->fpu;
	good[CONTEXT + 16] = (long)here;
	good[CONTEXT + 15] = (long)(stack + 32768 - 8);
}

int main(int count, char **words)
{
	static const int numbers[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	stack_t alternate = { .ss_sp = stack + 32768, .ss_size = 32768 };
	volatile long ways[65] = { 0 }, left = count > 2 ? atol(words[2]) : 2000;

	setvbuf(stdout, NULL, _IOLBF, 0);
	char *pages = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area = (struct area *)(pages + 16384);
	mprotect(area, 32768, PROT_READ | PROT_WRITE);
	seed_random(count > 1 ? strtoull(words[1], NULL, 0) : 1);
	sigaltstack(&alternate, NULL);
	handle(SIGUSR1, keep, SA_SIGINFO, NULL);
	raise(SIGUSR1);
	for (int i = 0; i < 5; i++)
		handle(numbers[i], caught, SA_ONSTACK, NULL);
	int way = sigsetjmp(back, 1);
	ways[way]++;
	sigaltstack(&alternate, NULL);
	if (left-- > 0) {
		make(good);
		asm volatile("mov %0, %%rsp\n\tmov $15, %%eax\n\tsyscall" :: "r"(area->frame + 1));
	}
	for (int i = 1; i < 65; i++)
		if (ways[i])
			printf("%d: %ld\n", i, ways[i]);
	printf("all frames went by\n");
	return 0;
}
