/* covers: kernel/src/process/ */
/* Process groups that an exit orphans (kill_orphaned_pgrp): a stopped one gets SIGHUP and SIGCONT, unless a member's new
   parent, a subreaper of the same session, could continue it. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/prctl.h>

#include "children.h"

enum { LIMIT = 60, MEMBERS = 3 };

/* Process IDs of the members, seen by all. */
static volatile int *members;

static void nap(void)
{
	usleep(20000);
}

/* How each member ended, or that it is still stopped; the caller is its parent by then. */
static void show(const char *when)
{
	printf("%s:", when);
	for (int i = 0; i < MEMBERS; i++) {
		int status = 0, found;

		if (!members[i])
			continue;
		found = waitpid(members[i], &status, WNOHANG);
		if (found == 0)
			printf(" lives");
		else if (found < 0)
			printf(" gone");
		else if (WIFSIGNALED(status))
			printf(" signal %d", WTERMSIG(status));
		else
			printf(" exit %d", WEXITSTATUS(status));
	}
	printf("\n");
}

/* Creates `count` members of one group, children of the caller; those from `stopped` on stop, others have ended. */
static void make_group(int count, int stopped)
{
	for (int i = 0; i < count; i++) {
		int child = fork();

		if (child == 0) {
			if (i >= stopped)
				raise(SIGSTOP);
			_exit(7);
		}
		setpgid(child, members[0] ? members[0] : child);
		members[i] = child;
		if (i >= stopped)
			waitpid(child, NULL, WUNTRACED);
		else
			waitid(P_PID, child, &(siginfo_t){0}, WEXITED | WNOWAIT);
	}
}

static void end_group(void)
{
	for (int i = 0; i < MEMBERS; i++)
		if (members[i] && kill(members[i], SIGKILL) == 0)
			waitpid(members[i], NULL, 0);
	for (int i = 0; i < MEMBERS; i++)
		members[i] = 0;
}

/* Runs `parent` in a group of its own, in a session whose leader may take orphans. */
static void in_session(int takes_orphans, void (*parent)(void), void (*then)(void))
{
	int leader = fork();

	if (leader == 0) {
		int child;

		setsid();
		prctl(PR_SET_CHILD_SUBREAPER, takes_orphans);
		child = fork();
		if (child == 0) {
			setpgid(0, 0);
			parent();
			_exit(0);
		}
		waitpid(child, NULL, 0);
		nap();
		then();
		_exit(0);
	}
	waitpid(leader, NULL, 0);
	nap();
}

static void nothing(void) {}

static void parent_of_stopped(void)
{
	make_group(3, 0);
}

static void parent_of_zombie_and_stopped(void)
{
	make_group(3, 1);
}

static void parent_of_zombies(void)
{
	make_group(3, 3);
}

static void leader_shows(void)
{
	show("while the session's leader lives");
}

/* The caller's own group, in which its child stops. */
static void member_with_stopped_child(void)
{
	int child = fork();

	if (child == 0) {
		raise(SIGSTOP);
		_exit(7);
	}
	members[0] = child;
	waitpid(child, NULL, WUNTRACED);
}

static void try_one(const char *name, int takes_orphans, void (*parent)(void), void (*then)(void))
{
	printf("%s\n", name);
	in_session(takes_orphans, parent, then);
	show("in the end");
	end_group();
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(LIMIT);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	members = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	try_one("the parent ends", 0, parent_of_stopped, nothing);
	try_one("the parent ends, and the leader takes its children", 1, parent_of_stopped, leader_shows);
	try_one("the same with a zombie first", 1, parent_of_zombie_and_stopped, leader_shows);
	try_one("a zombie first", 0, parent_of_zombie_and_stopped, nothing);
	try_one("zombies alone", 0, parent_of_zombies, nothing);
	try_one("a member ends", 0, member_with_stopped_child, nothing);
	try_one("a member ends, and the leader takes its child", 1, member_with_stopped_child, leader_shows);
	return 0;
}
