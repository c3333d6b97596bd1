/* covers: kernel/src/process/ */
/* Credentials of threads: calls that take a thread ID, and credentials per thread. */
#include "rights.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>

static volatile int tid, caught;
static int gate[2], back[2];

static void note(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	caught = info->si_code == SI_QUEUE ? info->si_value.sival_int : 1;
}

/* Executes commands from the pipe, and prints its credentials after each. */
static void *thread(void *argument)
{
	char what;

	tid = syscall(SYS_gettid);
	while (read(gate[0], &what, 1) == 1) {
		if (what == 'u')
			printf("thread setresuid = %s\n", answer(syscall(WIDE(setresuid), 1000, 1000, 1000)));
		if (what == 'c')
			printf("thread setuid back = %s\n", answer(syscall(WIDE(setuid), 0)));
		printf("thread %ld %ld caps %d\n", syscall(WIDE(getuid)), syscall(WIDE(geteuid)),
			caps_now().effective != 0);
		if (write(back[1], "x", 1) != 1 || what == 'q')
			break;
	}
	return argument;
}

static void command(char what)
{
	char byte;

	if (write(gate[1], &what, 1) != 1 || read(back[0], &byte, 1) != 1)
		perror("command");
}

static void ids_of(const char *path)
{
	char line[200];
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, "Uid:", 4) || !strncmp(line, "CapEff:", 7))
			printf("%s", line[0] == 'U' ? line : strstr(line, "0000000000000000") ? "none\n" : "some\n");
	if (file)
		fclose(file);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};
	siginfo_t info = {.si_code = SI_QUEUE};
	char path[60];
	pthread_t other;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (pipe(gate) || pipe(back))
		return 1;
	mkdir("/proc", 0755);
	if (access("/proc/self", F_OK))
		mount("proc", "/proc", "proc", 0, NULL);
	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&other, NULL, thread, NULL);
	while (!tid)
		usleep(1000);
	T(kill(tid, 0));
	T(kill(tid, SIGUSR1));
	while (!caught)
		usleep(1000);
	info.si_value.sival_int = 777;
	T(syscall(SYS_rt_sigqueueinfo, tid, SIGUSR1, &info));
	while (caught != 777)
		usleep(1000);
	info.si_code = 0;
	T(syscall(SYS_rt_sigqueueinfo, tid, SIGUSR1, &info));
	T(syscall(SYS_rt_sigqueueinfo, 0, SIGUSR1, &info));
	T(kill(-tid, 0));
	T(getpgid(tid) == getpgid(0) ? 0 : -1);
	T(getsid(tid) == getsid(0) ? 0 : -1);
	T(setpgid(tid, 0));
	T(getpriority(PRIO_PROCESS, tid));
	T(sched_getscheduler(tid));
	T(waitpid(tid, NULL, WNOHANG));
#ifdef __x86_64__
	struct rlimit limit;
	T(syscall(SYS_prlimit64, tid, RLIMIT_NOFILE, NULL, &limit));
#endif
	sprintf(path, "/proc/%d/stat", tid);
	T(access(path, F_OK));

	/* One thread drops its privileges; the other stays root. */
	command('u');
	printf("first %ld %ld caps %d\n", syscall(WIDE(getuid)), syscall(WIDE(geteuid)), caps_now().effective != 0);
	ids_of("/proc/self/status");
	sprintf(path, "/proc/self/task/%d/status", tid);
	ids_of(path);
	T(setpriority(PRIO_PROCESS, tid, 1));
	command('c');

	/* A child, and its files of /proc, have the credentials of the thread that calls fork. */
	IN_A_CHILD
	printf("child of the first %ld\n", syscall(WIDE(getuid)));
	T(open("/proc/self/environ", O_RDONLY));

	/* getrlimit and prlimit of the calling process need no permission. */
	command('q');
	pthread_join(other, NULL);
	IN_A_CHILD
	{
		struct rlimit own = {4096, 8192};

		syscall(WIDE(setresuid), -1, 65534, -1);
		T(setrlimit(RLIMIT_CORE, &own));
		T(getrlimit(RLIMIT_CORE, &own));
		T(prlimit(getpid(), RLIMIT_CORE, NULL, &own));
		T(prlimit(getppid(), RLIMIT_CORE, NULL, &own));
	}
	printf("PASS\n");
	return 0;
}
