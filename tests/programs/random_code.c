/* covers: kernel/src/entry/ kernel/src/arch/ */
/* Random machine code, mostly entry instructions, flags and segments: a signal kills each child, or
   the child can be killed, and the kernel survives. In the 64-bit program half of the children run in
   compatibility mode.

   Usage: random_code FIRST_SEED SEEDS */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "children.h"
#include "random.h"

enum { PAGE = 4096, AREA = 16 * PAGE };

/* Both areas are below 4 GiB, for both widths. */
static unsigned char *const code = (unsigned char *)0x20000000;
static unsigned char *const stack = (unsigned char *)0x30000000;

static unsigned char *next; /* The address of the next instruction. */

static void emit(const void *bytes, size_t size)
{
	memcpy(next, bytes, size);
	next += size;
}

#define EMIT(...)                                                                                                      \
	do {                                                                                                           \
		const unsigned char bytes_[] = {__VA_ARGS__};                                                          \
		emit(bytes_, sizeof bytes_);                                                                           \
	} while (0)

static void emit_number(unsigned number)
{
	emit(&number, sizeof number);
}

/* Harmless calls of either table: sched_yield, getpid, getuid, ... */
static void load_call_number(void)
{
	static const unsigned numbers[] = {39, 102, 110, 186, 24, 0x40000027, -1, 1000, 96, 201, 228, 318, 20, 24, 64,
		224, 158, 13, 78, 265, 355, 11111};

	EMIT(0xb8); /* mov eax, number */
	emit_number(ONE_OF(numbers));
}

static unsigned some_selector(void)
{
	static const unsigned short selectors[] = {0, 1, 2, 3, 7, 8, 0xf, 0x10, 0x17, 0x18, 0x20, 0x23, 0x2b, 0x33,
		0x38, 0x40, 0x43, 0x50, 0x60, 0x63, 0x68, 0x6b, 0x70, 0x73, 0x78, 0x7b, 0x80, 0xffff};
	return ONE_OF(selectors);
}

static void syscall_door(void)
{
	load_call_number();
	EMIT(0x0f, 0x05);
}

static void int80_door(void)
{
	load_call_number();
	EMIT(0xcd, 0x80);
}

static void sysenter_door(void)
{
	load_call_number();
	EMIT(0x0f, 0x34);
}

/* TF, DF, NT, RF, AC, ID, ... */
static void change_flags(void)
{
	static const unsigned likely[] = {0x100, 0x400, 0x4000, 0x10000, 0x40000, 0x200000};
	unsigned flags = 0x202;

	for (int i = below(3); i > 0; i--)
		flags ^= 1u << below(22);
	if (one_in(2))
		flags |= ONE_OF(likely);
	EMIT(0x68); /* push flags; popf */
	emit_number(flags);
	EMIT(0x9d);
}

static void load_segment(void)
{
	static const unsigned char registers[] = {0xd8, 0xc0, 0xe0, 0xe8, 0xd0};

	EMIT(0xb8); /* mov eax, selector; mov segment, eax */
	emit_number(some_selector());
	EMIT(0x8e, ONE_OF(registers));
}

/* A load of SS delays debug exceptions and interrupts until after the next instruction. */
static void load_ss_before_a_door(void)
{
	static const unsigned char doors[][2] = {{0x0f, 0x05}, {0xcd, 0x80}, {0x0f, 0x34}, {0xcc, 0x90}};

	EMIT(0xb8); /* mov eax, USER_DS; mov ss, eax */
	emit_number(0x2b);
	EMIT(0x8e, 0xd0);
	emit(ONE_OF(doors), 2);
}

static void load_high_number(void)
{
	EMIT(0x48, 0xb8); /* movabs rax, number */
	emit_number(next_random());
	emit_number(next_random());
}

/* wrfsbase or wrgsbase rax, mostly with a non-canonical address; or a neighbouring opcode. */
static void change_base(void)
{
	load_high_number();
	EMIT(0xf3, 0x48, 0x0f, 0xae);
	if (one_in(4))
		EMIT(0xc0 | below(64));
	else
		EMIT(one_in(2) ? 0xd0 : 0xd8);
}

