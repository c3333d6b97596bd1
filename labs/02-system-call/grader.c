/* The program of lab 2's grader: asks for counts that the grader has written into the kernel's memory, passes bad arguments,
 * and makes the calls that the call log prints. */

#include "lab.h"

#define ASKS 8

/* Set by the grader at `ready`. */
volatile word ask_door[ASKS], ask_number[ASKS];

static volatile struct {
	word before, count, after;
} out;

static word nr;

static number by(int is_64, word door, word number_, word address)
{
	return is_64 ? syscall64((number)nr, door, number_, address, 0, 0, 0) :
		       int80((number)nr, door, number_, address, 0, 0);
}

static void one(const char *name, number result)
{
	say(name, result);
}

static void ask(int is_64, int i)
{
	out.before = 0x1111111111111111;
	out.count = 0x2222222222222222;
	out.after = 0x3333333333333333;
	number result = by(is_64, ask_door[i], ask_number[i], (word)&out.count);
	put(is_64 ? "ask SYSCALL " : "ask INT-0x80 ");
	put_number(i);
	put(" ");
	put_number(result);
	put(" ");
	put_hex(out.before);
	put(" ");
	put_hex(out.count);
	put(" ");
	put_hex(out.after);
	end_line();
}

static void bad_arguments(void)
{
	word good = (word)&out.count;
	one("upper 4294967297", by(1, 0x100000001, 39, good));
	static const number doors[] = {4, -1, 5, 2147483647, -2147483648};
	for (int i = 0; i < 5; i++) {
		put("door ");
		put_number(doors[i]);
		one("", by(1, (word)doors[i], 39, good));
	}
	one("door32 -1", by(0, (word)-1, 39, good));
	static const number numbers[] = {471, 100000, 4294967295, 2147483648};
	for (int i = 0; i < 4; i++) {
		put("number ");
		put_number(numbers[i]);
		one("", by(1, 1, (word)numbers[i], good));
	}
	one("order 0", by(1, 4, 39, 16));
	one("order 1", by(1, 1, 471, 16));
	out.count = 0x4444444444444444;
	number result = by(1, 4, 39, good);
	put("kept ");
	put_number(result);
	put(" ");
	put_hex(out.count);
	end_line();
}

static void bad_addresses(void)
{
	one("address 0x0 null", by(1, 1, 39, 0));
	one("address 0x10 not-mapped", by(1, 1, 39, 16));
	one("address 0xffffffff80000000 the-kernel's", by(1, 1, 39, 0xffffffff80000000));
	one("address 0x800000000000 not-canonical", by(1, 1, 39, 0x800000000000));
	one("address 0x7fffffffeffc across-the-end-of-the-program's", by(1, 1, 39, 0x7fffffffeffc));
	put("address ");
	put_hex((word)bad_addresses);
	one(" read-only", by(1, 1, 39, (word)bad_addresses));
	one("address 0x10 not-mapped,-by-INT-0x80", by(0, 1, 39, 16));
}

/* Calls for the log: the counts are those of getpid(2), called `times` times by each door. */
static void log_calls(word times)
{
	for (word i = 0; i < times; i++) {
		syscall64(39, 0, 0, 0, 0, 0, 0);
		int80(20, 0, 0, 0, 0, 0);
		int80(20, 0, 0, 0, 0, 0);
	}
	by(1, 1, 39, (word)&out.count);
	by(0, 0, 20, (word)&out.count);
}

static int lab_main(int argc, char **argv)
{
	if (argc < 3)
		return 1;
	nr = number_of(argv[1]);
	word times = number_of(argv[2]);
	if (times > 0) {
		log_calls(times);
		return 0;
	}
	PLACE(ready);
	for (int i = 0; i < ASKS; i++) {
		ask(1, i);
		ask(0, i);
	}
	bad_arguments();
	bad_addresses();
	say("end", 0);
	return 0;
}
