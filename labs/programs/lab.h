/* What the graders' programs have in place of a C library. They call the kernel by INT 0x80, the i386 table's door, so that
 * they run while another door's stub is a hole; a lab about INT 0x80 defines BY_SYSCALL. All memory they pass is static:
 * INT 0x80 takes 32 bits of an address. */

typedef unsigned long word;
typedef long number;

/* Numbers of the i386 table and of the x86_64 table. */
#ifdef BY_SYSCALL
#define NR_read 0
#define NR_write 1
#define NR_open 2
#define NR_close 3
#define NR_getpid 39
#define NR_exit_group 231
#else
#define NR_read 3
#define NR_write 4
#define NR_open 5
#define NR_close 6
#define NR_getpid 20
#define NR_exit_group 252
#endif

/* A call by INT 0x80, up to five arguments. */
static inline number int80(number nr, word a, word b, word c, word d, word e)
{
	number result;
	__asm__ volatile("int $0x80"
		: "=a"(result)
		: "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		: "memory", "cc", "r8", "r9", "r10", "r11");
	return result;
}

/* A call by SYSCALL. */
static inline number syscall64(number nr, word a, word b, word c, word d, word e, word f)
{
	register word r10 __asm__("r10") = d;
	register word r8 __asm__("r8") = e;
	register word r9 __asm__("r9") = f;
	number result;
	__asm__ volatile("syscall"
		: "=a"(result)
		: "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		: "memory", "cc", "rcx", "r11");
	return result;
}

#ifdef BY_SYSCALL
#define kernel(nr, a, b, c) syscall64(nr, (word)(a), (word)(b), (word)(c), 0, 0, 0)
#else
#define kernel(nr, a, b, c) int80(nr, (word)(a), (word)(b), (word)(c), 0, 0)
#endif

static char line[512];
static int used;

static void flush(void)
{
	kernel(NR_write, 1, line, used);
	used = 0;
}

/* Adds to the line that `end_line` prints. */
static void put(const char *text)
{
	while (*text && used < (int)sizeof line - 1)
		line[used++] = *text++;
}

static void put_number(number value)
{
	char digits[24];
	int n = 0;
	word rest = value < 0 ? -(word)value : (word)value;
	if (value < 0)
		put("-");
	do
		digits[n++] = '0' + rest % 10;
	while (rest /= 10);
	while (n > 0 && used < (int)sizeof line - 1)
		line[used++] = digits[--n];
}

static void put_hex(word value)
{
	char text[19] = "0x";
	int n = 2;
	for (int shift = 60; shift >= 0; shift -= 4)
		if (value >> shift || shift == 0)
			text[n++] = "0123456789abcdef"[value >> shift & 15];
	text[n] = 0;
	put(text);
}

static void end_line(void)
{
	put("\n");
	flush();
}

/* A line `NAME VALUE`, and one with two values. */
__attribute__((unused)) static void say(const char *name, number value)
{
	put(name);
	put(" ");
	put_number(value);
	end_line();
}

__attribute__((unused)) static void say_two(const char *name, word first, word second)
{
	put(name);
	put(" ");
	put_hex(first);
	put(" ");
	put_hex(second);
	end_line();
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* The decimal number of a text. */
__attribute__((unused)) static word number_of(const char *text)
{
	word value = 0;
	while (*text >= '0' && *text <= '9')
		value = value * 10 + (word)(*text++ - '0');
	return value;
}

/* Numbers that follow from a seed (xorshift). */
static word random_state;

__attribute__((unused)) static word next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* A place where the grader stops the program. */
#define PLACE(name) __asm__ volatile(".globl " #name "\n" #name ":\nnop" ::: "memory")

static int lab_main(int argc, char **argv);

__attribute__((noreturn, used)) static void begin(word *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);
	int status = argc > 1 && same(argv[1], "nothing") ? 0 : lab_main(argc, argv);
	for (;;)
		kernel(NR_exit_group, status, 0, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"mov %rsp, %rdi\n"
	"xor %ebp, %ebp\n"
	"and $-16, %rsp\n"
	"call begin\n");
