/* covers: kernel/src/syscall/ */
/* syslog(2)'s actions on the console, which need CAP_SYSLOG: the level's limits (action 8), as root and
   as other users. */
#include "rights.h"
#include <limits.h>
#include <sys/klog.h>

enum { CONSOLE_OFF = 6, CONSOLE_ON, CONSOLE_LEVEL };

static void actions(const char *who)
{
	static const int levels[] = {1, 8, 7, 0, 9, -1, INT_MAX, INT_MIN};

	for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++)
		printf("%s: level %d: %s\n", who, levels[i], answer(klogctl(CONSOLE_LEVEL, NULL, levels[i])));
	printf("%s: off: %s, on: %s\n", who, answer(klogctl(CONSOLE_OFF, NULL, 0)),
		answer(klogctl(CONSOLE_ON, NULL, 0)));
	printf("%s: unknown actions: %s", who, answer(klogctl(11, NULL, 1)));
	printf(" %s\n", answer(klogctl(-1, NULL, 1)));
}

int main(void)
{
	actions("root");
	IN_A_CHILD
	{
		become(1000, 1000);
		actions("1000");
	}
	IN_A_CHILD
	{
		become(65534, 65534);
		actions("65534");
	}
	return 0;
}
