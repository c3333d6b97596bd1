/* covers: kernel/src/process/ */
/* Obsolete signal calls of the i386 table, and their frame; signals during SYSENTER and SYSCALL of
   32-bit programs. The output is the same on Linux. */
#include "signals.h"

#include <cpuid.h>
#include <linux/futex.h>

struct old_action {
	void *handler;
	uint32_t mask, flags;
	void *restorer;
};

#define T(call)                                                                                                        \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long result_ = (long)(call);                                                                           \
		printf("%s: %#lx %s\n", #call, result_, errno ? strerror(errno) : "");                                 \
	} while (0)

static void *frame_at;
static long registers[3] asm("registers") __attribute__((used));
void enter(void);
void entered(int number, char *frame);
asm(".globl enter\nenter:\n"
    "movl %eax, registers\nmovl %edx, registers+4\nmovl %ecx, registers+8\n"
    "movl %esp, %eax\npushl %eax\npushl 4(%eax)\ncall entered\naddl $8, %esp\nret\n");

static uint32_t *change_high;
/* If set, changes the frame instead of printing it. */
static void (*change)(char *frame);

void entered(int number, char *frame)
{
	if (change)
		return change(frame);
	char *context = frame + 8, *fpstate = (char *)word(context, 76);

	frame_at = frame;
	printf("handler %d: ax %ld, dx %ld, cx %ld, sp %% 16 = %d, blocks %#llx\n", number, registers[0], registers[1],
		registers[2], (int)frame & 15, (unsigned long long)blocked());
	printf("frame: number %u, cs %#x, ss %#x, ds %#x, same sp %d, oldmask %#x and %#x, code", word(frame, 4),
		word(context, 60), word(context, 72), word(context, 12), word(context, 28) == word(context, 68),
		word(context, 80), word(frame, 720));
	for (int i = 724; i < 732; i++)
		printf(" %02x", (unsigned char)frame[i]);
	printf("\nfpstate: control %#x, status %#x, magic %#x, aligned %d\n", word(fpstate, 0), word(fpstate, 4),
		word(fpstate, 108), ((int)fpstate + 112) % 64 == 0);
	/* The upper half of the frame's mask blocks signal 34. */
	if (change_high)
		memcpy(frame + 720, change_high, 4);
}

static void note(int number)
{
	printf("  handler %d, blocks %#llx\n", number, (unsigned long long)blocked());
}

static void calls(void)
{
	struct old_action action = {.handler = note, .mask = 1 << (SIGUSR2 - 1)}, back;
	uint32_t set = 1 << (SIGUSR1 - 1), old = 0;

	T(syscall(SYS_sigaction, SIGUSR1, &action, NULL));
	raise(SIGUSR1);
	T(syscall(SYS_sigaction, SIGUSR1, NULL, &back));
	printf("same handler %d, mask %#x, flags %#x\n", back.handler == (void *)note, back.mask, back.flags);
	T(syscall(SYS_sigaction, SIGKILL, &action, NULL));
	T(syscall(SYS_sigaction, SIGUSR1, (void *)16, NULL));
	T(syscall(SYS_signal, SIGUSR1, note) == (long)note);
	raise(SIGUSR1);
	T(syscall(SYS_sigaction, SIGUSR1, NULL, &back));
	printf("handler %p, flags %#x\n", back.handler, back.flags);
	T(syscall(SYS_signal, SIGUSR1, SIG_IGN));
	T(syscall(SYS_signal, SIGUSR1, SIG_DFL));
	T(syscall(SYS_signal, SIGKILL, SIG_DFL));
	T(syscall(SYS_sigprocmask, SIG_BLOCK, &set, &old));
	printf("old %#x\n", old);
	set = 1 << (SIGUSR2 - 1);
	T(syscall(SYS_sigprocmask, SIG_SETMASK, &set, &old));
	printf("old %#x, now %#llx\n", old, (unsigned long long)blocked());
	uint64_t high = 0x1200000000ull;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &high, NULL, KERNEL_SETSIZE);
	T(syscall(SYS_sigprocmask, SIG_SETMASK, &set, &old));
	printf("old %#x, now %#llx\n", old, (unsigned long long)blocked());
	T(syscall(SYS_sigprocmask, 3, &set, NULL));
	T(syscall(SYS_sigprocmask, 0, (void *)16, NULL));
	syscall(SYS_signal, SIGUSR2, note);
	raise(SIGUSR2);
	T(syscall(SYS_sigpending, &old));
	printf("pending %#x\n", old);
	T(syscall(SYS_sgetmask));
	T(syscall(SYS_ssetmask, 0x10200));
	printf("now %#llx\n", (unsigned long long)blocked());
	syscall(SYS_signal, SIGUSR1, note);
	raise(SIGUSR1);
	T(syscall(SYS_sigsuspend, 0, 0, ~set & ~0x200));
	printf("now %#llx\n", (unsigned long long)blocked());
}

static void frames(void)
{
	struct old_action action = {.handler = enter};
	uint32_t high = 0x2;
	uint64_t mask = 0x100000400ull;
	uint16_t control = 0x27f;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, KERNEL_SETSIZE);
	asm volatile("fninit\n\tfldcw %0\n\tfld1\n\tfldz\n\tfldpi" ::"m"(control));
	syscall(SYS_sigaction, SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	change_high = &high;
	raise(SIGUSR1);
	printf("after: blocks %#llx\n", (unsigned long long)blocked());
	long double top;
	asm volatile("fstpt %0\n\tfninit" : "=m"(top));
	printf("st0 %d\n", top > 3.14 && top < 3.15);
}

