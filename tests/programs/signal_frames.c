/* covers: kernel/src/process/ kernel/src/arch/ */
/* Signal frames: the handler's stack and registers, the frame's position, and which fields
   sigreturn restores. The output is the same on Linux. */
#include "signals.h"

#include <cpuid.h>

#ifdef __x86_64__
#define IP REG_RIP
#define SP REG_RSP
#define AX REG_RAX
#define VECTORS "memory", "xmm0", "xmm7"
#else
#define IP REG_EIP
#define SP REG_ESP
#define AX REG_EAX
#define VECTORS "memory"
#endif

#define TF 0x100
#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u

static void *frame_at;

static void look(int number, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;
	char *area = fpu_area(context);
	long sp = (long)frame_at;
	unsigned size = word(area, 464 + 16), features;

	(void)number;
	/* Only flags and components that each CPU has. */
	printf("flags %#lx, link %p\n", context->uc_flags, (void *)context->uc_link);
	printf("fpstate: aligned %d, magic %d %d, sizes %d, features %x, present %x\n", (long)area % 64 == 0,
		word(area, 464) == MAGIC1, word(area, size) == MAGIC2,
		word(area, 464 + 4) == size + 4 + (sizeof(long) == 4 ? 112 : 0), word(area, 464 + 8) & 7,
		word(area, 512) & 3);
	/* The area ends after the last component in its features: the CPU may have others that programs must
	request (arch_prctl). */
	unsigned end = 512 + 64, length, offset;
	for (int i = 2; i < 32; i++) {
		if (!(word(area, 464 + 8) >> i & 1))
			continue;
		__cpuid_count(0xd, i, length, offset, features, features);
		if (offset + length > end)
			end = offset + length;
	}
	(void)features;
	printf("size as in CPUID: %d\n", size == end);
	printf("frame: info at %ld, context at %ld, sp %% 16 = %ld\n", (long)info - sp, (long)context - sp, sp & 15);
	printf("below the interrupted stack by more than 128: %d, fpstate above the context: %d\n",
		context->uc_mcontext.gregs[SP] - (long)(area + word(area, 464 + 16)) >= (sizeof(long) == 8 ? 132 : 4),
		area > (char *)context);
	printf("stack: %p, size %zu\n", context->uc_stack.ss_sp, context->uc_stack.ss_size);
#ifdef __x86_64__
	unsigned long selectors = context->uc_mcontext.gregs[REG_CSGSFS];

	printf("cs %#lx, gs %#lx, fs %#lx, ss %#lx\n", selectors & 0xffff, selectors >> 16 & 0xffff,
		selectors >> 32 & 0xffff, selectors >> 48);
	printf("oldmask %#llx\n", context->uc_mcontext.gregs[REG_OLDMASK]);
#else
	printf("cs %#x, ss %#x, ds %#x, es %#x, fs %#x\n", context->uc_mcontext.gregs[REG_CS],
		context->uc_mcontext.gregs[REG_SS], context->uc_mcontext.gregs[REG_DS],
		context->uc_mcontext.gregs[REG_ES], context->uc_mcontext.gregs[REG_FS]);
	printf("oldmask %#lx, same sp %d, status %#x, magic %#x\n", context->uc_mcontext.oldmask,
		context->uc_mcontext.gregs[REG_UESP] == context->uc_mcontext.gregs[REG_ESP], word(area - 112, 4),
		word(area - 112, 108));
	unsigned char *code = (unsigned char *)sp + 260;
	for (int i = 0; i < 8; i++)
		printf("%02x ", code[i]);
	printf("\n");
#endif
	printf("mask %#llx\n", *(unsigned long long *)&context->uc_sigmask & 0xffffffff);
}

/* The handler's entry: saves the stack pointer and registers, then calls C code. */
void entered(long *registers, int number, siginfo_t *info, void *context);
void enter(void);
#ifdef __x86_64__
asm(".globl enter\nenter:\n"
    "pushfq\npushq %rax\npushq %rdx\npushq %rsi\npushq %rdi\n"
    "movq %rdx, %rcx\nmovq %rsi, %rdx\nmovq %rdi, %rsi\nmovq %rsp, %rdi\n"
    "call entered\naddq $40, %rsp\nret\n");
#else
asm(".globl enter\nenter:\n"
    "pushfl\npushl %eax\npushl %edx\npushl %ecx\nmovl %esp, %eax\n"
    "pushl 28(%eax)\npushl 24(%eax)\npushl 20(%eax)\npushl %eax\n"
    "call entered\naddl $32, %esp\nret\n");
#endif

static void (*then)(int, siginfo_t *, void *);

void entered(long *registers, int number, siginfo_t *info, void *context)
{
#ifdef __x86_64__
	frame_at = registers + 5;
	printf("handler: di %ld, si %d, dx %d, ax %ld, flags %lx\n", registers[0], registers[1] == (long)info,
		registers[2] == (long)context, registers[3], registers[4] & 0x10500);
#else
	frame_at = registers + 4;
	printf("handler: ax %ld, dx %d, cx %d, flags %lx\n", registers[2], registers[1] == (long)info,
		registers[0] == (long)context, registers[3] & 0x10500);
#endif
	then(number, info, context);
}

