//! /proc: files made up when they are read.
//!
//! Nothing is kept: a look at a name makes a [`ProcNode`] (`node.rs`) that says what it stands for.
//! `process.rs` and `status.rs` write what is known of a process, `maps.rs` its address space, `system.rs` the rest. A file's
//! text is made at the first read and again whenever a read begins at its start.
//!
//! Of Linux's files there are those that the programs tried here read; `doors` and each process's
//! `trace` are Trident's own.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use spin::{Mutex, Once};

use super::dentry::{Dentry, Location, Parent};
use super::inode::{Device, FileOps, Inode, ListEntry, Metadata, mode};
use super::io::{self, In, Out};
use super::mount::{self, FileSystem, Statistics};
use super::now;
use crate::process::current;
use crate::syscall::errno::Errno;

mod maps;
mod node;
mod process;
mod status;
mod system;

use node::{Place, ProcNode, task};

/// The file system.
struct ProcFs {
    root: Arc<Dentry>,
}

/// Its one instance; each mount shows the same.
///
/// # Panics
/// Never: the making can't fail.
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
        let owner = match self {
            Self::Process(id)
            | Self::ProcessFile(id, _)
            | Self::File(id, _)
            | Self::Place(id, _) => task(*id)
                .map(|task| task.process.cred.lock().clone())
                .unwrap_or_default(),
            _ => Default::default(),
        };
        let nlink = if self.kind() == mode::S_IFDIR { 2 } else { 1 };
        let (ino, mode, time) = (self.ino(), self.mode(), now());
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
            uid: owner.euid,
            gid: owner.egid,
            ..times
        }
    }

    fn kind(&self) -> u32 {
        self.mode() & mode::S_IFMT
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        Ok(Arc::new(OpenFile {
            node: self,
            text: Mutex::new(None),
        }))
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        let text = match self {
            Self::SelfLink { thread: false } => format!("{}", current().process.pid),
            Self::SelfLink { thread: true } => {
                format!("{}/task/{}", current().process.pid, current().tid())
            }
            Self::Place(id, Place::Exe) => task(*id)?.process.exe.lock().clone(),
            Self::Place(..) | Self::File(..) => {
                let location = self.jump().ok_or(Errno::ENOENT)??;
                return Ok(location.display_path(&mount::root()));
            }
            _ => return Err(Errno::EINVAL),
        };
        Ok(text.into_bytes())
    }

    fn jump(&self) -> Option<Result<Location, Errno>> {
        let fs = |id: &u32| task(*id).map(|task| task.process.fs.lock().clone());
        match self {
            Self::Place(id, Place::Cwd) => Some(fs(id).map(|fs| fs.cwd)),
            Self::Place(id, Place::Root) => Some(fs(id).map(|fs| fs.root)),
            Self::File(id, fd) => Some(task(*id).and_then(|task| {
                let files = task.process.files.lock().clone();
                let file = files.lock().get_any(*fd).map_err(|_| Errno::ENOENT)?;
                Ok(file.location().clone())
            })),
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
        let first = from.saturating_sub(2);
        let entries = self.entries()?;
        let skip = usize::try_from(first).unwrap_or(usize::MAX);
        for (position, (name, node)) in entries.iter().enumerate().skip(skip) {
            let next = position as u64 + 3;
            let name = name.as_bytes();
            if !emit(ListEntry {
                name,
                ino: node.ino(),
                kind: node.kind(),
                next,
            }) {
                break;
            }
        }
        Ok(())
    }
}

/// An open file of /proc, with its text once it was read.
struct OpenFile {
    node: Arc<ProcNode>,
    text: Mutex<Option<Arc<[u8]>>>,
}

impl FileOps for OpenFile {
    fn read(&self, offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        if self.node.kind() == mode::S_IFDIR {
            return Err(Errno::EISDIR);
        }
        let kept = self.text.lock().clone().filter(|_| offset != 0);
        let text = match kept {
            Some(text) => text,
            None => {
                let text: Arc<[u8]> = self.node.text()?.into();
                *self.text.lock() = Some(text.clone());
                text
            }
        };
        io::put_from(&text, offset, out)
    }

    fn write(&self, _offset: u64, from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        let mut bytes = [0; 128];
        let text = bytes.get_mut(..from.left()).ok_or(Errno::EINVAL)?;
        from.take(text)?;
        match &*self.node {
            ProcNode::ProcessFile(id, file) => {
                let accept = file.accept.ok_or(Errno::EINVAL)?;
                accept(&*task(*id)?, text)
            }
            ProcNode::System(file) => file.accept.ok_or(Errno::EIO)?(text),
            _ => Err(Errno::EIO),
        }
    }
}
