/* Files: paths, descriptors, content, directories, locks, watches. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "row.h"

static int file = -1, other = -1;
static char path[8192];

static void make_file(const char *name, long size)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0644);
	MUST(fd >= 0);
	while (size > 0) {
		long part = size < (long)sizeof buffer ? size : (long)sizeof buffer;
		MUST(write(fd, buffer, part) == part);
		size -= part;
	}
	MUST(close(fd) == 0);
}

static void small_file(long size)
{
	(void)size;
	make_file("f", 100);
	MUST((file = open("f", O_RDWR)) >= 0);
}

static void file_of(long size)
{
	make_file("f", size);
	MUST((file = open("f", O_RDWR)) >= 0);
}

static void no_file(long size)
{
	(void)size;
	MUST(close(file) == 0 && unlink("f") == 0);
}

static void open_close(long size)
{
	int fd = open("f", O_RDONLY);
	(void)size;
	MUST(fd >= 0 && close(fd) == 0);
}

static void open_read_close(long size)
{
	int fd = open("f", O_RDONLY);
	MUST(fd >= 0 && read(fd, buffer, size) >= 0 && close(fd) == 0);
}

static void file_stat(long size)
{
	struct stat stat_buffer;
	(void)size;
	MUST(stat("f", &stat_buffer) == 0);
}

static void file_fstat(long size)
{
	struct stat stat_buffer;
	(void)size;
	MUST(fstat(file, &stat_buffer) == 0);
}

static void file_statx(long size)
{
	(void)size;
	MUST(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, (struct statx *)buffer) == 0);
}

static void stat_missing(long size)
{
	struct stat stat_buffer;
	(void)size;
	MUST(stat("missing", &stat_buffer) == -1);
}

static void file_access(long size)
{
	(void)size;
	MUST(access("f", R_OK) == 0);
}

static void file_statfs(long size)
{
	(void)size;
	MUST(statfs("f", (struct statfs *)buffer) == 0);
}

static void file_chmod(long size)
{
	(void)size;
	MUST(chmod("f", 0644) == 0);
}

static void file_chown(long size)
{
	(void)size;
	MUST(chown("f", 0, 0) == 0);
}

static void file_utimes(long size)
{
	(void)size;
	MUST(utimensat(AT_FDCWD, "f", NULL, 0) == 0);
}

static void file_fsync(long size)
{
	(void)size;
	MUST(fsync(file) == 0);
}

static void file_flock(long size)
{
	(void)size;
	MUST(flock(file, LOCK_EX) == 0 && flock(file, LOCK_UN) == 0);
}

static void file_seek(long size)
{
	(void)size;
	MUST(syscall(SYS_lseek, file, 0, SEEK_SET) == 0);
}

static void file_flags(long size)
{
	(void)size;
	MUST(fcntl(file, F_GETFL) >= 0);
}

static void file_not_a_terminal(long size)
{
	(void)size;
	MUST(ioctl(file, TIOCGWINSZ, buffer) == -1);
}

static void file_read(long size)
{
	MUST(pread(file, buffer, size, 0) == size);
}

static void file_write(long size)
{
	MUST(pwrite(file, buffer, size, 0) == size);
}

static void read_at_position(long size)
{
	MUST(syscall(SYS_lseek, file, 0, SEEK_SET) == 0 && read(file, buffer, size) == size);
}

/* `size` pieces of one byte. */
static struct iovec pieces[1024];

static void byte_pieces(long size)
{
	file_of(size);
	for (long i = 0; i < size; i++)
		pieces[i] = (struct iovec){buffer + i, 1};
}

static void file_readv(long size)
{
	MUST(preadv(file, pieces, size, 0) == size);
}

static void file_writev(long size)
{
	MUST(pwritev(file, pieces, size, 0) == size);
}

static void grow_and_cut(long size)
{
	MUST(pwrite(file, buffer, size, 0) == size && ftruncate(file, 0) == 0);
}

