/* covers: kernel/src/vm/ kernel/src/arch/ */
/* Protection keys: pkey_alloc, pkey_free, pkey_mprotect, accesses that PKRU denies and their
   siginfo, inheritance, PKRU in signal frames and for tracers, and execute-only memory. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096
#define NO_ACCESS 1
#define NO_WRITE 2

static const char *err(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}
static long alloc_key(unsigned long flags, unsigned long rights)
{
	return syscall(SYS_pkey_alloc, flags, rights);
}
static long free_key(int key)
{
	return syscall(SYS_pkey_free, key);
}
static long protect(void *at, size_t len, int prot, int key)
{
	return syscall(SYS_pkey_mprotect, at, len, prot, key);
}

static unsigned rights(void)
{
	unsigned eax, edx;
	__asm__ volatile("rdpkru" : "=a"(eax), "=d"(edx) : "c"(0));
	return eax;
}

static void set_rights(unsigned value)
{
	__asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

static void deny(int key, unsigned what)
{
	set_rights((rights() & ~(3u << 2 * key)) | what << 2 * key);
}

static char *page(void)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static sigjmp_buf back;
static unsigned in_handler, in_frame;
static int offset_of_rights, returns;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	in_handler = rights();
	ucontext_t *uc = context;
#ifdef __x86_64__
	char *area = (char *)uc->uc_mcontext.fpregs;
	int error = uc->uc_mcontext.gregs[REG_ERR];
#else
	char *area = (char *)uc->uc_mcontext.fpregs + 112;
	int error = uc->uc_mcontext.gregs[REG_ERR];
#endif
	memcpy(&in_frame, area + offset_of_rights, 4);
	if (returns) {
		unsigned open = 0x50;
		memcpy(area + offset_of_rights, &open, 4);
		return;
	}
	printf("signal %d code %d key %d error %#x", signo, info->si_code, info->si_code == 4 ? info->si_pkey : 0,
		error);
	siglongjmp(back, 1);
}

static void touch(const char *what, volatile char *at, int write)
{
	unsigned before = rights();
	printf("%s: ", what);
	if (sigsetjmp(back, 1) == 0) {
		if (write)
			*at = 1;
		else
			(void)*at;
		printf("done\n");
		return;
	}
	// The handler's PKRU is discarded.
	printf(" rights %#x, in the handler %#x, saved %#x\n", rights(), in_handler, in_frame);
	set_rights(before);
}

static void calls(void)
{
	printf("flags %s", err(alloc_key(1, 0)));
	printf(" rights %s", err(alloc_key(0, 4)));
	for (int key = -1; key < 18; key += key == 1 ? 14 : 2)
		printf(" free %d %s", key, err(free_key(key)));
	printf("\n");
	printf("taken:");
	for (int i = 0; i < 16; i++) {
		long key = alloc_key(0, i & 3);
		printf(" %ld", key);
		if (key < 0)
			printf(" %s", err(key));
	}
	printf("\nrights %#x\n", rights());
	printf("back 5 %s", err(free_key(5)));
	printf(" again %s", err(free_key(5)));
	printf(", then %ld\n", alloc_key(0, NO_WRITE));
	printf("rights %#x\n", rights());
	for (int key = 1; key < 16; key++)
		free_key(key);
	printf("rights %#x\n", rights());
	char *at = page();
	for (int key = -2; key < 18; key++) {
		long got = protect(at, PAGE, PROT_READ, key);
		if (got == 0 || key < 3 || key > 15)
			printf("mprotect with %d: %s\n", key, err(got));
	}
	printf("nothing of a key that isn't taken %s\n", err(protect(at, 0, PROT_READ, 9)));
	printf("hole %s\n", err(protect((void *)0x1000, PAGE, PROT_READ, 0)));
	munmap(at, PAGE);
}

static void denials(void)
{
	int key = alloc_key(0, 0);
	char *at = page(), *fresh = page();
	printf("key %d: %s", key, err(protect(at, PAGE, PROT_READ | PROT_WRITE, key)));
	printf(" %s\n", err(protect(fresh, PAGE, PROT_READ | PROT_WRITE, key)));
	touch("write", at, 1);
	deny(key, NO_WRITE);
	touch("read", at, 0);
	touch("write", at, 1);
	touch("fresh read", fresh, 0);
	deny(key, NO_ACCESS);
	touch("read", at, 0);
	touch("write", at, 1);
	char *third = page();
	protect(third, PAGE, PROT_READ | PROT_WRITE, key);
	touch("one never touched", third, 0);
	protect(third, PAGE, PROT_NONE, key);
	touch("without rights to it anyway", third, 0);
	deny(key, 0);
	touch("open, without rights", third, 0);
	protect(third, PAGE, PROT_READ, key);
	touch("read-only", third, 1);
	deny(key, NO_ACCESS);
	// A handler that allows access and returns.
	returns = 1;
	printf("handler");
	(void)*(volatile char *)at;
	printf(" returned, rights %#x\n", rights());
	returns = 0;
	set_rights(0x55555554);
	// The kernel's accesses to user memory obey PKRU.
	int zero = open("/proc/self/stat", O_RDONLY), pipes[2];
	if (pipe(pipes))
		return;
	printf("read into it %s", err(read(zero, at, 8)));
	printf(" write from it %s", err(write(pipes[1], at, 8)));
	struct iovec mine = {&zero, 4}, its = {at, 4};
	printf(" another's way %s", err(syscall(SYS_process_vm_readv, getpid(), &mine, 1, &its, 1, 0)));
	int memory = open("/proc/self/mem", O_RDWR);
	printf(" by /proc %s\n", err(pwrite(memory, "x", 1, (off_t)(uintptr_t)at)));
	// mprotect keeps the key; pkey_mprotect with key 0 removes it.
	printf("mprotect %s\n", err(mprotect(at, PAGE, PROT_READ | PROT_WRITE)));
	touch("still", at, 0);
	printf("key 0 %s\n", err(protect(at, PAGE, PROT_READ | PROT_WRITE, 0)));
	touch("now", at, 0);
	pid_t pid = fork();
	if (pid == 0) {
		printf("child %#x", rights());
		touch(" ", fresh, 0);
		printf("child's next key %ld\n", alloc_key(0, 0));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	printf("mine %ld\n", alloc_key(0, 0));
	char line[256];
	unsigned long from, to;
	int here = 0;
	FILE *smaps = fopen("/proc/self/smaps", "r");
	while (fgets(line, sizeof line, smaps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (unsigned long)fresh && (unsigned long)fresh < to;
		if (here && !strncmp(line, "ProtectionKey", 13))
			printf("%s", line);
	}
	fclose(smaps);
	// A mapping keeps its key when it is moved or split.
	char *two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	protect(two + PAGE, PAGE, PROT_READ | PROT_WRITE, key);
	touch("below", two, 1);
	touch("above", two + PAGE, 1);
	two = mremap(two + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	touch("moved", two, 1);
	touch("grown", two + PAGE, 1);
	set_rights(0x55555554);
	free_key(key), free_key(key + 1);
}

// mov eax, 42; ret
static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};

static void only_executed(void)
{
	char *at = page();
	memcpy(at, code, sizeof code);
	printf("rights %#x\n", rights());
	printf("mprotect %s\n", err(mprotect(at, PAGE, PROT_EXEC)));
	printf("rights %#x runs %d\n", rights(), ((int (*)(void))at)());
	touch("read", at, 0);
	touch("write", at, 1);
	printf("its key %s", err(protect(at, PAGE, PROT_EXEC, 1)));
	printf(" free %s", err(free_key(1)));
	printf(" next %ld\n", alloc_key(0, 0));
	char *second = mmap(NULL, PAGE, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	touch("by mmap", second, 0);
	deny(1, 0);
	touch("opened", second, 0);
	mprotect(second, PAGE, PROT_EXEC);
	printf("rights %#x\n", rights());
	printf("readable again %s\n", err(mprotect(at, PAGE, PROT_READ | PROT_EXEC)));
	touch("read", at, 0);
	// With an explicit key, the mapping has that key.
	printf("with a key %s\n", err(protect(second, PAGE, PROT_EXEC, 2)));
	touch("read", second, 0);
	printf("write from it %s\n", err(write(1, at, 0)));
	free_key(2);
}

static void frames(void)
{
	int key = alloc_key(0, NO_ACCESS);
	printf("key %d rights %#x\n", key, rights());
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(rights() == 0x12345670 ? 7 : rights() == 0 ? 8 : 9);
	}
	waitpid(pid, NULL, 0);
	static char area[16384] __attribute__((aligned(64)));
	for (int way = 0; way < 2; way++) {
		struct iovec vector = {area, sizeof area};
		printf("xstate %s", err(ptrace(PTRACE_GETREGSET, pid, 0x202, &vector)));
		unsigned value;
		uint64_t present;
		memcpy(&value, area + offset_of_rights, 4);
		memcpy(&present, area + 512, 8);
		printf(" rights %#x present %d\n", value, (int)(present >> 9 & 1));
		value = 0x12345670;
		memcpy(area + offset_of_rights, &value, 4);
		printf("set %s\n", err(ptrace(PTRACE_SETREGSET, pid, 0x202, &vector)));
	}
	ptrace(PTRACE_CONT, pid, 0, 0);
	int status;
	waitpid(pid, &status, 0);
	printf("status %#x\n", status);
	// execve resets PKRU to the default.
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		set_rights(0);
		execl("/proc/self/exe", "pkeys", "after", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && !strcmp(argv[1], "after")) {
		printf("after execve %#x,", rights());
		printf(" key %ld\n", alloc_key(0, 0));
		return 0;
	}
	if (getpid() == 1) {
		mkdir("/proc", 0755);
		mount("proc", "/proc", "proc", 0, NULL);
	}
	unsigned a, b, c = 0, d;
	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	printf("PKU %d OSPKE %d\n", c >> 3 & 1, c >> 4 & 1);
	if (!(c >> 4 & 1)) {
		printf("alloc %s", err(alloc_key(0, 0)));
		char *at = page();
		for (int key = -1; key < 2; key++) {
			printf(" mprotect %d %s", key, err(protect(at, PAGE, PROT_READ, key)));
			printf(" free %s", err(free_key(key)));
		}
		printf("\n");
		return 0;
	}
	__get_cpuid_count(0xd, 9, &a, &b, &c, &d);
	offset_of_rights = b;
	__get_cpuid_count(0xd, 0, &a, &b, &c, &d);
	printf("in XCR0 %d, a signal frame's room beside the area: %ld\n", a >> 9 & 1, (long)(getauxval(51) - b));
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &action, NULL);
	struct {
		const char *name;
		void (*run)(void);
	} parts[] = {{"calls", calls}, {"denials", denials}, {"only executed", only_executed}, {"frames", frames}};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		printf("== %s\n", parts[i].name);
		// Each part in a child: its allocated keys don't affect the next part.
		pid_t pid = fork();
		if (pid == 0) {
			parts[i].run();
			_exit(0);
		}
		int status;
		waitpid(pid, &status, 0);
		printf("status %#x\n", status);
	}
	return 0;
}
