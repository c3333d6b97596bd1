/* covers: kernel/src/entry/ */
/* Writes by the C library, and by INT 0x80: a debugger steps through the kernel meanwhile, and finds `main`
   below the stub at each instruction. */
#include <unistd.h>

static const char text[] = "written\n";

/* write(2) by INT 0x80, whose table is i386's in both widths. */
static __attribute__((noinline)) long write_int80(int file, const char *bytes, unsigned long count)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "0"(4L), "b"((long)file), "c"(bytes), "d"(count) : "memory");
	return result;
}

int main(void)
{
	const long length = sizeof text - 1;

	return write(1, text, length) != length || write_int80(1, text, length) != length;
}
