/* For exec_elf.c: makes ELF files of either width from a description, runs them, and prints the results. */
#ifndef EXEC_ELF_H
#define EXEC_ELF_H
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.h"

#define PLACE "/tmp/exec-elf"

enum { HEADERS = 6, CODE_AT = 0x200, SIZE = 0x1000 };

struct segment {
	uint32_t type, flags;
	uint64_t offset, address, in_file, in_memory, align;
};

/* Description of an ELF file. */
struct elf {
	int is_wide, type, machine, count;
	uint64_t entry;
	struct segment segments[HEADERS];
	/* The file's size, and the code's offset. */
	size_t size, code_at;
	const char *text;
	size_t text_at;
	const unsigned char *code;
	size_t code_size;
};

/* exit(42), in the instructions of either width. */
static const unsigned char exit32[] = {0x31, 0xc0, 0x40, 0xbb, 42, 0, 0, 0, 0xcd, 0x80};
static const unsigned char exit64[] = {0xb8, 60, 0, 0, 0, 0xbf, 42, 0, 0, 0, 0x0f, 0x05};
/* exit(42), copied onto the stack and called there. */
static const unsigned char on_stack32[] = {
	0x68, 0xcd, 0x80, 0x90, 0x90, /* push int 0x80 */
	0x68, 42, 0, 0, 0, /* push, the end of mov ebx, 42 */
	0x68, 0x31, 0xc0, 0x40, 0xbb, /* push xor eax, eax; inc eax; mov ebx */
	0xff, 0xe4 /* jmp esp */
};
static const unsigned char on_stack64[] = {0x68, 0x0f, 0x05, 0x90, 0x90, /* push syscall */
	/* mov rax; push rax: push 60; pop rax; push 42; pop rdi; then jmp rsp */
	0x48, 0xb8, 0x6a, 60, 0x58, 0x6a, 42, 0x5f, 0x90, 0x90, 0x50, 0xff, 0xe4};
/* Touches the byte at 0x10c000 (a page past the end of the file), then exits. */
static const unsigned char touch32[] = {0xa0, 0x00, 0xc0, 0x10, 0x00, 0x31, 0xc0, 0x40, 0xbb, 42, 0, 0, 0, 0xcd, 0x80};
static const unsigned char touch64[] = {
	0x8a, 0x04, 0x25, 0x00, 0xc0, 0x10, 0x00, 0xb8, 60, 0, 0, 0, 0xbf, 42, 0, 0, 0, 0x0f, 0x05};

#define CODE(elf, name)                                                                                                \
	((elf)->code = (elf)->is_wide ? name##64 : name##32,                                                           \
		(elf)->code_size = (elf)->is_wide ? sizeof name##64 : sizeof name##32)

/* A valid program: one segment with code that exits with 42. */
static struct elf sound(int is_wide)
{
	struct elf elf = {
		.is_wide = is_wide,
		.type = ET_EXEC,
		.machine = is_wide ? EM_X86_64 : EM_386,
		.count = 1,
		.entry = 0x100000 + CODE_AT,
		.size = SIZE,
		.code_at = CODE_AT,
		.segments = {{PT_LOAD, PF_R | PF_X, 0, 0x100000, SIZE, SIZE, 0x1000}},
	};
	CODE(&elf, exit);
	return elf;
}

/* Adds PT_GNU_STACK with these flags; 0: no such header. */
static void stack(struct elf *elf, int flags)
{
	if (flags)
		elf->segments[elf->count++] = (struct segment){PT_GNU_STACK, flags, 0, 0, 0, 0, 16};
}

static unsigned char image[0x4000];

static size_t make(const struct elf *elf)
{
	memset(image, 0, sizeof image);
	if (elf->is_wide) {
		Elf64_Ehdr head = {.e_type = elf->type,
			.e_machine = elf->machine,
			.e_version = 1,
			.e_entry = elf->entry,
			.e_phoff = sizeof head,
			.e_ehsize = sizeof head,
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = elf->count};
		memcpy(head.e_ident, ELFMAG "\2\1\1", 7);
		memcpy(image, &head, sizeof head);
		for (int i = 0; i < elf->count; i++) {
			const struct segment *s = &elf->segments[i];
			Elf64_Phdr segment = {s->type, s->flags, s->offset, s->address, s->address, s->in_file,
				s->in_memory, s->align};
			memcpy(image + sizeof head + i * sizeof segment, &segment, sizeof segment);
		}
	} else {
		Elf32_Ehdr head = {.e_type = elf->type,
			.e_machine = elf->machine,
			.e_version = 1,
			.e_entry = elf->entry,
			.e_phoff = sizeof head,
			.e_ehsize = sizeof head,
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = elf->count};
		memcpy(head.e_ident, ELFMAG "\1\1\1", 7);
		memcpy(image, &head, sizeof head);
		for (int i = 0; i < elf->count; i++) {
			const struct segment *s = &elf->segments[i];
			Elf32_Phdr segment = {s->type, s->offset, s->address, s->address, s->in_file, s->in_memory,
				s->flags, s->align};
			memcpy(image + sizeof head + i * sizeof segment, &segment, sizeof segment);
		}
	}
	memcpy(image + elf->code_at, elf->code, elf->code_size);
	if (elf->text)
		memcpy(image + elf->text_at, elf->text, strlen(elf->text) + 1);
	return elf->size;
}

static void file(const char *name, const void *bytes, size_t length)
{
	unlink(name);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length) {
		perror(name);
		exit(1);
	}
	close(fd);
}

static uid_t user;
static unsigned long persona;

/* Runs the file; returns its exit status, the error, or the signal as a text. */
static const char *run(const char *name)
{
	static char text[64];
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		exit(1);
	pid_t child = fork();
	if (child == 0) {
		/* Random headers may lead into an endless loop. */
		setrlimit(RLIMIT_CPU, &(struct rlimit){2, 2});
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		if (user)
			setuid(user);
		if (persona)
			personality(persona);
		execve(name, (char *[]){"x", NULL}, (char *[]){NULL});
		int error = errno;
		_exit(write(ends[1], &error, sizeof error) > 0);
	}
	close(ends[1]);
	int error = 0, status;
	ssize_t got = read(ends[0], &error, sizeof error);
	close(ends[0]);
	waitpid(child, &status, 0);
	if (got > 0)
		snprintf(text, sizeof text, "%s", strerrorname_np(error));
	else if (WIFEXITED(status))
		snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
	else
		snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
	return text;
}

static void attempt(const struct elf *elf, const char *label)
{
	file("x", image, make(elf));
	printf("%d-bit, %s: %s\n", elf->is_wide ? 64 : 32, label, run("x"));
}
#endif