static void allocate(long size)
{
	MUST(fallocate(file, 0, 0, size) == 0 && ftruncate(file, 0) == 0);
}

static void zero_device(long size)
{
	(void)size;
	MUST((file = open("/dev/zero", O_RDONLY)) >= 0);
}

static void null_device(long size)
{
	(void)size;
	MUST((file = open("/dev/null", O_RDWR)) >= 0);
}

static void random_device(long size)
{
	(void)size;
	MUST((file = open("/dev/urandom", O_RDWR)) >= 0);
}

static void no_device(long size)
{
	(void)size;
	MUST(close(file) == 0);
}

static void plain_read(long size)
{
	MUST(read(file, buffer, size) == size);
}

static void plain_write(long size)
{
	MUST(write(file, buffer, size) == size);
}

static void two_files(long size)
{
	file_of(size);
	MUST((other = open("g", O_CREAT | O_RDWR, 0644)) >= 0);
}

static void no_files(long size)
{
	no_file(size);
	MUST(close(other) == 0 && unlink("g") == 0);
}

static void send_file(long size)
{
	off_t at = 0;
	MUST(lseek(other, 0, SEEK_SET) == 0 && sendfile(other, file, &at, size) == size);
}

static void copy_range(long size)
{
	off_t from = 0, to = 0;
	MUST(copy_file_range(file, &from, other, &to, size, 0) == size);
}

static void duplicate(long size)
{
	int fd = dup(file);
	(void)size;
	MUST(fd >= 0 && close(fd) == 0);
}

/* `size` descriptors are open: the least free number is behind them. */
static void many_descriptors(long size)
{
	struct rlimit most = {20000, 20000};
	MUST(setrlimit(RLIMIT_NOFILE, &most) == 0);
	small_file(size);
	for (long i = 0; i < size; i++)
		MUST(dup(file) >= 0);
}

static void close_many(long size)
{
	MUST(close_range(file + 1, ~0U, 0) == 0);
	no_file(size);
}

static void close_a_range(long size)
{
	for (long i = 0; i < size; i++)
		MUST(dup(file) >= 0);
	MUST(close_range(file + 1, ~0U, 0) == 0);
}

/* Directories of `size` files, with the current directory inside. */
static char name[64];

static void full_directory(long size)
{
	MUST(mkdir("d", 0755) == 0 && chdir("d") == 0);
	for (long i = 0; i < size; i++) {
		snprintf(name, sizeof name, "entry%ld", i);
		make_file(name, 0);
	}
}

static void empty_directory(long size)
{
	for (long i = 0; i < size; i++) {
		snprintf(name, sizeof name, "entry%ld", i);
		MUST(unlink(name) == 0);
	}
	MUST(chdir("..") == 0 && rmdir("d") == 0);
}

static void create_unlink(long size)
{
	int fd = open("new", O_CREAT | O_EXCL | O_WRONLY, 0644);
	(void)size;
	MUST(fd >= 0 && close(fd) == 0 && unlink("new") == 0);
}

static void rename_file(long size)
{
	(void)size;
	MUST(rename("entry0", "renamed") == 0 && rename("renamed", "entry0") == 0);
}

static void link_unlink(long size)
{
	(void)size;
	MUST(link("entry0", "second") == 0 && unlink("second") == 0);
}

static void symlink_unlink(long size)
{
	(void)size;
	MUST(symlink("entry0", "link") == 0 && unlink("link") == 0);
}

static void make_remove_directory(long size)
{
	(void)size;
	MUST(mkdir("sub", 0755) == 0 && rmdir("sub") == 0);
}

static void list_of(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY);
	long count;
	MUST(fd >= 0);
	while ((count = syscall(SYS_getdents64, fd, buffer, 32768)) > 0) {}
	MUST(count == 0 && close(fd) == 0);
}

static void list(long size)
{
	(void)size;
	list_of(".");
}

