//! select(2) and pselect6(2): sets of descriptors are bit maps. poll(2) is in `poll.rs`.

use alloc::vec::Vec;

use super::argument::Word;
use super::poll::{Deadline, from_timespec, read_timespec, write_time_left};
use super::time::Pair;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::mm::fallible::{self, TryPush as _};
use crate::process::caller;
use crate::process::signal::mask;
use crate::sched::preempt::{self, Stride};
use crate::usercopy::UserPtr;
use crate::vfs::poll::{FILE, wait};

/// The three sets of select(2): addresses, and the requested descriptors.
struct Sets {
    at: [UserPtr<u8>; 3],
    asked: [Vec<u8>; 3],
}

/// Events that make a descriptor ready, for each set (POLLIN_SET, POLLOUT_SET, POLLEX_SET).
const KINDS: [Ready; 3] = [
    Ready::READ.union(Ready::HANGUP).union(Ready::ERROR),
    Ready::WRITE.union(Ready::ERROR),
    Ready::PRIORITY,
];

/// select(2) on the first `count` descriptors; the sets are arrays of words of `word` bytes.
fn select_until(count: i32, at: [UserPtr<u8>; 3], word: usize, deadline: Deadline) -> SysResult {
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    let count = count.min(caller::with_files(|files| files.capacity()));
    let bytes = count.div_ceil(word * 8) * word;
    let mut sets = Sets {
        at,
        asked: Default::default(),
    };
    for (set, at) in sets.asked.iter_mut().zip(at) {
        *set = if at.is_null() {
            fallible::zeroed(bytes)?
        } else {
            at.read_vec(bytes)?
        };
    }
    let has = |set: &[u8], fd: usize| set[fd / 8] >> (fd % 8) & 1 != 0;
    let mut files = Vec::new();
    let mut stride = Stride::default();
    for fd in 0..count {
        let mut asked = Ready::empty();
        for (set, kind) in sets.asked.iter().zip(KINDS) {
            if has(set, fd) {
                asked |= kind;
            }
        }
        if !asked.is_empty() {
            files.try_push((fd, caller::file(fd as i32)?, asked))?;
            if stride.passes(FILE) {
                preempt::point();
            }
        }
    }
    let [read, write, except] = &sets.asked;
    let mut result = [
        fallible::to_vec(read)?,
        fallible::to_vec(write)?,
        fallible::to_vec(except)?,
    ];
    let waited_for = files.iter().map(|(_, file, asked)| (file, *asked));
    let found = wait(waited_for, deadline, Errno::ERESTARTNOHAND, || {
        let mut found = 0;
        for (set, (asked, kind)) in result.iter_mut().zip(sets.asked.iter().zip(KINDS)) {
            set.fill(0);
            for (fd, file, _) in &files {
                if has(asked, *fd) && file.ops().ready().intersects(kind) {
                    set[fd / 8] |= 1 << (fd % 8);
                    found += 1;
                }
                if stride.passes(FILE) {
                    preempt::point();
                }
            }
        }
        found
    })?;
    for (set, at) in result.iter().zip(sets.at) {
        if !at.is_null() {
            at.write_slice(set)?;
        }
    }
    Ok(found)
}

/// A set of descriptors in user memory.
type Set = UserPtr<u8>;

/// select(2), and i386's _newselect. The struct timeval receives the time left.
pub fn select<W: Word, P: Pair>(
    count: i32,
    read: Set,
    write: Set,
    except: Set,
    time: UserPtr<P>,
) -> SysResult {
    let deadline = match time.read_opt()? {
        Some(pair) => from_timespec(from_microseconds(pair.both())?)?,
        None => None,
    };
    let sets = [read, write, except];
    let result = select_until(count, sets, size_of::<W>(), deadline);
    write_time_left(result, time, deadline, 1000)
}

/// i386's old select(2): the five arguments are in memory.
pub fn old_select(arguments: UserPtr<[u32; 5]>) -> SysResult {
    let [count, read, write, except, time] = arguments.read()?;
    let set = |at: u32| UserPtr::new(at.into());
    select::<u32, [i32; 2]>(
        count as i32,
        set(read),
        set(write),
        set(except),
        UserPtr::new(time.into()),
    )
}

/// Converts seconds and microseconds to seconds and nanoseconds. As on Linux, the microseconds may
/// exceed a second.
///
/// # Errors
/// `EINVAL`.
fn from_microseconds((sec, usec): (i64, i64)) -> Result<(i64, i64), Errno> {
    if usec < 0 {
        return Err(Errno::EINVAL);
    }
    Ok((
        sec.saturating_add(usec / 1_000_000),
        usec % 1_000_000 * 1000,
    ))
}

/// pselect6(2): the last argument points to the signal mask's address and size.
pub fn pselect6<W: Word, P: Pair>(
    count: i32,
    read: Set,
    write: Set,
    except: Set,
    time: UserPtr<P>,
    mask: UserPtr<[W; 2]>,
) -> SysResult {
    let [set, size] = match mask.read_opt()? {
        Some(words) => words.map(Into::into),
        None => [0, 0],
    };
    let deadline = read_timespec(time)?;
    let sets = [read, write, except];
    let result = mask::with(UserPtr::new(set), size as usize, || {
        select_until(count, sets, size_of::<W>(), deadline)
    });
    write_time_left(result, time, deadline, 1)
}
