/* For programs that cancel a thread in the middle of anything (PTHREAD_CANCEL_ASYNCHRONOUS). */
#ifndef SPIN_H
#define SPIN_H
#include <sched.h>

/* Sets `*spinning`, then spins. musl's handler sets rip to a function and leaves rsp as it is: the
   function needs the alignment of a function's first instruction, and finds it here at every
   instruction behind the store. C would align the stack for calls in the loop, and the function
   would die of a misaligned SSE access. */
void spin_for_ever(volatile int *spinning);

__asm__(".pushsection .text\n"
	"spin_for_ever:\n"
	".cfi_startproc\n"
#ifdef __x86_64__
	"movl $1, (%rdi)\n"
#else
	"movl 4(%esp), %eax\n"
	"movl $1, (%eax)\n"
#endif
	"1: jmp 1b\n"
	".cfi_endproc\n"
	".popsection\n");

/* Returns once the signal can only strike in the loop. */
static inline void until_it_spins(volatile int *spinning)
{
	while (!*spinning)
		sched_yield();
}
#endif
