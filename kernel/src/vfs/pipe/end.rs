//! The ends of a pipe: file operations of its descriptors.

use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering::Relaxed;

use linux_raw_sys::ioctl::FIONREAD;

use super::Pipe;
use super::ring::Ring;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::mm::PAGE_SIZE;
use crate::sched::wait::WaitQueue;
use crate::usercopy::{UserPtr, UserRange};
use crate::vfs::file::{File, flags};
use crate::vfs::inode::FileOps;
use crate::vfs::io::{In, Moved, Out, UserBuffer, finish};

/// A pipe's open file, for reading, writing or both.
pub struct End {
    pipe: Arc<Pipe>,
    reads: bool,
    writes: bool,
    /// Each write is a packet (O_DIRECT).
    packets: bool,
    /// Number of opens for writing before this one: a reader that opened a FIFO without waiting
    /// gets no POLLHUP before a first writer.
    writers_seen: usize,
}

impl End {
    /// An end of `pipe` for an open file with these `flags`.
    pub(super) fn new(pipe: &Arc<Pipe>, flags: u32) -> Arc<Self> {
        let access = flags & flags::O_ACCMODE;
        let (reads, writes) = (access != flags::O_WRONLY, access != flags::O_RDONLY);
        let writers_seen = pipe.opened[1].load(Relaxed);
        for (counts, opened, is_so) in [
            (&pipe.readers, &pipe.opened[0], reads),
            (&pipe.writers, &pipe.opened[1], writes),
        ] {
            if is_so {
                counts.fetch_add(1, Relaxed);
                opened.fetch_add(1, Relaxed);
            }
        }
        pipe.partners.wake_all();
        Arc::new(Self {
            pipe: pipe.clone(),
            reads,
            writes,
            packets: flags & flags::O_DIRECT != 0,
            writers_seen,
        })
    }

    /// The end behind an open file, if the file is a pipe.
    pub fn of(file: &File) -> Option<&Self> {
        let ops: &dyn Any = &**file.ops();
        ops.downcast_ref()
    }

    /// Writes until the pipe is full.
    fn fill(&self, ring: &mut Ring, from: &mut (impl In + ?Sized)) -> Result<(), Errno> {
        while from.left() > 0 && !ring.is_full() {
            ring.write(from, self.packets)?;
        }
        Ok(())
    }

    /// Reads what there is; waits for the first byte.
    fn read_to(&self, out: &mut (impl Out + ?Sized), nonblocking: bool) -> Result<(), Errno> {
        if out.left() == 0 {
            return Ok(());
        }
        // Another reader may have emptied the pipe meanwhile.
        while out.done() == 0 && self.pipe.wait_readable(nonblocking)? {
            let mut ring = self.pipe.turn();
            while out.left() > 0 && ring.read(out)? {}
        }
        Ok(())
    }

    /// Writes all of `from`; waits for room.
    fn write_from(&self, from: &mut (impl In + ?Sized), nonblocking: bool) -> Result<(), Errno> {
        if from.left() == 0 {
            return Ok(());
        }
        if self.pipe.readers.load(Relaxed) > 0 {
            let mut ring = self.pipe.turn();
            if !self.packets {
                ring.append(from)?;
            }
            self.fill(&mut ring, from)?;
        }
        while from.left() > 0 {
            self.pipe.wait_writable(nonblocking)?;
            self.fill(&mut self.pipe.turn(), from)?;
        }
        Ok(())
    }

    /// The pipe.
    pub fn pipe(&self) -> &Arc<Pipe> {
        &self.pipe
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.reads && self.pipe.readers.fetch_sub(1, Relaxed) == 1 {
            self.pipe.writable.wake_in_parts(Ready::all(), usize::MAX);
        }
        if self.writes && self.pipe.writers.fetch_sub(1, Relaxed) == 1 {
            self.pipe.readable.wake_in_parts(Ready::all(), usize::MAX);
        }
    }
}

impl FileOps for End {
    fn is_stream(&self) -> bool {
        true
    }

    /// Each of the two ends counts half of the pipe's pages.
    fn kept_bytes(&self) -> usize {
        self.pipe.pages() * PAGE_SIZE as usize / 2
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        self.read_to(out, nonblocking)
    }

    fn read_user(&self, to: UserRange, nonblocking: bool) -> SysResult {
        let mut out = UserBuffer::new(to);
        let result = self.read_to(&mut out, nonblocking);
        finish((Out::done(&out), result))
    }

    fn write(&self, _offset: u64, from: &mut dyn In, nonblocking: bool) -> Result<(), Errno> {
        self.write_from(from, nonblocking)
    }

    fn write_user(&self, from: UserRange, nonblocking: bool) -> Moved {
        let mut from = UserBuffer::new(from);
        let result = self.write_from(&mut from, nonblocking);
        (In::done(&from), result)
    }

    fn ready(&self) -> Ready {
        let pipe = &self.pipe;
        let (readers, writers) = (pipe.readers.load(Relaxed), pipe.writers.load(Relaxed));
        let mut ready = Ready::empty();
        if self.reads {
            ready.set(Ready::READ, !pipe.is_empty.load(Relaxed));
            let had_writer = pipe.opened[1].load(Relaxed) != self.writers_seen;
            ready.set(Ready::HANGUP, writers == 0 && had_writer);
        }
        if self.writes {
            ready.set(Ready::WRITE, !pipe.is_full.load(Relaxed));
            ready.set(Ready::ERROR, readers == 0);
        }
        ready
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        if self.reads {
            each(&self.pipe.readable);
        }
        if self.writes {
            each(&self.pipe.writable);
        }
        true
    }

    fn ioctl(&self, request: u32, argument: u64) -> SysResult {
        if request != FIONREAD {
            return Err(Errno::ENOTTY);
        }
        let size = self.pipe.turn().len() as u32;
        UserPtr::<u32>::new(argument).write(size).map(|()| 0)
    }
}
