/* The calls that the microscope records (xtask/microscope), for both widths. Each journey starts at the
   label start_NAME and ends at end_NAME. Each runs twice, most of them: the first run maps pages and fills
   caches, the second is recorded. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* For the recorder: where the vDSO is; Linux's /proc/kallsyms and its length. */
unsigned long journey_vdso;
char journey_symbols[16 << 20];
unsigned long journey_symbols_len;

static const char hello[] __asm__("journey_hello") __attribute__((used)) = "Hello";

/* The instructions between the two labels of a journey. */
#define JOURNEY(name, code)                                                                                            \
	".globl start_" name ", end_" name "\n"                                                                        \
	"start_" name ":\n\t" code "\n"                                                                                \
	"end_" name ":\n"

/* A function whose body is one journey. The compiler makes no copies of it. */
#define FUNCTION static __attribute__((noinline, noclone)) void

#ifdef __x86_64__
typedef Elf64_Ehdr ehdr;
typedef Elf64_Phdr phdr;
typedef Elf64_Dyn dyn;
typedef Elf64_Sym sym;
#define CLOBBERS "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "rbx", "memory", "cc"

FUNCTION getpid_syscall(void)
{
	asm volatile(JOURNEY("getpid_syscall", "mov $39, %%eax\n\tsyscall") : : : "rax", CLOBBERS);
}

FUNCTION getpid_int80(void)
{
	asm volatile(JOURNEY("getpid_int80", "mov $20, %%eax\n\tint $0x80") : : : "rax", CLOBBERS);
}

FUNCTION write_syscall(void)
{
	asm volatile(JOURNEY("write_syscall", "mov $1, %%eax\n\tmov $1, %%edi\n\tmov $journey_hello, %%esi\n\t"
					      "mov $5, %%edx\n\tsyscall")
		:
		:
		: "rax", CLOBBERS);
}

FUNCTION write_int80(void)
{
	asm volatile(JOURNEY("write_int80", "mov $4, %%eax\n\tmov $1, %%ebx\n\tmov $journey_hello, %%ecx\n\t"
					    "mov $5, %%edx\n\tint $0x80")
		:
		:
		: "rax", CLOBBERS);
}

/* Address 8 is never mapped. */
FUNCTION bad_pointer(void)
{
	asm volatile(JOURNEY("bad_pointer", "mov $1, %%eax\n\tmov $1, %%edi\n\tmov $8, %%esi\n\t"
					    "mov $5, %%edx\n\tsyscall")
		:
		:
		: "rax", CLOBBERS);
}

FUNCTION unknown_number(void)
{
	asm volatile(JOURNEY("unknown_number", "mov $5000, %%eax\n\tsyscall") : : : "rax", CLOBBERS);
}

/* tgkill: the signal is the caller's own, and its handler runs before the call returns. */
FUNCTION send_signal(long process, long thread)
{
	long number = SYS_tgkill;

	asm volatile(JOURNEY("signal", "mov $10, %%edx\n\tsyscall")
		: "+a"(number), "+D"(process), "+S"(thread)
		:
		: "rcx", "rdx", "r11", "memory");
}

FUNCTION yield(void)
{
	asm volatile(JOURNEY("switch", "mov $24, %%eax\n\tsyscall") : : : "rax", CLOBBERS);
}

