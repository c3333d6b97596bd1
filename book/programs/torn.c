// A clock of two words, and a writer that strikes before each instruction of its reader in turn.
// The parent steps the child by ptrace, as a debugger does, and writes into the page both share.
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

// ANCHOR: page
struct page {
	_Atomic unsigned begun, done; // at 0 and 4: the two counts of a sequence lock
	_Atomic long seconds, nanos;  // at 8 and 16: the clock
};
// ANCHOR_END: page

struct time {
	long seconds, nanos; // C returns them in rax and rdx
};

static struct page *page;

static void write_clock(long seconds, long nanos)
{
	unsigned count = page->begun + 1;
	page->begun = count; // before the data
	page->seconds = seconds;
	page->nanos = nanos;
	page->done = count; // after the data
}

struct time read_naively(struct page *page);
struct time read_by_lock(struct page *page);

// clang-format off
// ANCHOR: readers
__asm__("read_naively:            \n"
        "  mov 8(%rdi), %rax      \n" // 0: seconds
        "  mov 16(%rdi), %rdx     \n" // 1: nanos
        "  ret                    \n" // 2
        "read_by_lock:            \n"
        "  mov 4(%rdi), %ecx      \n" // 0: done, before the data
        "  mov 8(%rdi), %rax      \n" // 1: seconds
        "  mov 16(%rdi), %rdx     \n" // 2: nanos
        "  cmp (%rdi), %ecx       \n" // 3: begun, after the data
        "  jne read_by_lock       \n" // 4: once more
        "  ret                    \n"); // 5
// ANCHOR_END: readers
// clang-format on

// Runs `reader` in a child, with a write before its instruction `moment`, and prints what it
// returns. Returns 0 if it has no such instruction.
static int run(struct time (*reader)(struct page *), long moment)
{
	page->begun = page->done = 0;
	write_clock(1, 999999999);
	pid_t child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		reader(page);
		_exit(0);
	}
	int status;
	struct user_regs_struct at;
	long step = -1, attempts = 0;
	unsigned long back = 0;
	for (;;) {
		waitpid(child, &status, 0);
		ptrace(PTRACE_GETREGS, child, 0, &at);
		if (step < 0 && at.rip == (unsigned long)reader)
			back = ptrace(PTRACE_PEEKDATA, child, at.rsp, 0);
		attempts += at.rip == (unsigned long)reader;
		if (attempts > 0)
			step++;
		if (attempts > 0 && at.rip == back)
			break;
		if (step == moment)
			write_clock(2, 0);
		ptrace(PTRACE_SINGLESTEP, child, 0, 0);
	}
	ptrace(PTRACE_KILL, child, 0, 0);
	waitpid(child, &status, 0);
	if (step <= moment)
		return 0;
	long sum = at.rax * 1000000000 + at.rdx;
	const char *verdict = sum == 1999999999 ? "old" : sum == 2000000000 ? "new" : "TORN";
	printf("  a write before instruction %ld: %lld.%09lld  %s", moment, at.rax, at.rdx, verdict);
	printf(attempts > 1 ? ", %ld attempts\n" : "\n", attempts);
	return 1;
}

static void try_all(const char *name, struct time (*reader)(struct page *))
{
	printf("%s\n", name);
	for (long moment = 0; run(reader, moment); moment++)
		;
}

int main(void)
{
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	setbuf(stdout, NULL);
	try_all("two loads", read_naively);
	try_all("two loads between two counts", read_by_lock);
	return 0;
}
