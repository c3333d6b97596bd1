/* For programs that cancel a running thread (PTHREAD_CANCEL_ASYNCHRONOUS). */
#ifndef SPIN_H
#define SPIN_H
#include <sched.h>

/* Sets `*spinning`, then spins. musl's cancellation handler sets RIP to a function and keeps RSP: the
   function expects the stack alignment of a function entry, which this loop has at each instruction. A C
   loop may have the alignment for calls: the function would then fault on a misaligned SSE access. */
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

/* Returns once the thread is in the loop. */
static inline void until_it_spins(volatile int *spinning)
{
	while (!*spinning)
		sched_yield();
}
#endif
