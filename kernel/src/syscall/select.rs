//! select(2) and pselect6(2): sets of descriptors are bit maps. poll(2) is in `poll.rs`.

use alloc::sync::Arc;
use alloc::vec::Vec;

use zerocopy::IntoBytes as _;

use super::argument::Word;
use super::poll::{Deadline, from_timespec, read_timespec, write_time_left};
use super::time::Pair;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::mm::fallible::{self, Grow as _, TryPush as _};
use crate::process::caller;
use crate::process::signal::mask;
use crate::sched::preempt::{self, Stride};
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::poll::{FILE, wait};

/// Events that make a descriptor ready, for each set (POLLIN_SET, POLLOUT_SET, POLLEX_SET).
const KINDS: [Ready; 3] = [
    Ready::READ
        .union(Ready::HANGUP)
        .union(Ready::ERROR)
        .union(Ready::INVALID),
    Ready::WRITE.union(Ready::ERROR).union(Ready::INVALID),
    Ready::PRIORITY.union(Ready::INVALID),
];

/// Descriptors in a word of a set.
const WORD: usize = u64::BITS as usize;

/// A descriptor to wait for.
struct Entry {
    fd: usize,
    file: Arc<File>,
    /// Bit map of the sets that the descriptor is in.
    sets: u8,
}

impl Entry {
    /// Events of all the sets that the descriptor is in.
    fn asked(&self) -> Ready {
        let mut asked = Ready::empty();
        for (number, kind) in KINDS.into_iter().enumerate() {
            if self.sets >> number & 1 != 0 {
                asked |= kind;
            }
        }
        asked
    }

    /// What the file is ready for. An O_PATH one is in each of its sets, as on Linux.
    fn ready(&self) -> Ready {
        if self.file.is_path() {
            Ready::INVALID
        } else {
            self.file.ops().ready()
        }
    }
}

/// The open files of the descriptors in the three sets of `words` words, one behind the other.
///
/// # Errors
/// `EBADF`, `ENOMEM`.
fn open_files(sets: &[u64], words: usize) -> Result<Vec<Entry>, Errno> {
    let mut entries = Vec::new();
    for number in 0..words {
        let [read, write, except] = [0, 1, 2].map(|set| sets[set * words + number]);
        let mut left = read | write | except;
        if left == 0 {
            continue;
        }
        entries.room_for(left.count_ones() as usize)?;
        caller::with_files(|files| {
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                let is_in = |set: u64| (set >> bit & 1) as u8;
                let fd = number * WORD + bit as usize;
                entries.try_push(Entry {
                    fd,
                    file: files.get_any(fd as i32)?,
                    sets: is_in(read) | is_in(write) << 1 | is_in(except) << 2,
                })?;
            }
            Ok::<(), Errno>(())
        })?;
        preempt::point();
    }
    Ok(entries)
}

/// select(2) on the first `count` descriptors; the sets are arrays of words of `word` bytes.
fn select_until(count: i32, at: [UserPtr<u8>; 3], word: usize, deadline: Deadline) -> SysResult {
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    let count = count.min(caller::with_files(|files| files.capacity()));
    let bytes = count.div_ceil(word * 8) * word;
    // Bits from `count` on are ignored, and cleared in the result.
    let words = bytes.div_ceil(size_of::<u64>());
    let mut sets: Vec<u64> = Vec::new();
    fallible::extend(&mut sets, core::iter::repeat_n(0, 3 * words))?;
    // With no words there are no sets either.
    let size = words.max(1);
    for (set, at) in sets.chunks_exact_mut(size).zip(at) {
        if !at.is_null() {
            at.read_into(&mut set.as_mut_bytes()[..bytes])?;
        }
        if let Some(last) = set.get_mut(count / WORD) {
            *last &= (1 << (count % WORD)) - 1;
        }
    }
    let entries = open_files(&sets, words)?;
    // The result takes the place of what was asked for.
    let waited_for = entries.iter().map(|entry| (&entry.file, entry.asked()));
    let mut stride = Stride::default();
    let found = wait(waited_for, deadline, Errno::ERESTARTNOHAND, || {
        let mut found = 0;
        sets.fill(0);
        for entry in &entries {
            let ready = entry.ready();
            for (number, (set, kind)) in sets.chunks_exact_mut(size).zip(KINDS).enumerate() {
                if entry.sets >> number & 1 != 0 && ready.intersects(kind) {
                    set[entry.fd / WORD] |= 1 << (entry.fd % WORD);
                    found += 1;
                }
            }
            if stride.passes(FILE) {
                preempt::point();
            }
        }
        found
    })?;
    for (set, at) in sets.chunks_exact(size).zip(at) {
        if !at.is_null() {
            at.write_slice(&set.as_bytes()[..bytes])?;
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
