// What the kernel puts on the stack of a new program, word by word, from the lowest address up.
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct {
	unsigned long key;
	const char *name;
} names[] = {
	{AT_SYSINFO, "AT_SYSINFO"},
	{AT_SYSINFO_EHDR, "AT_SYSINFO_EHDR"},
	{51, "AT_MINSIGSTKSZ"},
	{AT_HWCAP, "AT_HWCAP"},
	{AT_PAGESZ, "AT_PAGESZ"},
	{AT_CLKTCK, "AT_CLKTCK"},
	{AT_PHDR, "AT_PHDR"},
	{AT_PHENT, "AT_PHENT"},
	{AT_PHNUM, "AT_PHNUM"},
	{AT_BASE, "AT_BASE"},
	{AT_FLAGS, "AT_FLAGS"},
	{AT_ENTRY, "AT_ENTRY"},
	{AT_UID, "AT_UID"},
	{AT_EUID, "AT_EUID"},
	{AT_GID, "AT_GID"},
	{AT_EGID, "AT_EGID"},
	{AT_SECURE, "AT_SECURE"},
	{AT_RANDOM, "AT_RANDOM"},
	{AT_HWCAP2, "AT_HWCAP2"},
	{AT_EXECFN, "AT_EXECFN"},
	{AT_PLATFORM, "AT_PLATFORM"},
	{27, "AT_RSEQ_FEATURE_SIZE"},
	{28, "AT_RSEQ_ALIGN"},
	{AT_NULL, "AT_NULL"},
};

static const char *name_of(unsigned long key)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].key == key)
			return names[i].name;
	return "?";
}

int main(int argc, char **argv)
{
	// ANCHOR: walk
  // argv is an address in that area: the word before it is argc.
	unsigned long *word = (unsigned long *)argv;
	printf("argc       %lu%s\n", word[-1],
		(uintptr_t)&word[-1] % 16 == 0 ? "  (its address is a multiple of 16)" : "");
	for (; *word; word++)
		printf("argv       %#lx  \"%s\"\n", *word, (char *)*word);
	printf("           0\n");
	for (word++; *word; word++)
		printf("envp       %#lx  \"%s\"\n", *word, (char *)*word);
	printf("           0\n");
	for (word++;; word += 2) {
		int is_text = word[0] == AT_EXECFN || word[0] == AT_PLATFORM;
		printf("auxv  %4lu %-20s %#lx%s%s\n", word[0], name_of(word[0]), word[1], is_text ? "  " : "",
			is_text ? (char *)word[1] : "");
		if (word[0] == AT_NULL)
			break;
	}
	// ANCHOR_END: walk
	printf("(%d argument%s)\n", argc, argc == 1 ? "" : "s");
	return 0;
}
