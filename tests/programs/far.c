/* covers: kernel/src/entry/ kernel/src/arch/ */
/* Far returns, IRET and far calls in user mode, in random forms: prefixes, operand sizes, valid
   and invalid selectors, operand forms. Each ends at an INT3 or in an exception; the program
   prints the resulting state. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "random.h"

#define CODE 0x20000000UL
#define STACK 0x20100800UL
#define DATA 0x20200000UL
#define LANDING 0x800

static sigjmp_buf back;
static unsigned long at_ip, at_sp, at_cs, at_ss, at_flags, at_trap, at_error, at_address;
static int at_signal, at_code;

static void stopped(int signo, siginfo_t *info, void *context)
{
	gregset_t *r = &((ucontext_t *)context)->uc_mcontext.gregs;
	at_signal = signo, at_code = info->si_code;
	at_address = signo == SIGSEGV && info->si_code > 0 && info->si_code < 128 ? (unsigned long)info->si_addr : 0;
	at_flags = (*r)[REG_EFL];
	at_trap = (*r)[REG_TRAPNO];
	at_error = (*r)[REG_ERR];
#ifdef __x86_64__
	at_ip = (*r)[REG_RIP], at_sp = (*r)[REG_RSP];
	at_cs = (uint16_t)(*r)[REG_CSGSFS], at_ss = (uint64_t)(*r)[REG_CSGSFS] >> 48;
#else
	at_ip = (uint32_t)(*r)[REG_EIP], at_sp = (uint32_t)(*r)[REG_ESP];
	at_cs = (uint16_t)(*r)[REG_CS], at_ss = (uint16_t)(*r)[REG_SS];
#endif
	siglongjmp(back, 1);
}

// Jumps to CODE. EAX holds DATA, the operand's page; ECX 16.
static void run(unsigned long flags)
{
#ifdef __x86_64__
	__asm__ volatile("mov %1, %%rsp\n push %2\n popf\n jmp *%0"
		:
		: "r"(CODE), "r"(STACK), "r"(flags), "a"(DATA), "c"(16L)
		: "memory");
#else
	__asm__ volatile("mov %1, %%esp\n push %2\n popf\n jmp *%0"
		:
		: "r"(CODE), "r"(STACK), "r"(flags), "a"(DATA), "c"(16L)
		: "memory");
#endif
}

static void clean_flags(void)
{
#ifdef __x86_64__
	__asm__ volatile("pushf\n andl $~0x244400, (%%rsp)\n popf" : : : "memory", "cc");
#else
	__asm__ volatile("pushf\n andl $~0x244400, (%%esp)\n popf" : : : "memory", "cc");
#endif
}

static const uint16_t selectors[] = {
#ifdef __x86_64__
	0x33, 0x33, 0x33, 0x33, 0x23,
#else
	0x23, 0x23, 0x23, 0x23,
#endif
	0x07, 0x0f, 0x27, 0x2f, 0x2b, 0x17, 0x1f, 0x00, 0x03, 0x30, 0x22, 0x10, 0x13, 0x43, 0x53, 0x7b, 0xfff, 0xffff,
	0x04};
static const uint16_t stacks[] = {0x2b, 0x2b, 0x2b, 0x17, 0x00, 0x03, 0x28, 0x23, 0x1f, 0x07, 0x18, 0x7f};

#define PICK(list) list[below(sizeof list / sizeof *(list))]

static uint8_t *put(uint8_t *at, uint64_t value, int size)
{
	memcpy(at, &value, size);
	return at + size;
}

// Writes one instruction to CODE, and its operands to the stack or to memory. Returns its length.
static int make(void)
{
	uint8_t *code = (uint8_t *)CODE, *at = code, *stack = (uint8_t *)STACK;
	int long_mode = sizeof(long) == 8, size = 4, is_wide_address = 1;
	memset(code, 0xcc, 4096);
	int order = below(4), narrow = !below(5), rex = long_mode && below(2);
	if (order & 1)
		*at++ = "\x2e\x3e\x36\x26"[below(4)];
	if (narrow)
		*at++ = 0x66, size = 2;
	if (order & 2)
		*at++ = "\xf2\xf3"[below(2)];
	int kind = below(long_mode ? 5 : 6);
	if (kind == 4 && !below(4))
		*at++ = 0x67, is_wide_address = long_mode;
	// The effect of REX.W on a call differs between vendors.
	if (rex && kind != 4)
		*at++ = 0x48, size = 8;
	uint64_t to = below(3) ? CODE + LANDING : LANDING;
	uint16_t cs = PICK(selectors);
	// CPUs differ in whether a call past the limit pushes before it faults.
	if (kind >= 4 && cs == 0x2f)
		cs = 0x07;
	// The operand size gives the slots' offsets.
	memset(stack, 0, 64);
	memset((void *)DATA, 0, 64);
	if (kind < 2) {
		*at++ = kind ? 0xca : 0xcb;
		if (kind)
			at = put(at, 8 * below(8), 2);
		put(put(stack, to, size), cs, size);
	} else if (kind < 4) {
		*at++ = 0xcf;
		// Status flags, DF, ID, NT; and those that user mode can't change: IF, IOPL, VM.
		uint64_t flags = (next_random() & 0x263ed5) | (below(8) ? 0 : 0x4000);
		stack = put(put(put(stack, to, size), cs, size), flags, size);
		uint16_t ss = PICK(stacks);
		put(put(stack, STACK + 64, size), cs == 0x2f ? 0x2b : ss, size);
	} else if (kind == 4) {
		*at++ = 0xff;
		uint8_t *target = (uint8_t *)DATA;
		int form = below(6);
		if (!is_wide_address) {
			// Nothing is mapped at 16-bit addresses: [bx + si], [0x1234].
			*at++ = form & 1 ? 0x18 : 0x1e;
			if (!(form & 1))
				at = put(at, 0x1234, 2);
		} else if (form == 0) {
			*at++ = 0x18; // [eax]
		} else if (form == 1) {
			*at++ = 0x58, *at++ = 8, target += 8; // [eax + 8]
		} else if (form == 2) {
			*at++ = 0x9c, *at++ = 0x48, at = put(at, 4, 4), target += 36; // [eax + ecx * 2 + 4]
		} else if (form == 3) {
			*at++ = 0x1c, *at++ = 0x25, at = put(at, DATA + 12, 4), target += 12; // [DATA + 12]
		} else if (form == 4) {
			*at++ = 0x5c, *at++ = 0x24, *at++ = 0x20, target = (uint8_t *)STACK + 32; // [esp + 32]
		} else {
			*at++ = 0x1d; // [DATA], RIP-relative in 64-bit code
			at = put(at, long_mode ? DATA - (CODE + (at + 4 - code)) : DATA, 4);
		}
		put(put(target, to, size), cs, 2);
	} else {
		*at++ = 0x9a;
		at = put(put(at, to, size), cs, 2);
	}
	return at - code;
}

static void describe(int i, int len)
{
	printf("%d:", i);
	for (int k = 0; k < len; k++)
		printf(" %02x", ((uint8_t *)CODE)[k]);
	printf(", signal %d code %d trap %lu error %#lx at %#lx, ip %#lx cs %#lx sp %#lx ss %#lx flags %#lx", at_signal,
		at_code, at_trap, at_error, at_address, at_ip, at_cs, at_sp, at_ss, at_flags & 0x27ffff & ~0x10000UL);
	// The words that a call pushed.
	uint64_t words[2];
	memcpy(words, (void *)(STACK - 16), 16);
	printf(" pushed %#llx %#llx\n", (unsigned long long)words[0], (unsigned long long)words[1]);
}

// Stacks that are partly unmapped or read-only.
static void at_the_edge(void)
{
	struct {
		const char *what;
		uint8_t code[4];
		unsigned long sp;
	} cases[] = {
		{"return without a page", {0xcb}, 0x20101000},
		{"return across its end", {0xcb}, 0x20100ffc},
		{"call without a page", {0xff, 0x18}, 0x20100000},
		{"call with a read-only stack", {0xff, 0x18}, 0x20300800},
		{"iret across its end", {0xcf}, 0x20100ff4},
	};
	mmap((void *)0x20300000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset((void *)CODE, 0xcc, 4096);
		memcpy((void *)CODE, cases[i].code, 4);
		put(put((void *)DATA, CODE + LANDING, 4), selectors[0], 2);
		if (sigsetjmp(back, 1) == 0) {
#ifdef __x86_64__
			__asm__ volatile("mov %1, %%rsp\n jmp *%0"
				:
				: "r"(CODE), "r"(cases[i].sp), "a"(DATA)
				: "memory");
#else
			__asm__ volatile("mov %1, %%esp\n jmp *%0"
				:
				: "r"(CODE), "r"(cases[i].sp), "a"(DATA)
				: "memory");
#endif
		}
		printf("%s: signal %d code %d error %#lx at %#lx ip %#lx sp %#lx\n", cases[i].what, at_signal, at_code,
			at_error, at_address & ~0xfffUL, at_ip, at_sp);
	}
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 300;
	seed_random(argc > 2 ? atoi(argv[2]) : 1);
	// The last descriptor's limit is below CODE.
	for (int i = 0; i < 6; i++) {
		struct user_desc d = {.entry_number = i,
			.limit = i == 5 ? (CODE >> 12) - 1 : 0xfffff,
			.limit_in_pages = 1,
			.seg_32bit = i != 1,
			.base_addr = i == 1 ? CODE : 0,
			.contents = (int[]){2, 2, 0, 2, 3, 2}[i],
			.seg_not_present = i == 3,
			.useable = 1};
		syscall(SYS_modify_ldt, 1, &d, sizeof d);
	}
	for (int i = 0; i < 3; i++)
		if (mmap((void *)(CODE + 0x100000 * i), 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			return 1;
	static char other[65536];
	stack_t alternate = {.ss_sp = other, .ss_size = sizeof other};
	sigaltstack(&alternate, NULL);
	struct sigaction action = {.sa_sigaction = stopped, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigaction(SIGSEGV, &action, NULL), sigaction(SIGBUS, &action, NULL), sigaction(SIGTRAP, &action, NULL),
		sigaction(SIGILL, &action, NULL);
	for (volatile int i = 0; i < count; i++) {
		volatile int len = make();
		if (sigsetjmp(back, 1) == 0)
			run(0x202 | (below(8) ? 0 : 0x4000) | (i & 1 ? 0x8d5 : 0));
		clean_flags();
		describe(i, len);
	}
	at_the_edge();
	return 0;
}
