//! sendmmsg(2) and recvmmsg(2): several messages in one call.

use linux_raw_sys::net::MSG_DONTWAIT;

use super::message::{Header, receive_message, send_message};
use super::poll::{read_timespec, write_time_left};
use super::socket;
use super::time::{Pair, Time64};
use crate::abi::errno::{Errno, SysResult};
use crate::usercopy::UserPtr;

/// Most messages that one call sends (UIO_MAXIOV).
const MANY: u32 = 1024;
/// recvmmsg(2)'s own flag: once there is a message, don't wait for more (include/linux/socket.h).
const MSG_WAITFORONE: u32 = 0x10000;

/// Reads the header in struct mmsghdr number `index`: a struct msghdr, and the number of bytes
/// transferred.
fn header_at(at: u64, index: u32, wide: bool) -> Result<Header, Errno> {
    let size = if wide { 64 } else { 32 };
    Header::read(at.wrapping_add(u64::from(index) * size), wide)
}

/// Transfers messages until `move_one` fails, or returns that its message is the last; returns
/// their number.
fn many(
    at: u64,
    count: u32,
    wide: bool,
    mut move_one: impl FnMut(&Header, u32) -> Result<(usize, bool), Errno>,
) -> SysResult {
    for done in 0..count {
        let moved = header_at(at, done, wide).and_then(|header| {
            let (len, is_last) = move_one(&header, done)?;
            header.field::<u32>(7).write(len as u32)?;
            Ok(is_last)
        });
        match moved {
            Ok(true) => return Ok(done as usize + 1),
            Ok(false) => {}
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => return Ok(done as usize),
        }
    }
    Ok(count as usize)
}

fn send(fd: i32, at: u64, count: u32, flags: u32, wide: bool) -> SysResult {
    socket::get(fd)?;
    many(at, count.min(MANY), wide, |header, _| {
        Ok((send_message(fd, header, flags)?, false))
    })
}

/// sendmmsg(2).
pub fn sendmmsg(fd: i32, at: u64, count: u32, flags: u32) -> SysResult {
    send(fd, at, count, flags, true)
}

/// sendmmsg(2), i386.
pub fn sendmmsg32(fd: i32, at: u64, count: u32, flags: u32) -> SysResult {
    send(fd, at, count, flags, false)
}

/// Receives messages until the deadline, which is checked after each message only, as on Linux.
fn receive<P: Pair>(
    fd: i32,
    at: u64,
    count: u32,
    flags: u32,
    timeout: UserPtr<P>,
    wide: bool,
) -> SysResult {
    let deadline = read_timespec(timeout)?;
    let (_, socket) = socket::get(fd)?;
    socket.state().take_error()?;
    let received = many(at, count, wide, |header, done| {
        // MSG_WAITFORONE: only the first message is waited for.
        let further = if flags & MSG_WAITFORONE != 0 && done > 0 {
            MSG_DONTWAIT
        } else {
            0
        };
        let len = receive_message(fd, header, flags & !MSG_WAITFORONE | further)?;
        let is_late = deadline.is_some_and(|deadline| crate::time::uptime_ns() >= deadline);
        Ok((len, is_late))
    })?;
    write_time_left(Ok(received), timeout, deadline, 1)
}

/// recvmmsg(2).
pub fn recvmmsg(fd: i32, at: u64, count: u32, flags: u32, timeout: UserPtr<[i64; 2]>) -> SysResult {
    receive(fd, at, count, flags, timeout, true)
}

/// recvmmsg(2), i386.
pub fn recvmmsg32(
    fd: i32,
    at: u64,
    count: u32,
    flags: u32,
    timeout: UserPtr<[i32; 2]>,
) -> SysResult {
    receive(fd, at, count, flags, timeout, false)
}

/// recvmmsg_time64(2), i386.
pub fn recvmmsg_time64(
    fd: i32,
    at: u64,
    count: u32,
    flags: u32,
    timeout: UserPtr<Time64>,
) -> SysResult {
    receive(fd, at, count, flags, timeout, false)
}
