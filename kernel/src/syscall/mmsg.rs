//! sendmmsg(2) and recvmmsg(2): several messages in one call.

use linux_raw_sys::net::MSG_DONTWAIT;

use super::argument::Word;
use super::message::{Header, receive_message, send_message};
use super::poll::{read_timespec, write_time_left};
use super::socket;
use super::time::Pair;
use crate::abi::errno::{Errno, SysResult};
use crate::usercopy::UserPtr;

/// Most messages that one call sends (UIO_MAXIOV).
const MANY: u32 = 1024;
/// recvmmsg(2)'s own flag: once there is a message, don't wait for more (include/linux/socket.h).
const MSG_WAITFORONE: u32 = 0x10000;

/// struct mmsghdr: a struct msghdr, and the number of bytes transferred in the place of a `long`.
type Message<W> = [W; 8];

/// Transfers messages until `move_one` fails, or returns that its message is the last; returns
/// their number.
fn many<W: Word>(
    at: UserPtr<Message<W>>,
    count: u32,
    mut move_one: impl FnMut(&Header<W>, u32) -> Result<(usize, bool), Errno>,
) -> SysResult {
    for done in 0..count {
        let moved = Header::read(at.add(done as usize).cast()).and_then(|header| {
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

/// sendmmsg(2).
pub fn sendmmsg<W: Word>(fd: i32, at: UserPtr<Message<W>>, count: u32, flags: u32) -> SysResult {
    socket::get(fd)?;
    many(at, count.min(MANY), |header, _| {
        Ok((send_message(fd, header, flags)?, false))
    })
}

/// recvmmsg(2). The deadline is checked after each message only, as on Linux.
pub fn recvmmsg<W: Word, P: Pair>(
    fd: i32,
    at: UserPtr<Message<W>>,
    count: u32,
    flags: u32,
    timeout: UserPtr<P>,
) -> SysResult {
    let deadline = read_timespec(timeout)?;
    let (_, socket) = socket::get(fd)?;
    socket.state().take_error()?;
    let received = many(at, count, |header, done| {
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