/* Calls a function of the vDSO with up to two arguments. */
#define VDSO(name)                                                                                                     \
	FUNCTION name(void *function, long first, void *second)                                                        \
	{                                                                                                              \
		asm volatile(JOURNEY(#name, "call *%%rax")                                                             \
			: "+a"(function), "+D"(first), "+S"(second)                                                    \
			:                                                                                              \
			: "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");                                     \
	}
#define GETTIME "clock_gettime"
#else
typedef Elf32_Ehdr ehdr;
typedef Elf32_Phdr phdr;
typedef Elf32_Dyn dyn;
typedef Elf32_Sym sym;
#define CLOBBERS "eax", "ebx", "ecx", "edx", "memory", "cc"

static unsigned long vsyscall __asm__("journey_vsyscall");

FUNCTION getpid_int80(void)
{
	asm volatile(JOURNEY("getpid_int80", "mov $20, %%eax\n\tint $0x80") : : : CLOBBERS);
}

/* By SYSENTER or SYSCALL: the vDSO has the one that the CPU has. */
FUNCTION getpid_vsyscall(void)
{
	asm volatile(JOURNEY("getpid_vsyscall", "mov $20, %%eax\n\tcall *journey_vsyscall") : : : CLOBBERS);
}

FUNCTION write_int80(void)
{
	asm volatile(JOURNEY("write_int80", "mov $4, %%eax\n\tmov $1, %%ebx\n\tmov $journey_hello, %%ecx\n\t"
					    "mov $5, %%edx\n\tint $0x80")
		:
		:
		: CLOBBERS);
}

FUNCTION write_vsyscall(void)
{
	asm volatile(JOURNEY("write_vsyscall", "mov $4, %%eax\n\tmov $1, %%ebx\n\tmov $journey_hello, %%ecx\n\t"
					       "mov $5, %%edx\n\tcall *journey_vsyscall")
		:
		:
		: CLOBBERS);
}

FUNCTION bad_pointer(void)
{
	asm volatile(JOURNEY("bad_pointer", "mov $4, %%eax\n\tmov $1, %%ebx\n\tmov $8, %%ecx\n\t"
					    "mov $5, %%edx\n\tint $0x80")
		:
		:
		: CLOBBERS);
}

FUNCTION unknown_number(void)
{
	asm volatile(JOURNEY("unknown_number", "mov $5000, %%eax\n\tint $0x80") : : : CLOBBERS);
}

FUNCTION send_signal(long process, long thread)
{
	long number = SYS_tgkill;

	asm volatile(JOURNEY("signal", "mov $10, %%edx\n\tint $0x80")
		: "+a"(number)
		: "b"(process), "c"(thread)
		: "edx", "memory");
}

FUNCTION yield(void)
{
	asm volatile(JOURNEY("switch", "mov $158, %%eax\n\tint $0x80") : : : CLOBBERS);
}

#define VDSO(name)                                                                                                     \
	FUNCTION name(void *function, long first, void *second)                                                        \
	{                                                                                                              \
		asm volatile("push %[second]\n\tpush %[first]\n" JOURNEY(#name, "call *%%eax") "add $8, %%esp"         \
			: "+a"(function)                                                                               \
			: [first] "r"(first), [second] "r"(second)                                                     \
			: "ecx", "edx", "memory", "cc");                                                               \
	}
#define GETTIME "clock_gettime64"
#endif

VDSO(vdso_gettime)
VDSO(vdso_coarse)
VDSO(vdso_gettime_fallback)
VDSO(vdso_getres)
VDSO(vdso_getres_fallback)
VDSO(vdso_gettimeofday)
VDSO(vdso_time)
VDSO(vdso_getcpu)

FUNCTION page_fault(char *page)
{
	asm volatile(JOURNEY("page_fault", "movb $1, (%0)") : : "r"(page) : "memory");
}

FUNCTION ptrace_stop(void)
{
	asm volatile(JOURNEY("ptrace_stop", "int3") : : : "memory");
}

/* The address of a function of the vDSO, by its dynamic symbols. */
static void *vdso_function(const char *name)
{
	char *base = (char *)journey_vdso;
	const ehdr *header = (ehdr *)base;
	const phdr *segment = (phdr *)(base + header->e_phoff);
	const dyn *entry = NULL;
	const sym *symbols = NULL;
	const char *names = NULL;
	const unsigned *hash = NULL;

	for (int i = 0; i < header->e_phnum; i++)
		if (segment[i].p_type == PT_DYNAMIC)
			entry = (dyn *)(base + segment[i].p_vaddr);
	for (; entry && entry->d_tag != DT_NULL; entry++) {
		void *at = base + entry->d_un.d_ptr;

		if (entry->d_tag == DT_SYMTAB)
			symbols = at;
		else if (entry->d_tag == DT_STRTAB)
			names = at;
		else if (entry->d_tag == DT_HASH)
			hash = at;
	}
	/* The second word of DT_HASH is the number of symbols. */
	for (unsigned i = 0; symbols && names && hash && i < hash[1]; i++)
		if (!strcmp(names + symbols[i].st_name, name))
			return base + symbols[i].st_value;
	return NULL;
}

/* Makes a journey through a function of the vDSO, if this kernel's has it. */
static void vdso_call(void (*journey)(void *, long, void *), const char *name, long first, void *second)
{
	void *function = journey_vdso ? vdso_function(name) : NULL;

	if (function)
		journey(function, first, second);
}

static void vdso_calls(void)
{
	struct timespec time[2];
	const char *gettime = "__vdso_" GETTIME, *getres = "__vdso_clock_getres";

	vdso_call(vdso_gettime, gettime, CLOCK_MONOTONIC, time);
	vdso_call(vdso_coarse, gettime, CLOCK_MONOTONIC_COARSE, time);
	vdso_call(vdso_gettime_fallback, gettime, CLOCK_PROCESS_CPUTIME_ID, time);
	vdso_call(vdso_getres, getres, CLOCK_MONOTONIC, time);
	vdso_call(vdso_getres_fallback, getres, CLOCK_PROCESS_CPUTIME_ID, time);
	vdso_call(vdso_gettimeofday, "__vdso_gettimeofday", (long)time, NULL);
	vdso_call(vdso_time, "__vdso_time", (long)time, NULL);
	vdso_call(vdso_getcpu, "__vdso_getcpu", (long)time, NULL);
}

static void handler(int signal)
{
	(void)signal;
}

/* Two processes yield to each other. */
static void switches(void)
{
	int child = fork();

	for (int i = 0; i < 4; i++)
		yield();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

/* A child stops at INT3, and its tracer lets it go on. */
static void stops(void)
{
	int status, child = fork();

	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		ptrace_stop();
		ptrace_stop();
		_exit(0);
	}
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, child, NULL, NULL);
}

/* Linux has its symbols in /proc. */
FUNCTION read_symbols(void)
{
	long count;
	int file;

	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	file = open("/proc/kallsyms", O_RDONLY);
	while (file >= 0 && journey_symbols_len < sizeof journey_symbols &&
		(count = read(file, journey_symbols + journey_symbols_len,
			 sizeof journey_symbols - journey_symbols_len)) > 0)
		journey_symbols_len += count;
	asm volatile(JOURNEY("symbols", "nop") : : : "memory");
}

int main(void)
{
	/* A kernel may map pages near a touched one too. */
	enum { APART = 4 << 20, ROUNDS = 2 };
	char *pages = mmap(NULL, ROUNDS * APART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	journey_vdso = getauxval(AT_SYSINFO_EHDR);
#ifdef __i386__
	vsyscall = getauxval(AT_SYSINFO);
#endif
	signal(SIGUSR1, handler);
	for (int round = 0; round < ROUNDS; round++) {
		getpid_int80();
		write_int80();
#ifdef __x86_64__
		getpid_syscall();
		write_syscall();
#else
		if (vsyscall) {
			getpid_vsyscall();
			write_vsyscall();
		}
#endif
		bad_pointer();
		unknown_number();
		send_signal(getpid(), syscall(SYS_gettid));
		page_fault(pages + round * APART);
		vdso_calls();
	}
	switches();
	stops();
	read_symbols();
	return 0;
}
