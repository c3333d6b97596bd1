/* covers: kernel/src/syscall/ kernel/src/mm/ */
/* Fault injection: each system call of this width's table is made with its n-th allocation
   failing, for n = 1, 2, ... until the call needs no more allocations (/proc/self/fail-nth, in
   test builds), and once with no memory from the start (make-it-fail). Each time the call must
   return an error or its process must be killed, everything that the call allocated must be
   freed, and the same call without a fault must work afterwards.

   /calls lists the rows of the kernel's table, a number and a name each; a row without an entry
   in `calls` is reported.

   Usage: fail_nth [NAME]: only the call of that name. On a Linux without the list, `fail_nth
   names` makes every call once without a fault, to check the arguments. */
#include "fail_nth_calls.h"

enum { NO_FAULT = 0, AT_ENTRY = -1, MOST_POINTS = 400, IS_ERROR = 4095 };

/* Result of an attempt, in memory shared with the parent. */
struct outcome {
	long result, again;
	int has_returned, is_left, has_again;
};

static volatile struct outcome *outcome;
static int state_fd = -1, failures;

/* Uses only registers and the stack: after fork and clone the child returns, too. */
#ifdef __x86_64__
static inline __attribute__((always_inline)) long make(long number, const unsigned long *a)
{
	register unsigned long fourth asm("r10") = a[3], fifth asm("r8") = a[4], sixth asm("r9") = a[5];
	long result;

	asm volatile("syscall"
		: "=a"(result)
		: "0"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(fourth), "r"(fifth), "r"(sixth)
		: "rcx", "r11", "memory");
	return result;
}
#define END_CHILD() asm volatile("syscall" : : "a"(SYS_exit), "D"(0))
#else
static inline __attribute__((always_inline)) long make(long number, const unsigned long *a)
{
	unsigned long words[7] = {number, a[0], a[1], a[2], a[3], a[4], a[5]}, *at = words;
	long result;

	asm volatile("push %%ebx; push %%esi; push %%edi; push %%ebp\n"
		     "mov 4(%%ecx), %%ebx; mov 12(%%ecx), %%edx; mov 16(%%ecx), %%esi\n"
		     "mov 20(%%ecx), %%edi; mov 24(%%ecx), %%ebp\n"
		     "mov (%%ecx), %%eax; mov 8(%%ecx), %%ecx\n"
		     "int $0x80\n"
		     "pop %%ebp; pop %%edi; pop %%esi; pop %%ebx"
		: "=a"(result), "+c"(at)
		:
		: "edx", "memory");
	return result;
}
#define END_CHILD() asm volatile("int $0x80" : : "a"(SYS_exit), "b"(0))
#endif

static int is_error(long result)
{
	return result < 0 && result >= -IS_ERROR;
}

/* Makes the call; a child that it creates exits. */
static long once(const struct call *call, int number, const unsigned long *arguments)
{
	long result = make(number, arguments);

	if (call->flags & FORKS) {
		if (result == 0)
			END_CHILD();
		if (result > 0)
			waitpid(result, NULL, 0);
	}
	return result;
}

