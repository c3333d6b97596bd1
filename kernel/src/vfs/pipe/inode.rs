//! Pipes without names: how they are made, and what stat(2) and /proc tell of them.

use alloc::format;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Once;

use super::{End, Pipe};
use crate::abi::errno::Errno;
use crate::abi::metadata::{Device, Metadata, Time, mode};
use crate::fs::now;
use crate::mm::frame;
use crate::vfs::dentry::{Dentry, Location, Parent};
use crate::vfs::file::{File, flags};
use crate::vfs::inode::{FileOps, Inode};
use crate::vfs::mount::{self, Mount};
use crate::vfs::{caller, pseudo as nowhere};

/// A pipe as a file that has no name.
pub(super) struct PipeInode {
    pub(super) pipe: Arc<Pipe>,
    ino: u64,
    born: Time,
    owner: (u32, u32),
}

/// Makes a pipe: the file to read from and the one to write to, with `flags` of pipe2(2).
///
/// # Errors
/// `ENFILE` when memory is short.
pub fn new(flags: u32) -> Result<(Arc<File>, Arc<File>), Errno> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // A program decides how many there are.
    if frame::is_low() {
        return Err(Errno::ENFILE);
    }
    let ino = NEXT.fetch_add(1, Ordering::Relaxed);
    let who = caller::credentials();
    let pipe = Pipe::of(None);
    let inode = Arc::new(PipeInode {
        pipe: pipe.clone(),
        ino,
        born: now(),
        owner: (who.fsuid, who.fsgid),
    });
    let name = format!("pipe:[{ino}]").into_bytes();
    let location = Location {
        mount: mount().clone(),
        dentry: Dentry::new(Parent::Root, name.into(), inode),
    };
    let status = flags & (flags::O_NONBLOCK | flags::O_DIRECT);
    let end = |access: u32| {
        let flags = access | status;
        File::new(location.clone(), End::new(&pipe, flags), flags)
    };
    Ok((end(flags::O_RDONLY), end(flags::O_WRONLY)))
}

/// The mount that pipes are said to be on.
fn mount() -> &'static Arc<Mount> {
    const PIPEFS_MAGIC: u32 = 0x5049_5045;
    static MOUNT: Once<Arc<Mount>> = Once::new();
    MOUNT.call_once(|| nowhere::mount("pipefs", PIPEFS_MAGIC))
}

impl Inode for PipeInode {
    fn metadata(&self) -> Metadata {
        static DEVICE: Once<u32> = Once::new();
        Metadata {
            dev: Device::new(0, *DEVICE.call_once(mount::anonymous_device)),
            ino: self.ino,
            mode: mode::S_IFIFO | 0o600,
            uid: self.owner.0,
            gid: self.owner.1,
            ..Metadata::since(self.born)
        }
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        // A FIFO is opened by `fifo::open`, which knows the flags.
        Err(Errno::ENXIO)
    }
}
