//! Open files of /proc: text generated as it is read (seq_file), arguments and environment,
//! /proc/PID/mem.

use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use crate::sync::{Mutex, rank};

use super::node::{ProcNode, View, file_of};
use super::process::{Guard, ProcessFile};
use super::subject::Who;
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;
use crate::mm::fallible::{Text, put};
use crate::mm::{PAGE_SIZE, fallible};
use crate::process::Mm;
use crate::sched::preempt;
use crate::vfs::file::flags::O_CLOEXEC;
use crate::vfs::inode::FileOps;
use crate::vfs::io::{self, In, Out};

/// Opens a file of /proc for the caller.
///
/// # Errors
/// `EACCES` without the right to inspect the process (ptrace(2)).
pub(super) fn open(node: ProcNode) -> Result<Arc<dyn FileOps>, Errno> {
    let mut mm = Weak::new();
    if let ProcNode::ProcessFile(who, file) = node
        && file.guard == Guard::Open
    {
        let subject = who.find()?;
        subject.check_access()?;
        mm = subject.memory();
    }
    #[cfg(debug_assertions)]
    if let ProcNode::ProcessFile(who, file) = node
        && let Some(open) = super::fail_nth::open(who, file)
    {
        return Ok(open);
    }
    match node {
        ProcNode::ProcessFile(who, file) if file.memory.is_some() => {
            return Ok(Arc::new(Strings { who, file, mm }));
        }
        ProcNode::File(who, _, View::Info) => who.find()?.check_access()?,
        ProcNode::Memory(who) => {
            let subject = who.find()?;
            subject.check_access()?;
            return Ok(Arc::new(Memory(subject.memory())));
        }
        _ => {}
    }
    let place = Mutex::default();
    Ok(Arc::new(Made { node, mm, place }))
}

/// Generator of a file's content.
pub(super) enum Make<S: 'static> {
    /// Short content, generated at once.
    Whole(fn(&S, &mut Text)),
    /// Content generated in parts: from a place on, with the place of the next part, or `None`
    /// after the last. The first place is 0; the file defines the others.
    Parts(fn(&S, u64) -> Result<Part, Errno>),
}

/// Bytes of a file, and the place of the next part.
pub(super) type Part = (Vec<u8>, Option<u64>);

impl<S> Make<S> {
    fn part(&self, subject: &S, from: u64) -> Result<Part, Errno> {
        match self {
            Self::Whole(write) => {
                let mut text = Text::new();
                write(subject, &mut text);
                Ok((text.finish()?.into_bytes(), None))
            }
            Self::Parts(make) => make(subject, from),
        }
    }
}

/// An open file whose content is generated as it is read (struct seq_file). It keeps the part in
/// which the last read ended, until that part is read to its end.
struct Made {
    node: ProcNode,
    /// The address space at the open, for a file that requires it to be unchanged.
    mm: Weak<Mm>,
    place: Mutex<Place, rank::ProcText>,
}

/// Progress of the generation.
#[derive(Default)]
struct Place {
    /// The current part; its first byte is at offset `start`.
    bytes: Vec<u8>,
    start: u64,
    /// Place of the next part; `None` after the last.
    next: Option<u64>,
    has_begun: bool,
}

