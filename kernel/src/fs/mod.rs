//! File systems that show the kernel: `procfs/` (/proc), `devfs.rs` (/dev), and the files of
//! processes and signals, `pidfd.rs` and `signalfd.rs`; `initramfs.rs` unpacks the boot archive
//! into the root.
//!
//! Floor 11: above processes. What all file systems share is in `vfs/`, terminals in `tty/`.

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

pub mod devfs;
pub mod initramfs;
pub mod pidfd;
pub mod procfs;
pub mod signalfd;

#[cfg(test)]
mod tests;

use alloc::string::String;

use formats::initramfs::Source;

use crate::abi::errno::Errno;
use crate::abi::metadata::{NewFile, mode};
use crate::dev::log::log;
use crate::vfs::dentry::Location;
use crate::vfs::mount::{self, MountFlags};
use crate::vfs::path;
use crate::vfs::tmpfs::TmpFs;

/// Creates the tree: unpacks the initramfs, and mounts /dev and /proc.
///
/// # Panics
/// If memory is short.
pub fn init(mut archives: impl Source) {
    const RAMFS_MAGIC: u32 = 0x8584_58f6;
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
    let fs = mount::kinds::make(kind.as_bytes(), b"")?;
    mount::change::add(point, fs, String::from(kind), MountFlags::of(0)).map(|_| ())
}