static void layout(void)
{
	sigset_t mask = set_of(SIGUSR2, 0, 0);

	sigprocmask(SIG_BLOCK, &mask, NULL);
	then = look;
	handle(SIGUSR1, enter, SA_SIGINFO, NULL);
	raise(SIGUSR1);
	/* DF and TF are cleared for the handler and restored. */
#ifdef __x86_64__
	asm volatile("std\n\tmov $62, %%eax\n\tsyscall\n\tcld" ::"D"((long)getpid()), "S"((long)SIGUSR1)
		: "rax", "rcx", "r11", "memory");
#else
	asm volatile("std\n\tint $0x80\n\tcld" ::"a"(37), "b"(getpid()), "c"(SIGUSR1) : "memory");
#endif
}

/* The frame saves and restores all general registers. */
#ifdef __x86_64__
static const int kept[] = {
	REG_R8, REG_R9, REG_R10, REG_R12, REG_R13, REG_R14, REG_R15, REG_RBP, REG_RBX, REG_RDX, REG_RSI, REG_RDI};
#else
static const int kept[] = {REG_EDI, REG_ESI, REG_EBP, REG_EBX, REG_EDX, REG_ECX};
#endif
static volatile long pattern[16];

static void change(int number, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;

	(void)number;
	(void)info;
	printf("interrupted:");
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		printf(" %lx", (long)context->uc_mcontext.gregs[kept[i]]);
		context->uc_mcontext.gregs[kept[i]] ^= 0x55;
	}
	printf(", ax %lx, %02x after\n", (long)context->uc_mcontext.gregs[AX],
		*(unsigned char *)context->uc_mcontext.gregs[IP]);
	context->uc_mcontext.gregs[AX] = 0x77;
	/* sigreturn restores CF, ZF and AC, but not IOPL, IF, NT, VM and ID. */
	context->uc_mcontext.gregs[REG_EFL] ^= 0x2 | 0x41 | 0x3000 | 0x200 | 0x4000 | 0x20000 | 0x200000;
}

