/* Files of /proc: what ps, top and a debugger read. */
#include "row.h"

static void read_whole(const char *name)
{
	int fd = open(name, O_RDONLY);
	long count;
	MUST(fd >= 0);
	while ((count = read(fd, buffer, 65536)) > 0) {}
	MUST(count == 0 && close(fd) == 0);
}

#define PROC(name, path)                                                                                               \
	static void proc_##name(long size)                                                                             \
	{                                                                                                              \
		(void)size;                                                                                            \
		read_whole("/proc/" path);                                                                             \
	}

PROC(stat, "self/stat")
PROC(status, "self/status")
PROC(statm, "self/statm")
PROC(maps, "self/maps")
PROC(smaps, "self/smaps")
PROC(cmdline, "self/cmdline")
PROC(comm, "self/comm")
PROC(limits, "self/limits")
PROC(mounts, "self/mounts")
PROC(mountinfo, "self/mountinfo")
PROC(system_stat, "stat")
PROC(meminfo, "meminfo")
PROC(cpuinfo, "cpuinfo")
PROC(uptime, "uptime")
PROC(loadavg, "loadavg")
PROC(version, "version")
PROC(filesystems, "filesystems")
PROC(pid_max, "sys/kernel/pid_max")

static void proc_processes(long size)
{
	(void)size;
	list_of("/proc");
}

static void proc_descriptors(long size)
{
	(void)size;
	list_of("/proc/self/fd");
}

static void proc_exe(long size)
{
	(void)size;
	MUST(readlink("/proc/self/exe", path, sizeof path) > 0);
}

static void proc_fd_link(long size)
{
	(void)size;
	MUST(readlink("/proc/self/fd/1", path, sizeof path) > 0);
}

#define OF_PROC(name) {"proc_" #name, proc_##name, NULL, NULL, NULL}

static const struct row PROCFS[] = {
	OF_PROC(stat),
	OF_PROC(status),
	OF_PROC(statm),
	{"proc_maps", proc_maps, many_areas, no_areas, SIZES(1, 100, 1000)},
	{"proc_smaps", proc_smaps, many_areas, no_areas, SIZES(1, 100, 1000)},
	OF_PROC(cmdline),
	OF_PROC(comm),
	OF_PROC(limits),
	OF_PROC(mounts),
	OF_PROC(mountinfo),
	OF_PROC(system_stat),
	OF_PROC(meminfo),
	OF_PROC(cpuinfo),
	OF_PROC(uptime),
	OF_PROC(loadavg),
	OF_PROC(version),
	OF_PROC(filesystems),
	OF_PROC(pid_max),
	{"proc_list_among", proc_processes, sleepers, no_sleepers, PROCESSES_LIVE},
	{"proc_fd_list", proc_descriptors, many_descriptors, close_many, SIZES(1, 100, 1000)},
	OF_PROC(exe),
	OF_PROC(fd_link),
};
