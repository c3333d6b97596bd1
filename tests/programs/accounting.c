/* covers: kernel/src/process/ kernel/src/syscall/ */
/* Process accounting (acct(2), acct(5)): which files are accepted, and the record written for
   each way a process ends. */
#include "rights.h"
#include <linux/acct.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

/* Decodes a comp_t (acct(5)): a 13-bit mantissa and an exponent of base 8. */
static unsigned long decode(unsigned number)
{
	return (unsigned long)(number & 0x1fff) << (number >> 13) * 3;
}

/* Time since boot, in ticks of 1/100 s. */
static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 100.0 + time.tv_nsec / 1e7;
}

/* Prints a record; `least` and `most` bound its elapsed time in ticks. */
static void print_record(const struct acct_v3 *record, int pid, time_t began, double least, double most)
{
	unsigned long used = decode(record->ac_utime) + decode(record->ac_stime);
	float elapsed;

	memcpy(&elapsed, &record->ac_etime, sizeof elapsed);
	/* ASU is masked: not every kernel records the use of privilege. */
	printf("  %.16s flags %d version %d terminal %d exit %#x ids %u %u, pid %s parent %s, began %s, took %s, "
	       "computed %s, memory %s, faults %s, rest %lu %lu %lu %lu\n",
		record->ac_comm, record->ac_flag & ~ASU, record->ac_version, record->ac_tty, record->ac_exitcode,
		record->ac_uid, record->ac_gid, (int)record->ac_pid == pid ? "right" : "wrong",
		(int)record->ac_ppid == getpid() ? "right" : "wrong",
		(long)record->ac_btime >= began - 2 && (long)record->ac_btime <= time(NULL) + 1 ? "right" : "wrong",
		elapsed >= least && elapsed <= most ? "right" : "wrong", used <= most ? "right" : "too much",
		decode(record->ac_mem) > 100 && decode(record->ac_mem) < 100000 ? "right" : "wrong",
		decode(record->ac_minflt) > 0 ? "some" : "none", decode(record->ac_io), decode(record->ac_rw),
		decode(record->ac_majflt), decode(record->ac_swaps));
}

static void leave(void)
{
	_exit(3);
}
static void die(void)
{
	raise(SIGTERM);
}
static void fault(void)
{
	*(volatile int *)8 = 0;
}
static void run(void)
{
	execl("a name that is longer than sixteen", "x", "run", NULL);
}
static void fail_to_run(void)
{
	execl("none", "x", NULL);
	_exit(1);
}

static void become_another(void)
{
	become(1000, 100);
	_exit(0);
}

/* A process whose RLIMIT_FSIZE leaves no room for a record. */
static void exceed_file_size(void)
{
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0});
	_exit(0);
}

static void sleep_long(void)
{
	usleep(300000);
	_exit(0);
}

static void compute(void)
{
	struct rusage used;

	do {
		/* System calls alone would count as system time. */
		for (volatile int i = 0; i < 100000; i++)
			;
		getrusage(RUSAGE_SELF, &used);
	} while (used.ru_utime.tv_sec == 0 && used.ru_utime.tv_usec < 200000);
	_exit(0);
}

static void rename_itself(void)
{
	prctl(PR_SET_NAME, "another");
	_exit(0);
}

static const struct {
	const char *name;
	void (*end)(void);
	double least;
} ends[] = {{"exit(3)", leave}, {"SIGTERM", die}, {"SIGSEGV", fault}, {"execve", run}, {"no execve", fail_to_run},
	{"another user", become_another}, {"RLIMIT_FSIZE", exceed_file_size}, {"sleep", sleep_long, 29},
	{"compute", compute, 19}, {"another name", rename_itself}};

static void each_end(void)
{
	struct acct_v3 record;
	int log = open("log", O_CREAT | O_RDWR, 0600);

	for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
		time_t began = time(NULL);
		double before = now();
		int pid;

		if (acct("log"))
			perror("acct");
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			ends[i].end();
		waitpid(pid, NULL, 0);

		double most = now() - before + 1;

		if (acct(NULL))
			perror("acct");
		printf("%s\n", ends[i].name);
		/* Other processes of the machine may have exited meanwhile. */
		while (read(log, &record, sizeof record) == sizeof record)
			if ((int)record.ac_pid == pid)
				print_record(&record, pid, began, ends[i].least, most);
	}
	IN_A_CHILD;
	printf("none is added any more: %s\n", read(log, &record, sizeof record) == 0 ? "right" : "wrong");
	close(log);
}

/* Accounting stops when less than 2 % of the file system is free; the exiting process sees no error. */
static void full(void)
{
	struct stat s;
	char page[4096] = {0};
	int fd;

	if (mkdir("full", 0700) || mount("none", "full", "tmpfs", 0, "size=1m"))
		perror("full");
	close(open("full/log", O_CREAT | O_RDWR, 0600));
	fd = open("full/rest", O_CREAT | O_RDWR, 0600);
	for (int i = 0; i < 252; i++)
		if (write(fd, page, sizeof page) != sizeof page)
			perror("write");
	T(acct("full/log"));
	IN_A_CHILD;
	T(acct(NULL));
	T(stat("full/log", &s));
	printf("%d bytes\n", (int)s.st_size);
	close(fd);
	T(umount("full"));
}

int main(int argc, char **argv)
{
	char where[] = "/tmp/rights-XXXXXX";

	if (argc > 1 && !strcmp(argv[1], "run"))
		return 9;
	own_place(where);
	if (symlink("/proc/self/exe", "a name that is longer than sixteen"))
		perror("symlink");
	T(acct("none"));
	T(acct("."));
	T(acct("/dev/null"));
	T(acct((char *)8));
	T(acct(NULL));
	each_end();
	full();
	leave_place(where);
	printf("PASS\n");
	return 0;
}
