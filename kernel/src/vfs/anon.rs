//! Anonymous inodes: files without a path, of eventfd(2), timerfd_create(2), signalfd(2),
//! epoll_create(2) and inotify_init(2).
//!
//! /proc/PID/fd shows them as `anon_inode:[eventfd]` and so on (`anon_inode:inotify` without the
//! brackets); all share one inode, as on Linux (fs/anon_inodes.c).

use alloc::format;
use alloc::sync::Arc;

use spin::Once;

use super::dentry::{Dentry, Location, Parent};
use super::file::File;
use super::inode::{FileOps, Inode};
use super::mount::{self, Mount};
use crate::abi::errno::Errno;
use crate::abi::metadata::{Device, Metadata, Time};
use crate::mm::frame;
use crate::vfs::pseudo;

/// Creates an open file shown as `anon_inode:[KIND]`, with `flags` of open(2).
///
/// # Errors
/// `ENOMEM`.
pub fn file(kind: &str, ops: Arc<dyn FileOps>, flags: u32) -> Result<Arc<File>, Errno> {
    named(&format!("[{kind}]"), ops, flags)
}

/// Creates an open file shown as `anon_inode:NAME`, with `flags` of open(2).
///
/// # Errors
/// `ENOMEM`.
pub fn named(name: &str, ops: Arc<dyn FileOps>, flags: u32) -> Result<Arc<File>, Errno> {
    // The number of files is up to programs: the last free frames are not for them.
    if frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    let name = format!("anon_inode:{name}").into_bytes();
    let location = Location {
        mount: mount().clone(),
        dentry: Dentry::new(Parent::Root, name.into(), the_inode().clone()),
    };
    Ok(File::new(location, ops, flags))
}

/// The one inode of all these files.
struct AnonInode {
    device: u32,
    born: Time,
}

fn the_inode() -> &'static Arc<AnonInode> {
    static INODE: Once<Arc<AnonInode>> = Once::new();
    INODE.call_once(|| {
        Arc::new(AnonInode {
            device: mount::anonymous_device(),
            born: crate::time::wall_clock(),
        })
    })
}

impl Inode for AnonInode {
    fn metadata(&self) -> Metadata {
        Metadata {
            dev: Device::new(0, self.device),
            ino: 1,
            // No file type, as on Linux.
            mode: 0o600,
            ..Metadata::since(self.born)
        }
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        Err(Errno::ENXIO)
    }
}

/// The internal mount of these files (anon_inodefs).
fn mount() -> &'static Arc<Mount> {
    const ANON_INODE_FS_MAGIC: u32 = 0x0904_1934;
    static MOUNT: Once<Arc<Mount>> = Once::new();
    MOUNT.call_once(|| pseudo::mount("anon_inodefs", ANON_INODE_FS_MAGIC))
}
