//! File systems that show the kernel: `procfs/` (/proc), `devfs.rs` (/dev), and the files of
//! signals, `signalfd.rs`; `initramfs.rs` unpacks the boot archive into the root.
//!
//! Floor 11: above processes. What all file systems share is in `vfs/`, terminals in `tty/`.

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as
// unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

pub mod devfs;
pub mod initramfs;
pub mod procfs;
pub mod signalfd;

#[cfg(test)]
mod tests;

use alloc::string::String;

use formats::initramfs::Source;

use crate::abi::errno::Errno;
use crate::abi::metadata::{NewFile, mode};
use crate::dev::log::log;
use crate::mm::fallible::Text;
use crate::tty;
use crate::vfs::dentry::Location;
use crate::vfs::mount::{self, Kind, MountFlags};
use crate::vfs::path;
use crate::vfs::tmpfs::TmpFs;

const RAMFS_MAGIC: u32 = 0x8584_58f6;
const SYSFS_MAGIC: u32 = 0x6265_6572;

/// The file system types, in the order of /proc/filesystems.
pub static KINDS: &[Kind] = &[
    // Empty: programs that always mount /sys don't fail.
    Kind {
        name: "sysfs",
        make: |_| Ok(TmpFs::new("sysfs", SYSFS_MAGIC)),
    },
    Kind {
        name: "tmpfs",
        make: |options| Ok(TmpFs::with_options(options)?),
    },
    Kind {
        name: "proc",
        make: |_| Ok(procfs::instance()),
    },
    Kind {
        name: "devtmpfs",
        make: |_| Ok(devfs::instance()),
    },
    Kind {
        name: "devpts",
        make: |_| Ok(tty::pty::devpts::instance()),
    },
    Kind {
        name: "ramfs",
        make: |_| Ok(TmpFs::new("ramfs", RAMFS_MAGIC)),
    },
];

/// Contents of /proc that floors above provide.
pub struct Shown {
    /// The kernel's command line.
    pub command_line: &'static [u8],
    /// Text of /proc/doors.
    pub doors: fn(&mut Text),
}

/// Creates the tree: unpacks the initramfs, and mounts /dev and /proc, which shows `shown`.
///
/// # Panics
/// If memory is short.
pub fn init(mut archives: impl Source, shown: Shown) {
    procfs::init(shown);
    let root = mount::mount_root(TmpFs::new("rootfs", RAMFS_MAGIC));
    initramfs::unpack(&mut archives, &root);
    drop(archives);
    for (name, kind) in [("dev", "devtmpfs"), ("proc", "proc")] {
        if let Err(errno) = mount_at(&root, name, kind) {
            log!("fs: cannot mount /{name}: {}", errno.name().unwrap_or("?"));
        }
    }
    // In the devtmpfs mounted on /dev.
    let dev = path::child(&root, b"dev").map(Location::uncovered);
    if let Err(errno) = dev.and_then(|dev| mount_at(&dev, "pts", "devpts")) {
        log!("fs: cannot mount /dev/pts: {}", errno.name().unwrap_or("?"));
    }
}

/// Mounts a file system on a directory of the root, creating the directory if missing.
fn mount_at(root: &Location, name: &str, kind: &str) -> Result<(), Errno> {
    let dir = NewFile {
        mode: mode::S_IFDIR | 0o755,
        ..NewFile::default()
    };
    match root.inode().create(&root.dentry, name.as_bytes(), &dir) {
        Ok(_) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno),
    }
    let point = path::child(root, name.as_bytes())?;
    let fs = mount::make(kind.as_bytes(), b"")?;
    mount::change::add(point, fs, String::from(kind), MountFlags::of(0)).map(|_| ())
}
