/* covers: kernel/src/process/ kernel/src/vm/ */
/* Malformed ELF files of both widths, made by this program: which of them run, and the error that
   execve returns for the others. An error found after the point of no return kills the process.

   Usage: exec_elf [CHANGES]: the number of random changes made to headers in addition. */
#include "exec_elf.h"

static void executable_data(int is_wide)
{
	static const int flags[] = {0, PF_R | PF_W, PF_R | PF_W | PF_X};
	static const char *const names[] = {"no PT_GNU_STACK", "stack not executable", "stack executable"};
	char label[64];
	for (int i = 0; i < 3; i++) {
		struct elf elf = sound(is_wide);
		elf.segments[0].flags = PF_R | PF_W;
		stack(&elf, flags[i]);
		snprintf(label, sizeof label, "code in data, %s", names[i]);
		attempt(&elf, label);
		persona = READ_IMPLIES_EXEC;
		attempt(&elf, "with READ_IMPLIES_EXEC");
		persona = 0;
		elf.segments[0].flags = PF_R;
		attempt(&elf, "in read-only data");
		elf.segments[0].flags = PF_W;
		attempt(&elf, "in a write-only segment");
		elf = sound(is_wide);
		stack(&elf, flags[i]);
		CODE(&elf, on_stack);
		attempt(&elf, "code on the stack");
	}
}

static void odd_sizes(int is_wide)
{
	struct elf elf = sound(is_wide);
	attempt(&elf, "sound");
	elf.size = CODE_AT + 32;
	attempt(&elf, "the file ends in the segment's first page");
	elf.segments[0].in_file = elf.segments[0].in_memory = 0x10000;
	attempt(&elf, "the segment extends past the end of the file");
	CODE(&elf, touch);
	attempt(&elf, "and is accessed there");
	elf = sound(is_wide);
	elf.segments[0].in_memory = 0xd000;
	elf.segments[0].flags |= PF_W;
	CODE(&elf, touch);
	attempt(&elf, "zeros after the file's part");
	elf.segments[0].flags &= ~PF_W;
	elf.segments[0].in_file = SIZE - 8;
	attempt(&elf, "zeros after a read-only part");
	elf = sound(is_wide);
	elf.segments[0].in_file = SIZE + 1;
	attempt(&elf, "more in the file than in memory");
	elf = sound(is_wide);
	elf.segments[0].offset = 1;
	attempt(&elf, "not congruent");
	elf = sound(is_wide);
	elf.segments[elf.count++] = (struct segment){PT_LOAD, PF_R | PF_W, 0, 0x200000, 0, 0x2000, 0x1000};
	attempt(&elf, "a segment of zeros");
	elf.segments[1].address = 0x200123;
	elf.segments[1].offset = 0x123;
	attempt(&elf, "at an odd address");
	elf.segments[1].in_memory = 0;
	elf.segments[1].address = 0x200000;
	attempt(&elf, "of size 0");
	elf.segments[1] = elf.segments[0];
	attempt(&elf, "the same segment twice");
	elf.segments[1].address = 0x80000;
	elf.segments[1].in_memory = 0x1000;
	attempt(&elf, "not in ascending order");
	elf.segments[0].type = PT_NULL;
	attempt(&elf, "without a segment for the code");
	elf.count = 0;
	attempt(&elf, "without any headers");
	elf = sound(is_wide);
	elf.machine = 6;
	attempt(&elf, "for the 486");
	elf.machine = EM_ARM;
	attempt(&elf, "for another machine");
	elf = sound(is_wide);
	elf.type = ET_REL;
	attempt(&elf, "an object file");
	elf.type = ET_CORE;
	attempt(&elf, "a core file");
}

