//! /proc: files made up when they are read.
//!
//! Nothing is kept: a look at a name makes a [`ProcNode`] that says what it stands for. `process.rs`
//! writes what is known of a process, `maps.rs` its address space, `system.rs` the rest. A file's
//! text is made at the first read and again whenever a read begins at its start.
//!
//! Of Linux's files there are those that the programs tried here read; `doors` and each process's
//! `trace` are Trident's own.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use spin::{Mutex, Once};

use super::dentry::{Dentry, Location, Parent};
use super::inode::{Device, FileOps, Inode, ListEntry, Metadata, mode};
use super::io::{self, In, Out};
use super::mount::{self, FileSystem, Statistics};
use super::now;
use crate::process::{Task, current, table};
use crate::syscall::errno::Errno;

mod maps;
mod process;
mod system;

use process::ProcessFile;
use system::SystemFile;

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
    let make = || Arc::new(ProcFs { root: Dentry::root(Arc::new(ProcNode::Root)) });
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
        Statistics { magic: PROC_SUPER_MAGIC, ..Statistics::default() }
    }
}

/// What a name in /proc stands for.
#[derive(Clone)]
enum ProcNode {
    Root,
    /// `self` and `thread-self`.
    SelfLink { thread: bool },
    /// A directory of files that don't belong to a process: its path below /proc.
    SystemDir(&'static str),
    System(&'static SystemFile),
    /// A process's directory, or a thread's below `task`.
    Process(u32),
    ProcessFile(u32, &'static ProcessFile),
    /// `task`.
    Threads(u32),
    /// `exe`, `cwd`, `root`.
    Place(u32, Place),
    /// `fd`.
    Files(u32),
    File(u32, i32),
}

/// What a process has exactly one of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Exe,
    Cwd,
    Root,
}

const PLACES: [(&str, Place); 3] = [("cwd", Place::Cwd), ("exe", Place::Exe), ("root", Place::Root)];

/// A thread by its ID.
fn task(id: u32) -> Result<Arc<Task>, Errno> {
    table::find(id).ok_or(Errno::ENOENT)
}

impl ProcNode {
    fn mode(&self) -> u32 {
        match self {
            Self::Root | Self::SystemDir(_) | Self::Process(_) | Self::Threads(_) => mode::S_IFDIR | 0o555,
            Self::Files(_) => mode::S_IFDIR | 0o500,
            Self::System(_) => mode::S_IFREG | 0o444,
            Self::ProcessFile(_, file) => mode::S_IFREG | file.permissions,
            Self::SelfLink { .. } | Self::Place(..) => mode::S_IFLNK | 0o777,
            Self::File(..) => mode::S_IFLNK | 0o700,
        }
    }

    /// A number that is the same at every look.
    fn ino(&self) -> u64 {
        // Each process has a range of its own above those of the system; a file of it is told by
        // where its description lies or, for a descriptor, by its number.
        let process = |id: &u32, part: u64| (u64::from(*id) + 1) << 32 | part;
        match self {
            Self::Root => 1,
            Self::SelfLink { thread } => 2 + u64::from(*thread),
            Self::SystemDir(path) => path.as_ptr() as u64 & 0xffff_ffff,
            Self::System(file) => core::ptr::from_ref(*file) as u64 & 0xffff_ffff,
            Self::Process(id) => process(id, 0),
            Self::ProcessFile(id, file) => process(id, core::ptr::from_ref(*file) as u64 & 0xffff_ffff),
            Self::Threads(id) => process(id, 1),
            Self::Place(id, place) => process(id, 2 + *place as u64),
            Self::Files(id) => process(id, 5),
            Self::File(id, fd) => process(id, 16 + *fd as u64),
        }
    }

    /// The entries of a directory.
    fn entries(&self) -> Result<Vec<(String, Self)>, Errno> {
        let mut entries = Vec::new();
        match self {
            Self::Root => {
                entries.push((String::from("self"), Self::SelfLink { thread: false }));
                entries.push((String::from("thread-self"), Self::SelfLink { thread: true }));
                entries.extend(system::entries(""));
                let processes = table::all().into_iter().filter(|task| task.tid == task.process.pid);
                entries.extend(processes.map(|task| (format!("{}", task.tid), Self::Process(task.tid))));
            }
            Self::SystemDir(path) => entries.extend(system::entries(path)),
            Self::Process(id) => {
                task(*id)?;
                entries.push((String::from("fd"), Self::Files(*id)));
                entries.push((String::from("task"), Self::Threads(*id)));
                entries.extend(PLACES.map(|(name, place)| (String::from(name), Self::Place(*id, place))));
                let files = process::FILES.iter();
                entries.extend(files.map(|file| (String::from(file.name), Self::ProcessFile(*id, file))));
            }
            Self::Threads(id) => {
                let process = &task(*id)?.process;
                let threads = table::all().into_iter().filter(|task| Arc::ptr_eq(&task.process, process));
                entries.extend(threads.map(|task| (format!("{}", task.tid), Self::Process(task.tid))));
            }
            Self::Files(id) => {
                let files = task(*id)?.process.files.lock().clone();
                let numbers: Vec<i32> = files.lock().numbers(0).collect();
                entries.extend(numbers.iter().map(|&fd| (format!("{fd}"), Self::File(*id, fd))));
            }
            _ => return Err(Errno::ENOTDIR),
        }
        Ok(entries)
    }

    /// The entry `name` of a directory.
    fn entry(&self, name: &[u8]) -> Result<Self, Errno> {
        let text = core::str::from_utf8(name).map_err(|_| Errno::ENOENT)?;
        let number = text.parse::<u32>().ok().filter(|_| !text.starts_with(['0', '+']) || text == "0");
        match (self, number) {
            (Self::Root, Some(id)) => task(id).map(|_| Self::Process(id)),
            (Self::Threads(of), Some(id)) => {
                let (task, process) = (task(id)?, task(*of)?);
                let same = Arc::ptr_eq(&task.process, &process.process);
                if same { Ok(Self::Process(id)) } else { Err(Errno::ENOENT) }
            }
            (Self::Files(id), Some(fd)) => {
                let fd = fd as i32;
                let files = task(*id)?.process.files.lock().clone();
                let open = files.lock().get_any(fd).is_ok();
                if open { Ok(Self::File(*id, fd)) } else { Err(Errno::ENOENT) }
            }
            _ => {
                let found = self.entries()?.into_iter().find(|(entry, _)| entry == text);
                found.map(|(_, node)| node).ok_or(Errno::ENOENT)
            }
        }
    }

    /// Makes a file's text.
    fn text(&self) -> Result<Vec<u8>, Errno> {
        match self {
            Self::System(file) => Ok((file.text)().into_bytes()),
            Self::ProcessFile(id, file) => (file.text)(&*task(*id)?),
            _ => Err(Errno::EINVAL),
        }
    }
}

impl Inode for ProcNode {
    fn metadata(&self) -> Metadata {
        static DEVICE: Once<u32> = Once::new();
        let dev = Device::new(0, *DEVICE.call_once(mount::anonymous_device));
        let owner = match self {
            Self::Process(id) | Self::ProcessFile(id, _) | Self::File(id, _) | Self::Place(id, _) => {
                task(*id).map(|task| task.process.cred.lock().clone()).unwrap_or_default()
            }
            _ => Default::default(),
        };
        let nlink = if self.kind() == mode::S_IFDIR { 2 } else { 1 };
        let (ino, mode, time) = (self.ino(), self.mode(), now());
        let times = Metadata { atime: time, mtime: time, ctime: time, btime: time, ..Metadata::default() };
        Metadata { dev, ino, mode, nlink, uid: owner.euid, gid: owner.egid, ..times }
    }

    fn kind(&self) -> u32 {
        self.mode() & mode::S_IFMT
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        Ok(Arc::new(OpenFile { node: self, text: Mutex::new(None) }))
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        let text = match self {
            Self::SelfLink { thread: false } => format!("{}", current().process.pid),
            Self::SelfLink { thread: true } => format!("{}/task/{}", current().process.pid, current().tid),
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
        Ok(Dentry::new(Parent::Held(this.clone()), name.into(), Arc::new(node)))
    }

    fn list(&self, from: u64, emit: &mut dyn FnMut(ListEntry<'_>) -> bool) -> Result<(), Errno> {
        let first = from.saturating_sub(2);
        let entries = self.entries()?;
        let skip = usize::try_from(first).unwrap_or(usize::MAX);
        for (position, (name, node)) in entries.iter().enumerate().skip(skip) {
            let next = position as u64 + 3;
            let name = name.as_bytes();
            if !emit(ListEntry { name, ino: node.ino(), kind: node.kind(), next }) {
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
        let ProcNode::ProcessFile(id, file) = &*self.node else { return Err(Errno::EIO) };
        let accept = file.accept.ok_or(Errno::EINVAL)?;
        let mut bytes = [0; 64];
        let text = bytes.get_mut(..from.left()).ok_or(Errno::EINVAL)?;
        from.take(text)?;
        accept(&*task(*id)?, text)
    }
}
