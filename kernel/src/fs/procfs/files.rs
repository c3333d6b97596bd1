//! What /proc opens: files made part by part as they are read, and /proc/PID/mem.

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
use crate::vfs::file::flags::O_CLOEXEC;
use crate::vfs::inode::FileOps;
use crate::vfs::io::{self, In, Out};
use crate::vm::address_space::AddressSpace;

/// Opens a file of /proc for the caller.
///
/// # Errors
/// `EACCES` for what only some may see.
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

/// How a file's bytes are made.
pub(super) enum Make<S: 'static> {
    /// All at once: a text that isn't long.
    Whole(fn(&S, &mut Text)),
    /// Some from a place on, and the place behind them unless they are the last. 0 is the beginning;
    /// what else a place is, is up to the file.
    Parts(fn(&S, u64) -> Result<Part, Errno>),
}

/// Bytes of a file, and where they go on.
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

/// An open file whose bytes are made as they are read (seq_file in Linux): it keeps the part that a
/// read ended in, and nothing once that was read to its end.
struct Made {
    node: ProcNode,
    /// What the process had in memory at the open, where that is what the file tells of.
    mm: Weak<Mutex<AddressSpace, rank::Memory>>,
    place: Mutex<Place, rank::ProcText>,
}

/// How far a file was made.
#[derive(Default)]
struct Place {
    /// The part made last, what of it was read first; it begins at `start`.
    bytes: Vec<u8>,
    start: u64,
    /// Where the next part goes on; none follows if that is `None`, but for the first.
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
        // A process that ended since is `ESRCH` in an open file.
        let find = |who: Who| who.find().map_err(|_| Errno::ESRCH);
        match &self.node {
            ProcNode::System(file) => file.text.part(&(), from),
            ProcNode::ProcessFile(who, file) => {
                let subject = find(*who)?;
                match file.guard {
                    Guard::None => {}
                    // Another program runs since the file was opened: not for this reader.
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

    /// Hands on to `out` what lies at `offset`, making parts as they are needed.
    fn read_at(&self, place: &mut Place, mut offset: u64, out: &mut dyn Out) -> Result<(), Errno> {
        // A read that begins at the start finds the file as it is now.
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
    let files = who.find()?.process.files.lock().clone();
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
        // Not under the lock: the copy may sleep. Who reads meanwhile begins anew.
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
        // What isn't accepted wasn't written, not even in part.
        self.accept(text).inspect_err(|_| from.refuse(text.len()))
    }
}

impl Made {
    /// Takes what is written to the file.
    fn accept(&self, text: &[u8]) -> Result<(), Errno> {
        match &self.node {
            ProcNode::ProcessFile(who, file) => {
                // What there is nothing to set of takes what it is given: loginuid.
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

/// A part of a program's memory, read a piece at a time: its arguments, its environment.
struct Strings {
    who: Who,
    file: &'static ProcessFile,
    /// What the process had in memory at the open, where only some may look.
    mm: Weak<Mutex<AddressSpace, rank::Memory>>,
}

impl FileOps for Strings {
    fn read(&self, offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        let Self { who, file, mm } = self;
        let subject = who.find().map_err(|_| Errno::ESRCH)?;
        if file.guard == Guard::Open && !mm.ptr_eq(&subject.memory()) {
            // Another program runs since the file was opened: not for this reader.
            return Ok(());
        }
        // A process that ended has no memory left.
        let mm = subject.process.mm.lock().clone();
        let (Some(mm), Some(memory)) = (mm, file.memory) else {
            return Ok(());
        };
        let range = memory(&mut mm.lock());
        let mut bytes = [0; 1024];
        let mut at = range.start.saturating_add(offset);
        while at < range.end && out.left() > 0 {
            let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
            let wanted = bytes.len().min(out.left()).min(left);
            // Not while the copy goes on: it may fault, and want this very lock.
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

/// A program's memory; positions are addresses. It is that of the program that ran at the open.
struct Memory(Weak<Mutex<AddressSpace, rank::Memory>>);

impl FileOps for Memory {
    fn read(&self, offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        let Some(mm) = self.0.upgrade() else {
            return Ok(());
        };
        let mut bytes = [0; 1024];
        let mut at = offset;
        while out.left() > 0 {
            let wanted = bytes.len().min(out.left());
            // Not while the copy goes on: it may fault, and want this very lock.
            let read = mm.lock().peek(at, &mut bytes[..wanted]);
            if read == 0 {
                return Err(Errno::EIO);
            }
            out.put(&bytes[..read])?;
            at += read as u64;
        }
        Ok(())
    }

    /// Writes also where the program itself may not, unless others share it: how breakpoints are set.
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
            // May sleep, and other threads change what is mapped meanwhile: what may be written, and how, is
            // decided under the same lock as the write.
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
