//! Named pipes: FIFOs, and pipes reopened through /proc/PID/fd (fifo(7)).
//!
//! A FIFO has a pipe while it is open.

use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering::Relaxed;

use super::inode::PipeInode;
use super::{End, Pipe, wait};
use crate::abi::errno::Errno;
use crate::mm::frame;
use crate::vfs::file::flags::{O_ACCMODE, O_NONBLOCK, O_RDONLY, O_WRONLY};
use crate::vfs::inode::{FileOps, Inode};

/// The pipe of a FIFO, created if the FIFO isn't open.
fn pipe_of(inode: &Arc<dyn Inode>) -> Result<Arc<Pipe>, Errno> {
    let endpoint = inode.endpoint().ok_or(Errno::ENXIO)?;
    if let Some(pipe) = endpoint.get() {
        return Ok(pipe);
    }
    if frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    let pipe = Pipe::of(Some(inode.clone()));
    endpoint.set(&pipe);
    Ok(pipe)
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if let Some(endpoint) = self.inode.as_ref().and_then(|inode| inode.endpoint()) {
            endpoint.clear();
        }
    }
}

/// Opens a FIFO with `flags` of open(2): a reader waits for a writer, and a writer for a reader.
///
/// # Errors
/// `ENXIO` for O_WRONLY | O_NONBLOCK without a reader, `ERESTARTSYS`, `ENOMEM`.
pub fn open(inode: &Arc<dyn Inode>, flags: u32) -> Result<Arc<dyn FileOps>, Errno> {
    let any: &dyn Any = &**inode;
    if let Some(PipeInode { pipe, .. }) = any.downcast_ref() {
        return Ok(End::new(pipe, flags));
    }
    let pipe = pipe_of(inode)?;
    let nonblocking = flags & O_NONBLOCK != 0;
    // Index of the partner's direction in `Pipe::opened`, and its count.
    let (other, partners) = match flags & O_ACCMODE {
        O_RDONLY => (1, &pipe.writers),
        O_WRONLY => (0, &pipe.readers),
        _ => return Ok(End::new(&pipe, flags)),
    };
    let is_alone = partners.load(Relaxed) == 0;
    if is_alone && nonblocking && other == 0 {
        return Err(Errno::ENXIO);
    }
    let before = pipe.opened[other].load(Relaxed);
    let end = End::new(&pipe, flags);
    if is_alone && !nonblocking {
        // A partner that has closed again counts too.
        wait(&pipe.partners, false, || {
            (pipe.opened[other].load(Relaxed) != before).then_some(())
        })?;
    }
    Ok(end)
}
