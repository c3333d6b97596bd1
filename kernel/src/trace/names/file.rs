//! Constants of calls on files.

use linux_raw_sys::general as linux;

use super::{Name, known_flags, name, names};
use crate::mm::fallible::put;
use crate::trace::text::Text;

const ACCESS: &[Name] = names!(linux_raw_sys::general: O_RDONLY O_WRONLY O_RDWR O_ACCMODE);

/// `O_*` without the access mode. `O_SYNC` includes `O_DSYNC`'s bit, `O_TMPFILE` `O_DIRECTORY`'s:
/// the longer one comes first.
pub const OPEN: &[Name] = names!(linux_raw_sys::general:
    O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_SYNC O_DSYNC O_DIRECT O_LARGEFILE
    O_NOFOLLOW O_NOATIME O_CLOEXEC O_PATH O_TMPFILE O_DIRECTORY);

/// access(2).
pub const ACCESS_MODES: &[Name] = names!(linux_raw_sys::general: F_OK R_OK W_OK X_OK);

/// `AT_*`.
pub const AT: &[Name] = names!(linux_raw_sys::general:
    AT_SYMLINK_NOFOLLOW AT_REMOVEDIR AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH AT_RECURSIVE);
/// faccessat2(2), where `AT_EACCESS` has another flag's value.
pub const AT_ACCESS: &[Name] =
    names!(linux_raw_sys::general: AT_SYMLINK_NOFOLLOW AT_EACCESS AT_EMPTY_PATH);

const STATX_SYNC: &[Name] =
    names!(linux_raw_sys::general: AT_STATX_SYNC_AS_STAT AT_STATX_FORCE_SYNC AT_STATX_DONT_SYNC);
/// statx(2)'s mask, requested and returned.
pub const STATX_MASK: &[Name] = names!(linux_raw_sys::general:
    STATX_ALL STATX_BASIC_STATS STATX_TYPE STATX_MODE STATX_NLINK STATX_UID STATX_GID STATX_ATIME
    STATX_MTIME STATX_CTIME STATX_INO STATX_SIZE STATX_BLOCKS STATX_BTIME STATX_MNT_ID STATX_DIOALIGN);
/// struct statx's attributes.
pub const STATX_ATTRIBUTES: &[Name] = names!(linux_raw_sys::general:
    STATX_ATTR_COMPRESSED STATX_ATTR_IMMUTABLE STATX_ATTR_APPEND STATX_ATTR_NODUMP
    STATX_ATTR_ENCRYPTED STATX_ATTR_AUTOMOUNT STATX_ATTR_MOUNT_ROOT STATX_ATTR_VERITY STATX_ATTR_DAX);

/// lseek(2).
pub const WHENCE: &[Name] =
    names!(linux_raw_sys::general: SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE);

/// fcntl(2)'s commands of both widths.
pub const FCNTL: &[Name] = names!(linux_raw_sys::general:
    F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN F_SETSIG
    F_GETSIG F_SETOWN_EX F_GETOWN_EX F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW F_SETLEASE F_GETLEASE
    F_NOTIFY F_DUPFD_CLOEXEC F_SETPIPE_SZ F_GETPIPE_SZ F_ADD_SEALS F_GET_SEALS);
/// fcntl(2)'s commands that only i386 has.
pub const FCNTL64: &[Name] = &[(12, "F_GETLK64"), (13, "F_SETLK64"), (14, "F_SETLKW64")];
/// struct flock's type.
pub const LOCK_TYPES: &[Name] = names!(linux_raw_sys::general: F_RDLCK F_WRLCK F_UNLCK);

/// flock(2).
pub const FLOCK: &[Name] = names!(linux_raw_sys::general: LOCK_SH LOCK_EX LOCK_NB LOCK_UN);
/// preadv2(2).
pub const RWF: &[Name] = names!(linux_raw_sys::general:
    RWF_HIPRI RWF_DSYNC RWF_SYNC RWF_NOWAIT RWF_APPEND);
/// fallocate(2).
pub const FALLOC: &[Name] = names!(linux_raw_sys::general:
    FALLOC_FL_KEEP_SIZE FALLOC_FL_PUNCH_HOLE FALLOC_FL_NO_HIDE_STALE FALLOC_FL_COLLAPSE_RANGE
    FALLOC_FL_ZERO_RANGE FALLOC_FL_INSERT_RANGE FALLOC_FL_UNSHARE_RANGE);
/// close_range(2).
pub const CLOSE_RANGE: &[Name] = &[(2, "CLOSE_RANGE_UNSHARE"), (4, "CLOSE_RANGE_CLOEXEC")];
/// memfd_create(2).
pub const MEMFD: &[Name] = names!(linux_raw_sys::general:
    MFD_CLOEXEC MFD_ALLOW_SEALING MFD_HUGETLB MFD_NOEXEC_SEAL MFD_EXEC);
