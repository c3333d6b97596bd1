/* covers: kernel/src/process/ kernel/src/arch/ */
/* PTRACE_SINGLEBLOCK: steps to the next branch, also on CPUs without branch stepping (BTF). */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_SINGLEBLOCK
#define PTRACE_SINGLEBLOCK 33
#endif
#ifdef __x86_64__
#define IP rip
#define SYSCALL "syscall\n"
#define NUMBER "mov $39, %eax\n"
#else
#define IP eip
#define SYSCALL "int $0x80\n"
#define NUMBER "mov $20, %eax\n"
#endif

extern char blocks[], blocks_end[];

/* Straight code, a jump, a call and its return, a loop, a system call, PUSHF and POPF. */
asm(".text\nblocks:\nint3\nnop\nnop\njmp 1f\nnop\n1: nop\ncall 2f\nnop\njmp 3f\n2: nop\nret\n"
    "3: mov $2, %ecx\n4: nop\nloop 4b\nnop\n" NUMBER SYSCALL
    "nop\npushf\npopf\nnop\njmp 5f\n5: nop\nblocks_end: int3\nnop\n");

static long go(int request, int pid, long signal)
{
	errno = 0;
	return ptrace(request, pid, 0, signal);
}

/* Prints each stop until the end; with `mixed`, every third is a single step. */
static void follow(int pid, int mixed)
{
	struct user_regs_struct registers;
	siginfo_t info;
	int status = 0;

	for (int i = 0; i < 40; i++) {
		long result = go(mixed && i % 3 == 0 ? PTRACE_SINGLESTEP : PTRACE_SINGLEBLOCK, pid, 0);

		if (result) {
			printf("request %ld %s\n", result, strerror(errno));
			return;
		}
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			break;
		ptrace(PTRACE_GETREGS, pid, 0, &registers);
		ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
		printf("%ld: signal %d code %d flag %d status %#lx\n", (long)(registers.IP - (unsigned long)blocks),
			WSTOPSIG(status), info.si_code, (int)(registers.eflags >> 8 & 1),
			ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[6]), 0));
		if (registers.IP == (unsigned long)blocks_end + 1)
			break;
	}
	go(PTRACE_KILL, pid, 0);
	waitpid(pid, &status, 0);
	printf("status %#x\n", status);
}

static int start(int with_trap_flag)
{
	int status, pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		asm volatile("jmp blocks");
	}
	waitpid(pid, &status, 0);
	if (with_trap_flag) {
		struct user_regs_struct registers;

		ptrace(PTRACE_GETREGS, pid, 0, &registers);
		registers.eflags |= 0x100;
		ptrace(PTRACE_SETREGS, pid, 0, &registers);
	}
	return pid;
}

int main(void)
{
	long result;
	int pid;

	puts("blocks");
	follow(start(0), 0);
	puts("blocks and steps");
	follow(start(0), 1);
	puts("steps of its own");
	follow(start(1), 0);
	pid = start(0);
	result = go(PTRACE_SINGLEBLOCK, pid, 65);
	printf("no signal %ld %s\n", result, strerror(errno));
	result = go(PTRACE_SINGLEBLOCK, getpid(), 0);
	printf("no tracee %ld %s\n", result, strerror(errno));
	result = go(PTRACE_SINGLEBLOCK, pid, SIGTERM);
	printf("a signal %ld\n", result);
	waitpid(pid, &pid, 0);
	printf("status %#x\n", pid);
	return 0;
}
