/* covers: kernel/src/entry/ kernel/src/process/ */
/* Modified signal frames, and sigreturn(2) without a frame: the program is killed or gets the state
   in the frame, never more privilege. The output is the same on Linux. */
#include "signals.h"

#ifdef __x86_64__
#define IP REG_RIP
#define SP REG_RSP
#else
#define IP REG_EIP
#define SP REG_ESP
#endif

static int what;

static void damage(int number, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;
	char *area = fpu_area(context);
	greg_t *gregs = context->uc_mcontext.gregs;
	uint32_t bad = ~0u;
	unsigned size = word(area, 464 + 16);

	(void)number;
	(void)info;
	switch (what) {
	case 0: context->uc_mcontext.fpregs = (void *)16; break;
	case 1: context->uc_mcontext.fpregs = (void *)(area + 1); break;
	case 2: memcpy(area + 24, &bad, 4); break; /* MXCSR */
	case 3: memcpy(area + 512 + 4, &bad, 4); break; /* components that don't exist */
	case 4: memcpy(area + 512 + 12, &bad, 4); break; /* compacted */
	case 5: memcpy(area + 512 + 16, &bad, 4); break; /* reserved */
	case 6: memset(area + 464, 0, 48); break; /* no magic: 512 bytes only */
	case 7: memset(area + size, 0, 4); break;
	case 8: memcpy(area + 464 + 16, &bad, 4); break;
	case 9: context->uc_mcontext.fpregs = NULL; break;
	case 10: gregs[IP] = sizeof(long) == 8 ? (long)0x8000000000000000ull : (long)0xfffffff0; break;
	case 11: gregs[SP] = 8; break;
#ifdef __x86_64__
	case 12: gregs[REG_CSGSFS] = gregs[REG_CSGSFS] & ~0xffffll; break;
	case 13: gregs[REG_CSGSFS] = (gregs[REG_CSGSFS] & ~0xffffll) | 0x10; break; /* the kernel's */
	case 14: gregs[REG_CSGSFS] = (gregs[REG_CSGSFS] & ~0xffffll) | 0xfff8; break;
	case 15: gregs[REG_CSGSFS] &= 0xffffffffffffll; break; /* SS 0 */
	case 16: gregs[REG_CSGSFS] |= 0xfff8ll << 48; break;
	case 17:
		context->uc_flags = 0;
		gregs[REG_CSGSFS] &= 0xffffffffffffll;
		break;
#else
	case 12: gregs[REG_CS] = 0; break;
	case 13: gregs[REG_CS] = 0x10; break;
	case 14: gregs[REG_CS] = 0xfff8; break;
	case 15: gregs[REG_SS] = 0; break;
	case 16: gregs[REG_SS] = 0xfff8; break;
	case 17:
		gregs[REG_DS] &= ~3;
		gregs[REG_ES] &= ~3;
		break; /* ring 0 becomes ring 3 */
#endif
	case 18: sigfillset(&context->uc_sigmask); break;
	case 19: memset(&context->uc_stack, 0xff, sizeof context->uc_stack); break;
	case 20: gregs[REG_EFL] = -1; break;
	case 21: gregs[REG_EFL] = 0; break;
	}
}

static void one_damage(void)
{
	handle(SIGUSR1, damage, SA_SIGINFO, NULL);
	syscall(SYS_kill, getpid(), SIGUSR1);
	asm volatile("cld\n\tfninit");
	unsigned long flags;
	asm volatile("pushf\n\tpop %0\n\tpush %1\n\tpopf" : "=&r"(flags) : "r"(0x202l));
	printf("continues, blocks %#llx, flags %lx\n", (unsigned long long)blocked() & ~0x300000000, flags & 0x47700);
}

/* sigreturn without a frame, with invalid stack pointers. */
static void no_frame(void)
{
#ifdef __x86_64__
	asm volatile("mov %0, %%rsp\n\tmov $15, %%eax\n\tsyscall" ::"r"(what ? 0xffffffff80000000 : 64l));
#else
	if (what < 2)
		asm volatile("mov %0, %%esp\n\tmov $173, %%eax\n\tint $0x80" ::"r"(what ? 0xfffffff0 : 64));
	asm volatile("mov %0, %%esp\n\tmov $119, %%eax\n\tint $0x80" ::"r"(what ? 0xfffffff0 : 64));
#endif
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (what = 0; what < 22; what++) {
		printf("damage %d\n", what);
		IN_A_CHILD(one_damage);
	}
	for (what = 0; what < 4; what++)
		IN_A_CHILD(no_frame);
	return 0;
}
