/* For the notify_*.c programs: an inotify instance whose events are printed after each call. */
#ifndef NOTIFY_H
#define NOTIFY_H
#include "fs.h"
#include <sys/inotify.h>

static int instance;
/* Names of the watches in the output, by watch descriptor. */
static const char *watched[64];
/* Cookies in order of appearance, printed as 1, 2, ...: the kernel's numbers depend on earlier renames. */
static uint32_t cookies[64];

static const char *const event_names[] = {"ACCESS", "MODIFY", "ATTRIB", "CLOSE_WRITE", "CLOSE_NOWRITE", "OPEN",
	"MOVED_FROM", "MOVED_TO", "CREATE", "DELETE", "DELETE_SELF", "MOVE_SELF", "1000", "UNMOUNT", "Q_OVERFLOW",
	"IGNORED", [30] = "ISDIR"};

static inline int cookie_number(uint32_t cookie)
{
	if (cookie == 0)
		return 0;
	for (int i = 0; i < 64; i++) {
		if (cookies[i] == 0)
			cookies[i] = cookie;
		if (cookies[i] == cookie)
			return i + 1;
	}
	return -1;
}

static inline void print_event(const struct inotify_event *event)
{
	const char *name = event->wd > 0 && event->wd < 64 ? watched[event->wd] : NULL;

	if (name)
		printf("    %s:", name);
	else
		printf("    watch %d:", event->wd);
	for (int bit = 0; bit < 32; bit++)
		if (event->mask & 1u << bit) {
			if (bit < 31 && event_names[bit])
				printf(" %s", event_names[bit]);
			else
				printf(" %x", 1u << bit);
		}
	if (event->cookie)
		printf(" cookie %d", cookie_number(event->cookie));
	if (event->len) {
		printf(" \"%s\" %u", event->name, event->len);
		for (unsigned i = strlen(event->name); i < event->len; i++)
			if (event->name[i])
				printf(" NOT ZERO at %u", i);
	}
	printf("\n");
}

/* Prints the queued events of an instance. */
static inline void events_of(int fd)
{
	static char buffer[65536] __attribute__((aligned(8)));
	ssize_t size;

	while ((size = read(fd, buffer, sizeof buffer)) > 0)
		for (ssize_t at = 0; at < size;) {
			struct inotify_event *event = (void *)(buffer + at);

			print_event(event);
			at += sizeof *event + event->len;
		}
}

static inline void events(void)
{
	events_of(instance);
}

/* Prints the call, its result, and its events. */
#define E(call)                                                                                                        \
	do {                                                                                                           \
		T(call);                                                                                               \
		events();                                                                                              \
	} while (0)

/* Watches a path, which is also the watch's name in the output. */
static inline int watch(const char *path, uint32_t mask)
{
	int wd = inotify_add_watch(instance, path, mask);

	if (wd > 0 && wd < 64)
		watched[wd] = path;
	else
		printf("cannot watch %s: %d %s\n", path, wd, strerror(errno));
	return wd;
}

static inline void begin_watching(void)
{
	begin();
	instance = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (instance < 0) {
		perror("inotify_init1");
		exit(1);
	}
}
#endif