static void last_stat(long size)
{
	struct stat stat_buffer;
	(void)size;
	MUST(stat(name, &stat_buffer) == 0);
}

/* A path of `size` directories. */
static void deep_path(long size)
{
	path[0] = 0;
	for (long i = 0; i < size; i++) {
		strcat(path, i ? "/deep" : "deep");
		MUST(mkdir(path, 0755) == 0);
	}
	strcat(path, "/f");
	make_file(path, 0);
}

static void no_deep_path(long size)
{
	MUST(unlink(path) == 0);
	for (long i = 0; i < size; i++) {
		*strrchr(path, '/') = 0;
		MUST(rmdir(path) == 0);
	}
}

static void path_stat(long size)
{
	struct stat stat_buffer;
	(void)size;
	MUST(stat(path, &stat_buffer) == 0);
}

static void deep_place(long size)
{
	for (long i = 0; i < size; i++)
		MUST(mkdir("deep", 0755) == 0 && chdir("deep") == 0);
}

static void no_deep_place(long size)
{
	for (long i = 0; i < size; i++)
		MUST(chdir("..") == 0 && rmdir("deep") == 0);
}

static void current_directory(long size)
{
	(void)size;
	MUST(syscall(SYS_getcwd, path, sizeof path) > 0);
}

static void change_directory(long size)
{
	(void)size;
	MUST(chdir(".") == 0);
}

/* `size` symbolic links, each to the next, the last to a file. */
static void links(long size)
{
	char target[64];
	make_file("f", 0);
	for (long i = 0; i < size; i++) {
		snprintf(name, sizeof name, "link%ld", i);
		snprintf(target, sizeof target, "link%ld", i - 1);
		MUST(symlink(i ? target : "f", name) == 0);
	}
}

static void no_links(long size)
{
	for (long i = 0; i < size; i++) {
		snprintf(name, sizeof name, "link%ld", i);
		MUST(unlink(name) == 0);
	}
	MUST(unlink("f") == 0);
}

static void read_link(long size)
{
	(void)size;
	MUST(readlink(name, path, sizeof path) > 0);
}

/* `size` record locks are held, with room between them. */
static void record_lock(int type, long start)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = 1};
	MUST(fcntl(file, F_SETLK, &lock) == 0);
}

static void held_locks(long size)
{
	small_file(size);
	for (long i = 0; i < size; i++)
		record_lock(F_WRLCK, 2 * i);
}

static void lock_unlock(long size)
{
	record_lock(F_WRLCK, 2 * size + 10);
	record_lock(F_UNLCK, 2 * size + 10);
}

static void one_attribute(long size)
{
	small_file(size);
	MUST(setxattr("f", "trusted.a", buffer, 16, 0) == 0);
}

static void get_attribute(long size)
{
	(void)size;
	MUST(getxattr("f", "trusted.a", path, 16) == 16);
}

static void set_attribute(long size)
{
	(void)size;
	MUST(setxattr("f", "trusted.a", buffer, 16, 0) == 0);
}

static void watch_start(long size)
{
	small_file(size);
	MUST((other = inotify_init1(IN_NONBLOCK)) >= 0);
}

static void watch_end(long size)
{
	MUST(close(other) == 0);
	no_file(size);
}

static void watch_add_remove(long size)
{
	int watch = inotify_add_watch(other, "f", IN_MODIFY);
	(void)size;
	MUST(watch >= 0 && inotify_rm_watch(other, watch) == 0);
	MUST(read(other, path, sizeof path) > 0);
}

static void watched(long size)
{
	watch_start(size);
	MUST(inotify_add_watch(other, "f", IN_MODIFY) >= 0);
}

static void watched_write(long size)
{
	(void)size;
	MUST(pwrite(file, buffer, 1, 0) == 1 && read(other, path, sizeof path) > 0);
}

static void memory_file(long size)
{
	int fd = memfd_create("m", 0);
	(void)size;
	MUST(fd >= 0 && close(fd) == 0);
}

