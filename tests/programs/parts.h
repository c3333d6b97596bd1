/* Parts of a long program: each prints its name before it runs, so that a line that differs from Linux's belongs to
 * a named part (tests/cases/on_linux.rs). */
#include <stdio.h>

#define PART(part)                                                                                                     \
	do {                                                                                                           \
		printf("== %s\n", #part);                                                                              \
		fflush(stdout);                                                                                        \
		part();                                                                                                \
		fflush(stdout);                                                                                        \
	} while (0)
