/* covers: kernel/src/process/ */
/* Handler stacks: alternate stacks and SS_ONSTACK, jumps out of handlers, frames that don't fit,
   and unwinding from a handler into the interrupted code. The output is the same on Linux. */
#include "signals.h"

#include <alloca.h>
#include <unwind.h>

static char stack[65536] __attribute__((aligned(16)));
static char other[65536] __attribute__((aligned(16)));

static const char *where(void *at)
{
	return (char *)at >= stack && (char *)at < stack + sizeof stack ? "alternate" :
	       (char *)at >= other && (char *)at < other + sizeof other ? "other" :
									  "own";
}

static void state(const char *when)
{
	stack_t now;

	sigaltstack(NULL, &now);
	printf("%s: on the %s stack, sigaltstack: %s, flags %#x, size %zu\n", when, where(&now), where(now.ss_sp),
		now.ss_flags, now.ss_size);
}

static int set_stack(void *at, size_t size, int flags)
{
	stack_t new = {.ss_sp = at, .ss_size = size, .ss_flags = flags};
	int result = sigaltstack(&new, NULL);

	printf("sigaltstack(%s, %zu, %#x): %d %s\n", where(at), size, flags, result, result ? strerror(errno) : "");
	return result;
}

static void on_stack(int number)
{
	state(number == SIGUSR1 ? "handler 1" : "handler 2");
	if (number == SIGUSR1) {
		set_stack(other, sizeof other, 0);
		raise(SIGUSR2);
	}
}

static void with_context(int number, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;

	(void)number;
	(void)info;
	printf("frame on the %s stack; its stack %s, flags %#x, size %zu\n", where(pointer),
		where(context->uc_stack.ss_sp), context->uc_stack.ss_flags, context->uc_stack.ss_size);
	state("handler");
	set_stack(other, sizeof other, 0);
	state("handler");
}

static void alternate(void)
{
	stack_t old;

	sigaltstack(NULL, &old);
	printf("initially: size %zu, flags %#x\n", old.ss_size, old.ss_flags);
	/* Without an alternate stack: the one that a handler sets stays after sigreturn. */
	handle(SIGUSR1, with_context, SA_SIGINFO, NULL);
	raise(SIGUSR1);
	state("after the first");
	set_stack(stack, 2047, 0);
	set_stack(stack, 2048, 4);
	set_stack(stack, sizeof stack, SS_ONSTACK);
	/* musl refuses the flag itself. */
	set_stack(stack, sizeof stack, 0);
	state("set");
	handle(SIGUSR1, on_stack, SA_ONSTACK, NULL);
	handle(SIGUSR2, on_stack, SA_ONSTACK, NULL);
	raise(SIGUSR1);
	handle(SIGUSR2, on_stack, 0, NULL);
	raise(SIGUSR1);
	raise(SIGUSR2);
	handle(SIGUSR1, with_context, SA_ONSTACK | SA_SIGINFO, NULL);
	raise(SIGUSR1);
	/* sigreturn restores the stack in the context, whatever the handler set. */
	set_stack(stack, sizeof stack, 1 << 31);
	state("autodisarm");
	raise(SIGUSR1);
	state("after");
	set_stack(stack, sizeof stack, SS_DISABLE);
	state("disabled");
	raise(SIGUSR1);
}

/* Leaves too little of the alternate stack for another frame. */
static void deep(int number)
{
	long left = (char *)__builtin_frame_address(0) - stack;
	volatile char *room = alloca(left - 600);

	printf("handler on the %s stack\n", where((void *)room));
	room[0] = 0;
	syscall(SYS_kill, getpid(), number);
}

static void overflow(void)
{
	set_stack(stack, sizeof stack, 0);
	handle(SIGUSR1, deep, SA_ONSTACK | SA_NODEFER, NULL);
	handle(SIGSEGV, on_stack, SA_ONSTACK, NULL);
	raise(SIGUSR1);
}

