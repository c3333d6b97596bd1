/* covers: kernel/src/process/ */
/* Interpreter scripts (#!): forms of the first line, chains of scripts, and the arguments that
   interpreters get. A table, then random lines. The program makes the scripts itself, so that
   Linux and Trident run the same ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "random.h"

#define PLACE "/tmp/exec-scripts"
/* The interpreter: a short-named link to this program, in the working directory. */
#define I PLACE "/i"

static void quoted(const char *text)
{
	putchar('[');
	for (int count = 0; *text; text++, count++) {
		if (count < 40 || strlen(text) < 8)
			printf(*text < ' ' || *text == 127 ? "\\x%02x" : "%c", *text);
		else if (count == 40)
			printf("..%zu..", strlen(text));
	}
	putchar(']');
}

/* As an interpreter: prints its arguments. */
static int print_arguments(int argc, char **argv)
{
	char name[16];
	prctl(PR_GET_NAME, name);
	for (int i = 0; i < argc; i++)
		quoted(argv[i]);
	/* Newer versions of Linux name a program that was started by descriptor differently. */
	const char *path = (char *)getauxval(AT_EXECFN);
	printf(" %s ", strncmp(path, "/dev/fd", 7) ? name : "");
	quoted(path);
	putchar('\n');
	return 0;
}

static void file(const char *name, const char *text, size_t length)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (write(fd, text, length) != (ssize_t)length)
		exit(1);
	close(fd);
}

/* Executes a file by path, or by a descriptor opened with the flags `by_descriptor`. */
static void start(const char *name, int by_descriptor, char **argv)
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		int fd = -1;
		if (by_descriptor >= 0) {
			fd = dup2(open(name, by_descriptor), 9);
			if (by_descriptor & O_CLOEXEC)
				fcntl(fd, F_SETFD, FD_CLOEXEC);
		}
		if (fd >= 0)
			syscall(SYS_execveat, fd, "", argv, (char *[]){NULL}, 0x1000);
		else
			execve(name, argv, (char *[]){NULL});
		printf("%s\n", strerrorname_np(errno));
		fflush(stdout);
		_exit(0);
	}
	tell_bad_end(child);
}

static void attempt(const char *text, size_t length)
{
	file("s", text, length);
	start("./s", -1, (char *[]){"zero", "one", "", "three", NULL});
}

/* A row's length is explicit: it may contain NULs. */
#define ROW(text) {text, sizeof text - 1}
static const struct row {
	const char *text;
	size_t length;
} rows[] = {ROW(""), ROW("#"), ROW("#!"), ROW("#!\n"), ROW("#! \t\n"), ROW(" #!" I "\n"), ROW("# !" I "\n"),
	ROW("!#" I "\n"), ROW("#!" I), ROW("#!" I "\n"), ROW("#! \t " I " \t \n"), ROW("#!\t" I "\n"),
	ROW("#!" I "\r\n"), ROW("#!" I " \r\n"), ROW("#!" I " a\r\n"), ROW("#!" I "\v\n"), ROW("#!" I "\f a\n"),
	ROW("#!" I " a b  c \n"), ROW("#!" I "\ta\tb\n"), ROW("#!" I " a"), ROW("#!" I " "), ROW("#!" I "\t\t"),
	ROW("#!" I "\0\n"), ROW("#!" I "\0 a\n"), ROW("#!" I " a\0b\n"), ROW("#!" I " \0b\n"), ROW("#!\0" I "\n"),
	ROW("#! \0" I "\n"), ROW("#!" I " -x\nsecond line\n"), ROW("#!i\n"), ROW("#!./i\n"),
	ROW("#!../exec-scripts/i x\n"), ROW("#!/nowhere\n"), ROW("#!/nowhere/x\n"), ROW("#!/tmp\n"), ROW("#!.\n"),
	ROW("#!" PLACE "/plain\n"), ROW("#!" PLACE "/empty\n"), ROW("#!" PLACE "/i/x\n"), ROW("#!" PLACE "/link\n"),
	ROW("#!" PLACE "/loop\n"), ROW("#!" PLACE "/text\n"), ROW("#!./s\n"), ROW("#!" I " \x01\x7f\n"),
	ROW("#!" I " #!/nowhere\n"), ROW("\n#!" I "\n"), ROW("#!" I "\n\0\0\0"),
	ROW("\x7f"
	    "ELF"),
	ROW("MZ\0\0"), ROW("true\n"), ROW("\0\0\0\0")};