static void places(int is_wide)
{
	/* The result of addresses between these depends on vm.mmap_min_addr. */
	static const struct {
		uint64_t address;
		uid_t user;
	} low[] = {{0, 0}, {0x1000, 0}, {0xf000, 0}, {0, 1000}, {0x10000, 1000}};
	uint64_t top = is_wide ? 0x7ffffffff000 : 0xffffe000;
	char label[64];
	for (size_t i = 0; i < sizeof low / sizeof *low; i++) {
		struct elf elf = sound(is_wide);
		elf.segments[0].address = low[i].address;
		elf.entry = low[i].address + CODE_AT;
		user = low[i].user;
		snprintf(label, sizeof label, "at %#llx, user %d", (long long)low[i].address, user);
		attempt(&elf, label);
	}
	user = 0;
	/* With 57-bit addresses the 64-bit limit doesn't exist. */
	for (int i = -3; i < (is_wide ? 0 : 3); i++) {
		struct elf elf = sound(is_wide);
		elf.segments[0].address = top + i * 0x1000LL;
		elf.entry = elf.segments[0].address + CODE_AT;
		snprintf(label, sizeof label, "relocatable, %d pages from the top", i);
		elf.type = ET_DYN;
		attempt(&elf, label);
	}
	static const int aligns[] = {0, 1, 3, 12, 13, 21, 30, 46, 47, 48, 62, 63};
	for (size_t i = 0; i < sizeof aligns / sizeof *aligns; i++) {
		struct elf elf = sound(is_wide);
		elf.type = ET_DYN;
		elf.segments[0].align = aligns[i] == 3 ? 3 : 1ull << aligns[i];
		snprintf(label, sizeof label, "relocatable, aligned to 2^%d", aligns[i]);
		attempt(&elf, label);
	}
	struct elf elf = sound(is_wide);
	elf.entry = top;
	attempt(&elf, "an entry past the top");
	elf.entry = 0x300000;
	attempt(&elf, "an unmapped entry");
	elf.entry = -1;
	attempt(&elf, "an entry at the end");
	elf = sound(is_wide);
	elf.segments[0].in_memory = top;
	attempt(&elf, "larger than the address space");
}

static void interpreters(int is_wide)
{
	static const struct {
		const char *name;
		int size;
	} rows[] = {{"good", 0}, {"relocatable", 0}, {"other", 0}, {"/nowhere", 0}, {"/nowhere/x", 0}, {"/tmp", 0},
		{"", 2}, {"plain", 0}, {"empty", 0}, {"short", 0}, {"garbage", 0}, {"script", 0}, {"object", 0},
		{"headless", 0}, {"own", 0}, {"good", 1}, {"good", 4}, {"good", 12}, {"good", 4096}, {"good", 4097},
		{"good", SIZE}, {"good", 1 << 20}};
	char label[64];
	struct elf elf = sound(is_wide);
	elf.entry = elf.segments[0].address = 0x400000;
	elf.entry += CODE_AT;
	file("good", image, make(&elf));
	file("short", image, 40);
	file("plain", image, SIZE);
	chmod("plain", 0644);
	elf.count = 2;
	elf.segments[1] = (struct segment){PT_INTERP, PF_R, 0x300, 0, 9, 9, 1};
	elf.text = "/nowhere";
	elf.text_at = 0x300;
	file("own", image, make(&elf));
	elf.segments[0].type = PT_NOTE;
	elf.count = 0;
	file("headless", image, make(&elf));
	elf = sound(is_wide);
	elf.type = ET_DYN;
	elf.segments[0].address = 0;
	elf.entry = CODE_AT;
	file("relocatable", image, make(&elf));
	elf.type = ET_REL;
	file("object", image, make(&elf));
	elf = sound(!is_wide);
	elf.entry = elf.segments[0].address = 0x400000;
	elf.entry += CODE_AT;
	file("other", image, make(&elf));
	memset(image, 'g', SIZE);
	file("garbage", image, SIZE);
	file("empty", "", 0);
	file("script", "#!" PLACE "/good\n                                                            ", 70);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		elf = sound(is_wide);
		/* An invalid entry: the interpreter's code must run. */
		elf.entry = 1;
		elf.count = 2;
		elf.text = rows[i].name;
		elf.text_at = 0x300;
		int size = rows[i].size ? rows[i].size : (int)strlen(rows[i].name) + 1;
		elf.segments[1] = (struct segment){PT_INTERP, PF_R, 0x300, 0, size, size, 1};
		snprintf(label, sizeof label, "interpreter \"%s\", %d bytes", rows[i].name, size);
		attempt(&elf, label);
		elf.type = ET_DYN;
		elf.segments[0].address = 0;
		attempt(&elf, "of a relocatable program");
	}
	elf.segments[1].in_file = 5;
	elf.segments[1].offset = 0x30000;
	attempt(&elf, "an interpreter's name past the end");
	elf.segments[1].offset = 0x300;
	elf.segments[2] = (struct segment){PT_INTERP, PF_R, 0, 0, 1, 1, 1};
	elf.count = 3;
	attempt(&elf, "a second interpreter");
	elf.segments[0].type = PT_NULL;
	attempt(&elf, "nothing but an interpreter");
}

