//! File system types by name.

use alloc::sync::Arc;

use super::FileSystem;
use crate::abi::errno::Errno;
use crate::fs::{devfs, procfs};
use crate::tty;
use crate::vfs::tmpfs::TmpFs;

/// Creates or finds a file system of the type `kind`, with `options` of mount(2).
///
/// # Errors
/// `ENODEV` for an unknown type, `EINVAL` for invalid options.
pub fn make(kind: &[u8], options: &[u8]) -> Result<Arc<dyn FileSystem>, Errno> {
    const RAMFS_MAGIC: u32 = 0x8584_58f6;
    const SYSFS_MAGIC: u32 = 0x6265_6572;
    Ok(match kind {
        b"tmpfs" => TmpFs::with_options(options)?,
        b"ramfs" => TmpFs::new("ramfs", RAMFS_MAGIC),
        // Empty: programs that always mount /sys don't fail.
        b"sysfs" => TmpFs::new("sysfs", SYSFS_MAGIC),
        b"devtmpfs" => devfs::instance(),
        b"devpts" => tty::pty::devpts::instance(),
        b"proc" => procfs::instance(),
        _ => return Err(Errno::ENODEV),
    })
}

/// The types that [`make`] knows, for /proc/filesystems.
pub const KINDS: [&str; 6] = ["sysfs", "tmpfs", "proc", "devtmpfs", "devpts", "ramfs"];