static void *map(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* In a child: prepares, lets the n-th allocation fail, makes the call, and makes it again. */
static void attempt(const struct call *call, int number, int n)
{
	char text[16] = "";
	unsigned long arguments[6];
	int fault = -1;

	make_world();
	if (call->prepare)
		call->prepare();
	memcpy(arguments, call->arguments, sizeof arguments);
	if (call->flags & SELF_FIRST)
		arguments[0] = getpid();
	if (call->flags & SELF_SECOND)
		arguments[1] = getpid();
	if (call->flags & HELPER_FIRST)
		arguments[0] = helper;
	if (call->flags & HELPER_SECOND)
		arguments[1] = helper;
	if (call->flags & TIMER_FIRST)
		arguments[0] = timer_id;
	/* Makes this the largest process, so that the OOM killer does not choose the helper. */
	EXPECT(mlock(map(400 * PAGE), 400 * PAGE));
	if (n != NO_FAULT) {
		fault = open(n == AT_ENTRY ? "/proc/self/make-it-fail" : "/proc/self/fail-nth", O_RDWR);
		EXPECT(fault);
		if (fault < FREE_FD)
			move_fd(fault, FREE_FD + 100), fault = FREE_FD + 100;
		sprintf(text, "%d", n == AT_ENTRY ? 1 : n);
		EXPECT(write(fault, text, strlen(text)));
	}
	outcome->result = once(call, number, arguments);
	/* A call without a check at its entry leaves the fault to the next call. */
	if (n == AT_ENTRY)
		outcome->is_left = pread(fault, text, sizeof text, 0) < 0;
	if (n > 0)
		EXPECT(pwrite(fault, "0", 1, 0));
	outcome->has_returned = 1;
	if (is_error(outcome->result) || !(call->flags & ONCE)) {
		outcome->again = once(call, number, arguments);
		outcome->has_again = 1;
	}
	if (helper)
		kill(helper, SIGKILL);
	_exit(0);
}

/* A number of /proc/reserve. */
static long state(const char *name)
{
	char text[600], *at;
	long length;

	if (state_fd < 0)
		return 0;
	length = pread(state_fd, text, sizeof text - 1, 0);
	text[length > 0 ? length : 0] = 0;
	at = strstr(text, name);
	return at ? atol(at + strlen(name)) : -1;
}

static void remove_world(void)
{
	static const char *const names[] = {
		"file", "other", "link", "fifo", "listener", "new", "moved", "name", "created", "entry"};
	char path[60];

	umount2(W "/empty", MNT_DETACH);
	for (int i = 0; i < 20; i++) {
		sprintf(path, W "/full/entry%d", i);
		unlink(path);
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		sprintf(path, W "/%s", names[i]);
		if (unlink(path))
			rmdir(path);
	}
	rmdir(W "/full");
	rmdir(W "/empty");
	rmdir(W);
}

/* One attempt; returns its process's wait status. */
static int run(const struct call *call, int number, int n)
{
	int status = -1, pid;

	memset((void *)outcome, 0, sizeof *outcome);
	pid = fork();
	if (pid == 0)
		attempt(call, number, n);
	if (pid < 0 || !ends_within(pid, 3000, &status)) {
		printf("%s, point %d: does not end\n", call->name, n);
		failures++;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	if (getpid() == 1)
		while (waitpid(-1, NULL, WNOHANG) > 0 || (kill(-1, SIGKILL) == 0 && waitpid(-1, NULL, 0) > 0))
			;
	remove_world();
	return status;
}

/* One attempt, repeated if memory is missing afterwards: a leak loses memory each time. */
static int run_and_count(const struct call *call, int number, int n, int *has_struck)
{
	long struck, heap, frames, less = 1, fewer = 1;
	int status = 0;

	for (int i = 0; i < 5 && (less || fewer); i++) {
		struck = state("struck"), heap = state("heap"), frames = state("frames");
		status = run(call, number, n);
		*has_struck = state("struck") != struck;
		heap = state("heap") - heap, frames -= state("frames");
		less &= heap > 0, fewer &= frames > 0;
	}
	if (less || fewer) {
		printf("%s, point %d: each attempt loses memory, the last one %ld bytes of the heap, %ld frames\n",
			call->name, n, heap, frames);
		failures++;
	}
	return status;
}

static int is_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static int is_same_kind(long one, long other)
{
	return is_error(one) ? one == other : !is_error(other);
}

static void report(const struct call *call, int n, const char *what, long result)
{
	printf("%s, point %d: %s %ld\n", call->name, n, what, result);
	failures++;
}

/* Checks the result of a call with a fault: an error for lack of memory, a short count, or success where
   the allocation is optional. */
static void check(const struct call *call, int n, int status, int base_status, long base)
{
	long result = outcome->result;

	if (is_killed(status))
		return;
	if (call->flags & LEAVES && !outcome->has_returned) {
		/* The fault may hit the start of the next program, too. */
		if (status != base_status && !(WIFEXITED(status) && WEXITSTATUS(status) == 127))
			report(call, n, "ends with status", status);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		report(call, n, "could not be prepared", 0);
	if (is_error(result) && result != -ENOMEM && result != -EAGAIN && result != -ENOBUFS && result != -ENOSPC &&
		result != -ENOLCK && result != -EFAULT && result != base)
		report(call, n, "answers", result);
	if (outcome->has_again && !is_same_kind(base, outcome->again))
		report(call, n, "made again, answers", outcome->again);
}

/* Whether the arguments are valid: the call's result without a fault. */
static int does_work(const struct call *call, long base)
{
	if (call->flags & (LEAVES | MAY_LACK))
		return 1;
	return call->error ? base == -call->error : !is_error(base);
}

/* Fails each of a call's points in turn; returns their number. */
static int fail_each_point(const struct call *call, int number)
{
	int n, has_struck, begins, base_status = run(call, number, NO_FAULT), status;
	long base = outcome->result;
	int answers[4] = {0};

	if (!does_work(call, base))
		report(call, 0, "does not work: answers", base);
	for (n = 1; n <= MOST_POINTS; n++) {
		status = run_and_count(call, number, n, &has_struck);
		if (!has_struck)
			break;
		check(call, n, status, base_status, base);
		if (is_killed(status))
			answers[1]++;
		else
			answers[outcome->result == -ENOMEM ? 0 : is_error(outcome->result) ? 2 : 3]++;
	}
	status = run_and_count(call, number, AT_ENTRY, &has_struck);
	begins = outcome->is_left || (call->flags & LEAVES && !outcome->has_returned);
	if (!begins && outcome->result != -ENOMEM)
		report(call, AT_ENTRY, "answers", outcome->result);
	if (outcome->has_again && !is_same_kind(base, outcome->again))
		report(call, AT_ENTRY, "made again, answers", outcome->again);
	printf("%s (%d): %d points: %d ENOMEM, %d killed, %d other errors, %d done without%s\n", call->name, number,
		n - 1, answers[0], answers[1], answers[2], answers[3], begins ? "; always begins" : "");
	return n - 1;
}

static int is_of_this_width(const struct call *call)
{
	return !(call->flags & (sizeof(long) == 8 ? ONLY_32 : ONLY_64));
}

/* Runs all entries of a row of the kernel's table. */
static void fail_row(int number, const char *name)
{
	int points = 0, entries = 0;

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (!strcmp(calls[i].name, name) && is_of_this_width(&calls[i])) {
			entries++;
			points += fail_each_point(&calls[i], number);
		}
	if (!entries) {
		printf("%s (%d) has no entry\n", name, number);
		failures++;
	} else if (!points) {
		printf("%s (%d) has no point\n", name, number);
	}
}

static void make_all_once(FILE *list, const char *only)
{
	char name[40];
	int row;

	while (fscanf(list, "%d %39s", &row, name) == 2)
		for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
			const struct call *call = &calls[i];

			if (strcmp(call->name, name) || !is_of_this_width(call) || call->flags & HARMS ||
				(only && strcmp(only, name)))
				continue;
			run(call, row, NO_FAULT);
			if (!does_work(call, outcome->result))
				printf("%s: %ld\n", name, outcome->result);
		}
}

int main(int count, char **words)
{
	FILE *list = fopen(getenv("CALLS") ? getenv("CALLS") : "/calls", "r");
	char name[40];
	int row;

	if (count > 1 && !strcmp(words[1], "exec"))
		_exit(42);
	setvbuf(stdout, NULL, _IONBF, 0);
	*(volatile int *)((char *)handler.words + 8) = -1;
	for (int i = 0; i < 2; i++)
		messages[i].msg_hdr = message, all_taken[i].msg_hdr = taken;
	vector[0].address = vector[1].address = P(&futex_word);
	outcome = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mkdir("/tmp", 01777);
	if (!list)
		return 2;
	if (getpid() != 1) {
		make_all_once(list, count > 1 ? words[1] : NULL);
		return 0;
	}
	state_fd = open("/proc/reserve", O_RDONLY);
	if (state_fd < 0) {
		puts("this is no test build");
		return 2;
	}
	while (fscanf(list, "%d %39s", &row, name) == 2)
		if (count < 2 || !strcmp(words[1], name))
			fail_row(row, name);
	printf("a step drew %ld frames of %ld, %ld large blocks were not asked for\n", state("drawn"), state("step"),
		state("unasked"));
	if (state("drawn") > state("measured") || state("unasked"))
		failures++;
	printf(failures ? "%d failures\n" : "all calls answer\n", failures);
	return failures != 0;
}
