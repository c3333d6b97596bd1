/* covers: kernel/src/vfs/ */
/* inotify's queue overflow and per-user limits. The program changes sysctls: don't run it on the host. */
#include "notify.h"

static char buffer[65536] __attribute__((aligned(8)));

static void touch(const char *name)
{
	close(open(name, O_CREAT | O_WRONLY, 0644));
}

static void set(const char *name, const char *value)
{
	char path[100];
	int fd;

	snprintf(path, sizeof path, "/proc/sys/fs/inotify/%s", name);
	fd = open(path, O_WRONLY);
	printf("%s: ", name);
	T(write(fd, value, strlen(value)));
	close(fd);
}

static void get(const char *name)
{
	char path[100], text[30] = "";
	int fd;

	snprintf(path, sizeof path, "/proc/sys/fs/inotify/%s", name);
	fd = open(path, O_RDONLY);
	read(fd, text, sizeof text - 1);
	printf("%s %s", name, text);
	close(fd);
}

static void limits(void)
{
	int fds[200], count = 0, fd, last = 0;
	char name[20], old[30];

	get("max_queued_events");
	get("max_user_instances");
	set("max_queued_events", "5\n");
	get("max_queued_events");
	set("max_queued_events", "-1\n");
	set("max_queued_events", "none");
	set("max_user_instances", "8");
	get("max_user_instances");
	set("max_queued_events", "5");
	fd = inotify_init1(IN_NONBLOCK);
	watched[1] = "first", watched[2] = "second";
	inotify_add_watch(fd, "d", IN_CREATE | IN_DELETE);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "d/%d", i);
		touch(name);
	}
	events_of(fd);
	unlink("d/0");
	read(fd, buffer, 32);
	for (int i = 1; i < 20; i++) {
		snprintf(name, sizeof name, "d/%d", i);
		unlink(name);
	}
	read(fd, buffer, 64);
	touch("d/after");
	unlink("d/after");
	touch("d/after");
	unlink("d/after");
	events_of(fd);
	close(fd);
	set("max_queued_events", "0");
	fd = inotify_init1(IN_NONBLOCK);
	inotify_add_watch(fd, "d", IN_CREATE);
	touch("d/none");
	unlink("d/none");
	events_of(fd);
	close(fd);
	set("max_queued_events", "16384");
	/* Instances are counted per user. */
	fflush(stdout);
	if (fork() == 0) {
		setresuid(1000, 1000, 1000);
		while (count < 200 && (fds[count] = inotify_init()) >= 0)
			count++;
		printf("%d instances, then %s\n", count, strerror(errno));
		T(inotify_init1(IN_NONBLOCK));
		close(fds[0]);
		T(inotify_init1(IN_NONBLOCK) >= 0);
		int secret = open("secret", O_RDONLY);
		T(secret);
		T(inotify_add_watch(fds[1], "secret", IN_OPEN));
		T(inotify_add_watch(fds[1], "open", IN_OPEN));
		T(inotify_add_watch(fds[1], "hidden/x", IN_OPEN));
		T(inotify_add_watch(fds[1], "/", IN_OPEN));
		set("max_user_watches", "5");
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	set("max_user_instances", "128");
	fd = open("/proc/sys/fs/inotify/max_user_watches", O_RDONLY);
	last = read(fd, old, sizeof old - 1);
	old[last > 0 ? last : 0] = 0;
	close(fd);
	set("max_user_watches", "3");
	if (fork() == 0) {
		setresuid(1001, 1001, 1001);
		fd = inotify_init();
		int other = inotify_init();
		T(inotify_add_watch(fd, "/", IN_OPEN));
		T(inotify_add_watch(fd, "open", IN_OPEN));
		T(inotify_add_watch(other, "/", IN_OPEN));
		T(inotify_add_watch(fd, "/tmp", IN_OPEN));
		T(inotify_add_watch(fd, "/", IN_CLOSE));
		T(inotify_rm_watch(fd, 1));
		T(inotify_add_watch(fd, "/tmp", IN_OPEN));
		T(close(fd));
		T(inotify_add_watch(other, "/tmp", IN_OPEN));
		T(inotify_add_watch(other, "open", IN_OPEN));
		T(inotify_add_watch(other, "..", IN_OPEN));
		T(inotify_add_watch(other, "d", IN_OPEN));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	/* Restores the limit. */
	fd = open("/proc/sys/fs/inotify/max_user_watches", O_WRONLY);
	T(write(fd, old, strlen(old)) == last);
	close(fd);
}

/* Prints fdinfo of an instance, without the file's generation: it depends on the file system. */
static void describe(void)
{
	char path[100], line[300];
	struct stat s;
	FILE *file;
	int fd = inotify_init1(IN_NONBLOCK);

	mkdir("d/sub", 0755);
	touch("d/file");
	inotify_add_watch(fd, "d/sub", IN_ALL_EVENTS);
	inotify_add_watch(fd, "d/file", IN_OPEN | IN_ONESHOT);
	inotify_rm_watch(fd, inotify_add_watch(fd, "open", IN_OPEN));
	inotify_add_watch(fd, "d", IN_OPEN | IN_EXCL_UNLINK | IN_ONLYDIR | IN_ISDIR | IN_UNMOUNT);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (fgets(line, sizeof line, file)) {
		unsigned wd, device, mask, ignored, bytes, type;
		unsigned long ino;
		char handle[50];

		if (sscanf(line,
			    "inotify wd:%x ino:%lx sdev:%x mask:%x ignored_mask:%x fhandle-bytes:%x fhandle-type:%x f_handle:%s",
			    &wd, &ino, &device, &mask, &ignored, &bytes, &type, handle) != 8) {
			if (strncmp(line, "ino:", 4) && strncmp(line, "mnt_id:", 7))
				printf("%s", line);
			continue;
		}
		stat(wd == 1 ? "d/sub" : wd == 2 ? "d/file" : "d", &s);
		printf("watch %u: %d %d mask %x %x, handle %x %x %zu\n", wd, ino == s.st_ino, device == s.st_dev, mask,
			ignored, bytes, type, strlen(handle));
		/* The inode number follows the generation, in little endian. */
		for (int i = 0; i < 8; i++) {
			unsigned byte;

			sscanf(handle + 8 + i * 2, "%2x", &byte);
			if (byte != (unsigned char)((unsigned long long)s.st_ino >> i * 8))
				printf("byte %d of the handle differs: %s\n", i, handle);
		}
	}
	fclose(file);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	line[readlink(path, line, sizeof line - 1)] = 0;
	printf("%s\n", line);
}

int main(void)
{
	begin_watching();
	chmod(workplace, 0755);
	mkdir("d", 0755);
	mkdir("secret", 0311);
	mkdir("open", 0555);
	mkdir("hidden", 0444);
	mkdir("/proc", 0755);
	if (access("/proc/self", F_OK))
		mount("proc", "/proc", "proc", 0, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	limits();
	describe();
	end();
	return 0;
}
