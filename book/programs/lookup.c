// Finds a function of the vDSO without any library's help, as musl's __vdsosym does, and calls it.
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *strings;
static ElfW(Verdef) * definitions;

// The name of version `index`.
static const char *version_name(unsigned index)
{
	char *at = (char *)definitions;
	for (;;) {
		ElfW(Verdef) *def = (void *)at;
		if (def->vd_ndx == index)
			return strings + ((ElfW(Verdaux) *)(at + def->vd_aux))->vda_name;
		if (!def->vd_next)
			return "?";
		at += def->vd_next;
	}
}

// ANCHOR: find
static void *find(const char *wanted, const char *version)
{
	char *image = (char *)getauxval(AT_SYSINFO_EHDR);
	ElfW(Ehdr) *header = (void *)image;
	ElfW(Phdr) *segment = (void *)(image + header->e_phoff);
	char *base = NULL;
	ElfW(Dyn) *dynamic = NULL;
	for (int i = 0; i < header->e_phnum; i++) {
		if (segment[i].p_type == PT_LOAD)
			base = image + segment[i].p_offset - segment[i].p_vaddr;
		if (segment[i].p_type == PT_DYNAMIC)
			dynamic = (void *)(image + segment[i].p_offset);
	}
	// ANCHOR_END: find
	// ANCHOR: tables
	ElfW(Sym) *symbols = NULL;
	unsigned *hash = NULL;
	unsigned short *versions = NULL;
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		void *table = base + dynamic->d_un.d_ptr;
		switch (dynamic->d_tag) {
		case DT_STRTAB: strings = table; break;
		case DT_SYMTAB: symbols = table; break;
		case DT_HASH: hash = table; break;
		case DT_VERSYM: versions = table; break;
		case DT_VERDEF: definitions = table; break;
		}
	}
	// ANCHOR_END: tables
	// ANCHOR: search
	void *found = NULL;
	unsigned count = hash[1]; // the second word of DT_HASH: the number of symbols
	for (unsigned i = 1; i < count; i++) {
		const char *name = strings + symbols[i].st_name;
		const char *has = version_name(versions[i] & 0x7fff);
		int is_it = !strcmp(name, wanted) && !strcmp(has, version);
		if (is_it)
			found = base + symbols[i].st_value;
		printf("%2u  %s, version %s%s\n", i, name, has, is_it ? "   <- this one" : "");
	}
	return found;
	// ANCHOR_END: search
}

int (*gettime)(clockid_t, struct timespec *);

static long nanos(struct timespec time)
{
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

// Called once the function is found; a place to stop.
__attribute__((noinline)) void use(void)
{
	// ANCHOR: use
	struct timespec first, second, third;
	gettime(CLOCK_MONOTONIC, &first);                     // no door
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &second); // a door
	gettime(CLOCK_MONOTONIC, &third);                     // no door
	int in_order = nanos(first) <= nanos(second) && nanos(second) <= nanos(third);
	printf("by the vDSO, by a call, by the vDSO: %s\n", in_order ? "in order" : "NOT in order");
	// ANCHOR_END: use
}

int main(void)
{
	*(void **)&gettime = find("__vdso_clock_gettime", "LINUX_2.6");
	if (!gettime)
		return 1;
	use();
	return 0;
}
