/* The program of lab 4's grader. It calls the kernel by INT 0x80, and by SYSCALL only with registers that the grader knows:
 * random values in all of them, random flags, and a stack pointer into an area that it looks at afterwards. */

#include "registers.h"

CALL_WITH(call_with, "syscall", before_call, after_call);

static const char *const names[COUNT] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10",
	"r11", "r12", "r13", "r14", "r15", "rflags"};
static char buffer[64] __attribute__((aligned(16)));

/* Compares what a call may not change, and says what is different. */
static void compare(word result)
{
	in_regs[RCX] = (word)after_call;
	in_regs[R11] = in_regs[FLAGS];
	in_regs[RAX] = result;
	for (int i = 0; i < COUNT; i++)
		if (out_regs[i] != in_regs[i])
			say_two(i == RAX ? "result" : names[i], in_regs[i], out_regs[i]);
	for (int i = 0; i < WORDS; i++)
		if (stack[i] != stack_before[i]) {
			put("stack ");
			put_number((number)((word)&stack[i] - in_regs[RSP]));
			end_line();
			break;
		}
}

/* Calls whose results are known. */
static void calls(void)
{
	static const struct {
		word nr;
		number result;
	} known[] = {{39, 1}, {186, 1}, {102, 0}, {104, 0}, {500, -38}, {0xffffffff, -38}, {471, -38}};
	for (int i = 0; i < 35; i++) {
		fill();
		in_regs[RAX] = known[i % 7].nr | next_random() << 32;
		put("call ");
		put_number((number)known[i % 7].nr);
		end_line();
		call_with();
		compare((word)known[i % 7].result);
	}
}

/* pread64(2) and mmap(2) of /token: the fourth argument decides which bytes come. */
static void arguments(word offset)
{
	int fd = (int)kernel(NR_open, "/token", 0, 0);
	fill();
	in_regs[RAX] = 17;
	in_regs[RDI] = (word)fd;
	in_regs[RSI] = (word)buffer;
	in_regs[RDX] = 16;
	in_regs[R10] = offset;
	call_with();
	put("pread ");
	put_number((number)out_regs[RAX]);
	put(" ");
	put_hex(*(word *)buffer);
	end_line();
	/* The bytes are another check's. */
	compare(out_regs[RAX]);
}

static int lab_main(int argc, char **argv)
{
	if (argc < 3)
		return 1;
	random_state = number_of(argv[1]) | 1;
	for (int i = 0; i < 8; i++)
		next_random();
	fill();
	in_regs[RAX] = 39 | next_random() << 32;
	PLACE(ready);
	/* The stub of INT 0x80 shows where a frame has to be. */
	kernel(NR_getpid, 0, 0, 0);
	call_with();
	say("first", (number)out_regs[RAX]);
	compare(1);
	calls();
	say("calls-done", 0);
	arguments(number_of(argv[2]));
	say("end", 0);
	return 0;
}
