/* covers: kernel/src/syscall/ kernel/src/time/ */
/* 32-bit calls with 64-bit times, by number: the kernel ignores the upper half of tv_nsec
   (padding). */
#include "fs.h"
#include <linux/futex.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#ifdef __i386__

struct time64 {
	long long sec;
	unsigned nsec, padding;
};

static const unsigned paddings[] = {0, 1, 0x80000000, 0xdeadbeef};

static void each(unsigned padding)
{
	struct time64 soon = {0, 1000000, padding}, wrong = {0, 1000000000, padding};
	struct time64 past = {1, 5, padding}, spec[2] = {{0, 0, padding}, {0, 1000000, padding}};
	struct time64 times[2] = {{100, 5, padding}, {200, 6, padding}};
	struct {
		unsigned long long value, at;
		unsigned flags, reserved;
	} waiter = {1, 0, FUTEX_32, 0};
	unsigned long long set = 0;
	unsigned word = 1;
	struct epoll_event event;
	struct stat s;
	int timer, fd = timerfd_create(CLOCK_MONOTONIC, 0), ep = epoll_create1(0);

	waiter.at = (uintptr_t)&word;
	timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_NONE}, (void *)&timer);
	printf("padding %x\n", padding);
	T(syscall(407, CLOCK_MONOTONIC, 0, &soon, NULL));
	T(syscall(407, CLOCK_MONOTONIC, 0, &wrong, NULL));
	T(syscall(409, timer, 0, spec, NULL));
	T(syscall(411, fd, 0, spec, NULL));
	T(syscall(412, AT_FDCWD, "file", times, 0));
	stat("file", &s);
	printf("times %lld.%09ld %lld.%09ld\n", (long long)s.st_atim.tv_sec, s.st_atim.tv_nsec,
		(long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
	T(syscall(413, 0, NULL, NULL, NULL, &soon, NULL));
	soon = (struct time64){0, 1000000, padding};
	T(syscall(414, NULL, 0, &soon, NULL, 8));
	soon = (struct time64){0, 1000000, padding};
	T(syscall(417, -1, NULL, 0, 0, &soon));
	T(syscall(421, &set, NULL, &soon, 8));
	T(syscall(422, &word, FUTEX_WAIT, 1, &soon, NULL, 0));
	T(syscall(422, &word, FUTEX_WAIT, 1, &wrong, NULL, 0));
	T(syscall(441, ep, &event, 1, &soon, NULL, 8));
	T(syscall(441, ep, &event, 1, &wrong, NULL, 8));
	T(syscall(449, &waiter, 1, 0, &past, CLOCK_MONOTONIC));
	T(syscall(449, &waiter, 1, 0, &wrong, CLOCK_MONOTONIC));
	close(fd);
	close(ep);
	timer_delete((timer_t)timer);
}

int main(void)
{
	begin();
	put("file", "x");
	for (size_t i = 0; i < sizeof paddings / sizeof *paddings; i++)
		each(paddings[i]);
	end();
	return 0;
}
#else
int main(void)
{
	return 0;
}
#endif