static void children(void)
{
	set_stack(stack, sizeof stack, 0);
	int pid = fork();
	if (pid == 0) {
		state("child");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	pid = vfork();
	if (pid == 0) {
		state("vfork's child");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static sigjmp_buf again;

static void jump(int number)
{
	printf("handler on the %s stack, blocks %#llx\n", where(&number), (unsigned long long)blocked());
	siglongjmp(again, number);
}

#pragma GCC diagnostic ignored "-Winfinite-recursion"
static void recurse_forever(void)
{
	volatile char page[65536];

	for (size_t i = 0; i < sizeof page; i += 4096)
		page[i] = 1;
	recurse_forever();
	page[0]++;
}

static void jumps(void)
{
	int number = sigsetjmp(again, 1);

	printf("back: %d, blocks %#llx\n", number, (unsigned long long)blocked());
	state("back");
	handle(SIGUSR1, jump, SA_ONSTACK, NULL);
	handle(SIGSEGV, jump, SA_ONSTACK, NULL);
	set_stack(stack, sizeof stack, 0);
	if (number == 0)
		raise(SIGUSR1);
	if (number == SIGUSR1)
		recurse_forever();
	/* The frame doesn't fit on the stack, and there is no alternate stack. */
	set_stack(stack, sizeof stack, SS_DISABLE);
	recurse_forever();
}

/* The stack pointer is unmapped: no frame can be written, and the process dies. */
static void no_stack(void)
{
	handle(SIGUSR1, on_stack, 0, NULL);
	handle(SIGSEGV, on_stack, 0, NULL);
#ifdef __x86_64__
	asm volatile("mov $64, %%rsp\n\tsyscall" ::"a"(62l), "D"((long)getpid()), "S"((long)SIGUSR1));
#else
	asm volatile("mov $64, %%esp\n\tint $0x80" ::"a"(37), "b"(getpid()), "c"(SIGUSR1));
#endif
}

static void no_stack_but_the_alternate(void)
{
	set_stack(stack, sizeof stack, 0);
	handle(SIGUSR1, on_stack, 0, NULL);
	handle(SIGSEGV, jump, SA_ONSTACK, NULL);
	if (sigsetjmp(again, 1) == 0) {
#ifdef __x86_64__
		asm volatile("mov $64, %%rsp\n\tsyscall" ::"a"(62l), "D"((long)getpid()), "S"((long)SIGUSR1));
#else
		asm volatile("mov $64, %%esp\n\tint $0x80" ::"a"(37), "b"(getpid()), "c"(SIGUSR1));
#endif
	}
	printf("SIGSEGV's handler ran on the alternate stack\n");
}

#if defined __GLIBC__
static void *found[64];
static int found_count;

static _Unwind_Reason_Code one_frame(struct _Unwind_Context *context, void *unused)
{
	(void)unused;
	if (found_count < 64)
		found[found_count++] = (void *)_Unwind_GetIP(context);
	return _URC_NO_REASON;
}

static void unwind(int number)
{
	(void)number;
	found_count = 0;
	_Unwind_Backtrace(one_frame, NULL);
}

static volatile int zero;

__attribute__((noinline)) static int divides(int by)
{
	return 7 / by;
}

__attribute__((noinline)) static int calls(int by)
{
	return divides(by) + 1;
}

static void unwind_and_leave(int number)
{
	unwind(number);
	siglongjmp(again, 1);
}

/* Prints whether unwinding through the frame found the interrupted code and its caller. */
static void print_unwound(void)
{
	int inner = 0, outer = 0;

	for (int i = 0; i < found_count; i++) {
		inner |= (char *)found[i] >= (char *)divides && (char *)found[i] < (char *)divides + 32;
		outer |= (char *)found[i] >= (char *)calls && (char *)found[i] < (char *)calls + 32;
	}
	printf("unwound: divides %d, calls %d, deep enough %d\n", inner, outer, found_count > 6);
}

static void unwinding(void)
{
	static const int flags[] = {0, SA_SIGINFO};

	for (int i = 0; i < 2; i++) {
		handle(SIGFPE, unwind_and_leave, flags[i], NULL);
		if (sigsetjmp(again, 1) == 0)
			printf("%d\n", calls(zero));
		print_unwound();
	}
#ifndef __x86_64__
	/* Without SA_RESTORER: through the vDSO's sigreturn code and its unwind table. */
	for (int i = 0; i < 2; i++) {
		struct kernel_action action = {.handler = unwind_and_leave, .flags = flags[i]};

		syscall(SYS_rt_sigaction, SIGFPE, &action, NULL, KERNEL_SETSIZE);
		if (sigsetjmp(again, 1) == 0)
			printf("%d\n", calls(zero));
		print_unwound();
		action.handler = unwind;
		syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, KERNEL_SETSIZE);
		raise(SIGUSR1);
		printf("returned\n");
	}
#endif
}
#else
static void unwinding(void) {}
#endif

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	IN_A_CHILD(alternate);
	IN_A_CHILD(overflow);
	IN_A_CHILD(children);
	IN_A_CHILD(jumps);
	IN_A_CHILD(no_stack);
	IN_A_CHILD(no_stack_but_the_alternate);
	IN_A_CHILD(unwinding);
	return 0;
}
