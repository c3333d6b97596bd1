/* covers: kernel/src/process/ kernel/src/arch/ */
/* A tracer's writes to FS, GS and their bases, and the segment that the thread then reads through.
   In 32-bit programs the base comes with the selector, from an LDT or TLS descriptor; in 64-bit
   programs it is written separately. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __i386__
#define IP eip
#define RESULT_FS eax
#define RESULT_GS ebx
#define FS xfs
#define GS xgs
#define READ "mov %fs:0, %eax\nmov %gs:0, %ebx\n"
#else
#define IP rip
#define RESULT_FS rax
#define RESULT_GS rbx
#define FS fs
#define GS gs
#define READ "mov %fs:0, %eax\nmov %gs:0, %ebx\n"
#endif

enum { LOCAL = 0x07, EMPTY_LOCAL = 0x0f, FLAT = 0x2b, TLS_13 = 0x6b, TLS_14 = 0x73 };

/* The first words of the segments. */
static unsigned places[5] = {100, 101, 102, 103, 104};
extern char probe[];

/* Stops, reads through FS and GS, stops, in a loop. */
asm(".text\nprobe: int3\n" READ "int3\njmp probe\n");

static void describe(int number, int entry, unsigned *at)
{
	struct user_desc desc = {.entry_number = entry,
		.base_addr = (unsigned)(unsigned long)at,
		.limit = 0xfffff,
		.seg_32bit = 1,
		.limit_in_pages = 1};

	if (number == SYS_modify_ldt)
		syscall(number, 1, &desc, sizeof desc);
	else
		syscall(number, &desc);
}

static int start(void)
{
	int status, pid = fork();

	if (pid == 0) {
		describe(SYS_modify_ldt, 0, &places[0]);
#ifdef __i386__
		describe(SYS_set_thread_area, 13, &places[1]);
		describe(SYS_set_thread_area, 14, &places[2]);
#endif
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		asm volatile("jmp probe");
	}
	waitpid(pid, &status, 0);
	return pid;
}

static struct user_regs_struct registers(int pid)
{
	struct user_regs_struct now;

	ptrace(PTRACE_GETREGS, pid, 0, &now);
	return now;
}

/* Runs the thread for one read, and prints the values. */
static void let_read(int pid)
{
	struct user_regs_struct now;
	int status;

	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	now = registers(pid);
	if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP)
		printf(" %ld %ld\n", (long)now.RESULT_FS,
			(long)now.RESULT_GS > 200 || (long)now.RESULT_GS < 100 ? 0 : (long)now.RESULT_GS);
	else
		printf(" status %#x behind %ld\n", status, (long)(now.IP - (unsigned long)probe));
	/* After a fault: restarts the loop with flat segments. */
	if (WSTOPSIG(status) != SIGTRAP) {
		now.IP = (unsigned long)probe;
		now.FS = now.GS = FLAT;
		ptrace(PTRACE_SETREGS, pid, 0, &now);
	}
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
}

enum way { BY_SETREGS, BY_POKEUSER, BY_SETREGSET };

static void set(int pid, enum way way, long fs, long gs)
{
	struct user_regs_struct now = registers(pid);
	struct iovec part = {&now, sizeof now};

	now.FS = fs;
	now.GS = gs;
	if (way == BY_SETREGS) {
		ptrace(PTRACE_SETREGS, pid, 0, &now);
	} else if (way == BY_SETREGSET) {
		ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part);
	} else {
		ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, FS), fs);
		ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, GS), gs);
	}
}

#ifdef __i386__
static void selectors(int pid)
{
	static const char *const ways[] = {"SETREGS", "POKEUSER", "SETREGSET"};
	static const long pairs[][2] = {{LOCAL, TLS_13}, {TLS_13, TLS_14}, {TLS_14, LOCAL}, {TLS_13, TLS_13},
		{LOCAL, LOCAL}, {EMPTY_LOCAL, LOCAL}, {LOCAL, EMPTY_LOCAL}, {0, LOCAL}, {LOCAL, 3}, {FLAT, LOCAL},
		{LOCAL, FLAT}, {TLS_14, TLS_13}};

	for (enum way way = BY_SETREGS; way <= BY_SETREGSET; way++)
		for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
			set(pid, way, pairs[i][0], pairs[i][1]);
			printf("%s %#lx %#lx:", ways[way], pairs[i][0], pairs[i][1]);
			let_read(pid);
		}
}

