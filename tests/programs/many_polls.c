/* covers: kernel/src/vfs/ kernel/src/mm/ */
/* poll of up to a million entries for one pipe: the call succeeds or fails with ENOMEM. Raising
   RLIMIT_NOFILE that far needs privilege. */
#include "children.h"
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>

int main(void)
{
	struct rlimit limit = {1 << 20, 1 << 20};
	int ends[2];

	only_as_init();
	setrlimit(RLIMIT_NOFILE, &limit);
	pipe(ends);
	for (int count = 1000; count <= 1000000; count *= 10) {
		struct pollfd *all = malloc(count * sizeof *all);

		for (int i = 0; i < count; i++)
			all[i] = (struct pollfd){ends[0], POLLIN, 0};
		int found = poll(all, count, 1);
		printf("%d: %d %s\n", count, found, found < 0 ? strerror(errno) : "found");
		free(all);
	}
	return 0;
}
