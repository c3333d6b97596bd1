// SYSENTER with the trap flag set: the CPU doesn't clear it.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/ucontext.h>

// clang-format off
// ANCHOR: trapped
asm(".intel_syntax noprefix\n"
    "trapped: call 1f\n"                // the vDSO's landing pad ends with RET
    "ret\n"
    "1: push ecx; push edx; push ebp\n" // as __kernel_vsyscall does
    "mov ebp, esp\n"
    "mov eax, 20\n"                     // getpid
    "pushfd\n"
    "or dword ptr [esp], 0x100\n"       // TF
    "popfd\n"
    "at_sysenter: sysenter\n"
    ".att_syntax\n");
// ANCHOR_END: trapped
// clang-format on

void trapped(void);

static void on_trap(int number, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	unsigned long rip = at->uc_mcontext.gregs[REG_EIP], vdso = getauxval(AT_SYSINFO_EHDR);
	printf("SIGTRAP %s\n", rip - vdso < 0x2000 ? "in the vDSO" : "elsewhere");
	at->uc_mcontext.gregs[REG_EFL] &= ~0x100;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	sigaction(SIGTRAP, &action, NULL);
	trapped();
	return 0;
}
