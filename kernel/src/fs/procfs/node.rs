//! The names of /proc and the files they refer to.

use alloc::format;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::process::{self, ProcessFile};
use super::subject::Who;
use super::system::{self, SystemFile};
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;
use crate::process::table;
use crate::sched::preempt;
use crate::vfs::file::File;
use crate::vfs::inode::ListEntry;

/// A file of /proc.
#[derive(Clone, Copy)]
pub(super) enum ProcNode {
    Root,
    /// `self` and `thread-self`.
    SelfLink {
        thread: bool,
    },
    /// `mounts`: a link to self/mounts.
    Mounts,
    /// A directory of files that belong to no process, by its path below /proc.
    SystemDir(&'static str),
    System(&'static SystemFile),
    /// A process's directory, or a thread's in `task`.
    Process(Who),
    ProcessFile(Who, &'static ProcessFile),
    /// `mem`.
    Memory(Who),
    /// `task`.
    Threads(Who),
    /// `exe`, `cwd`, `root`.
    Place(Who, Place),
    /// `fd` and `fdinfo`.
    Files(Who, View),
    File(Who, i32, View),
}

/// A magic link of a process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Exe,
    Cwd,
    Root,
}

/// Representation of a process's descriptors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Links to the open files.
    Link,
    /// Text about the open files.
    Info,
}

const PLACES: [(&str, Place); 3] = [
    ("cwd", Place::Cwd),
    ("exe", Place::Exe),
    ("root", Place::Root),
];

/// Position of the first numbered entry, after the named ones.
const NUMBERS: u64 = 0x1000;
/// First position of a listing, after `.` and `..`.
const FIRST: u64 = 2;

/// The open file `fd` of a process.
pub(super) fn file_of(who: Who, fd: i32) -> Result<Arc<File>, Errno> {
    let files = who.find()?.process.files();
    let file = files.lock().get_any(fd);
    file.map_err(|_| Errno::ENOENT)
}

impl ProcNode {
    pub fn mode(&self) -> u32 {
        match self {
            Self::Root | Self::SystemDir(_) | Self::Process(_) | Self::Threads(_) => {
                mode::S_IFDIR | 0o555
            }
            Self::Files(_, View::Link) => mode::S_IFDIR | 0o500,
            Self::Files(_, View::Info) => mode::S_IFDIR | 0o555,
            Self::System(file) if file.accept.is_some() => mode::S_IFREG | 0o644,
            Self::System(_) => mode::S_IFREG | 0o444,
            Self::ProcessFile(_, file) => mode::S_IFREG | file.permissions,
            Self::Memory(_) => mode::S_IFREG | 0o600,
            Self::SelfLink { .. } | Self::Mounts | Self::Place(..) => mode::S_IFLNK | 0o777,
            Self::File(_, _, View::Info) => mode::S_IFREG | 0o444,
            Self::File(who, fd, View::Link) => {
                let bits = |file: Arc<File>| {
                    let read = if file.is_readable() { 0o400 } else { 0 };
                    let write = if file.is_writable() { 0o200 } else { 0 };
                    read | write | 0o100
                };
                mode::S_IFLNK | file_of(*who, *fd).map_or(0o700, bits)
            }
        }
    }

    /// User and group ID: the process's, but root's for a non-dumpable process, except on
    /// directories that all may read (task_dump_owner in fs/proc/base.c).
    pub fn owner(&self, mode: u32) -> (u32, u32) {
        /// Mode of a directory that all may read.
        const OPEN_DIRECTORY: u32 = mode::S_IFDIR | 0o555;
        let who = match self {
            Self::Process(who)
            | Self::ProcessFile(who, _)
            | Self::Memory(who)
            | Self::Threads(who)
            | Self::Files(who, _)
            | Self::File(who, ..)
            | Self::Place(who, _) => who,
            _ => return (0, 0),
        };
        match who.find() {
            Ok(subject)
                if mode == OPEN_DIRECTORY
                    || subject.process.is_dumpable.load(Ordering::Relaxed) =>
            {
                let cred = subject.credentials();
                (cred.euid, cred.egid)
            }
            _ => (0, 0),
        }
    }

    /// The type bits of the mode.
    pub fn type_bits(&self) -> u32 {
        match self {
            Self::File(_, _, View::Link) => mode::S_IFLNK,
            _ => self.mode() & mode::S_IFMT,
        }
    }

    /// A stable inode number of 31 bits: old programs don't support longer ones.
    pub fn ino(&self) -> u64 {
        let address = |part: *const ()| part as u64 & 0xffff_ffff;
        let mix = |who: Who, part: u64| {
            let id = u64::from(who.pid.number()) << 1 | u64::from(who.thread);
            (id.wrapping_mul(0x9e37_79b9) ^ part.wrapping_mul(0x85eb_ca6b)) & 0x7fff_ffff | 0x100
        };
        match self {
            Self::Root => 1,
            Self::SelfLink { thread } => 2 + u64::from(*thread),
            Self::Mounts => 4,
            Self::SystemDir(path) => address(path.as_ptr().cast()) & 0x7fff_ffff,
            Self::System(file) => address(core::ptr::from_ref(*file).cast()) & 0x7fff_ffff,
            Self::Process(who) => mix(*who, 0),
            Self::ProcessFile(who, file) => mix(*who, address(core::ptr::from_ref(*file).cast())),
            Self::Threads(who) => mix(*who, 1),
            Self::Place(who, place) => mix(*who, 2 + *place as u64),
            Self::Files(who, view) => mix(*who, 5 + *view as u64),
            Self::Memory(who) => mix(*who, 7),
            Self::File(who, fd, view) => mix(*who, 16 + (*fd as u64) * 2 + *view as u64),
        }
    }