/* The 45 bytes of a program whose program header overlaps its file header. */
static void smallest(void)
{
	static const unsigned char bytes[] =
		"\x7f"
		"ELF\1\0\0\0\0\0\0\0\0\0\1\0\2\0\3\0\x20\0\1\0\x20\0\1\0\4\0\0\0\xb3\x2a\x31\xc0\x40\xcd\x80\0\x34\0\x20\0\1";
	for (int size = 45; size > 40; size--) {
		file("x", bytes, size);
		printf("the first %d bytes of the smallest: %s\n", size, run("x"));
	}
}

/* Whether versions of Linux treat a byte differently: segments with more memory than file bytes, and
   addresses of 57 bits. */
static int differs(int is_wide, int at)
{
	int head = is_wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr),
	    size = is_wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	int field = (at - head) % size;
	if (at < head)
		return 0;
	return is_wide ? (field >= 32 && field < 48) || field == 22 || field == 23 : field >= 16 && field < 24;
}

static void random_changes(int is_wide, int count)
{
	static const unsigned char values[] = {0, 1, 2, 3, 4, 0x10, 0x7f, 0x80, 0xff};
	int head = is_wide ? sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr) : sizeof(Elf32_Ehdr) + 3 * sizeof(Elf32_Phdr);
	for (int i = 0; i < count; i++) {
		struct elf elf = sound(is_wide);
		elf.type = below(2) ? ET_EXEC : ET_DYN;
		elf.segments[elf.count++] = (struct segment){PT_LOAD, PF_R | PF_W, 0x1000, 0x102000, 0, 0x3000, 0x1000};
		stack(&elf, ONE_OF(((const int[]){0, PF_R | PF_W, PF_R | PF_W | PF_X})));
		size_t size = make(&elf);
		printf("%d-bit, change %d,", is_wide ? 64 : 32, i);
		for (int change = below(2); change >= 0; change--) {
			int at;
			do
				at = 4 + below(head - 4);
			while (differs(is_wide, at));
			image[at] = one_in(2) ? ONE_OF(values) : next_random();
			printf(" [%d] = %#x", at, image[at]);
		}
		file("x", image, size);
		printf(": %s\n", run("x"));
	}
}

int main(int argc, char **argv)
{
	mkdir("/tmp", 01777);
	mkdir(PLACE, 0755);
	if (chdir(PLACE))
		return 1;
	/* One run at a time: the files contain this directory's path. */
	flock(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), LOCK_EX);
	smallest();
	for (int is_wide = 0; is_wide < 2; is_wide++) {
		executable_data(is_wide);
		odd_sizes(is_wide);
		places(is_wide);
		interpreters(is_wide);
	}
	seed_random(11);
	for (int is_wide = 0; is_wide < 2; is_wide++)
		random_changes(is_wide, argc > 1 ? atoi(argv[1]) : 400);
	return 0;
}