/* Names and arguments around the 256 bytes that the kernel reads (BINPRM_BUF_SIZE). */
static void long_lines(void)
{
	char line[600], name[300];
	for (int length = 250; length < 260; length++) {
		/* A path of that length, with and without an end of line, with an argument. */
		for (int kind = 0; kind < 4; kind++) {
			int path = kind < 2 ? length - 2 : 40;
			memset(name, '/', path);
			memcpy(name, PLACE, strlen(PLACE));
			name[path - 1] = 'i';
			name[path] = 0;
			int end = snprintf(line, sizeof line, "#!%s", name);
			if (kind >= 2) {
				memset(line + end, kind == 2 ? ' ' : 'a', 300);
				line[end] = ' ';
				end = length;
			}
			strcpy(line + end, kind == 1 ? "" : kind == 3 ? "b c\n" : "\n");
			printf("line of %d, %d: ", length, kind);
			attempt(line, strlen(line));
		}
	}
	memset(line, ' ', sizeof line);
	memcpy(line, "#!", 2);
	printf("blanks: ");
	attempt(line, sizeof line);
}

static void chains(void)
{
	char name[16], text[64];
	for (int length = 1; length <= 7; length++) {
		for (int last = 0; last < 2; last++) {
			file("c0", last ? "#!/nowhere\n" : "#!" I " last\n", last ? 11 : strlen("#!" I " last\n"));
			for (int i = 1; i < length; i++) {
				snprintf(name, sizeof name, "c%d", i);
				snprintf(text, sizeof text, "#!%s/c%d a%d\n", PLACE, i - 1, i);
				file(name, text, strlen(text));
			}
			snprintf(name, sizeof name, "./c%d", length - 1);
			printf("chain of %d, %s: ", length, last ? "to nowhere" : "to the end");
			start(name, -1, (char *[]){"zero", "one", NULL});
		}
	}
}

static void others(void)
{
	file("s", "#!" I " arg\n", strlen("#!" I " arg\n"));
	printf("without arguments: ");
	start("./s", -1, (char *[]){NULL});
	printf("by its absolute path: ");
	start(PLACE "/s", -1, (char *[]){"zero", NULL});
	printf("by descriptor: ");
	start("s", O_RDONLY, (char *[]){"zero", "one", NULL});
	printf("by a descriptor with O_CLOEXEC: ");
	start("s", O_RDONLY | O_CLOEXEC, (char *[]){"zero", "one", NULL});
	printf("a program by a descriptor with O_CLOEXEC: ");
	start("i", O_RDONLY | O_CLOEXEC, (char *[]){"i", "one", NULL});
	chmod("s", 0644);
	printf("not executable: ");
	start("./s", -1, (char *[]){"zero", NULL});
	chmod("s", 0755);
	int fd = open("s", O_WRONLY);
	printf("open for writing: ");
	start("./s", -1, (char *[]){"zero", NULL});
	close(fd);
	printf("no longer: ");
	start("./s", -1, (char *[]){"zero", NULL});
	/* The added arguments may exceed the limit. */
	char *words[] = {"zero", malloc(131072), NULL};
	memset(words[1], 'x', 131071);
	words[1][131071] = 0;
	printf("a long argument: ");
	start("./s", -1, words);
}

static void random_lines(int count)
{
	static const struct row parts[] = {ROW(" "), ROW("\t"), ROW("\r"), ROW("\n"), ROW("\0"), ROW(I), ROW("i"),
		ROW("./i"), ROW("x"), ROW("/"), ROW("a b"), ROW("#!")};
	for (int i = 0; i < count; i++) {
		char line[400] = "#!";
		int end = 2;
		for (int part = below(3); part >= 0; part--)
			end += below(3) ? 0 : sprintf(line + end, " ");
		if (below(4))
			end += sprintf(line + end, "%s", below(2) ? I : "i");
		if (below(8) == 0) {
			int fill = 240 - end + (int)below(20);
			memset(line + end, below(2) ? 'y' : ' ', fill);
			end += fill;
		}
		for (int part = below(8); part > 0; part--) {
			const struct row *row = &parts[below(sizeof parts / sizeof *parts)];
			memcpy(line + end, row->text, row->length);
			end += row->length;
		}
		printf("random %d: ", i);
		attempt(line, end);
	}
}

int main(int argc, char **argv)
{
	const char *base = strrchr(argv[0], '/');
	if (strcmp(base ? base + 1 : argv[0], "i") == 0)
		return print_arguments(argc, argv);
	char path[PATH_MAX] = "";
	if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
		return 1;
	mkdir("/tmp", 01777);
	mkdir(PLACE, 0777);
	if (chdir(PLACE))
		return 1;
	/* One run at a time: the output contains this directory's path. */
	flock(open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC), LOCK_EX);
	for (char **name = (char *[]){"i", "link", "loop", NULL}; *name; name++)
		unlink(*name);
	symlink(path, "i");
	symlink("nothing", "link");
	symlink("loop", "loop");
	file("empty", "", 0);
	file("text", "echo\n", 5);
	file("plain", "#!" I "\n", strlen("#!" I "\n"));
	chmod("plain", 0644);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		printf("row %zu: ", i);
		attempt(rows[i].text, rows[i].length);
	}
	long_lines();
	chains();
	others();
	seed_random(7);
	random_lines(argc > 1 ? atoi(argv[1]) : 300);
	return 0;
}
