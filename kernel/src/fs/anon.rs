//! Files without a name: what eventfd(2), timerfd_create(2), signalfd(2), epoll_create(2) and inotify_init(2)
//! make.
//!
//! In /proc/PID/fd they are `anon_inode:[eventfd]` and so on (`anon_inode:inotify` without the brackets); all
//! share one inode, as on Linux.

use alloc::format;
use alloc::sync::Arc;

use spin::Once;

use super::dentry::{Dentry, Location, Parent};
use super::file::File;
use super::inode::{Device, FileOps, Inode, Metadata, Time};
use super::mount::{self, Mount};
use super::nowhere;
use crate::mm::frame;
use crate::syscall::errno::Errno;

/// An open file of the `kind` that its name tells, with `flags` of open(2).
///
/// # Errors
/// `ENOMEM`.
pub fn file(kind: &str, ops: Arc<dyn FileOps>, flags: u32) -> Result<Arc<File>, Errno> {
    named(&format!("[{kind}]"), ops, flags)
}

/// The same with a name of another form.
///
/// # Errors
/// `ENOMEM`.
pub fn named(name: &str, ops: Arc<dyn FileOps>, flags: u32) -> Result<Arc<File>, Errno> {
    // A program decides how many there are.
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

/// The inode of all of them.
struct AnonInode {
    device: u32,
    born: Time,
}

fn the_inode() -> &'static Arc<AnonInode> {
    static INODE: Once<Arc<AnonInode>> = Once::new();
    INODE.call_once(|| {
        Arc::new(AnonInode {
            device: mount::anonymous_device(),
            born: super::now(),
        })
    })
}

impl Inode for AnonInode {
    fn metadata(&self) -> Metadata {
        Metadata {
            dev: Device::new(0, self.device),
            ino: 1,
            // No type at all, as on Linux.
            mode: 0o600,
            ..Metadata::since(self.born)
        }
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        Err(Errno::ENXIO)
    }
}

/// The mount that they are said to be on.
fn mount() -> &'static Arc<Mount> {
    const ANON_INODE_FS_MAGIC: u32 = 0x0904_1934;
    static MOUNT: Once<Arc<Mount>> = Once::new();
    MOUNT.call_once(|| nowhere::mount("anon_inodefs", ANON_INODE_FS_MAGIC))
}