/* sigreturn restores x87 state from the frame's legacy fsave part. */
static int which;

static void change_x87(char *frame)
{
	char *fpstate = (char *)word(frame, 8 + 76);

	switch (which) {
	case 0: fpstate[0] = 0x7f, fpstate[1] = 0; break; /* control */
	case 1: memset(fpstate + 28, 0, 10); break; /* ST(0) is 0 */
	case 2: fpstate[8] = fpstate[9] = 0xff; break; /* all empty */
	case 3: memset(fpstate + 112 + 24, 0xff, 4); break; /* MXCSR */
	case 4: memset(fpstate + 112 + 520, 0xff, 4); break; /* header */
	case 5: memset(fpstate + 112 + 512, 0xff, 8); break; /* components */
	case 6: memset(fpstate + 112 + 464, 0, 48); break; /* no magic */
	case 7: *(uint32_t *)(frame + 8 + 76) = 8; break;
	case 8: *(uint32_t *)(frame + 8 + 76) = 0; break;
	}
}

static void x87(void)
{
	struct old_action action = {.handler = enter};
	struct {
		uint32_t control, status, tags, rest[4];
		char st[80];
	} state;

	change = change_x87;
	syscall(SYS_sigaction, SIGUSR1, &action, NULL);
	asm volatile("fninit\n\tfld1\n\tfldz\n\tfldpi");
	syscall(SYS_kill, getpid(), SIGUSR1);
	asm volatile("fnsave %0" : "=m"(state));
	printf("x87 %d: control %#x, status %#x, tags %#x, top %02x %02x\n", which, state.control & 0xffff,
		state.status & 0xffff, state.tags & 0xffff, (unsigned char)state.st[9], (unsigned char)state.st[7]);
}

static volatile struct {
	int ticks, word;
} *shared;

static void tick(int number)
{
	(void)number;
	shared->ticks++;
}

/* An interrupted call with six arguments restarts with all of them. */
static void six_arguments(void)
{
	handle(SIGUSR1, tick, SA_RESTART, NULL);
	int parent = getpid(), pid = fork();

	if (pid == 0) {
		until_asleep(parent);
		kill(parent, SIGUSR1);
		while (shared->ticks == 0)
			usleep(1000);
		until_asleep(parent);
		shared->word = 1;
		syscall(SYS_futex, &shared->word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0x40);
		_exit(0);
	}
	/* The bitset is the sixth argument. */
	long result, sixth;
	asm volatile("push %%ebp\n\tmov $0x40, %%ebp\n\tcall *%%gs:0x10\n\t"
		     "mov %%ebp, %%ecx\n\tpop %%ebp"
		: "=a"(result), "=c"(sixth)
		: "0"(SYS_futex), "b"(&shared->word), "1"(FUTEX_WAIT_BITSET), "d"(0), "S"(0), "D"(0)
		: "memory");
	printf("woken: %ld, ebp %#lx, ticks %d\n", result, sixth, shared->ticks);
	waitpid(pid, NULL, 0);
}

/* sigreturn by the vendor's fast instruction instead of INT 0x80: the frame decides the return address
   and all registers, not the entry. */
void by_sysenter(void);
void by_syscall(void);
void rt_by_sysenter(void);
void rt_by_syscall(void);
asm("by_sysenter: popl %eax\n\tmovl $119, %eax\n\tmovl %esp, %ebp\n\tsysenter\n\thlt\n"
    "by_syscall: popl %eax\n\tmovl $119, %eax\n\tsyscall\n\thlt\n"
    "rt_by_sysenter: movl $173, %eax\n\tmovl %esp, %ebp\n\tsysenter\n\thlt\n"
    "rt_by_syscall: movl $173, %eax\n\tsyscall\n\thlt\n");

static void interrupted(const char *what)
{
	long a, b = 0x22, c = 0x33, d = 0x44, si = 0x55, di = 0x66;

	/* Each register has a distinct value across the signal. */
	asm volatile("int $0x80" : "=a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(si), "+D"(di) : "0"(SYS_getpid));
	b = getpid(), c = SIGUSR1;
	asm volatile("int $0x80" : "=a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(si), "+D"(di) : "0"(SYS_kill));
	printf("%s: %ld, %d %lx %lx %lx %lx\n", what, a, b == getpid(), c, d, si, di);
}

static void fast_sigreturn(void)
{
	unsigned a, b, c, d;
	struct old_action action = {.handler = note, .flags = KERNEL_RESTORER};
	struct kernel_action rt = {.handler = note, .flags = KERNEL_RESTORER | SA_SIGINFO};

	__cpuid(0, a, b, c, d);
	int is_intel = b == 0x756e6547;
	action.restorer = is_intel ? by_sysenter : by_syscall;
	rt.restorer = is_intel ? rt_by_sysenter : rt_by_syscall;
	syscall(SYS_sigaction, SIGUSR1, &action, NULL);
	interrupted("old frame");
	syscall(SYS_rt_sigaction, SIGUSR1, &rt, NULL, KERNEL_SETSIZE);
	interrupted("rt frame");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	IN_A_CHILD(calls);
	IN_A_CHILD(frames);
	for (which = 0; which < 9; which++)
		IN_A_CHILD(x87);
	IN_A_CHILD(six_arguments);
	IN_A_CHILD(fast_sigreturn);
	return 0;
}
