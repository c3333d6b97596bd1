// MOV SS with the trap flag set, and a door as the next instruction.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/ucontext.h>

static void on_trap(int number, siginfo_t *info, void *context);

// clang-format off
// ANCHOR: doors
asm(".intel_syntax noprefix\n"
    ".macro trap_on\n"
    "mov ecx, ss\n"
    "pushfq\n"
    "or dword ptr [rsp], 0x100\n"       // TF
    "popfq\n"                           // from here on: a trap after each instruction
    ".endm\n"
    "by_int80: mov eax, 20; trap_on\n"
    "at_mov_ss: mov ss, ecx\n"          // no trap here
    "at_door: int 0x80\n"
    "nop\n"
    "after_int80: ret\n"
    "by_syscall: mov eax, 39; trap_on\n"
    "mov ss, ecx\n"
    "syscall\n"
    "nop\n"
    "after_syscall: ret\n"
    ".att_syntax\n");
// ANCHOR_END: doors
// clang-format on

void by_int80(void), by_syscall(void);
extern char after_int80[], after_syscall[];

static void on_trap(int number, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	char *rip = (char *)at->uc_mcontext.gregs[REG_RIP];
	printf("SIGTRAP %s\n", rip == after_int80     ? "behind INT 0x80"
			       : rip == after_syscall ? "behind SYSCALL"
						      : "elsewhere");
	at->uc_mcontext.gregs[REG_EFL] &= ~0x100;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	sigaction(SIGTRAP, &action, NULL);
	by_int80();
	by_syscall();
	return 0;
}
