//! Pipes: bytes from one process to another, through a buffer of 64 KiB.
//!
//! Left out: FIFOs (pipes with a name), packet mode (O_DIRECT), resizing.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use linux_raw_sys::ioctl::FIONREAD;
use spin::{Mutex, Once};

use super::dentry::{Dentry, Location, Parent};
use super::file::{File, flags};
use super::inode::{Device, FileOps, Inode, Metadata, Ready, Time, mode};
use super::io::{In, Out};
use super::mount::{self, FileSystem, Mount, Statistics};
use super::ring::Ring;
use crate::mm::frame;
use crate::process::sched;
use crate::process::signal::{self, SIGPIPE, SigInfo};
use crate::process::wait::{WaitQueue, is_interrupted};
use crate::syscall::errno::{Errno, SysResult};
use crate::usercopy::UserPtr;

/// Writes up to this long are never mixed with others (PIPE_BUF).
const ATOMIC: usize = 4096;

/// A pipe, as far as both ends share it.
struct Pipe {
    state: Mutex<State>,
    ino: u64,
    born: Time,
    owner: (u32, u32),
    /// Woken whenever a byte comes or goes, or an end is closed.
    changed: WaitQueue,
}

struct State {
    bytes: Ring,
    readers: usize,
    writers: usize,
}

/// Makes a pipe: the file to read from and the one to write to, with `flags` of pipe2(2).
///
/// # Errors
/// `ENOMEM`.
pub fn new(flags: u32) -> Result<(Arc<File>, Arc<File>), Errno> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // A program decides how many there are.
    if frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    let ino = NEXT.fetch_add(1, Ordering::Relaxed);
    let who = super::caller::credentials();
    let state = State {
        bytes: Ring::new(),
        readers: 1,
        writers: 1,
    };
    let pipe = Arc::new(Pipe {
        state: Mutex::new(state),
        ino,
        born: super::now(),
        owner: (who.fsuid, who.fsgid),
        changed: WaitQueue::new(),
    });
    let name = format!("pipe:[{ino}]").into_bytes();
    let dentry = Dentry::new(Parent::Root, name.into(), pipe.clone());
    let location = Location {
        mount: mount().clone(),
        dentry,
    };
    let reader = Arc::new(Reader(pipe.clone()));
    let writer = Arc::new(Writer(pipe));
    let status = flags & flags::O_NONBLOCK;
    Ok((
        File::new(location.clone(), reader, flags::O_RDONLY | status),
        File::new(location, writer, flags::O_WRONLY | status),
    ))
}

/// The file system that pipes are said to be in; it is mounted nowhere.
struct PipeFs {
    root: Arc<Dentry>,
}

/// Its top directory, which nobody ever sees.
struct Top;

impl Inode for Top {
    fn metadata(&self) -> Metadata {
        Metadata {
            mode: mode::S_IFDIR,
            ..Metadata::default()
        }
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        Err(Errno::ENXIO)
    }
}

impl FileSystem for PipeFs {
    fn name(&self) -> &'static str {
        "pipefs"
    }

    fn root(&self) -> Arc<Dentry> {
        self.root.clone()
    }

    fn statistics(&self) -> Statistics {
        const PIPEFS_MAGIC: u32 = 0x5049_5045;
        Statistics {
            magic: PIPEFS_MAGIC,
            ..Statistics::default()
        }
    }
}

fn mount() -> &'static Arc<Mount> {
    static MOUNT: Once<Arc<Mount>> = Once::new();
    MOUNT.call_once(|| {
        let fs = Arc::new(PipeFs {
            root: Dentry::root(Arc::new(Top)),
        });
        Mount::detached(fs, String::from("pipefs"))
    })
}

impl Inode for Pipe {
    fn metadata(&self) -> Metadata {
        static DEVICE: Once<u32> = Once::new();
        Metadata {
            dev: Device::new(0, *DEVICE.call_once(mount::anonymous_device)),
            ino: self.ino,
            mode: mode::S_IFIFO | 0o600,
            nlink: 1,
            uid: self.owner.0,
            gid: self.owner.1,
            atime: self.born,
            mtime: self.born,
            ctime: self.born,
            btime: self.born,
            ..Metadata::default()
        }
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        // By way of /proc/PID/fd, which would make another end of it.
        Err(Errno::ENXIO)
    }
}

