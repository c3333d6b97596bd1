//! futex_waitv(2), futex_wait(2), futex_wake(2), futex_requeue(2): one operation for each call,
//! with flags for each word (kernel/futex/syscalls.c).
//!
//! Words have 32 bits. A timeout is a struct __kernel_timespec in both tables; the upper half of a
//! 32-bit program's nanoseconds is ignored. Left out: FUTEX2_NUMA (`EINVAL`).

use alloc::vec::Vec;

use super::time::{Pair, read};
use crate::abi::errno::{Errno, SysResult};
use crate::mm::fallible;
use crate::process::futex::{self, Deadline, Wanted, Word};
use crate::time::as_nanos;
use crate::time::timer::Clock;
use crate::usercopy::UserPtr;

/// The only size of a word: FUTEX2_SIZE_U32.
const SIZE_U32: u32 = 2;
/// FUTEX2_PRIVATE.
const PRIVATE: u32 = 128;
/// Most words of futex_waitv(2) (FUTEX_WAITV_MAX).
const WAITV_MAX: u32 = 128;

/// struct futex_waitv: value, address, flags and reserved.
type Waitv = [u64; 3];

fn word(at: u64, flags: u32) -> Result<Word, Errno> {
    if flags & !PRIVATE != SIZE_U32 {
        return Err(Errno::EINVAL);
    }
    Ok(Word {
        at: UserPtr::new(at),
        shared: flags & PRIVATE == 0,
    })
}

/// A value that must fit in a word.
///
/// # Errors
/// `EINVAL`.
fn narrow(value: u64) -> Result<u32, Errno> {
    u32::try_from(value).map_err(|_| Errno::EINVAL)
}

fn deadline<P: Pair>(clock: i32, time: UserPtr<P>) -> Result<Deadline, Errno> {
    if time.is_null() {
        return Ok(None);
    }
    let clock = match clock {
        0 => Clock::Realtime,
        1 => Clock::Monotonic,
        _ => return Err(Errno::EINVAL),
    };
    Ok(Some((clock, as_nanos(read(time)?))))
}

/// Reads an array of struct futex_waitv.
fn wanted(list: UserPtr<Waitv>, count: u32) -> Result<Vec<Wanted>, Errno> {
    let entries = list.read_vec(count as usize)?;
    let parse = |[value, at, flags]: &Waitv| {
        let word = word(*at, *flags as u32)?;
        // The upper half of the last word is reserved.
        let expected = narrow(*value)?;
        (flags >> 32 == 0)
            .then_some(Wanted { word, expected })
            .ok_or(Errno::EINVAL)
    };
    let mut wanted = fallible::with_capacity(entries.len())?;
    for entry in &entries {
        wanted.push(parse(entry)?);
    }
    Ok(wanted)
}

/// A wait has an absolute deadline, so it may restart after a signal handler.
fn restartable<T>(result: Result<T, Errno>) -> Result<T, Errno> {
    result.map_err(|errno| {
        if errno == Errno::EINTR {
            Errno::ERESTARTSYS
        } else {
            errno
        }
    })
}

/// futex_waitv(2).
pub fn futex_waitv<P: Pair>(
    list: UserPtr<Waitv>,
    count: u32,
    flags: u32,
    time: UserPtr<P>,
    clock: i32,
) -> SysResult {
    if flags != 0 || count == 0 || count > WAITV_MAX || list.is_null() {
        return Err(Errno::EINVAL);
    }
    let deadline = deadline(clock, time)?;
    restartable(futex::wait_for_any(&wanted(list, count)?, deadline))
}

/// futex_wait(2).
pub fn futex_wait<P: Pair>(
    at: u64,
    value: u64,
    mask: u64,
    flags: u32,
    time: UserPtr<P>,
    clock: i32,
) -> SysResult {
    let word = word(at, flags)?;
    let (value, mask) = (narrow(value)?, narrow(mask)?);
    let deadline = deadline(clock, time)?;
    if mask == 0 {
        return Err(Errno::EINVAL);
    }
    restartable(futex::wait(word, value, mask, deadline)).map(|()| 0)
}

/// futex_wake(2): a count of 0 wakes no waiter, where FUTEX_WAKE wakes one.
pub fn futex_wake(at: u64, mask: u64, count: i32, flags: u32) -> SysResult {
    let word = word(at, flags)?;
    match narrow(mask)? {
        0 => Err(Errno::EINVAL),
        _ if count == 0 => word.check().map(|()| 0),
        mask => futex::wake(word, count, mask),
    }
}

/// futex_requeue(2): FUTEX_CMP_REQUEUE.
pub fn futex_requeue(list: UserPtr<Waitv>, flags: u32, wake: i32, limit: i32) -> SysResult {
    if flags != 0 || list.is_null() {
        return Err(Errno::EINVAL);
    }
    match wanted(list, 2)?[..] {
        [from, to] => futex::requeue([from.word, to.word], wake, limit, Some(from.expected)),
        _ => Err(Errno::EINVAL),
    }
}
