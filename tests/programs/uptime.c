/* covers: kernel/src/time/ kernel/src/fs/ */
/* Monotonic times: /proc/uptime, and the CPU times of /proc/stat. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *path, *format;
	const char *names[2];
} files[] = {
	{"/proc/uptime", "%lf %lf", {"uptime", "idle"}},
	{"/proc/stat", "cpu %lf %*f %*f %lf", {"busy", "idle"}},
};

int main(void)
{
	for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
		int fd = open(files[f].path, O_RDONLY), falls[2] = {0, 0};
		double last[2] = {0, 0};
		time_t end = time(NULL) + 1;

		for (int turn = 0; time(NULL) < end || turn < 100; turn++) {
			char text[256] = {0};
			double now[2];

			if (turn % 50 == 0)
				usleep(1000);
			if (pread(fd, text, sizeof text - 1, 0) <= 0 ||
				sscanf(text, files[f].format, &now[0], &now[1]) != 2) {
				printf("%s: %s\n", files[f].path, text);
				return 1;
			}
			for (int i = 0; i < 2; i++) {
				falls[i] += now[i] < last[i];
				last[i] = now[i];
			}
		}
		for (int i = 0; i < 2; i++)
			printf("%s: %s %s\n", files[f].path, files[f].names[i], falls[i] ? "falls" : "never falls");
		close(fd);
	}
	return 0;
}
