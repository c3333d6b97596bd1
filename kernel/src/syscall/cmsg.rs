//! Control messages (cmsg(3)): descriptors and credentials that accompany a message's bytes, in the
//! layout of either width.

use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::net::{MSG_CMSG_CLOEXEC, MSG_CTRUNC, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET};

use super::argument::Word;
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;
use crate::mm::fallible::TryPush as _;
use crate::net::{Incoming, UserCredentials};
use crate::process::caller;
use crate::process::current;
use crate::usercopy::UserPtr;
use crate::vfs::file::File;

/// Most descriptors in one message (SCM_MAX_FD).
const FILES_MAX: usize = 253;
/// Most bytes of control messages sent with one message (net.core.optmem_max).
const SIZE_MAX: usize = 128 * 1024;

/// The layout of struct cmsghdr: the length is a `long`, level and type are ints.
#[derive(Clone, Copy)]
struct Layout {
    /// Size of the length field in bytes, and the alignment of each message.
    word: usize,
}

impl Layout {
    const fn of<W: Word>() -> Self {
        Self {
            word: size_of::<W>(),
        }
    }

    /// Size of the header in bytes.
    const fn header(self) -> usize {
        self.word + 8
    }

    /// Parses a header's length, level and type.
    fn parse(self, bytes: &[u8]) -> (usize, u32, u32) {
        let mut len = [0; 8];
        len[..self.word].copy_from_slice(&bytes[..self.word]);
        let int = |at: usize| bytes[at..at + 4].try_into().map_or(0, u32::from_ne_bytes);
        let len = usize::try_from(u64::from_ne_bytes(len)).unwrap_or(usize::MAX);
        (len, int(self.word), int(self.word + 4))
    }

