//! What /proc opens: texts made when they are read, and /proc/PID/mem.

use alloc::format;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt::Write;

use crate::sync::{Mutex, rank};

use super::node::{ProcNode, View, file_of};
use super::process::{Guard, ProcessFile};
use super::subject::Who;
use crate::fs::file::flags::O_CLOEXEC;
use crate::fs::inode::{FileOps, mode};
use crate::fs::io::{self, In, Out};
use crate::mm::address_space::AddressSpace;
use crate::mm::{PAGE_SIZE, fallible};
use crate::syscall::errno::Errno;

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
    let text = Mutex::new(None);
    Ok(Arc::new(Text { node, mm, text }))
}

/// An open file with its text once it was read.
struct Text {
    node: ProcNode,
    /// What the process had in memory at the open, where that is what the file tells of.
    mm: Weak<Mutex<AddressSpace, rank::Memory>>,
    text: Mutex<Option<Arc<[u8]>>, rank::ProcText>,
}

impl Text {
    fn make(&self) -> Result<Vec<u8>, Errno> {
        // A process that ended since is `ESRCH` in an open file.
        let find = |who: Who| who.find().map_err(|_| Errno::ESRCH);
        match &self.node {
            ProcNode::System(file) => Ok((file.text)().into_bytes()),
            ProcNode::ProcessFile(who, file) => {
                let subject = find(*who)?;
                match file.guard {
                    Guard::None => {}
                    // Another program runs since the file was opened: not for this reader.
                    Guard::Open if !self.mm.ptr_eq(&subject.memory()) => return Ok(Vec::new()),
                    Guard::Open => {}
                    Guard::Read(errno) => subject.check_access().map_err(|_| errno)?,
                }
                (file.text)(&subject)
            }
            ProcNode::File(who, fd, View::Info) => {
                find(*who)?;
                info(*who, *fd).map(String::into_bytes)
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

/// The text of /proc/PID/fdinfo/FD.
fn info(who: Who, fd: i32) -> Result<String, Errno> {
    let file = file_of(who, fd)?;
    let files = who.find()?.process.files.lock().clone();
    let closes = files.lock().is_close_on_exec(fd).unwrap_or(false);
    let flags = file.flags() | if closes { O_CLOEXEC } else { 0 };
    let mut text = format!("pos:\t{}\nflags:\t0{flags:o}\n", file.offset());
    let ino = file.inode().metadata().ino;
    // Writing to a String can't fail.
    let _ = write!(text, "mnt_id:\t{}\nino:\t{ino}\n", file.location().mount.id);
    file.ops().describe(&mut text);
    Ok(text)
}

impl FileOps for Text {
    fn read(&self, offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        if self.node.type_bits() == mode::S_IFDIR {
            return Err(Errno::EISDIR);
        }
        let kept = self.text.lock().clone().filter(|_| offset != 0);
        let text = match kept {
            Some(text) => text,
            None => {
                let text: Arc<[u8]> = self.make()?.into();
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
        match &self.node {
            ProcNode::ProcessFile(who, file) => {
                // What there is nothing to set of takes what it is given: oom_score_adj.
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
