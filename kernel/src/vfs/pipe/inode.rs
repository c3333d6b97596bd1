//! Unnamed pipes: creation, and the attributes for stat(2) and /proc.

use alloc::format;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Once;

use super::{End, Pipe};
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Device, Metadata, Time, mode};
use crate::mm::frame;
use crate::time::wall_clock;
use crate::vfs::dentry::{Dentry, Location, Parent};
use crate::vfs::file::{File, flags};
use crate::vfs::inode::{FileOps, Inode};
use crate::vfs::mount::{self, Mount};
use crate::vfs::pseudo;

/// The inode of an unnamed pipe.
pub(super) struct PipeInode {
    pub(super) pipe: Arc<Pipe>,
    ino: u64,
    born: Time,
    owner: (u32, u32),
}

/// Creates a pipe of `who`, with `flags` of pipe2(2); returns the file to read from and the one to
/// write to.
///
/// # Errors
/// `ENFILE` if memory is short.
pub fn new(flags: u32, who: &Credentials) -> Result<(Arc<File>, Arc<File>), Errno> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // The number of pipes is up to programs: the last free frames are not for them.
    if frame::is_low() {
        return Err(Errno::ENFILE);
    }
    let ino = NEXT.fetch_add(1, Ordering::Relaxed);
    let pipe = Pipe::of(None);
    let inode = Arc::new(PipeInode {
        pipe: pipe.clone(),
        ino,
        born: wall_clock(),
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

/// The internal mount of pipes (pipefs).
fn mount() -> &'static Arc<Mount> {
    const PIPEFS_MAGIC: u32 = 0x5049_5045;
    static MOUNT: Once<Arc<Mount>> = Once::new();
    MOUNT.call_once(|| pseudo::mount("pipefs", PIPEFS_MAGIC))
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
        // `fifo::open` opens a pipe again, with the flags it needs.
        Err(Errno::ENXIO)
    }
}