static void load_register(void)
{
	EMIT(0xb8 | below(8));
	emit_number(one_in(3) ? 0 : next_random());
}

static void far_return(void)
{
	EMIT(0x68); /* push stack segment; pushf; push code segment; iret or lret */
	emit_number(0x2b);
	EMIT(0x9c, 0x68);
	emit_number(some_selector());
	if (one_in(2))
		EMIT(0x48, 0xcf);
	else
		EMIT(one_in(2) ? 0xcf : 0xcb);
}

static void interrupt(void)
{
	EMIT(0xcd, next_random());
}

static void breakpoint(void)
{
	EMIT(one_in(2) ? 0xcc : 0xf1);
}

static void system_instruction(void)
{
	EMIT(0x0f, 0x01, next_random());
}

static void two_byte_instruction(void)
{
	EMIT(0x0f, next_random());
}

static void any_byte(void)
{
	EMIT(next_random());
}

static void store_segment(void)
{
	EMIT(0x8c, 0xc0 | below(64));
}

static void far_call(void)
{
	EMIT(0x9a);
	emit_number(0x100000);
	EMIT(some_selector(), 0);
}

static void nothing(void)
{
	EMIT(0x90);
}

static void (*const pieces[])(void) = {syscall_door, syscall_door, syscall_door, int80_door, int80_door, sysenter_door,
	change_flags, change_flags, change_flags, load_segment, load_segment, load_segment, load_ss_before_a_door,
	load_ss_before_a_door, change_base, load_high_number, load_register, load_register, load_register, far_return,
	interrupt, breakpoint, system_instruction, two_byte_instruction, any_byte, store_segment, far_call, nothing,
	nothing, nothing};

/* Fills the TLS descriptors with random segments. */
static void set_thread_areas(void)
{
	for (int i = 0; i < 3; i++) {
		struct user_desc *area = (struct user_desc *)stack;
		long result;

		memset(area, 0, sizeof *area);
		area->entry_number = 12 + i;
		area->base_addr = one_in(2) ? 0 : next_random();
		area->limit = one_in(2) ? 0xfffff : below(0x100000);
		area->seg_32bit = 1;
		area->contents = below(2);
		area->limit_in_pages = below(2);
		area->useable = below(2);
		area->read_exec_only = one_in(4);
		/* Only the i386 table has set_thread_area. */
		asm volatile("int $0x80" : "=a"(result) : "0"(243), "b"(area) : "memory");
	}
}

static void jump_to_code(void)
{
	unsigned char *top = stack + AREA - 64;

#ifdef __i386__
	asm volatile("mov %0, %%esp; jmp *%1" ::"r"(top), "r"(code));
#else
	if (one_in(2))
		asm volatile("mov %0, %%rsp; jmp *%1" ::"r"(top), "r"(code));
	asm volatile("mov %0, %%rsp; pushq $0x23; push %1; lretq" ::"r"(top), "r"(code));
#endif
}

static void run_random_code(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	close(0);
	mmap(code, AREA, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0);
	mmap(stack, AREA, PROT_READ | PROT_WRITE, flags, -1, 0);
	set_thread_areas();
	next = code;
	for (int i = 10 + below(60); i > 0; i--)
		ONE_OF(pieces)();
	EMIT(0xeb, 0xfe); /* here: jmp here */
	jump_to_code();
	_exit(99);
}

int main(int count, char **words)
{
	int first, seeds, immortal = 0;

	if (count < 3)
		return 2;
	only_as_init();
	first = atoi(words[1]);
	seeds = atoi(words[2]);
	for (int seed = first; seed < first + seeds; seed++) {
		int pid;

		seed_random(seed);
		pid = fork();
		if (pid == 0)
			run_random_code();
		/* A child that still runs is in the final loop. */
		if (reap(pid, 3) == CANNOT_BE_KILLED) {
			printf("seed %d cannot be killed\n", seed);
			immortal++;
		}
	}
	printf("seeds from %d to %d passed\n", first, first + seeds - 1);
	return immortal != 0;
}
