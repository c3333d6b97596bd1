//! What each name in /proc stands for, and which names there are.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::process::{self, ProcessFile};
use super::system::{self, SystemFile};
use crate::fs::inode::mode;
use crate::process::{Task, table};
use crate::syscall::errno::Errno;

/// What a name in /proc stands for.
#[derive(Clone)]
pub(super) enum ProcNode {
    Root,
    /// `self` and `thread-self`.
    SelfLink {
        thread: bool,
    },
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
pub(super) enum Place {
    Exe,
    Cwd,
    Root,
}

const PLACES: [(&str, Place); 3] = [
    ("cwd", Place::Cwd),
    ("exe", Place::Exe),
    ("root", Place::Root),
];

/// A thread by its ID.
pub(super) fn task(id: u32) -> Result<Arc<Task>, Errno> {
    table::find(id).ok_or(Errno::ENOENT)
}

impl ProcNode {
    pub fn mode(&self) -> u32 {
        match self {
            Self::Root | Self::SystemDir(_) | Self::Process(_) | Self::Threads(_) => {
                mode::S_IFDIR | 0o555
            }
            Self::Files(_) => mode::S_IFDIR | 0o500,
            Self::System(file) if file.accept.is_some() => mode::S_IFREG | 0o644,
            Self::System(_) => mode::S_IFREG | 0o444,
            Self::ProcessFile(_, file) => mode::S_IFREG | file.permissions,
            Self::SelfLink { .. } | Self::Place(..) => mode::S_IFLNK | 0o777,
            Self::File(..) => mode::S_IFLNK | 0o700,
        }
    }

    /// A number that is the same at every look.
    pub fn ino(&self) -> u64 {
        // Each process has a range of its own above those of the system; a file of it is told by
        // where its description lies or, for a descriptor, by its number.
        let process = |id: &u32, part: u64| (u64::from(*id) + 1) << 32 | part;
        match self {
            Self::Root => 1,
            Self::SelfLink { thread } => 2 + u64::from(*thread),
            Self::SystemDir(path) => path.as_ptr() as u64 & 0xffff_ffff,
            Self::System(file) => core::ptr::from_ref(*file) as u64 & 0xffff_ffff,
            Self::Process(id) => process(id, 0),
            Self::ProcessFile(id, file) => {
                process(id, core::ptr::from_ref(*file) as u64 & 0xffff_ffff)
            }
            Self::Threads(id) => process(id, 1),
            Self::Place(id, place) => process(id, 2 + *place as u64),
            Self::Files(id) => process(id, 5),
            Self::File(id, fd) => process(id, 16 + *fd as u64),
        }
    }

    /// The entries of a directory.
    pub fn entries(&self) -> Result<Vec<(String, Self)>, Errno> {
        let mut entries = Vec::new();
        match self {
            Self::Root => {
                entries.push((String::from("self"), Self::SelfLink { thread: false }));
                entries.push((String::from("thread-self"), Self::SelfLink { thread: true }));
                entries.extend(system::entries("").map(|(name, node)| (String::from(name), node)));
                let processes = table::all()
                    .into_iter()
                    .filter(|task| task.tid() == task.process.pid);
                entries.extend(
                    processes.map(|task| (format!("{}", task.tid()), Self::Process(task.tid()))),
                );
            }
            Self::SystemDir(path) => {
                entries.extend(system::entries(path).map(|(name, node)| (String::from(name), node)))
            }
            Self::Process(id) => {
                task(*id)?;
                entries.push((String::from("fd"), Self::Files(*id)));
                entries.push((String::from("task"), Self::Threads(*id)));
                entries.extend(
                    PLACES.map(|(name, place)| (String::from(name), Self::Place(*id, place))),
                );
                let files = process::FILES.iter();
                entries.extend(
                    files.map(|file| (String::from(file.name), Self::ProcessFile(*id, file))),
                );
            }
            Self::Threads(id) => {
                let process = &task(*id)?.process;
                let threads = table::all()
                    .into_iter()
                    .filter(|task| Arc::ptr_eq(&task.process, process));
                entries.extend(
                    threads.map(|task| (format!("{}", task.tid()), Self::Process(task.tid()))),
                );
            }
            Self::Files(id) => {
                let files = task(*id)?.process.files.lock().clone();
                let numbers: Vec<i32> = files.lock().numbers(0).collect();
                entries.extend(
                    numbers
                        .iter()
                        .map(|&fd| (format!("{fd}"), Self::File(*id, fd))),
                );
            }
            _ => return Err(Errno::ENOTDIR),
        }
        Ok(entries)
    }

    /// The entry `name` of a directory.
    pub fn entry(&self, name: &[u8]) -> Result<Self, Errno> {
        let text = core::str::from_utf8(name).map_err(|_| Errno::ENOENT)?;
        let number = text
            .parse::<u32>()
            .ok()
            .filter(|_| !text.starts_with(['0', '+']) || text == "0");
        match (self, number) {
            (Self::Root, Some(id)) => task(id).map(|_| Self::Process(id)),
            (Self::Threads(of), Some(id)) => {
                let (task, process) = (task(id)?, task(*of)?);
                let same = Arc::ptr_eq(&task.process, &process.process);
                if same {
                    Ok(Self::Process(id))
                } else {
                    Err(Errno::ENOENT)
                }
            }
            (Self::Files(id), Some(fd)) => {
                let fd = fd as i32;
                let files = task(*id)?.process.files.lock().clone();
                let open = files.lock().get_any(fd).is_ok();
                if open {
                    Ok(Self::File(*id, fd))
                } else {
                    Err(Errno::ENOENT)
                }
            }
            _ => {
                let found = self.entries()?.into_iter().find(|(entry, _)| entry == text);
                found.map(|(_, node)| node).ok_or(Errno::ENOENT)
            }
        }
    }

    /// Makes a file's text.
    pub fn text(&self) -> Result<Vec<u8>, Errno> {
        match self {
            Self::System(file) => Ok((file.text)().into_bytes()),
            Self::ProcessFile(id, file) => (file.text)(&*task(*id)?),
            _ => Err(Errno::EINVAL),
        }
    }
}
