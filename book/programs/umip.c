// Where is the interrupt descriptor table? An instruction that answers in ring 3, unless UMIP forbids it.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void refused(int signal)
{
	static const char text[] = "SIDT raised SIGSEGV\n";

	write(1, text, sizeof text - 1);
	_exit(0);
}

int main(void)
{
	// ANCHOR: sidt
	struct __attribute__((packed)) {
		unsigned short limit;
		unsigned long base;
	} idt;

	signal(SIGSEGV, refused);
	asm volatile("sidt %0" : "=m"(idt));
	printf("IDT at %#lx, limit %#x\n", idt.base, idt.limit);
	// ANCHOR_END: sidt
}