/// setxattr(2).
pub const XATTR: &[Name] = names!(linux_raw_sys::general: XATTR_CREATE XATTR_REPLACE);
/// renameat2(2).
pub const RENAME: &[Name] = &[
    (1, "RENAME_NOREPLACE"),
    (2, "RENAME_EXCHANGE"),
    (4, "RENAME_WHITEOUT"),
];
/// splice(2).
pub const SPLICE: &[Name] =
    names!(linux_raw_sys::general: SPLICE_F_MOVE SPLICE_F_NONBLOCK SPLICE_F_MORE SPLICE_F_GIFT);
/// posix_fadvise(2).
pub const FADVICE: &[Name] = names!(linux_raw_sys::general:
    POSIX_FADV_NORMAL POSIX_FADV_RANDOM POSIX_FADV_SEQUENTIAL POSIX_FADV_WILLNEED
    POSIX_FADV_DONTNEED POSIX_FADV_NOREUSE);
/// mount(2).
pub const MOUNT: &[Name] = names!(linux_raw_sys::general:
    MS_RDONLY MS_NOSUID MS_NODEV MS_NOEXEC MS_SYNCHRONOUS MS_REMOUNT MS_MANDLOCK MS_DIRSYNC
    MS_NOATIME MS_NODIRATIME MS_BIND MS_MOVE MS_REC MS_SILENT MS_POSIXACL MS_UNBINDABLE MS_PRIVATE
    MS_SLAVE MS_SHARED MS_RELATIME MS_KERNMOUNT MS_I_VERSION MS_STRICTATIME MS_LAZYTIME);
/// umount2(2).
pub const UMOUNT: &[Name] =
    names!(linux_raw_sys::general: MNT_FORCE MNT_DETACH MNT_EXPIRE UMOUNT_NOFOLLOW);
/// struct statfs's type.
pub const FILE_SYSTEMS: &[Name] = names!(linux_raw_sys::general:
    PROC_SUPER_MAGIC TMPFS_MAGIC RAMFS_MAGIC DEVPTS_SUPER_MAGIC SYSFS_MAGIC PIPEFS_MAGIC SOCKFS_MAGIC);
/// struct statfs's flags (include/linux/statfs.h).
pub const STATFS: &[Name] = &[
    (0x20, "ST_VALID"),
    (1, "ST_RDONLY"),
    (2, "ST_NOSUID"),
    (4, "ST_NODEV"),
    (8, "ST_NOEXEC"),
    (0x10, "ST_SYNCHRONOUS"),
    (0x40, "ST_MANDLOCK"),
    (0x400, "ST_NOATIME"),
    (0x800, "ST_NODIRATIME"),
    (0x1000, "ST_RELATIME"),
];
/// poll(2).
pub const POLL: &[Name] = names!(linux_raw_sys::general:
    POLLIN POLLPRI POLLOUT POLLRDNORM POLLRDBAND POLLWRNORM POLLWRBAND POLLMSG POLLRDHUP POLLERR
    POLLHUP POLLNVAL);

const TYPES: &[Name] = names!(linux_raw_sys::general:
    S_IFIFO S_IFCHR S_IFDIR S_IFBLK S_IFREG S_IFLNK S_IFSOCK);

/// Prints open(2)'s flags, the access mode first.
pub fn open_flags(out: &mut Text, value: u64) {
    let access = value & u64::from(linux::O_ACCMODE);
    name(out, access, ACCESS, "O_???");
    let rest = known_flags(out, value & !access, OPEN, "|");
    if rest != 0 {
        put!(out, "|{rest:#x}");
    }
}

/// Prints statx(2)'s flags: the kind of synchronisation, then `AT_*`.
pub fn statx_flags(out: &mut Text, value: u64) {
    let sync = value & u64::from(linux::AT_STATX_SYNC_TYPE);
    super::choice_and_flags(out, (sync, STATX_SYNC), (value & !sync, AT), "AT_STATX_???");
}

/// Prints a file's type and permissions: `S_IFREG|0644`.
pub fn mode(out: &mut Text, mode: u64) {
    match super::lookup(mode & u64::from(linux::S_IFMT), TYPES) {
        Some(kind) => out.add(kind),
        None => put!(out, "{:#o}", mode & u64::from(linux::S_IFMT)),
    }
    for (bit, name) in [
        (linux::S_ISUID, "|S_ISUID"),
        (linux::S_ISGID, "|S_ISGID"),
        (linux::S_ISVTX, "|S_ISVTX"),
    ] {
        if mode & u64::from(bit) != 0 {
            out.add(name);
        }
    }
    out.add("|");
    permissions(out, mode & 0o777);
}

/// Prints permissions as C's `%#03o` does: `0644`, `000`.
pub fn permissions(out: &mut Text, mode: u64) {
    if mode == 0 {
        out.add("000");
    } else {
        put!(out, "0{mode:o}");
    }
}

/// Prints a device number: `makedev(0x1, 0x3)`.
pub fn device(out: &mut Text, number: u64) {
    let major = number >> 8 & 0xfff | number >> 32 & 0xffff_f000;
    let minor = number & 0xff | number >> 12 & 0xffff_ff00;
    out.add("makedev(");
    for (part, after) in [(major, ", "), (minor, ")")] {
        if part == 0 {
            out.add("0");
        } else {
            put!(out, "{part:#x}");
        }
        out.add(after);
    }
}
