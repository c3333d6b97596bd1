//! Files: one tree of names, whichever file system each part of it is in.
//!
//! Reading order: `inode.rs` (what a file is), `dentry.rs` and `mount/` (names and how file
//! systems are joined), `path.rs` (from a path to a file), `file.rs` and `fdtable.rs` (what a
//! descriptor is), `lock/`, `busy.rs` and `limit.rs` (who may do what to a file at the same time, and how
//! much), then the file systems: `tmpfs/` (the root, from the initramfs by `initramfs.rs`),
//! `devfs.rs` and `chrdev.rs` (/dev), `tty/` (the terminal), `pipe/`, `procfs/` (/proc). Files that no
//! path leads to are in `anon.rs`: `epoll/`, `eventfd.rs`, `timerfd.rs`, `signalfd.rs`, `pidfd.rs`, and `inotify/`,
//! which is told by `notify.rs` what happens to files. The
//! system calls that use all this are in `kernel/src/syscall/`: a write(2) goes from `syscall/io.rs` through `file.rs`
//! to the file's own code.
//!
//! The kernel is not preempted and has one CPU, so locks are never waited for; but a copy to or from
//! user memory may fault and come back here for a page: no lock is held over one.

pub mod access;
mod anon;
pub mod busy;
pub mod caller;
pub mod change;
pub mod chrdev;
pub mod dentry;
pub mod devfs;
pub mod epoll;
pub mod eventfd;
pub mod fdtable;
pub mod file;
pub mod initramfs;
pub mod inode;
pub mod inotify;
pub mod io;
pub mod limit;
pub mod lock;
pub mod metadata;
pub mod mount;
pub mod notify;
pub mod nowhere;
pub mod open;
pub mod path;
pub mod pidfd;
pub mod pipe;
pub mod poll;
pub mod procfs;
pub mod protected;
mod resolve;
pub mod signalfd;
#[cfg(test)]
mod tests;
pub mod timerfd;
pub mod tmpfs;
pub mod tty;
pub mod xattr;

use alloc::string::String;

use formats::initramfs::Source;
use inode::{NewFile, Time, mode};
use mount::MountFlags;
use tmpfs::TmpFs;
use vdso::reader::REALTIME_COARSE;

use crate::log;
use crate::syscall::errno::Errno;

pub use caller::mappable;
pub use fdtable::FdTable;
pub use open::{console_files, open_executable};
pub use path::FsContext;

/// The wall clock at the last tick, for time stamps.
pub fn now() -> Time {
    let time = crate::time::now(REALTIME_COARSE as i32).unwrap_or_default();
    Time {
        sec: time.seconds,
        nsec: time.nanos,
    }
}

/// Makes the tree: the initramfs's files, with /dev and /proc mounted whether it has them or not.
///
/// # Panics
/// If there is no memory for that.
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
    // In the new /dev.
    let dev = path::child(&root, b"dev").map(dentry::Location::uncovered);
    if let Err(errno) = dev.and_then(|dev| mount_at(&dev, "pts", "devpts")) {
        log!("fs: cannot mount /dev/pts: {}", errno.name().unwrap_or("?"));
    }
}

/// Mounts a file system on a directory of the root, which is made if it isn't there.
fn mount_at(root: &dentry::Location, name: &str, kind: &str) -> Result<(), Errno> {
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
    mount::add(point, fs, String::from(kind), MountFlags::of(0)).map(|_| ())
}
