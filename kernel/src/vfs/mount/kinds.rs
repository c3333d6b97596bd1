//! The file systems that mount(2) knows by name.

use alloc::sync::Arc;

use super::FileSystem;
use crate::abi::errno::Errno;
use crate::fs::{devfs, procfs};
use crate::tty;
use crate::vfs::tmpfs::TmpFs;

/// A file system by the name that mount(2) is given, with its options.
///
/// # Errors
/// `ENODEV` for a name that is none, `EINVAL` for bad options.
pub fn make(kind: &[u8], options: &[u8]) -> Result<Arc<dyn FileSystem>, Errno> {
    const RAMFS_MAGIC: u32 = 0x8584_58f6;
    const SYSFS_MAGIC: u32 = 0x6265_6572;
    Ok(match kind {
        b"tmpfs" => TmpFs::with_options(options)?,
        b"ramfs" => TmpFs::new("ramfs", RAMFS_MAGIC),
        // Nothing is in it yet: programs that mount it as a matter of course go on without.
        b"sysfs" => TmpFs::new("sysfs", SYSFS_MAGIC),
        b"devtmpfs" => devfs::instance(),
        b"devpts" => tty::pty::devpts::instance(),
        b"proc" => procfs::instance(),
        _ => return Err(Errno::ENODEV),
    })
}

/// Names of the kinds [`make`] knows, for /proc/filesystems.
pub const KINDS: [&str; 6] = ["sysfs", "tmpfs", "proc", "devtmpfs", "devpts", "ramfs"];