static void registers(void)
{
	long after[16] = {0}, flags;

	handle(SIGTRAP, change, SA_SIGINFO, NULL);
#ifdef __x86_64__
	asm volatile("push %%rbp\n\tpush %%rbx\n\t"
		     "mov $0x108, %%r8\n\tmov $0x109, %%r9\n\tmov $0x10a, %%r10\n\t"
		     "mov $0x10c, %%r12\n\tmov $0x10d, %%r13\n\tmov $0x10e, %%r14\n\tmov $0x10f, %%r15\n\t"
		     "mov $0x101, %%rbp\n\tmov $0x102, %%rbx\n\tmov $0x103, %%rdx\n\t"
		     "mov $0x104, %%rsi\n\tmov $0x105, %%rdi\n\tmov $0x106, %%rax\n\tint3\n\tnop\n\t"
		     "mov %%r8, 0(%%rcx)\n\tmov %%r9, 8(%%rcx)\n\tmov %%r10, 16(%%rcx)\n\t"
		     "mov %%r12, 24(%%rcx)\n\tmov %%r13, 32(%%rcx)\n\tmov %%r14, 40(%%rcx)\n\t"
		     "mov %%r15, 48(%%rcx)\n\tmov %%rbp, 56(%%rcx)\n\tmov %%rbx, 64(%%rcx)\n\t"
		     "mov %%rdx, 72(%%rcx)\n\tmov %%rsi, 80(%%rcx)\n\tmov %%rdi, 88(%%rcx)\n\t"
		     "mov %%rax, 96(%%rcx)\n\tpushfq\n\tpop %%rax\n\tmov %%rax, 104(%%rcx)\n\t"
		     "pop %%rbx\n\tpop %%rbp" ::"c"(after)
		: "rax", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	flags = after[13];
#else
	static long *volatile to;
	to = after;
	asm volatile("push %%ebp\n\tpush %%ebx\n\t"
		     "mov $0x101, %%ebp\n\tmov $0x102, %%ebx\n\tmov $0x103, %%edx\n\t"
		     "mov $0x104, %%esi\n\tmov $0x105, %%edi\n\tmov $0x107, %%ecx\n\t"
		     "mov $0x106, %%eax\n\tint3\n\tnop\n\t"
		     "push %%eax\n\tpushfl\n\tpush %%ecx\n\tmov %0, %%ecx\n\t"
		     "mov %%edi, 0(%%ecx)\n\tmov %%esi, 4(%%ecx)\n\tmov %%ebp, 8(%%ecx)\n\t"
		     "mov %%ebx, 12(%%ecx)\n\tmov %%edx, 16(%%ecx)\n\tpop %%eax\n\t"
		     "mov %%eax, 20(%%ecx)\n\tpop %%eax\n\tmov %%eax, 52(%%ecx)\n\t"
		     "pop %%eax\n\tmov %%eax, 48(%%ecx)\n\tpop %%ebx\n\tpop %%ebp" ::"m"(to)
		: "eax", "ecx", "edx", "esi", "edi", "memory", "cc");
	flags = after[13];
#endif
	printf("after:");
	for (int i = 0; i < 13; i++)
		printf(" %lx", after[i]);
	printf(", flags %lx\n", flags & ~0x894 & ~0x41);
}

/* x87, SSE and AVX state across a handler that uses them, and a handler's initial state. */
static void spoil(int number)
{
	uint16_t control;
	uint32_t mxcsr;

	(void)number;
	asm volatile("fnstcw %0\n\tstmxcsr %1" : "=m"(control), "=m"(mxcsr));
	printf("handler starts with %#x, %#x\n", control, mxcsr);
	asm volatile("fninit\n\tfldz\n\tfldz\n\tpxor %%xmm0, %%xmm0\n\tpxor %%xmm7, %%xmm7" ::: VECTORS);
	if (__builtin_cpu_supports("avx"))
		asm volatile("vzeroall");
}

static void fpu(void)
{
	uint16_t control = 0x27f, control_after;
	uint32_t mxcsr = 0x5f80, mxcsr_after;
	double in[4] = {1.5, 2.5, 3.5, 4.5}, out[4] = {0};
	long double st0 = 0, st1 = 0;
	int avx = __builtin_cpu_supports("avx");

	handle(SIGTRAP, spoil, 0, NULL);
	asm volatile("fninit\n\tfldpi\n\tfld1\n\tfldcw %0\n\tldmxcsr %1" ::"m"(control), "m"(mxcsr));
	if (avx)
		asm volatile("vmovups (%0), %%ymm7\n\tint3\n\tvmovups %%ymm7, (%1)" ::"r"(in), "r"(out) : VECTORS);
	else
		asm volatile("movups (%0), %%xmm7\n\tint3\n\tmovups %%xmm7, (%1)" ::"r"(in), "r"(out) : VECTORS);
	asm volatile("fnstcw %0\n\tstmxcsr %1" : "=m"(control_after), "=m"(mxcsr_after));
	asm volatile("fstpt %0\n\tfstpt %1\n\tfninit" : "=m"(st0), "=m"(st1));
	mxcsr = 0x1f80;
	asm volatile("ldmxcsr %0" ::"m"(mxcsr));
	printf("after: %#x %#x, %d, %d %d\n", control_after, mxcsr_after, !memcmp(in, out, avx ? 32 : 16), st0 == 1,
		st1 > 3.14 && st1 < 3.15);
}

#ifdef __x86_64__
/* A handler installed through INT 0x80 gets a 32-bit frame, in a 64-bit program too: the width of the
   sigaction call decides. Handler and stack are below 4 GiB. */
void handler32(void);
void restorer32(void);
static volatile uint32_t seen[8] asm("seen32");
asm(".code32\nhandler32:\n\t"
    "movl %eax, seen32\n\tmovl 4(%esp), %ecx\n\tmovl %ecx, seen32+4\n\t"
    "mov %cs, %ecx\n\tmovl %ecx, seen32+8\n\tmov %ds, %ecx\n\tmovl %ecx, seen32+12\n\t"
    "movl 8+60(%esp), %ecx\n\tmovl %ecx, seen32+16\n\t" /* cs in the sigcontext */
    "ret\nrestorer32:\n\tpopl %eax\n\tmovl $119, %eax\n\tint $0x80\n.code64");

static char low_stack[65536] asm("low_stack") __attribute__((aligned(16)));

static void frame32(void)
{
	static struct {
		uint32_t handler, mask, flags, restorer;
	} action;
	long result = 67;

	action.handler = (uint32_t)(long)handler32;
	action.flags = KERNEL_RESTORER;
	action.restorer = (uint32_t)(long)restorer32;
	asm volatile("int $0x80" : "+a"(result) : "b"((long)SIGUSR1), "c"(&action), "d"(0l) : "memory");
	printf("sigaction by int 0x80: %ld\n", result);
	struct kernel_action back;
	syscall(SYS_rt_sigaction, SIGUSR1, NULL, &back, KERNEL_SETSIZE);
	printf("flags %#lx\n", back.flags);
	result = 62;
	asm volatile("mov %%rsp, %%rbx\n\tmov %3, %%rsp\n\tmov %%rbx, 8(%3)\n\tsyscall\n\t"
		     "mov low_stack+65536-56(%%rip), %%rsp"
		: "+a"(result)
		: "D"((long)getpid()), "S"((long)SIGUSR1), "r"(low_stack + 65536 - 64)
		: "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
	printf("returned %ld; handler: ax %u, argument %u, cs %#x, ds %#x, from cs %#x\n", result, seen[0], seen[1],
		seen[2], seen[3], seen[4]);
}
#endif

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	IN_A_CHILD(layout);
	IN_A_CHILD(registers);
	IN_A_CHILD(fpu);
#ifdef __x86_64__
	IN_A_CHILD(frame32);
#endif
	return 0;
}