static void show_descriptors(int pid, size_t size)
{
	struct user_desc all[4];
	struct iovec part = {all, size};
	long result = ptrace(PTRACE_GETREGSET, pid, 0x200, &part);

	printf("get %zu: %ld %s, %zu\n", size, result, result ? strerror(errno) : "", part.iov_len);
	for (size_t i = 0; !result && i < part.iov_len / sizeof *all; i++)
		printf("  %u: base %s limit %#x bits %#x\n", all[i].entry_number,
			all[i].base_addr == (unsigned)&places[1] ? "1" :
			all[i].base_addr == (unsigned)&places[2] ? "2" :
			all[i].base_addr == (unsigned)&places[3] ? "3" :
			all[i].base_addr                         ? "other" :
								   "0",
			all[i].limit, ((unsigned *)&all[i])[3] & 0x7f);
}

static void set_descriptors(int pid, struct user_desc *all, size_t size)
{
	struct iovec part = {all, size};
	long result = ptrace(PTRACE_SETREGSET, pid, 0x200, &part);

	printf("set %zu: %ld %s, %zu\n", size, result, result ? strerror(errno) : "", part.iov_len);
}

static void descriptors(int pid)
{
	struct user_desc all[4];
	struct iovec part = {all, 48};

	for (size_t size = 0; size <= 64; size += 8)
		show_descriptors(pid, size);
	ptrace(PTRACE_GETREGSET, pid, 0x200, &part);
	set(pid, BY_SETREGS, TLS_13, TLS_14);
	all[1].base_addr = (unsigned)&places[3];
	/* The kernel ignores the descriptors' entry numbers. */
	all[1].entry_number = 99;
	set_descriptors(pid, all, 48);
	show_descriptors(pid, 48);
	printf("as loaded before:");
	let_read(pid);
	printf("once more:");
	let_read(pid);
	set(pid, BY_SETREGS, TLS_13, TLS_14);
	printf("loaded again:");
	let_read(pid);
	/* An invalid descriptor: the call changes none. */
	all[1].base_addr = (unsigned)&places[1];
	all[2].seg_32bit = 0;
	set_descriptors(pid, all, 48);
	show_descriptors(pid, 48);
	set_descriptors(pid, all, 24);
	set_descriptors(pid, all, 32);
	show_descriptors(pid, 48);
	memset(all, 0, sizeof all);
	set_descriptors(pid, all + 1, 16);
	set_descriptors(pid, all, 64);
	show_descriptors(pid, 48);
}
#else
static void show_bases(int pid)
{
	struct user_regs_struct now = registers(pid);
	long fs = now.fs_base - (unsigned long)places, gs = now.gs_base - (unsigned long)places;

	printf(" fs %#llx base %ld gs %#llx base %ld", (long long)now.fs, fs < 0 || fs > 40 ? -1 : fs / 4,
		(long long)now.gs, gs < 0 || gs > 40 ? -1 : gs / 4);
}

static void set_base(int pid, int fs, unsigned *at)
{
	size_t place = fs ? offsetof(struct user_regs_struct, fs_base) : offsetof(struct user_regs_struct, gs_base);

	ptrace(PTRACE_POKEUSER, pid, place, at);
}

/* Writes selectors, then bases, then selectors again: the registers after each write, and the reads. */
static void bases(int pid)
{
	enum { COUNT = 4 };
	static const long selectors[COUNT] = {0, LOCAL, FLAT, EMPTY_LOCAL};

	for (size_t before = 0; before < COUNT; before++)
		for (size_t after = 0; after <= COUNT; after++) {
			set(pid, BY_POKEUSER, 0, 0);
			set_base(pid, 1, &places[3]);
			set_base(pid, 0, &places[4]);
			let_read(pid);
			set(pid, BY_POKEUSER, selectors[before], selectors[before]);
			show_bases(pid);
			set_base(pid, 1, &places[1]);
			set_base(pid, 0, &places[2]);
			show_bases(pid);
			if (after < COUNT) {
				set(pid, BY_POKEUSER, selectors[after], selectors[after]);
				show_bases(pid);
			}
			let_read(pid);
			show_bases(pid);
			let_read(pid);
		}
}

/* PTRACE_SETREGS: in the structure the bases precede the selectors. */
static void at_once(int pid)
{
	struct user_regs_struct now = registers(pid);
	static const long selectors[] = {0, LOCAL, FLAT};

	for (size_t i = 0; i < 9; i++) {
		now.fs = selectors[i % 3];
		now.gs = selectors[i / 3];
		now.fs_base = (unsigned long)&places[1];
		now.gs_base = (unsigned long)&places[2];
		ptrace(PTRACE_SETREGS, pid, 0, &now);
		show_bases(pid);
		let_read(pid);
		show_bases(pid);
		puts("");
	}
}
#endif

int main(void)
{
	int pid = start();

#ifdef __i386__
	selectors(pid);
	descriptors(pid);
#else
	char all[48];
	struct iovec part = {all, 48};

	printf("descriptors %ld\n", ptrace(PTRACE_GETREGSET, pid, 0x200, &part));
	bases(pid);
	at_once(pid);
#endif
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}