    /// Encodes the header of a message of `len` bytes in all.
    fn encode_header(self, len: usize, kind: u32) -> Vec<u8> {
        let mut bytes = (len as u64).to_ne_bytes()[..self.word].to_vec();
        bytes.extend(SOL_SOCKET.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes
    }
}

/// Content of the control messages of a message to send.
#[derive(Default)]
pub struct Sent {
    /// Open files of SCM_RIGHTS.
    pub files: Vec<Arc<File>>,
    /// Credentials that the sender claims (SCM_CREDENTIALS).
    pub credentials: Option<UserCredentials>,
}

/// Reads the control messages in `len` bytes.
///
/// # Errors
/// `EINVAL` for a malformed or unknown message, `EBADF`, `EPERM` for credentials that the caller
/// can't claim, `EFAULT`, `ENOBUFS` for too many bytes.
pub fn read<W: Word>(at: UserPtr<u8>, len: usize) -> Result<Sent, Errno> {
    let layout = Layout::of::<W>();
    let mut sent = Sent::default();
    if len > SIZE_MAX {
        return Err(Errno::ENOBUFS);
    }
    let bytes = at.read_vec(len)?;
    let mut rest = &bytes[..];
    while rest.len() >= layout.header() {
        let (len, level, kind) = layout.parse(rest);
        if len < layout.header() || len > rest.len() {
            return Err(Errno::EINVAL);
        }
        let data = &rest[layout.header()..len];
        match (level, kind) {
            (SOL_SOCKET, SCM_RIGHTS) => add_files(&mut sent.files, data)?,
            (SOL_SOCKET, SCM_CREDENTIALS) => sent.credentials = Some(claim(data)?),
            (SOL_SOCKET, _) => return Err(Errno::EINVAL),
            _ => {}
        }
        let next = len.next_multiple_of(layout.word).min(rest.len());
        rest = &rest[next..];
    }
    Ok(sent)
}

fn ints(data: &[u8]) -> impl ExactSizeIterator<Item = u32> {
    let (ints, _) = data.as_chunks::<4>();
    ints.iter().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn add_files(files: &mut Vec<Arc<File>>, data: &[u8]) -> Result<(), Errno> {
    let numbers = ints(data);
    if files.len() + numbers.len() > FILES_MAX {
        return Err(Errno::EINVAL);
    }
    caller::with_files(|table| {
        for number in numbers {
            files.try_push(table.get_any(number as i32)?)?;
        }
        Ok(())
    })
}

/// Parses credentials and checks that the caller may claim them (scm_check_creds in
/// net/core/scm.c).
fn claim(data: &[u8]) -> Result<UserCredentials, Errno> {
    let mut fields = ints(data);
    if data.len() != 12 {
        return Err(Errno::EINVAL);
    }
    let mut next = || fields.next().unwrap_or_default();
    let claimed = UserCredentials {
        pid: next(),
        uid: next(),
        gid: next(),
    };
    let who = caller::credentials();
    let is_process = claimed.pid == current().process.pid || who.has(Caps::SYS_ADMIN);
    let is_user = [who.uid, who.euid, who.suid].contains(&claimed.uid) || who.has(Caps::SETUID);
    let is_group = [who.gid, who.egid, who.sgid].contains(&claimed.gid) || who.has(Caps::SETGID);
    if is_process && is_user && is_group {
        Ok(claimed)
    } else {
        Err(Errno::EPERM)
    }
}

/// The program's buffer for received control messages.
pub struct Writer {
    at: UserPtr<u8>,
    left: usize,
    layout: Layout,
    /// Bytes written, padding included.
    pub done: usize,
    /// `MSG_CTRUNC` if the buffer was too small.
    pub flags: u32,
}

impl Writer {
    /// The buffer of `left` bytes at `at`; NULL has no room.
    pub fn new<W: Word>(at: UserPtr<u8>, left: usize) -> Self {
        Self {
            at,
            left: if at.is_null() { 0 } else { left },
            layout: Layout::of::<W>(),
            done: 0,
            flags: 0,
        }
    }

    /// Moves on by a message of `len` bytes and its padding.
    fn advance(&mut self, len: usize) {
        let len = len.next_multiple_of(self.layout.word).min(self.left);
        self.at = self.at.byte_add(len as u64);
        self.left -= len;
        self.done += len;
    }

    /// Writes a message's credentials and descriptors; files whose descriptors don't fit are
    /// closed.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn write(&mut self, incoming: &mut Incoming, flags: u32) -> Result<(), Errno> {
        if let Some(who) = incoming.credentials {
            self.write_credentials(who)?;
        }
        let files = core::mem::take(&mut incoming.files);
        if !files.is_empty() {
            self.write_files(files, flags & MSG_CMSG_CLOEXEC != 0)?;
        }
        Ok(())
    }

    fn write_credentials(&mut self, who: UserCredentials) -> Result<(), Errno> {
        let header = self.layout.header();
        if self.left < header {
            self.flags |= MSG_CTRUNC;
            return Ok(());
        }
        let mut len = header + 12;
        if self.left < len {
            self.flags |= MSG_CTRUNC;
            len = self.left;
        }
        let mut bytes = self.layout.encode_header(len, SCM_CREDENTIALS);
        bytes.extend(
            [who.pid, who.uid, who.gid]
                .into_iter()
                .flat_map(u32::to_ne_bytes),
        );
        self.at.write_slice(&bytes[..len])?;
        self.advance(len);
        Ok(())
    }

    fn write_files(&mut self, files: Vec<Arc<File>>, close_on_exec: bool) -> Result<(), Errno> {
        let header = self.layout.header();
        let room = self.left.saturating_sub(header) / 4;
        let count = files.len();
        let mut given = 0;
        for file in files.into_iter().take(room) {
            let Ok(fd) = caller::install(file, close_on_exec) else {
                break;
            };
            let slot = self.at.byte_add((header + given * 4) as u64);
            if slot.cast::<i32>().write(fd).is_err() {
                super::open::close(fd)?;
                break;
            }
            given += 1;
        }
        if given < count {
            self.flags |= MSG_CTRUNC;
        }
        if given > 0 {
            let len = header + given * 4;
            self.at
                .write_slice(&self.layout.encode_header(len, SCM_RIGHTS))?;
            self.advance(len);
        }
        Ok(())
    }
}