/// The end that is read from.
struct Reader(Arc<Pipe>);
/// The end that is written to.
struct Writer(Arc<Pipe>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.state.lock().readers -= 1;
        self.0.changed.wake_all();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.state.lock().writers -= 1;
        self.0.changed.wake_all();
    }
}

impl Pipe {
    /// Waits until `condition` holds of the state.
    fn wait(&self, nonblocking: bool, condition: impl Fn(&State) -> bool) -> Result<(), Errno> {
        self.changed.wait_for(|| {
            if condition(&self.state.lock()) {
                Some(Ok(()))
            } else if nonblocking {
                Some(Err(Errno::EAGAIN))
            } else {
                is_interrupted().then_some(Err(Errno::EINTR))
            }
        })
    }

    fn ioctl(&self, request: u32, argument: u64) -> SysResult {
        if request != FIONREAD {
            return Err(Errno::ENOTTY);
        }
        let size = self.state.lock().bytes.len() as u32;
        UserPtr::<u32>::new(argument).write(size).map(|()| 0)
    }
}

/// A buffer for bytes between the pipe and user memory, where the pipe must not be locked.
fn part() -> Box<[u8]> {
    alloc::vec![0; ATOMIC].into()
}

impl FileOps for Reader {
    fn is_stream(&self) -> bool {
        true
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        let pipe = &self.0;
        if out.left() == 0 {
            return Ok(());
        }
        pipe.wait(nonblocking, |state| {
            state.bytes.len() > 0 || state.writers == 0
        })?;
        let mut part = part();
        while out.left() > 0 {
            let mut state = pipe.state.lock();
            let len = out.left().min(part.len()).min(state.bytes.len());
            state.bytes.pop(&mut part[..len]);
            drop(state);
            if len == 0 {
                break;
            }
            pipe.changed.wake_all();
            out.put(&part[..len])?;
        }
        Ok(())
    }

    fn ready(&self) -> Ready {
        let state = self.0.state.lock();
        let mut ready = Ready::empty();
        ready.set(Ready::READ, state.bytes.len() > 0);
        ready.set(Ready::HANGUP, state.writers == 0);
        ready
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&self.0.changed);
        true
    }

    fn ioctl(&self, request: u32, argument: u64) -> SysResult {
        self.0.ioctl(request, argument)
    }
}

impl FileOps for Writer {
    fn is_stream(&self) -> bool {
        true
    }

    fn write(&self, _offset: u64, from: &mut dyn In, nonblocking: bool) -> Result<(), Errno> {
        let pipe = &self.0;
        // A short write goes in whole or not at all.
        let whole = if from.left() <= ATOMIC {
            from.left()
        } else {
            1
        };
        let mut part = part();
        while from.left() > 0 {
            let needed = whole.min(from.left());
            pipe.wait(nonblocking, |state| {
                state.readers == 0 || state.bytes.room() >= needed
            })?;
            if pipe.state.lock().readers == 0 {
                let _ = signal::send_task(&sched::current_task(), &SigInfo::user(SIGPIPE));
                return Err(Errno::EPIPE);
            }
            let room = pipe.state.lock().bytes.room();
            let len = from.left().min(part.len()).min(room);
            // Nobody else runs between this and the push: the copy doesn't wait.
            pipe.state.lock().bytes.reserve(len)?;
            let before = from.done();
            let result = from.take(&mut part[..len]);
            pipe.state.lock().bytes.push(&part[..from.done() - before]);
            pipe.changed.wake_all();
            result?;
        }
        Ok(())
    }

    fn ready(&self) -> Ready {
        let state = self.0.state.lock();
        let mut ready = Ready::empty();
        ready.set(Ready::WRITE, state.bytes.room() >= ATOMIC);
        ready.set(Ready::ERROR, state.readers == 0);
        ready
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&self.0.changed);
        true
    }

    fn ioctl(&self, request: u32, argument: u64) -> SysResult {
        self.0.ioctl(request, argument)
    }
}
