// A read(2) that a signal interrupts, first with SA_RESTART and then without.
#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
#include <unistd.h>

static int ends[2];

// ANCHOR: handler
/* Gives the waiting read its byte. */
static void on_alarm(int signal)
{
	write(ends[1], "x", 1);
}
// ANCHOR_END: handler

// ANCHOR: wait
static void wait_for_byte(int flags)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
	struct itimerval soon = {.it_value.tv_usec = 50000};
	char byte;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	read(ends[0], &byte, 1);
}
// ANCHOR_END: wait

int main(void)
{
	pipe(ends);
	wait_for_byte(SA_RESTART);
	wait_for_byte(0);
}
