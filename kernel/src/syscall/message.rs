//! Socket messages: send(2) and recv(2) in all their forms, with struct msghdr of either width.
//! Several messages in one call: `mmsg.rs`.

use alloc::vec::Vec;

use linux_raw_sys::net::MSG_CMSG_CLOEXEC;

use super::cmsg;
use super::io::{self, Vector};
use super::socket::{self, ADDRESS_MAX, is_nonblocking, read_address, write_address};
use crate::abi::errno::{Errno, SysResult};
use crate::net::{self, Incoming, Outgoing, address};
use crate::usercopy::{self, UserPtr};
use crate::vfs::io::{MAX_RW_COUNT, UserBuffer};

/// Most elements of a message's vector (UIO_MAXIOV).
const RANGES_MAX: usize = 1024;

/// struct msghdr of either width. Every field is a long or a pointer, except `msg_namelen` and
/// `msg_flags`, which are ints in the place of a long.
pub(super) struct Header {
    name: UserPtr<u8>,
    name_len: i32,
    ranges: u64,
    range_count: usize,
    control: UserPtr<u8>,
    control_len: usize,
    /// Address of the structure.
    at: u64,
    wide: bool,
}

impl Header {
    /// Reads the structure at `at`.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` for a negative length, `EMSGSIZE` for a vector that is too long.
    pub fn read(at: u64, wide: bool) -> Result<Self, Errno> {
        let fields = if wide {
            UserPtr::<[u64; 7]>::new(at).read()?
        } else {
            UserPtr::<[u32; 7]>::new(at).read()?.map(u64::from)
        };
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
            ranges,
            range_count: range_count as usize,
            control: UserPtr::new(control),
            control_len: control_len as usize,
            at,
            wide,
        })
    }

    /// Address of field number `index`.
    pub fn field<T>(&self, index: u64) -> UserPtr<T> {
        UserPtr::new(self.at.wrapping_add(index * if self.wide { 8 } else { 4 }))
    }

    fn vector(&self) -> Result<Vector, Errno> {
        if self.wide {
            io::ranges(UserPtr::new(self.ranges), self.range_count)
        } else {
            io::ranges32(UserPtr::new(self.ranges), self.range_count)
        }
    }
}

/// Buffer in user memory, checked to be in the user address space and truncated to
/// [`MAX_RW_COUNT`].
fn buffer(at: UserPtr<u8>, len: usize) -> Result<UserBuffer<'static>, Errno> {
    let len = len.min(MAX_RW_COUNT);
    usercopy::check(at.address(), len)?;
    Ok(UserBuffer::new(at, len))
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
pub(super) fn send_message(fd: i32, header: &Header, flags: u32) -> SysResult {
    let (file, socket) = socket::get(fd)?;
    let name = read_address(header.name, header.name_len)?;
    let (ranges, total) = header.vector()?;
    let sent = cmsg::read(header.control, header.control_len, header.wide)?;
    let mut bytes = UserBuffer::of(&ranges, total);
    let mut message = Outgoing {
        from: &mut bytes,
        to: Some(name).filter(|name| !name.is_empty()),
        files: sent.files,
        credentials: sent.credentials,
        flags,
    };
    net::send(&socket, &mut message, is_nonblocking(&file))
}

fn sendmsg_at(fd: i32, at: u64, flags: u32, wide: bool) -> SysResult {
    send_message(fd, &Header::read(at, wide)?, flags)
}

/// sendmsg(2).
pub fn sendmsg(fd: i32, at: u64, flags: u32) -> SysResult {
    sendmsg_at(fd, at, flags, true)
}

/// sendmsg(2), i386.
pub fn sendmsg32(fd: i32, at: u64, flags: u32) -> SysResult {
    sendmsg_at(fd, at, flags, false)
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
pub(super) fn receive_message(fd: i32, header: &Header, flags: u32) -> SysResult {
    let (file, socket) = socket::get(fd)?;
    let (ranges, total) = header.vector()?;
    let mut bytes = UserBuffer::of(&ranges, total);
    let mut incoming = net::receive(&socket, &mut bytes, flags, is_nonblocking(&file))?;
    let mut control = cmsg::Writer::new(header.control, header.control_len, header.wide);
    control.write(&mut incoming, flags)?;
    if !header.name.is_null() {
        write_address(header.name, header.field(1), &sender(&incoming))?;
    }
    let flags_out = incoming.flags | control.flags | flags & MSG_CMSG_CLOEXEC;
    header.field::<u32>(6).write(flags_out)?;
    if header.wide {
        header.field::<u64>(5).write(control.done as u64)?;
    } else {
        header.field::<u32>(5).write(control.done as u32)?;
    }
    Ok(incoming.count)
}

fn recvmsg_at(fd: i32, at: u64, flags: u32, wide: bool) -> SysResult {
    receive_message(fd, &Header::read(at, wide)?, flags)
}

/// recvmsg(2).
pub fn recvmsg(fd: i32, at: u64, flags: u32) -> SysResult {
    recvmsg_at(fd, at, flags, true)
}

/// recvmsg(2), i386.
pub fn recvmsg32(fd: i32, at: u64, flags: u32) -> SysResult {
    recvmsg_at(fd, at, flags, false)
}
