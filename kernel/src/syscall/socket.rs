//! Socket calls: socket(2), bind(2), listen(2), connect(2), accept(2), shutdown(2). Sockets are in
//! [`crate::net`]; addresses are copied from and to user memory here.

use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::net as linux;

use crate::abi::errno::{Errno, SysResult};
use crate::net::socket::Kind;
use crate::net::{Socket, address, connect, file_of, socket_of};
use crate::process::caller;
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::file::flags::{O_CLOEXEC, O_NONBLOCK};

/// Size of the largest address in bytes (struct sockaddr_storage).
pub const ADDRESS_MAX: usize = 128;
/// One past the highest family (NPROTO).
const FAMILIES: u32 = 46;
/// One past the highest type (SOCK_MAX).
const TYPES: u32 = 11;
/// Bits of the type, without the flags (SOCK_TYPE_MASK).
const TYPE_MASK: u32 = 0xf;

/// Open file and socket of `fd`.
///
/// # Errors
/// `EBADF`, `ENOTSOCK`.
pub fn get(fd: i32) -> Result<(Arc<File>, Arc<Socket>), Errno> {
    let file = caller::file(fd)?;
    let socket = socket_of(&file).cloned().ok_or(Errno::ENOTSOCK)?;
    Ok((file, socket))
}

/// Whether the open file is non-blocking (O_NONBLOCK).
pub fn is_nonblocking(file: &File) -> bool {
    file.flags() & O_NONBLOCK != 0
}

/// Reads an address of `len` bytes.
///
/// # Errors
/// `EINVAL` for a length out of range, `EFAULT`.
pub fn read_address(at: UserPtr<u8>, len: i32) -> Result<Vec<u8>, Errno> {
    match usize::try_from(len) {
        Ok(0) => Ok(Vec::new()),
        Ok(len @ 1..=ADDRESS_MAX) => at.read_vec(len),
        _ => Err(Errno::EINVAL),
    }
}

/// Writes an address, truncated to the size that `len` points to, and replaces the size by the
/// address's full length.
///
/// # Errors
/// `EFAULT`; `EINVAL` for a negative size.
pub fn write_address(at: UserPtr<u8>, len: UserPtr<i32>, address: &[u8]) -> Result<(), Errno> {
    let room = usize::try_from(len.read()?).map_err(|_| Errno::EINVAL)?;
    at.write_slice(&address[..address.len().min(room)])?;
    len.write(address.len() as i32)
}

/// Kind of socket from socket(2)'s arguments.
fn kind_of(family: u32, kind: u32, protocol: u32) -> Result<Kind, Errno> {
    if kind & !(TYPE_MASK | O_CLOEXEC | O_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    let kind = kind & TYPE_MASK;
    if family < FAMILIES && kind >= TYPES {
        return Err(Errno::EINVAL);
    }
    if family != linux::AF_UNIX {
        return Err(Errno::EAFNOSUPPORT);
    }
    if protocol != 0 && protocol != linux::AF_UNIX {
        return Err(Errno::EPROTONOSUPPORT);
    }
    match kind {
        linux::SOCK_STREAM => Ok(Kind::Stream),
        // As on Linux, SOCK_RAW is SOCK_DGRAM (unix_create in net/unix/af_unix.c).
        linux::SOCK_DGRAM | linux::SOCK_RAW => Ok(Kind::Datagram),
        linux::SOCK_SEQPACKET => Ok(Kind::Seqpacket),
        _ => Err(Errno::ESOCKTNOSUPPORT),
    }
}

fn install(socket: Arc<Socket>, flags: u32) -> SysResult {
    let fd = caller::install(file_of(socket, flags), flags & O_CLOEXEC != 0)?;
    Ok(fd as usize)
}

/// socket(2).
pub fn socket(family: u32, kind: u32, protocol: u32) -> SysResult {
    let socket = Socket::new(kind_of(family, kind, protocol)?)?;
    install(socket, kind)
}

/// socketpair(2).
pub fn socketpair(family: u32, kind: u32, protocol: u32, out: UserPtr<[i32; 2]>) -> SysResult {
    let pair = connect::pair(kind_of(family, kind, protocol)?)?;
    let [first, second] = pair.map(|socket| install(socket, kind));
    let written = match (first, second) {
        (Ok(first), Ok(second)) => out.write([first as i32, second as i32]),
        (first, second) => first.and(second).map(|_| ()),
    };
    if written.is_err() {
        for fd in [first, second].into_iter().flatten() {
            super::open::close(fd as i32)?;
        }
    }
    written.map(|()| 0)
}

/// bind(2).
pub fn bind(fd: i32, at: UserPtr<u8>, len: i32) -> SysResult {
    let (_, socket) = get(fd)?;
    let address = read_address(at, len)?;
    socket.bind(address::parse(&address)?).map(|()| 0)
}

/// listen(2).
pub fn listen(fd: i32, backlog: i32) -> SysResult {
    get(fd)?.1.listen(backlog).map(|()| 0)
}

/// connect(2).
pub fn connect(fd: i32, at: UserPtr<u8>, len: i32) -> SysResult {
    let (file, socket) = get(fd)?;
    let address = read_address(at, len)?;
    if !socket.kind.has_connections() {
        let ends = address.len() >= 2 && address::family_of(&address) == linux::AF_UNSPEC;
        let name = if ends {
            None
        } else {
            Some(address::parse_name(&address)?)
        };
        return socket.associate(name.as_ref()).map(|()| 0);
    }
    let name = address::parse_name(&address)?;
    let patience = socket.write_patience(is_nonblocking(&file));
    socket.connect(&name, patience).map(|()| 0)
}

/// accept(2).
pub fn accept(fd: i32, at: UserPtr<u8>, len: UserPtr<i32>) -> SysResult {
    accept4(fd, at, len, 0)
}

/// accept4(2).
pub fn accept4(fd: i32, at: UserPtr<u8>, len: UserPtr<i32>, flags: u32) -> SysResult {
    if flags & !(O_CLOEXEC | O_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    let (file, socket) = get(fd)?;
    let end = socket.accept(socket.read_patience(is_nonblocking(&file)))?;
    let peer = end.state().peer.clone();
    // If a later step fails, dropping the file closes this end of the connection.
    let file = file_of(end, flags);
    if !at.is_null() {
        let name = peer.map(|peer| peer.state().address()).unwrap_or_default();
        write_address(at, len, &address::encode(&name))?;
    }
    caller::install(file, flags & O_CLOEXEC != 0).map(|fd| fd as usize)
}

/// getsockname(2).
pub fn getsockname(fd: i32, at: UserPtr<u8>, len: UserPtr<i32>) -> SysResult {
    let name = get(fd)?.1.state().address();
    write_address(at, len, &address::encode(&name)).map(|()| 0)
}

/// getpeername(2).
pub fn getpeername(fd: i32, at: UserPtr<u8>, len: UserPtr<i32>) -> SysResult {
    let peer = get(fd)?.1.state().peer.clone().ok_or(Errno::ENOTCONN)?;
    let name = peer.state().address();
    write_address(at, len, &address::encode(&name)).map(|()| 0)
}

/// shutdown(2).
pub fn shutdown(fd: i32, how: u32) -> SysResult {
    let (_, socket) = get(fd)?;
    match how {
        linux::SHUT_RD => socket.shut_down(true, false),
        linux::SHUT_WR => socket.shut_down(false, true),
        linux::SHUT_RDWR => socket.shut_down(true, true),
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}
