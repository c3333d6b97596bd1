/* covers: kernel/src/vm/ kernel/src/syscall/ kernel/src/entry/ */
/* mremap of the 32-bit vDSO by a call through the vDSO's own entry (AT_SYSINFO): the call returns to the
   entry where it is now, and calls through the moved entry work. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __i386__

/* For the code below, which may use no memory but its stack and this. */
static struct {
	unsigned entry, moved_entry, base, size, to;
} vdso;

/* mremap by the old entry, getpid by the new one; then exit by INT 0x80: 7, or 8 if mremap fails, 9 if
   getpid does. */
__attribute__((naked, noreturn)) static void move(void)
{
	asm("mov vdso+8, %ebx\n"
	    "mov vdso+12, %ecx\n"
	    "mov %ecx, %edx\n"
	    "mov $3, %esi\n" /* MREMAP_MAYMOVE | MREMAP_FIXED */
	    "mov vdso+16, %edi\n"
	    "mov $163, %eax\n" /* mremap */
	    "call *vdso\n"
	    "mov $8, %ebx\n"
	    "cmp vdso+16, %eax\n"
	    "jne 1f\n"
	    "mov $20, %eax\n" /* getpid */
	    "call *vdso+4\n"
	    "mov $9, %ebx\n"
	    "test %eax, %eax\n"
	    "jle 1f\n"
	    "mov $7, %ebx\n"
	    "1: mov $1, %eax\n"
	    "int $0x80\n"
	    "hlt");
}

static void find(void)
{
	unsigned from, to;
	char line[256];
	FILE *maps;

	/* As init of Linux. */
	mkdir("/proc", 0555);
	if (access("/proc/self", F_OK))
		mount("proc", "/proc", "proc", 0, NULL);
	maps = fopen("/proc/self/maps", "r");
	vdso.entry = getauxval(AT_SYSINFO);
	vdso.base = getauxval(AT_SYSINFO_EHDR);
	while (fgets(line, sizeof line, maps))
		if (sscanf(line, "%x-%x", &from, &to) == 2 && from == vdso.base)
			vdso.size = to - from;
	fclose(maps);
}

/* The place is mapped, which mremap replaces, or free. */
static void try(const char *what, int is_free)
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		vdso.to = (unsigned)mmap(NULL, vdso.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		vdso.moved_entry = vdso.entry - vdso.base + vdso.to;
		if (is_free)
			munmap((void *)vdso.to, vdso.size);
		move();
	}
	wait(&status);
	printf("%s: %s %d\n", what, WIFEXITED(status) ? "exit" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

int main(void)
{
	find();
	printf("found: %d %d\n", vdso.size > 0, vdso.entry - vdso.base < vdso.size);
	try("onto a mapping", 0);
	try("to a free place", 1);
	return 0;
}

#else
int main(void)
{
	return 0;
}
#endif
