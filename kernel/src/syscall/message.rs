//! Socket messages: send(2) and recv(2) in all their forms, with struct msghdr of either width.
//! Several messages in one call: `mmsg.rs`.

use alloc::vec::Vec;

use linux_raw_sys::net::MSG_CMSG_CLOEXEC;

use super::argument::Word;
use super::cmsg;
use super::io::{self, Vector};
use super::socket::{self, ADDRESS_MAX, is_nonblocking, read_address, write_address};
use crate::abi::errno::{Errno, SysResult};
use crate::net::{self, Incoming, Outgoing, address};
use crate::usercopy::{UserPtr, UserRange};
use crate::vfs::io::{MAX_RW_COUNT, UserBuffer};

/// Most elements of a message's vector (UIO_MAXIOV).
const RANGES_MAX: usize = 1024;

/// struct msghdr. Every field is a long or a pointer, except `msg_namelen` and `msg_flags`, which
/// are ints in the place of a long.
pub(super) struct Header<W> {
    name: UserPtr<u8>,
    name_len: i32,
    ranges: UserPtr<[W; 2]>,
    range_count: usize,
    control: UserPtr<u8>,
    control_len: usize,
    /// Address of the structure.
    at: UserPtr<[W; 7]>,
}

impl<W: Word> Header<W> {
    /// Reads the structure at `at`.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` for a negative length, `EMSGSIZE` for a vector that is too long.
    pub fn read(at: UserPtr<[W; 7]>) -> Result<Self, Errno> {
        let fields: [u64; 7] = at.read()?.map(Into::into);
        let [name, name_len, ranges, range_count, control, control_len, _] = fields;
        let name_len = if name == 0 { 0 } else { name_len as i32 };
        if name_len < 0 {
            return Err(Errno::EINVAL);
        }
        if range_count > RANGES_MAX as u64 {
            return Err(Errno::EMSGSIZE);
        }
        Ok(Self {
            name: UserPtr::new(name),
            name_len: name_len.min(ADDRESS_MAX as i32),
            ranges: UserPtr::new(ranges),
            range_count: range_count as usize,
            control: UserPtr::new(control),
            control_len: control_len as usize,
            at,
        })
    }

    /// Address of field number `index`.
    pub fn field<T>(&self, index: usize) -> UserPtr<T> {
        self.at.cast::<W>().add(index).cast()
    }

    fn vector(&self) -> Result<Vector, Errno> {
        io::ranges(self.ranges, self.range_count)
    }
}

/// Buffer in user memory, checked to be in the user address space and truncated to
/// [`MAX_RW_COUNT`].
fn buffer(at: UserPtr<u8>, len: usize) -> Result<UserBuffer<'static>, Errno> {
    let range = UserRange::new(at, len.min(MAX_RW_COUNT))?;
    Ok(UserBuffer::new(range))
}

/// sendto(2).
pub fn sendto(
    fd: i32,
    at: UserPtr<u8>,
    len: usize,
    flags: u32,
    name: UserPtr<u8>,
    name_len: i32,
) -> SysResult {
    let mut bytes = buffer(at, len)?;
    let (file, socket) = socket::get(fd)?;
    let mut message = Outgoing::bytes(&mut bytes, flags);
    if !name.is_null() {
        let name = read_address(name, name_len)?;
        message.to = Some(name).filter(|name| !name.is_empty());
    }
    net::send(&socket, &mut message, is_nonblocking(&file))
}

/// send(2), i386's by socketcall(2).
pub fn send(fd: i32, at: UserPtr<u8>, len: usize, flags: u32) -> SysResult {
    sendto(fd, at, len, flags, UserPtr::new(0), 0)
}

/// Sends one message.
///
/// # Errors
/// Those of sendmsg(2).
pub(super) fn send_message<W: Word>(fd: i32, header: &Header<W>, flags: u32) -> SysResult {
    let (file, socket) = socket::get(fd)?;
    let name = read_address(header.name, header.name_len)?;
    let (ranges, total) = header.vector()?;
    let sent = cmsg::read::<W>(header.control, header.control_len)?;
    let mut bytes = UserBuffer::of_all(&ranges, total);
    let mut message = Outgoing {
        from: &mut bytes,
        to: Some(name).filter(|name| !name.is_empty()),
        files: sent.files,
        credentials: sent.credentials,
        flags,
    };
    net::send(&socket, &mut message, is_nonblocking(&file))
}

/// sendmsg(2).
pub fn sendmsg<W: Word>(fd: i32, at: UserPtr<[W; 7]>, flags: u32) -> SysResult {
    send_message(fd, &Header::read(at)?, flags)
}

/// Address of a message's sender as struct sockaddr; empty for a sender without a name.
fn sender(incoming: &Incoming) -> Vec<u8> {
    match &incoming.from {
        Some(name) if !name.is_empty() => address::encode(name),
        _ => Vec::new(),
    }
}

/// recvfrom(2). Descriptors sent with the message are closed.
pub fn recvfrom(
    fd: i32,
    at: UserPtr<u8>,
    len: usize,
    flags: u32,
    name: UserPtr<u8>,
    name_len: UserPtr<i32>,
) -> SysResult {
    let mut bytes = buffer(at, len)?;
    let (file, socket) = socket::get(fd)?;
    let incoming = net::receive(&socket, &mut bytes, flags, is_nonblocking(&file))?;
    if !name.is_null() {
        write_address(name, name_len, &sender(&incoming))?;
    }
    Ok(incoming.count)
}

/// recv(2), i386's by socketcall(2).
pub fn recv(fd: i32, at: UserPtr<u8>, len: usize, flags: u32) -> SysResult {
    recvfrom(fd, at, len, flags, UserPtr::new(0), UserPtr::new(0))
}

/// Receives one message.
///
/// # Errors
/// Those of recvmsg(2).
pub(super) fn receive_message<W: Word>(fd: i32, header: &Header<W>, flags: u32) -> SysResult {
    let (file, socket) = socket::get(fd)?;
    let (ranges, total) = header.vector()?;
    let mut bytes = UserBuffer::of_all(&ranges, total);
    let mut incoming = net::receive(&socket, &mut bytes, flags, is_nonblocking(&file))?;
    let mut control = cmsg::Writer::new::<W>(header.control, header.control_len);
    control.write(&mut incoming, flags)?;
    if !header.name.is_null() {
        write_address(header.name, header.field(1), &sender(&incoming))?;
    }
    let flags_out = incoming.flags | control.flags | flags & MSG_CMSG_CLOEXEC;
    header.field::<u32>(6).write(flags_out)?;
    header.field(5).write(W::truncate(control.done as u64))?;
    Ok(incoming.count)
}

/// recvmsg(2).
pub fn recvmsg<W: Word>(fd: i32, at: UserPtr<[W; 7]>, flags: u32) -> SysResult {
    receive_message(fd, &Header::read(at)?, flags)
}
