/* For the rights_caps_*.c programs: each attempt needs one capability. A caller with all others makes it, and
   a caller with only that one, both as uid 1000. */
#ifndef RIGHTS_ROWS_H
#define RIGHTS_ROWS_H
#include "rights.h"
#include <sys/sendfile.h>
#include <sys/xattr.h>

/* A process of root. */
static int other;

/* The call's other arguments are invalid: any error but EPERM means that the capability sufficed. */
static inline long any_error_but_eperm(long result)
{
	return result == -1 && errno != EPERM ? 0 : result;
}

#define ONE(cap) {CAP_##cap, CAP_##cap}, #cap
#define EITHER(a, b) {CAP_##a, CAP_##b}, #a " or " #b

struct row {
	int caps[2];
	const char *names, *what, *refusal;
	long (*attempt)(void);
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static inline void make_file(const char *name, unsigned uid, unsigned gid, unsigned mode)
{
	int fd = open(name, O_CREAT | O_RDWR, 0600);

	if (fd < 0 || fchown(fd, uid, gid) || fchmod(fd, mode))
		perror(name);
	close(fd);
}

/* Makes a set-user-ID copy of this program, owned by root. */
static inline void copy_of_this(const char *name)
{
	int from = open("/proc/self/exe", O_RDONLY);

	make_file(name, 0, 0, 0600);

	int to = open(name, O_WRONLY);

	if (sendfile(to, from, NULL, 1 << 30) <= 0 || fchmod(to, 04755))
		perror(name);
	close(to);
	close(from);
}

static inline void make_directory(const char *name, unsigned gid, unsigned mode)
{
	if (mkdir(name, 0700) || chown(name, 0, gid) || chmod(name, mode))
		perror(name);
}

/* Makes the attempt with these capabilities, after resetting the files. */
static inline void attempt(const struct row *row, uint64_t caps)
{
	static const char *lists[] = {"mine", "secret", "public", "foreign", "suid", "closed/new", "sgid/new", "dev",
		"closed/file", "sticky/file", "linked", "bin/low"};

	for (unsigned i = 0; i < COUNT(lists); i++)
		unlink(lists[i]);
	make_file("mine", 1000, 1000, 0644);
	make_file("secret", 0, 0, 0600);
	make_file("public", 0, 0, 0666);
	make_file("foreign", 1000, 50, 0664);
	make_file("suid", 0, 0, 04777);
	make_file("marked", 0, 0, 0666);
	setxattr("marked", "trusted.x", "y", 1, 0);
	make_file("closed/file", 0, 0, 0600);
	make_file("sticky/file", 0, 0, 0666);
	IN_A_CHILD
	{
		prctl(PR_SET_KEEPCAPS, 1);
		become(1000, 1000);
		if (caps_set((struct caps){caps, caps, 0}))
			perror("capset");
		errno = 0;
		printf(" %s", answer(row->attempt()));
	}
}

/* Prints a test build's list of the capability checks. */
static inline void print_checks(void)
{
	int fd = open("/proc/capability-checks", O_RDONLY);
	char text[4096];

	fflush(stdout);
	for (ssize_t length; (length = read(fd, text, sizeof text)) > 0;)
		if (write(1, text, length) != length)
			perror("write");
}

/* Makes all attempts. With the argument "checks" it prints the kernel's list of checks at the end. */
static inline int try_all(const struct row *rows, unsigned count, char **argv)
{
	char where[] = "/tmp/rights-XXXXXX";
	uint64_t all = caps_now().permitted;

	own_place(where);
	if (chmod(".", 0777))
		perror(where);
	make_directory("closed", 0, 0700);
	make_directory("sticky", 0, 01777);
	make_directory("sgid", 50, 02777);
	make_directory("bin", 0, 0777);
	copy_of_this("bin/root");
	fflush(stdout);
	other = fork();
	if (!other) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	for (const struct row *row = rows; row < rows + count; row++) {
		uint64_t first = 1ull << row->caps[0], second = 1ull << row->caps[1];

		printf("%s: %s: without", row->names, row->what);
		attempt(row, all & ~(first | second));
		printf(" (%s), alone", row->refusal);
		/* The host's root may lack some capabilities; with them Linux's result is ok. */
		for (int i = 0; i < 2; i++)
			if (all & (i ? second : first))
				attempt(row, i ? second : first);
			else
				printf(" ok");
		printf("\n");
	}
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	leave_place(where);
	if (argv[1] && !strcmp(argv[1], "checks"))
		print_checks();
	printf("PASS\n");
	return 0;
}
#endif
