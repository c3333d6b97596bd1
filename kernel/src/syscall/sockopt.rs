//! getsockopt(2) and setsockopt(2): the layouts of option values in user memory. The options are in
//! [`crate::net::options`].

use alloc::vec::Vec;

use linux_raw_sys::net::SOL_SOCKET;
use zerocopy::IntoBytes as _;

use super::argument::Word;
use super::socket;
use crate::abi::errno::{Errno, SysResult};
use crate::net::options::{Shape, Value, shape};
use crate::usercopy::UserPtr;

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// Timeout in ns from a struct timeval: `None` for 0, which is no timeout; 0 for a negative time,
/// which does not wait.
///
/// # Errors
/// `EDOM`.
fn limit([sec, usec]: [i64; 2]) -> Result<Option<u64>, Errno> {
    if !(0..1_000_000).contains(&usec) {
        return Err(Errno::EDOM);
    }
    Ok(match u64::try_from(sec) {
        Ok(0) if usec == 0 => None,
        Ok(sec) => Some(
            sec.saturating_mul(SECOND)
                .saturating_add(usec as u64 * 1000),
        ),
        Err(_) => Some(0),
    })
}

/// setsockopt(2): `W` is the field of a struct timeval.
pub fn setsockopt<W: Word>(
    fd: i32,
    level: u32,
    option: u32,
    at: UserPtr<u8>,
    len: i32,
) -> SysResult {
    let (_, socket) = socket::get(fd)?;
    let len = usize::try_from(len).map_err(|_| Errno::EINVAL)?;
    if level != SOL_SOCKET {
        return Err(Errno::EOPNOTSUPP);
    }
    let needs = |size: usize| {
        if len < size {
            Err(Errno::EINVAL)
        } else {
            Ok(())
        }
    };
    needs(4)?;
    let first = at.cast::<i32>().read()?;
    let value = match shape(option) {
        Shape::Int | Shape::Credentials => Value::Int(first),
        Shape::Linger => {
            needs(8)?;
            Value::Linger(at.cast().read()?)
        }
        Shape::Time(true) => {
            needs(size_of::<[i64; 2]>())?;
            Value::Time(limit(at.cast().read()?)?)
        }
        Shape::Time(false) => {
            needs(size_of::<[W; 2]>())?;
            Value::Time(limit(at.cast::<[W; 2]>().read()?.map(W::signed))?)
        }
    };
    socket.set_option(option, value).map(|()| 0)
}

/// getsockopt(2).
pub fn getsockopt<W: Word>(
    fd: i32,
    level: u32,
    option: u32,
    at: UserPtr<u8>,
    len: UserPtr<i32>,
) -> SysResult {
    let (_, socket) = socket::get(fd)?;
    if level != SOL_SOCKET {
        return Err(Errno::EOPNOTSUPP);
    }
    let room = usize::try_from(len.read()?).map_err(|_| Errno::EINVAL)?;
    let mut bytes = Vec::new();
    match socket.option(option)? {
        Value::Int(value) => bytes.extend(value.to_ne_bytes()),
        Value::Linger(value) => bytes.extend(value.into_iter().flat_map(i32::to_ne_bytes)),
        Value::Credentials(who) => {
            bytes.extend(
                [who.pid, who.uid, who.gid]
                    .into_iter()
                    .flat_map(u32::to_ne_bytes),
            );
        }
        Value::Time(limit) => {
            let limit = limit.unwrap_or(0);
            let parts = [limit / SECOND, limit % SECOND / 1000];
            if shape(option) == Shape::Time(true) {
                bytes.extend_from_slice(parts.as_bytes());
            } else {
                bytes.extend_from_slice(parts.map(W::truncate).as_bytes());
            }
        }
    }
    bytes.truncate(room);
    at.write_slice(&bytes)?;
    len.write(bytes.len() as i32).map(|()| 0)
}
