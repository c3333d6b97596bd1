/* covers: kernel/src/process/ kernel/src/abi/ */
/* Random walks through the calls that change user and group IDs, capabilities and secure bits,
   from root and from partly privileged states, with all credentials after each step. */
#include "rights.h"

static uint32_t state;

static unsigned rnd(unsigned below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static unsigned id(void)
{
	static const unsigned ids[] = {0, 0, 1000, 1001, 1002, 65534, 65535, 70000, -1, -1};
	return ids[rnd(sizeof ids / sizeof *ids)];
}

static uint64_t some_caps(uint64_t of)
{
	switch (rnd(4)) {
	case 0: return of;
	case 1: return 0;
	case 2: return of & ~(1ull << rnd(41));
	default: return of & ((uint64_t)rnd(1 << 24) << 17 | rnd(1 << 24));
	}
}

/* Prints all lines of /proc/thread-self/status about credentials. */
static void print_credentials(void)
{
	static const char *wanted[] = {
		"Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"};
	char line[512];
	FILE *file = fopen("/proc/thread-self/status", "r");

	while (file && fgets(line, sizeof line, file))
		for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
			size_t length = strlen(wanted[i]);

			if (strncmp(line, wanted[i], length) || line[length] != ':')
				continue;
			for (char *at = line + length + 1; *at; at++)
				putchar(*at == '\n' || *at == '\t' ? ' ' : *at);
		}
	if (file)
		fclose(file);
	printf("bits %x dumpable %d\n", prctl(PR_GET_SECUREBITS), prctl(PR_GET_DUMPABLE));
}

#ifdef __i386__
/* Calls with 16-bit IDs, by number. */
static void narrow_step(void)
{
	unsigned a = id(), b = id(), c = id();
	uint16_t out[3] = {7, 7, 7}, many[8] = {0};

	switch (rnd(12)) {
	case 0: printf("setuid16 %d = %s", a, answer(syscall(23, a))); break;
	case 1: printf("setgid16 %d = %s", a, answer(syscall(46, a))); break;
	case 2: printf("setreuid16 %d %d = %s", a, b, answer(syscall(70, a, b))); break;
	case 3: printf("setregid16 %d %d = %s", a, b, answer(syscall(71, a, b))); break;
	case 4: printf("setresuid16 %d %d %d = %s", a, b, c, answer(syscall(164, a, b, c))); break;
	case 5: printf("setresgid16 %d %d %d = %s", a, b, c, answer(syscall(170, a, b, c))); break;
	case 6: printf("setfsuid16 %d = %ld", a, syscall(138, a)); break;
	case 7: printf("setfsgid16 %d = %ld", a, syscall(139, a)); break;
	case 8: printf("getuid16.. = %ld %ld %ld %ld", syscall(24), syscall(49), syscall(47), syscall(50)); break;
	case 9:
		printf("getresuid16 = %s", answer(syscall(165, out, out + 1, out + 2)));
		printf(" %d %d %d", out[0], out[1], out[2]);
		printf(" getresgid16 = %s", answer(syscall(171, out, out + 1, out + 2)));
		printf(" %d %d %d", out[0], out[1], out[2]);
		break;
	case 10: {
		uint16_t groups[4] = {a, b, c, 9};

		printf("setgroups16 = %s", answer(syscall(81, rnd(5), groups)));
		break;
	}
	default:
		printf("getgroups16 = %ld", syscall(80, rnd(6), many));
		for (int i = 0; i < 8; i++)
			printf(" %d", many[i]);
	}
}
#endif

static void groups_step(void)
{
	unsigned groups[4] = {rnd(70000), id(), rnd(9), rnd(9)}, many[8] = {0};

	printf("setgroups = %s", answer(syscall(WIDE(setgroups), rnd(5), groups)));
	printf(" getgroups = %ld", syscall(WIDE(getgroups), rnd(6), many));
	for (int i = 0; i < 8; i++)
		printf(" %u", many[i]);
}

