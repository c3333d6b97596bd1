// write(2) with pointers of every kind: what the kernel makes of each.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int sink;

static void try(const char *what, void *from, unsigned long len)
{
	long result = write(sink, from, len);

	printf("%-38s", what);
	if (result < 0)
		printf(" %s\n", strerrorname_np(errno));
	else
		printf(" %ld\n", result);
}

int main(void)
{
	int ends[2];

	pipe(ends);
	sink = ends[1];
	// ANCHOR: tries
	/* Two pages, of which the program then gives the second one back. */
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(pages + 4096, 4096);

	try("5 bytes of the program", "Hello", 5);
	try("a page that was never touched", pages, 4096);
	try("5 bytes at address 8", (void *)8, 5);
	try("5 bytes of the kernel", (void *)0xffffffff80000000, 5);
	try("5 bytes at no canonical address", (void *)(1ul << 47), 5);
	try("32 bytes, past the last address", (void *)-16ul, 32);
	try("2 pages, the second one unmapped", pages, 8192);
	try("no bytes, of the kernel", (void *)0xffffffff80000000, 0);
	// ANCHOR_END: tries
}
