// A process that waits inside a call: its registers, read by a tracer.
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	int ends[2];
	char byte;
	pipe(ends);
	pid_t child = fork();
	if (child == 0) {
		// ANCHOR: child
		read(ends[0], &byte, 1); // no byte ever comes
		// ANCHOR_END: child
		_exit(0);
	}
	usleep(50000);
	// ANCHOR: tracer
	struct user_regs_struct registers;
	ptrace(PTRACE_SEIZE, child, 0, 0);
	ptrace(PTRACE_INTERRUPT, child, 0, 0);
	waitpid(child, NULL, 0);
	ptrace(PTRACE_GETREGS, child, 0, &registers);
	printf("number %lld, descriptor %lld, length %lld, result so far %lld\n", registers.orig_rax, registers.rdi,
		registers.rdx, registers.rax);
	// ANCHOR_END: tracer
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}
