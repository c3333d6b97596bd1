/* covers: kernel/src/arch/ kernel/src/syscall/ */
/* I/O port access: ioperm(2) and iopl(2), their privilege, the ports that they open, inheritance.
   The program accesses only ports without a device. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"

static const char *err(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}

enum { BYTE, WORD, LONG, READ, CLEAR, SET, PUSHED, HALT };

static void touch(int how, int port)
{
	if (how == BYTE)
		outb(0, port);
	if (how == WORD)
		outw(0, port);
	if (how == LONG)
		outl(0, port);
	if (how == READ)
		inb(port);
	if (how == CLEAR)
		__asm__ volatile("cli");
	if (how == SET)
		__asm__ volatile("sti");
	if (how == PUSHED) {
		unsigned long flags;
		__asm__ volatile("cli\n pushf\n pop %0" : "=r"(flags));
		_exit(flags & 0x200 ? 0 : 1);
	}
	if (how == HALT)
		__asm__ volatile("hlt");
}

static void attempt(const char *what, int how, int port)
{
	fflush(stdout);
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		touch(how, port);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("  %s %#x: %s\n", what, port,
		status == 0         ? "done" :
		WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) :
				      "wrong");
}

static void tries(void)
{
	attempt("byte", BYTE, 0x80);
	attempt("word", WORD, 0x80);
	attempt("long", LONG, 0x80);
	attempt("read", READ, 0x80);
	attempt("byte", BYTE, 0x81);
	attempt("cli", CLEAR, 0);
	attempt("sti", SET, 0);
	attempt("interrupts stay on", PUSHED, 0);
	attempt("hlt", HALT, 0);
}

static void set_of(pid_t pid, const char *what)
{
	unsigned char bits[16384];
	struct iovec vector = {bits, sizeof bits};
	long got = ptrace(PTRACE_GETREGSET, pid, 0x201, &vector);
	printf("%s: %s", what, err(got));
	if (got == 0)
		printf(" %zu bytes, port 0x80 %d 0x81 %d", vector.iov_len, bits[16] & 1, bits[16] >> 1 & 1);
	vector.iov_len = 8;
	printf(", set %s\n", err(ptrace(PTRACE_SETREGSET, pid, 0x201, &vector)));
}

static void traced(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		ioperm(0x80, 1, 1);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	set_of(pid, "without");
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, NULL, 0);
	set_of(pid, "with");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && !strcmp(argv[1], "after")) {
		printf("after execve\n");
		tries();
		return 0;
	}
	printf("nothing open\n");
	tries();
	printf("close what isn't open %s\n", err(ioperm(0x80, 1, 0)));
	struct {
		unsigned long first, count;
	} bad[] = {{0x80, 0}, {0xffff, 2}, {0x10000, 1}, {-1UL, 1}, {-1UL, 2}, {0, 65537}, {0, -1UL}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		printf("ioperm(%lx, %lx) %s\n", bad[i].first, bad[i].count,
			err(syscall(SYS_ioperm, bad[i].first, bad[i].count, 1)));
	printf("a byte %s\n", err(ioperm(0x80, 1, 1)));
	tries();
	printf("two bytes more %s\n", err(ioperm(0x81, 3, -1)));
	tries();
	printf("the first closed %s\n", err(ioperm(0x80, 1, 0)));
	tries();
	printf("all closed %s\n", err(ioperm(0, 65536, 0)));
	attempt("closed", BYTE, 0x80);
	// A child's changes don't affect the parent.
	ioperm(0x80, 1, 1);
	pid_t pid = fork();
	if (pid == 0) {
		ioperm(0x80, 1, 0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	attempt("still open", BYTE, 0x80);
	for (unsigned level = 0; level < 6; level++) {
		printf("iopl(%u) %s\n", level, err(iopl(level)));
		if (level == 1 || level == 2)
			attempt("cli", CLEAR, 0);
	}
	tries();
	printf("far port\n");
	attempt("byte", READ, 0xffff);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setresuid(1000, 1000, 1000))
			return 1;
		printf("as another user: iopl(3) %s iopl(2) %s iopl(3) %s\n", err(iopl(3)), err(iopl(2)), err(iopl(3)));
		attempt("still open", BYTE, 0x80);
		printf("ioperm %s", err(ioperm(0x81, 1, 1)));
		printf(" close %s\n", err(ioperm(0x80, 1, 0)));
		attempt("closed", BYTE, 0x80);
		return 0;
	}
	waitpid(pid, NULL, 0);
	printf("iopl(0) %s\n", err(iopl(0)));
	tries();
	ioperm(0x80, 1, 0);
	traced();
	ioperm(0x80, 1, 1);
	run_again(argv, "after");
	return 0;
}
