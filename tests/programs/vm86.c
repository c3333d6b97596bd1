/* covers: kernel/src/entry/ kernel/src/arch/ */
/* IRET of 32-bit code with VM set in EFLAGS: a CPU in long mode ignores VM; QEMU 7.2 without SMAP
   enters virtual-8086 mode, where CS is any number. An exception or instruction there may at most kill
   the program. Run as root, which may map low pages. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>

#include "children.h"

enum { VM = 1 << 17, TF = 1 << 8, FROM = 0x1000, TO = 0x21000, AT = 0x8000 };

static const struct {
	const char *name;
	unsigned char bytes[8];
} codes[] = {
	{"int3", {0xcc}},
	{"ud2", {0x0f, 0x0b}},
	{"hlt", {0xf4}},
	{"into", {0xce}},
	{"int 0x80", {0xcd, 0x80, 0xcc}},
	{"int 0x21", {0xcd, 0x21, 0xcc}},
	{"syscall", {0x0f, 0x05, 0xcc}},
	{"sysenter", {0x0f, 0x34, 0xcc}},
	{"div", {0x31, 0xc9, 0xf7, 0xf1}},
	{"iret", {0xcf, 0xcc}},
	{"popf", {0x9d, 0xcc}},
	{"sti", {0xfb, 0xcc}},
	{"store far away", {0xc6, 0x06, 0xf0, 0xff, 0x01, 0xcc}},
	/* The timer interrupt fires. */
	{"jmp .", {0xeb, 0xfe}},
};

static void enter(unsigned code, unsigned cs, unsigned flags)
{
	char *memory = (char *)FROM;
	uint32_t words[9] = {AT, cs, VM | 0x202 | flags, 0x7000, 0x100, 0, 0, 0, 0};

	if (mmap(memory, TO - FROM, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		    0) == MAP_FAILED)
		_exit(1);
	/* In virtual-8086 mode the code's address is CS * 16 + AT, otherwise the segment's base + AT. */
	memcpy((char *)AT, codes[code].bytes, sizeof codes[code].bytes);
	if (cs * 16 + AT + sizeof codes[code].bytes < TO)
		memcpy((char *)(cs * 16 + AT), codes[code].bytes, sizeof codes[code].bytes);
	/* EAX: getpid, for the system calls. */
	asm volatile("mov %0, %%esp\n"
		     "mov $20, %%eax\n"
		     "iretl"
		:
		: "r"(words)
		: "memory");
	__builtin_unreachable();
}

int main(void)
{
	static const unsigned selectors[] = {0, 1, 2, 3, 4, 8, 0x10, 0x11, 0x1a, 0x23, 0x2b, 0x33, 0x7f8, 0x1801};
	static const unsigned flags[] = {0, TF};
	int immortal = 0, tried = 0;

	only_as_init();
	for (unsigned code = 0; code < sizeof codes / sizeof *codes; code++)
		for (unsigned cs = 0; cs < sizeof selectors / sizeof *selectors; cs++)
			for (unsigned flag = 0; flag < 2; flag++) {
				int pid = fork();

				if (pid == 0)
					enter(code, selectors[cs], flags[flag]);
				tried++;
				if (reap(pid, 30) == CANNOT_BE_KILLED) {
					printf("%s with cs %#x cannot be killed\n", codes[code].name, selectors[cs]);
					immortal++;
				}
			}
	printf("%d children ran\n", tried);
	return immortal;
}
