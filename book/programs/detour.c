// A signal handler that chooses where the program goes on.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>

void elsewhere(void)
{
	static const char text[] = "elsewhere: the handler sent the program here\n";
	write(1, text, sizeof text - 1);
	_exit(0);
}

// ANCHOR: on-signal
void on_signal(int signal, siginfo_t *info, void *context)
{
	ucontext_t *saved = context;
	saved->uc_mcontext.gregs[REG_RIP] = (long)elsewhere;
	// A function starts with rsp 8 bytes below a multiple of 16.
	saved->uc_mcontext.gregs[REG_RSP] -= 256;
	saved->uc_mcontext.gregs[REG_RSP] &= -16;
	saved->uc_mcontext.gregs[REG_RSP] -= 8;
}
// ANCHOR_END: on-signal

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	puts("main: not reached");
}
