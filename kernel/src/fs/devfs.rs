//! /dev: a tmpfs with device nodes (devtmpfs). All mounts share one instance.

use alloc::sync::Arc;

use spin::Once;

use crate::abi::errno::Errno;
use crate::abi::metadata::{NewFile, mode};
use crate::vfs::chrdev;
use crate::vfs::mount::FileSystem;
use crate::vfs::tmpfs::TmpFs;

static INSTANCE: Once<Arc<TmpFs>> = Once::new();

/// The one instance.
///
/// # Panics
/// If memory is short at boot.
pub fn instance() -> Arc<TmpFs> {
    INSTANCE
        .call_once(|| create().expect("no memory for /dev"))
        .clone()
}

fn create() -> Result<Arc<TmpFs>, Errno> {
    const TMPFS_MAGIC: u32 = 0x0102_1994;
    let fs = TmpFs::new("devtmpfs", TMPFS_MAGIC);
    let root = fs.root();
    let devices = [
        ("null", 0o666, chrdev::NULL),
        ("zero", 0o666, chrdev::ZERO),
        ("full", 0o666, chrdev::FULL),
        ("random", 0o666, chrdev::RANDOM),
        ("urandom", 0o666, chrdev::URANDOM),
        ("kmsg", 0o644, chrdev::KMSG),
        ("console", 0o600, chrdev::CONSOLE),
        ("tty", 0o666, chrdev::TTY),
        ("ttyS0", 0o660, chrdev::TTY_S0),
        ("ptmx", 0o666, chrdev::PTMX),
    ];
    for (name, permissions, rdev) in devices {
        let new = NewFile {
            mode: mode::S_IFCHR | permissions,
            rdev,
            ..NewFile::default()
        };
        root.inode().create(&root, name.as_bytes(), &new)?;
    }
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ];
    for (name, target) in links {
        let target = target.as_bytes().to_vec();
        let new = NewFile {
            mode: mode::S_IFLNK | 0o777,
            target,
            ..NewFile::default()
        };
        root.inode().create(&root, name.as_bytes(), &new)?;
    }
    for (name, permissions) in [("pts", 0o755), ("shm", 0o1777)] {
        let new = NewFile {
            mode: mode::S_IFDIR | permissions,
            ..NewFile::default()
        };
        root.inode().create(&root, name.as_bytes(), &new)?;
    }
    Ok(fs)
}
