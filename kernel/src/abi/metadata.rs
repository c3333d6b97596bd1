//! Attributes of files: what stat(2) reports and chmod(2), chown(2) and utimensat(2) change.

use alloc::vec::Vec;

/// Type bits of a mode (`S_IFMT`) and their values.
#[allow(missing_docs)] // Linux's names (include/uapi/linux/stat.h).
pub mod mode {
    pub const S_IFMT: u32 = 0o170_000;
    pub const S_IFSOCK: u32 = 0o140_000;
    pub const S_IFLNK: u32 = 0o120_000;
    pub const S_IFREG: u32 = 0o100_000;
    pub const S_IFBLK: u32 = 0o060_000;
    pub const S_IFDIR: u32 = 0o040_000;
    pub const S_IFCHR: u32 = 0o020_000;
    pub const S_IFIFO: u32 = 0o010_000;
    pub const S_ISUID: u32 = 0o4000;
    pub const S_ISGID: u32 = 0o2000;
    pub const S_ISVTX: u32 = 0o1000;
    /// The bits that chmod(2) changes.
    pub const PERMISSIONS: u32 = 0o7777;
}

/// Time since the Epoch, 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nsec: u32,
}

/// A device number: major and minor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// Driver.
    pub major: u32,
    /// Device of that driver.
    pub minor: u32,
}

impl Device {
    /// The device with these numbers.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// The number as stat(2) and mknod(2) pass it (`new_encode_dev`).
    pub const fn encode(self) -> u32 {
        self.minor & 0xff | self.major << 8 | (self.minor & !0xff) << 12
    }

    /// The device with the encoded `number` (`new_decode_dev`).
    pub const fn decode(number: u32) -> Self {
        Self {
            major: number >> 8 & 0xfff,
            minor: number & 0xff | number >> 12 & 0xfff00,
        }
    }
}

/// Attributes of a file, for stat(2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Metadata {
    /// The file system's device number.
    pub dev: Device,
    /// Inode number.
    pub ino: u64,
    /// Type and permissions.
    pub mode: u32,
    /// Number of hard links.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device number of a device node.
    pub rdev: Device,
    /// Size in bytes.
    pub size: u64,
    /// Allocated space, in units of 512 bytes.
    pub blocks: u64,
    /// Time of the last access.
    pub atime: Time,
    /// Time of the last modification of the content.
    pub mtime: Time,
    /// Time of the last status change.
    pub ctime: Time,
    /// Time of creation.
    pub btime: Time,
}

impl Metadata {
    /// Attributes of a file with one link, unchanged since its creation.
    pub fn since(born: Time) -> Self {
        Self {
            nlink: 1,
            atime: born,
            mtime: born,
            ctime: born,
            btime: born,
            ..Self::default()
        }
    }

    /// The type bits of the mode.
    pub const fn kind(&self) -> u32 {
        self.mode & mode::S_IFMT
    }
}

/// Attributes to change; `None` leaves one unchanged. The caller has checked the permission.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// Permission bits.
    pub permissions: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Time of the last access.
    pub atime: Option<Time>,
    /// Time of the last modification.
    pub mtime: Option<Time>,
}

/// Attributes of a file to create.
#[derive(Clone, Debug, Default)]
pub struct NewFile {
    /// Type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device number of a device node.
    pub rdev: Device,
    /// Target of a symbolic link.
    pub target: Vec<u8>,
}