    /// The named entries of a directory. A lookup goes through them too: no list is made.
    fn named(&self) -> Result<impl Iterator<Item = (&'static str, Self)> + use<>, Errno> {
        let (system, who) = match self {
            Self::Root => (Some(""), None),
            Self::SystemDir(path) => (Some(*path), None),
            Self::Process(who) => {
                who.find()?;
                (None, Some(*who))
            }
            Self::Threads(_) | Self::Files(..) => (None, None),
            _ => return Err(Errno::ENOTDIR),
        };
        let links = matches!(self, Self::Root).then_some([
            ("self", Self::SelfLink { thread: false }),
            ("thread-self", Self::SelfLink { thread: true }),
            ("mounts", Self::Mounts),
        ]);
        let system = system.into_iter().flat_map(system::entries);
        let own = who.into_iter().flat_map(Self::of_process);
        Ok(links.into_iter().flatten().chain(system).chain(own))
    }

    /// The named entries of a process's directory.
    fn of_process(who: Who) -> impl Iterator<Item = (&'static str, Self)> {
        let threads = (!who.thread).then_some(("task", Self::Threads(who)));
        let places = PLACES.map(|(name, place)| (name, Self::Place(who, place)));
        let files = process::FILES.iter();
        [
            ("fd", Self::Files(who, View::Link)),
            ("fdinfo", Self::Files(who, View::Info)),
            ("mem", Self::Memory(who)),
        ]
        .into_iter()
        .chain(threads)
        .chain(places)
        .chain(files.map(move |file| (file.name, Self::ProcessFile(who, file))))
    }

    /// The first numbered entry from `number` on.
    fn numbered(&self, number: u32) -> Option<(u32, Self)> {
        match self {
            Self::Root => {
                let pid = table::next_process(number)?;
                let thread = false;
                Some((pid.number(), Self::Process(Who { pid, thread })))
            }
            Self::Threads(who) => {
                let subject = who.find().ok()?;
                let id = subject.process.next_thread(number)?;
                let (pid, thread) = (table::pid(id)?, true);
                Some((id, Self::Process(Who { pid, thread })))
            }
            Self::Files(who, view) => {
                let files = who.find().ok()?.process.files();
                let mut from = number as usize;
                loop {
                    let next = files.lock().next_number(&mut from)?;
                    if let Some(fd) = next {
                        return Some((fd as u32, Self::File(*who, fd, *view)));
                    }
                    preempt::point();
                }
            }
            _ => None,
        }
    }

    /// Lists the entries from position `from` on. Each numbered entry is searched from the last
    /// one: a listing takes time proportional to the number of entries, however few fit one call.
    pub fn list_from(
        &self,
        from: u64,
        emit: &mut dyn FnMut(ListEntry<'_>) -> bool,
    ) -> Result<(), Errno> {
        let mut entry = |name: &[u8], node: &Self, next| {
            emit(ListEntry {
                name,
                ino: node.ino(),
                kind: node.type_bits(),
                next,
            })
        };
        let skip = usize::try_from(from.saturating_sub(FIRST)).unwrap_or(usize::MAX);
        for (index, (name, node)) in self.named()?.enumerate().skip(skip) {
            if !entry(name.as_bytes(), &node, FIRST + index as u64 + 1) {
                return Ok(());
            }
        }
        let mut number = u32::try_from(from.saturating_sub(NUMBERS)).unwrap_or(u32::MAX);
        while let Some((found, node)) = self.numbered(number) {
            number = found + 1;
            if !entry(
                format!("{found}").as_bytes(),
                &node,
                NUMBERS + u64::from(number),
            ) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Looks up `name` in a directory.
    pub fn entry(&self, name: &[u8]) -> Result<Self, Errno> {
        // A directory held open while its process is reaped (proc_pid_permission in
        // fs/proc/base.c).
        if let Self::Process(who) = self
            && !who.thread
        {
            who.find().map_err(|_| Errno::ESRCH)?;
        }
        let text = core::str::from_utf8(name).map_err(|_| Errno::ENOENT)?;
        let number = text
            .parse::<u32>()
            .ok()
            .filter(|_| !text.starts_with(['0', '+']) || text == "0");
        match (self, number) {
            (Self::Root, Some(id)) => {
                let pid = table::pid(id).ok_or(Errno::ENOENT)?;
                let who = Who { pid, thread: false };
                who.find().map(|_| Self::Process(who))
            }
            (Self::Threads(_) | Self::Files(..), Some(number)) => self
                .numbered(number)
                .filter(|(found, _)| *found == number)
                .map(|(_, node)| node)
                .ok_or(Errno::ENOENT),
            _ => {
                let found = self.named()?.find(|(entry, _)| *entry == text);
                found.map(|(_, node)| node).ok_or(Errno::ENOENT)
            }
        }
    }
}
