/* Waiting for descriptors and for other threads. */
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/timerfd.h>

#include "row.h"

static struct pollfd polled[10000];
static struct epoll_event events[1000];
static int epoll;

static void many_events(long size)
{
	struct rlimit most = {20000, 20000};
	MUST(setrlimit(RLIMIT_NOFILE, &most) == 0);
	for (long i = 0; i < size; i++) {
		polled[i] = (struct pollfd){.fd = eventfd(0, EFD_NONBLOCK), .events = POLLIN};
		MUST(polled[i].fd >= 0);
	}
}

static void no_events(long size)
{
	for (long i = 0; i < size; i++)
		MUST(close(polled[i].fd) == 0);
}

static void poll_all(long size)
{
	MUST(poll(polled, size, 0) == 0);
}

static void select_all(long size)
{
	struct timeval now = {0, 0};
	fd_set *set = (fd_set *)buffer;
	memset(buffer, 0, 2048);
	for (long i = 0; i < size; i++)
		buffer[polled[i].fd / 8] |= 1 << polled[i].fd % 8;
	MUST(syscall(SYS_select, polled[size - 1].fd + 1, set, NULL, NULL, &now) == 0);
}

static void watch(int operation, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	MUST(epoll_ctl(epoll, operation, fd, &event) == 0);
}

static void epoll_of(long size)
{
	many_events(size + 1);
	MUST((epoll = epoll_create1(0)) >= 0);
	for (long i = 0; i < size; i++)
		watch(EPOLL_CTL_ADD, polled[i].fd);
}

static void no_epoll(long size)
{
	MUST(close(epoll) == 0);
	no_events(size + 1);
}

static void epoll_add_delete(long size)
{
	watch(EPOLL_CTL_ADD, polled[size].fd);
	watch(EPOLL_CTL_DEL, polled[size].fd);
}

static void epoll_modify(long size)
{
	(void)size;
	watch(EPOLL_CTL_MOD, polled[0].fd);
}

static void epoll_none_ready(long size)
{
	(void)size;
	MUST(epoll_wait(epoll, events, 1, 0) == 0);
}

static void ready_epoll_of(long size)
{
	epoll_of(size);
	for (long i = 0; i < size; i++)
		MUST(eventfd_write(polled[i].fd, 1) == 0);
}

static void epoll_all_ready(long size)
{
	MUST(epoll_wait(epoll, events, size, 0) == size);
}

static void epoll_one_event(long size)
{
	eventfd_t value;
	(void)size;
	MUST(eventfd_write(polled[0].fd, 1) == 0 && epoll_wait(epoll, events, 1, 0) == 1);
	MUST(eventfd_read(polled[0].fd, &value) == 0);
}

static void event_write_read(long size)
{
	eventfd_t value;
	(void)size;
	MUST(eventfd_write(polled[0].fd, 1) == 0 && eventfd_read(polled[0].fd, &value) == 0);
}

static void one_event(long size)
{
	(void)size;
	many_events(1);
}

static void no_event(long size)
{
	(void)size;
	no_events(1);
}

static void event_life(long size)
{
	many_events(1);
	(void)size;
	no_events(1);
}

static void epoll_life(long size)
{
	(void)size;
	MUST((epoll = epoll_create1(0)) >= 0 && close(epoll) == 0);
}

static void timer_file(long size)
{
	(void)size;
	MUST((file = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0);
}

static void timer_file_set(long size)
{
	struct itimerspec when = {.it_value.tv_sec = 1000};
	(void)size;
	MUST(timerfd_settime(file, 0, &when, NULL) == 0);
}

static int word;

static void wake_none(long size)
{
	(void)size;
	MUST(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0);
}

static void wait_differs(long size)
{
	(void)size;
	MUST(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0) == -1);
}

/* `size` threads wait at other words. */
static int words[1000];

static void *wait_at_word(void *argument)
{
	while (*(volatile int *)argument == 0)
		syscall(SYS_futex, argument, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	return NULL;
}

static void waiting_threads(long size)
{
	pthread_attr_t attributes;
	MUST(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, 16384) == 0);
	for (long i = 0; i < size; i++) {
		words[i] = 0;
		MUST(pthread_create(&threads[i], &attributes, wait_at_word, &words[i]) == 0);
	}
	usleep(20000 + 100 * size);
}

static void no_waiting_threads(long size)
{
	for (long i = 0; i < size; i++) {
		words[i] = 1;
		MUST(syscall(SYS_futex, &words[i], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) >= 0);
		MUST(pthread_join(threads[i], NULL) == 0);
	}
}

/* Two threads that wake each other. */
static pthread_t answering;

static void *answer(void *argument)
{
	volatile int *turn = &word;
	for (;;) {
		while (*turn == 0)
			syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		if (*turn == 2)
			return argument;
		*turn = 0;
		syscall(SYS_futex, turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
}

static void an_answer(long size)
{
	(void)size;
	word = 0;
	MUST(pthread_create(&answering, NULL, answer, NULL) == 0);
}

static void no_answer(long size)
{
	(void)size;
	word = 2;
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	MUST(pthread_join(answering, NULL) == 0);
	word = 0;
}

static void wake_and_wait(long size)
{
	volatile int *turn = &word;
	(void)size;
	*turn = 1;
	syscall(SYS_futex, turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	while (*turn == 1)
		syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
}

#define DESCRIPTORS SIZES(1, 10, 100, 1000)

static const struct row WAITING[] = {
	{"poll", poll_all, many_events, no_events, SIZES(1, 10, 100, 1000, 10000)},
	{"select", select_all, many_events, no_events, SIZES(1, 10, 100, 1000)},
	{"epoll_add_delete", epoll_add_delete, epoll_of, no_epoll, DESCRIPTORS},
	{"epoll_modify", epoll_modify, epoll_of, no_epoll, DESCRIPTORS},
	{"epoll_wait_none", epoll_none_ready, epoll_of, no_epoll, DESCRIPTORS},
	{"epoll_wait_all", epoll_all_ready, ready_epoll_of, no_epoll, DESCRIPTORS},
	{"epoll_event", epoll_one_event, epoll_of, no_epoll, DESCRIPTORS},
	{"epoll_create", epoll_life, NULL, NULL, NULL},
	{"eventfd", event_write_read, one_event, no_event, NULL},
	{"eventfd_create", event_life, NULL, NULL, NULL},
	{"timerfd_settime", timer_file_set, timer_file, no_device, NULL},
	{"futex_wake_none", wake_none, NULL, NULL, NULL},
	{"futex_wait_differs", wait_differs, NULL, NULL, NULL},
	{"futex_wake_among", wake_none, waiting_threads, no_waiting_threads, SIZES(1, 100, 1000)},
	{"futex_there_and_back", wake_and_wait, an_answer, no_answer, NULL},
};