static void caps_step(void)
{
	struct caps now = caps_now();
	uint64_t any = (1ull << 41) - 1;
	unsigned cap = rnd(43);

	switch (rnd(9)) {
	case 0:
	case 1:
		now.permitted = some_caps(rnd(6) ? now.permitted : any);
		now.effective = some_caps(rnd(6) ? now.permitted : any);
		now.inheritable = some_caps(rnd(3) ? now.permitted | now.inheritable : any);
		printf("capset = %s", answer(caps_set(now)));
		break;
	case 2:
		now.inheritable = now.permitted;
		printf("capset inheritable = %s", answer(caps_set(now)));
		break;
	case 3: printf("bound drop %u = %s", cap, answer(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))); break;
	case 4: printf("bound read %u = %d", cap, prctl(PR_CAPBSET_READ, cap, 0, 0, 0)); break;
	case 5: {
		unsigned how = rnd(6), more = rnd(8) == 0;

		printf("ambient %u %u %u = %s", how, cap, more, answer(prctl(PR_CAP_AMBIENT, how, cap, more, 0)));
		break;
	}
	case 6: printf("ambient clear = %s", answer(prctl(PR_CAP_AMBIENT, 4, 0, 0, 0))); break;
	case 7: {
		unsigned bits = rnd(3) ? 1 << rnd(8) : rnd(256);

		printf("secure bits %x = %s", bits, answer(prctl(PR_SET_SECUREBITS, bits, 0, 0, 0)));
		break;
	}
	default: {
		unsigned keep = rnd(3);

		printf("keep %u = %s", keep, answer(prctl(PR_SET_KEEPCAPS, keep, 0, 0, 0)));
		printf(" %d", prctl(PR_GET_KEEPCAPS));
	}
	}
}

static void step(void)
{
	unsigned a = id(), b = id(), c = id();

	switch (rnd(14)) {
	case 0: printf("setuid %d = %s", a, answer(syscall(WIDE(setuid), a))); break;
	case 1: printf("setgid %d = %s", a, answer(syscall(WIDE(setgid), a))); break;
	case 2: printf("setreuid %d %d = %s", a, b, answer(syscall(WIDE(setreuid), a, b))); break;
	case 3: printf("setregid %d %d = %s", a, b, answer(syscall(WIDE(setregid), a, b))); break;
	case 4: printf("setresuid %d %d %d = %s", a, b, c, answer(syscall(WIDE(setresuid), a, b, c))); break;
	case 5: printf("setresgid %d %d %d = %s", a, b, c, answer(syscall(WIDE(setresgid), a, b, c))); break;
	case 6: printf("setfsuid %d = %ld", a, syscall(WIDE(setfsuid), a)); break;
	case 7: printf("setfsgid %d = %ld", a, syscall(WIDE(setfsgid), a)); break;
	case 8: groups_step(); break;
	case 9: printf("dumpable = %s", answer(prctl(PR_SET_DUMPABLE, 1))); break;
	default:
#ifdef __i386__
		if (rnd(2)) {
			narrow_step();
			break;
		}
#endif
		caps_step();
	}
	printf(": ");
	print_credentials();
}

/* access(2) checks with the real IDs, and with the capabilities that the real user would have. */
static void by_real_ids(void)
{
	close(open("secret", O_CREAT | O_WRONLY, 0600));
	for (int bits = 0; bits <= 4; bits += 4)
		for (int real = 0; real <= 1000; real += 1000)
			IN_A_CHILD
			{
				printf("real user %d, secure bits %x\n", real, bits);
				T(prctl(PR_SET_SECUREBITS, bits, 0, 0, 0));
				T(setresuid(real, 1000 - real, 0));
				T(access("secret", R_OK));
				T(faccessat(AT_FDCWD, "secret", R_OK, AT_EACCESS));
			}
	unlink("secret");
}

int main(void)
{
	char where[] = "/tmp/rights-XXXXXX";
	struct caps all = {0};

	own_place(where);
	/* The host's container may lack these capabilities: neither side has them. */
	for (int cap = 0; cap < 41; cap++)
		if (cap == CAP_SYS_RESOURCE || cap == CAP_SYS_MODULE)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
		else
			all.permitted |= 1ull << cap;
	all.effective = all.permitted;
	T(caps_set(all));
	for (unsigned walk = 0; walk < 150; walk++)
		IN_A_CHILD
		{
			state = walk * 7919 + 1;
			printf("walk %u\n", walk);
			if (walk % 3 == 1)
				prctl(PR_SET_SECUREBITS, 1 << 4, 0, 0, 0);
			if (walk % 5 == 2)
				syscall(WIDE(setresuid), 1000, 0, 1001);
			for (int steps = 0; steps < 14; steps++)
				step();
		}
	by_real_ids();
	leave_place(where);
	printf("PASS\n");
	return 0;
}