#define BYTES SIZES(1, 100, 4096, 65536, 1048576)
#define ENTRIES SIZES(1, 100, 1000, 10000)
#define OF_FILE(name, run) {name, run, small_file, no_file, NULL}
#define IN_DIRECTORY(name, run) {name, run, full_directory, empty_directory, ENTRIES}

static const struct row FILES[] = {
	OF_FILE("open_close", open_close),
	{"open_read_close", open_read_close, file_of, no_file, SIZES(100, 4096, 65536)},
	OF_FILE("stat", file_stat),
	OF_FILE("fstat", file_fstat),
	OF_FILE("statx", file_statx),
	{"stat_missing", stat_missing, NULL, NULL, NULL},
	OF_FILE("access", file_access),
	OF_FILE("statfs", file_statfs),
	OF_FILE("chmod", file_chmod),
	OF_FILE("chown", file_chown),
	OF_FILE("utimensat", file_utimes),
	OF_FILE("fsync", file_fsync),
	OF_FILE("flock", file_flock),
	OF_FILE("lseek", file_seek),
	OF_FILE("fcntl_getfl", file_flags),
	OF_FILE("ioctl_enotty", file_not_a_terminal),
	{"pread", file_read, file_of, no_file, BYTES},
	{"pwrite", file_write, file_of, no_file, BYTES},
	{"lseek_read", read_at_position, file_of, no_file, SIZES(1, 4096)},
	{"preadv_bytes", file_readv, byte_pieces, no_file, SIZES(1, 8, 64, 1024)},
	{"pwritev_bytes", file_writev, byte_pieces, no_file, SIZES(1, 8, 64, 1024)},
	{"write_truncate", grow_and_cut, small_file, no_file, SIZES(1, 4096, 65536, 1048576)},
	{"fallocate_truncate", allocate, small_file, no_file, SIZES(4096, 1048576)},
	{"read_zero", plain_read, zero_device, no_device, BYTES},
	{"read_urandom", plain_read, random_device, no_device, SIZES(1, 4096, 65536)},
	{"write_null", plain_write, null_device, no_device, SIZES(1, 4096, 1048576)},
	{"sendfile", send_file, two_files, no_files, SIZES(1, 4096, 65536, 1048576)},
	{"copy_file_range", copy_range, two_files, no_files, SIZES(1, 4096, 65536)},
	OF_FILE("dup_close", duplicate),
	{"dup_behind", duplicate, many_descriptors, close_many, SIZES(1, 100, 1000, 10000)},
	{"dup_close_range", close_a_range, small_file, no_file, SIZES(1, 100, 900)},
	IN_DIRECTORY("create_unlink_in", create_unlink),
	IN_DIRECTORY("rename_in", rename_file),
	IN_DIRECTORY("link_unlink_in", link_unlink),
	IN_DIRECTORY("symlink_unlink_in", symlink_unlink),
	IN_DIRECTORY("mkdir_rmdir_in", make_remove_directory),
	IN_DIRECTORY("list", list),
	IN_DIRECTORY("stat_in", last_stat),
	{"stat_deep", path_stat, deep_path, no_deep_path, SIZES(1, 10, 100, 500)},
	{"getcwd_deep", current_directory, deep_place, no_deep_place, SIZES(1, 10, 200)},
	{"chdir", change_directory, NULL, NULL, NULL},
	{"stat_links", last_stat, links, no_links, SIZES(1, 10, 40)},
	{"readlink", read_link, links, no_links, SIZES(1)},
	{"lock_held", lock_unlock, held_locks, no_file, SIZES(1, 100, 1000, 10000)},
	{"getxattr", get_attribute, one_attribute, no_file, NULL},
	{"setxattr", set_attribute, one_attribute, no_file, NULL},
	{"inotify_add_remove", watch_add_remove, watch_start, watch_end, NULL},
	{"inotify_event", watched_write, watched, watch_end, NULL},
	{"memfd_create", memory_file, NULL, NULL, NULL},
};