impl Place {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Made {
    fn part(&self, from: u64) -> Result<Part, Errno> {
        // In an open file, a terminated process is `ESRCH`.
        let find = |who: Who| who.find().map_err(|_| Errno::ESRCH);
        match &self.node {
            ProcNode::System(file) => file.text.part(&(), from),
            ProcNode::ProcessFile(who, file) => {
                let subject = find(*who)?;
                match file.guard {
                    Guard::None => {}
                    // After execve(2), a file opened before reads as empty.
                    Guard::Open if !self.mm.ptr_eq(&subject.memory()) => {
                        return Ok((Vec::new(), None));
                    }
                    Guard::Open => {}
                    Guard::Read(errno) => subject.check_access().map_err(|_| errno)?,
                }
                file.text.part(&subject, from)
            }
            ProcNode::File(who, fd, View::Info) => {
                find(*who)?;
                info(*who, *fd).map(|text| (text.into_bytes(), None))
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// Copies the content from `offset` on to `out`, generating parts as needed.
    fn read_at(&self, place: &mut Place, mut offset: u64, out: &mut dyn Out) -> Result<(), Errno> {
        // A read from the start generates the content anew.
        if offset == 0 || offset < place.start || !place.has_begun {
            *place = Place {
                next: Some(0),
                has_begun: true,
                ..Place::default()
            };
        }
        while out.left() > 0 {
            if offset < place.end() {
                let before = out.done();
                let result = io::put_from(&place.bytes, offset - place.start, out);
                offset += (out.done() - before) as u64;
                result?;
                continue;
            }
            place.start = place.end();
            place.bytes = Vec::new();
            let Some(from) = place.next else {
                break;
            };
            (place.bytes, place.next) = self.part(from)?;
            preempt::point();
        }
        if offset >= place.end() {
            place.start = place.end();
            place.bytes = Vec::new();
        }
        Ok(())
    }
}

/// The text of /proc/PID/fdinfo/FD.
fn info(who: Who, fd: i32) -> Result<String, Errno> {
    let file = file_of(who, fd)?;
    let files = who.find()?.process.files();
    let closes = files.lock().is_close_on_exec(fd).unwrap_or(false);
    let flags = file.flags() | if closes { O_CLOEXEC } else { 0 };
    let mut text = Text::new();
    put!(&mut text, "pos:\t{}\nflags:\t0{flags:o}\n", file.offset());
    let (mount, ino) = (file.location().mount.id, file.inode().metadata().ino);
    put!(&mut text, "mnt_id:\t{mount}\nino:\t{ino}\n");
    file.ops().describe(&mut text);
    text.finish()
}

impl FileOps for Made {
    fn read(&self, offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        if self.node.type_bits() == mode::S_IFDIR {
            return Err(Errno::EISDIR);
        }
        // No lock over the copy, which may sleep. A concurrent read generates its part anew.
        let mut place = self.place.take();
        let result = self.read_at(&mut place, offset, out);
        self.place.set(place);
        result
    }

    fn kept_bytes(&self) -> usize {
        let place = self.place.try_lock();
        place.map_or(0, |place| place.bytes.capacity())
    }

    fn write(&self, _offset: u64, from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        let mut bytes = [0; 128];
        let text = bytes.get_mut(..from.left()).ok_or(Errno::EINVAL)?;
        from.take(text)?;
        // A rejected write counts no bytes.
        self.accept(text).inspect_err(|_| from.refuse(text.len()))
    }
}

impl Made {
    /// Applies what is written to the file.
    fn accept(&self, text: &[u8]) -> Result<(), Errno> {
        match &self.node {
            ProcNode::ProcessFile(who, file) => {
                // Writable files without a handler ignore writes: loginuid.
                let Some(accept) = file.accept else {
                    let takes = file.permissions & 0o200 != 0;
                    return if takes { Ok(()) } else { Err(Errno::EIO) };
                };
                let subject = who.find().map_err(|_| Errno::ESRCH)?;
                accept(&subject, text)
            }
            ProcNode::System(file) => file.accept.ok_or(Errno::EIO)?(text),
            _ => Err(Errno::EIO),
        }
    }
}

/// Strings in a program's memory, read in pieces: arguments, environment.
struct Strings {
    who: Who,
    file: &'static ProcessFile,
    /// The address space at the open, for a restricted file.
    mm: Weak<Mm>,
}

impl FileOps for Strings {
    fn read(&self, offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        let Self { who, file, mm } = self;
        let subject = who.find().map_err(|_| Errno::ESRCH)?;
        if file.guard == Guard::Open && !mm.ptr_eq(&subject.memory()) {
            // After execve(2), a file opened before reads as empty.
            return Ok(());
        }
        // A terminated process has no address space.
        let mm = subject.process.mm();
        let (Some(mm), Some(memory)) = (mm, file.memory) else {
            return Ok(());
        };
        let range = memory(&mut mm.lock());
        let mut bytes = [0; 1024];
        let mut at = range.start.saturating_add(offset);
        while at < range.end && out.left() > 0 {
            let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
            let wanted = bytes.len().min(out.left()).min(left);
            // The lock is not held over the copy to user memory: a page fault there may need it.
            let read = mm.lock().peek(at, &mut bytes[..wanted]);
            if read == 0 {
                break;
            }
            out.put(&bytes[..read])?;
            at += read as u64;
        }
        Ok(())
    }
}

/// /proc/PID/mem: positions are addresses in the address space at the open.
struct Memory(Weak<Mm>);

impl FileOps for Memory {
    fn read(&self, offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        let Some(mm) = self.0.upgrade() else {
            return Ok(());
        };
        let mut bytes = [0; 1024];
        let mut at = offset;
        while out.left() > 0 {
            let wanted = bytes.len().min(out.left());
            // The lock is not held over the copy to user memory: a page fault there may need it.
            let read = mm.lock().peek(at, &mut bytes[..wanted]);
            if read == 0 {
                return Err(Errno::EIO);
            }
            out.put(&bytes[..read])?;
            at += read as u64;
        }
        Ok(())
    }

    /// Writes to read-only private pages as well (FOLL_FORCE): debuggers set breakpoints this way.
    fn write(&self, offset: u64, from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        let Some(mm) = self.0.upgrade() else {
            return Ok(());
        };
        let size = from.left().min(PAGE_SIZE as usize);
        let mut bytes = fallible::zeroed(size)?;
        let mut at = offset;
        while from.left() > 0 {
            let part = &mut bytes[..from.left().min(size)];
            let before = from.done();
            // May sleep, while other threads change mappings: the write checks permissions under
            // the lock it writes under.
            if let Err(errno) = from.take(part) {
                from.refuse(from.done() - before);
                return Err(errno);
            }
            let written = mm.lock().poke_by_force(at, part);
            if written < part.len() {
                from.refuse(part.len() - written);
                return Err(Errno::EIO);
            }
            at = at.wrapping_add(written as u64);
        }
        Ok(())
    }
}
