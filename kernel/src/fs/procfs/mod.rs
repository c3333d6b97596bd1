//! /proc: generated files.
//!
//! No inode is kept: each lookup creates a [`ProcNode`] (`node.rs`), which identifies the file, and
//! `files.rs` opens it. `subject.rs` finds the process; `process.rs` lists the files of a process,
//! written by `stat.rs`, `status.rs`, `maps.rs` and `limits.rs`; `system/` has the other files.
//! Content is generated at the first read, and again at a read from offset 0.
//!
//! Of Linux's files, those exist that the tested programs read; `doors` and each process's `trace`
//! are Trident's.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;

use spin::Once;

use crate::abi::errno::Errno;
use crate::abi::metadata::{Device, Metadata, mode};
use crate::process::caller;
use crate::process::pid::Pid;
use crate::process::{current, try_current};
use crate::time::wall_clock;
use crate::vfs::dentry::{Dentry, Location, Parent};
use crate::vfs::file::File;
use crate::vfs::inode::{FileOps, Inode, ListEntry};
use crate::vfs::mount::{self, FileSystem, Statistics};
use crate::vfs::write_exec::Program;

#[cfg(debug_assertions)]
mod fail_nth;
mod files;
mod limits;
mod maps;
mod node;
mod oom;
mod process;
mod stat;
mod status;
mod subject;
mod system;

use node::{Place, ProcNode, View};
use subject::Who;
pub use system::init;

/// The process whose /proc/PID directory `file` is; `None` for any other file.
pub fn subject_of(file: &File) -> Option<Pid> {
    let inode: &dyn Any = &**file.inode();
    match inode.downcast_ref()? {
        ProcNode::Process(who) if !who.thread => Some(who.pid),
        _ => None,
    }
}

/// The proc file system.
struct ProcFs {
    root: Arc<Dentry>,
}

/// The only instance; all mounts share it.
///
/// # Panics
/// Never: creating it can't fail.
pub fn instance() -> Arc<dyn FileSystem> {
    static INSTANCE: Once<Arc<ProcFs>> = Once::new();
    let make = || {
        Arc::new(ProcFs {
            root: Dentry::root(Arc::new(ProcNode::Root)),
        })
    };
    INSTANCE.call_once(make).clone()
}

impl FileSystem for ProcFs {
    fn name(&self) -> &'static str {
        "proc"
    }

    fn root(&self) -> Arc<Dentry> {
        self.root.clone()
    }

    fn statistics(&self) -> Statistics {
        const PROC_SUPER_MAGIC: u32 = 0x9fa0;
        Statistics {
            magic: PROC_SUPER_MAGIC,
            ..Statistics::default()
        }
    }
}

impl Inode for ProcNode {
    fn metadata(&self) -> Metadata {
        static DEVICE: Once<u32> = Once::new();
        let dev = Device::new(0, *DEVICE.call_once(mount::anonymous_device));
        let nlink = if self.kind() == mode::S_IFDIR { 2 } else { 1 };
        let (ino, mode, time) = (self.ino(), self.mode(), wall_clock());
        let (uid, gid) = self.owner(mode);
        let times = Metadata {
            atime: time,
            mtime: time,
            ctime: time,
            btime: time,
            ..Metadata::default()
        };
        Metadata {
            dev,
            ino,
            mode,
            nlink,
            // Linux reports 64 bytes for such links.
            size: if matches!(self, Self::File(_, _, View::Link)) {
                64
            } else {
                0
            },
            uid,
            gid,
            ..times
        }
    }

    fn kind(&self) -> u32 {
        self.type_bits()
    }

    /// A process may always see its descriptors; `fdinfo` requires the right to inspect the
    /// process. Settings below sys/ check user IDs only, no capabilities (test_perm in
    /// fs/proc/proc_sysctl.c).
    fn permits(&self, wanted: u32) -> Option<bool> {
        let (who, view) = match self {
            Self::Files(who, view) => (who, view),
            Self::System(file) if file.path.starts_with("sys/") => {
                let is_other = caller::credentials().euid != 0;
                return is_other.then_some(self.mode() & wanted == wanted);
            }
            _ => return None,
        };
        let subject = who.find().ok()?;
        let is_own = try_current().is_some_and(|me| Arc::ptr_eq(&me.process, &subject.process));
        let is_refused = *view == View::Info && subject.check_access().is_err();
        (is_own || is_refused).then_some(is_own)
    }

    /// Ignored: a shell's `>` truncates a file before writing.
    fn truncate(&self, _size: u64) -> Result<(), Errno> {
        Ok(())
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        files::open(*self)
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        let text = match self {
            Self::SelfLink { thread: false } => format!("{}", current().process.pid),
            Self::SelfLink { thread: true } => {
                format!("{}/task/{}", current().process.pid, current().tid())
            }
            Self::Mounts => String::from("self/mounts"),
            Self::Place(..) | Self::File(_, _, View::Link) => {
                let location = self.jump().ok_or(Errno::ENOENT)??;
                return location.display_path(&caller::context().root);
            }
            _ => return Err(Errno::EINVAL),
        };
        Ok(text.into_bytes())
    }

    fn jump(&self) -> Option<Result<Location, Errno>> {
        let find = |who: &Who| {
            let subject = who.find()?;
            subject.check_access()?;
            Ok(subject)
        };
        let fs = |who: &Who| find(who).map(|subject| subject.process.fs.lock().clone());
        match self {
            // A terminated process has no program.
            Self::Place(who, Place::Exe) => Some(find(who).and_then(|subject| {
                let mm = subject.process.mm().ok_or(Errno::ENOENT)?;
                let program = Program::of(&mm.lock()).ok_or(Errno::ENOENT)?;
                Ok(program.location().clone())
            })),
            Self::Place(who, Place::Cwd) => Some(fs(who).map(|fs| fs.cwd)),
            Self::Place(who, Place::Root) => Some(fs(who).map(|fs| fs.root)),
            Self::File(who, fd, View::Link) => {
                let file = find(who).and_then(|_| node::file_of(*who, *fd));
                Some(file.map(|file| file.location().clone()))
            }
            _ => None,
        }
    }

    fn lookup(&self, this: &Arc<Dentry>, name: &[u8]) -> Result<Arc<Dentry>, Errno> {
        let node = self.entry(name)?;
        Ok(Dentry::new(
            Parent::Held(this.clone()),
            name.into(),
            Arc::new(node),
        ))
    }

    fn list(&self, from: u64, emit: &mut dyn FnMut(ListEntry<'_>) -> bool) -> Result<(), Errno> {
        self.list_from(from, emit)
    }
}
