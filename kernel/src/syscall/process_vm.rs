//! process_vm_readv(2) and process_vm_writev(2): transfers between the address spaces
//! of two processes.

use super::argument::Word;
use super::io::{self, Vector};
use crate::abi::errno::{Errno, SysResult};
use crate::mm::PAGE_SIZE;
use crate::process::ptrace::{self, Ids};
use crate::process::{SharedMm, table};
use crate::sched::preempt::{self, Stride};
use crate::usercopy::{UserPtr, UserRange};
use crate::vm::vma::Prot;

/// Direction of a transfer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// process_vm_readv(2).
    FromRemote,
    /// process_vm_writev(2).
    ToRemote,
}

/// Position in the ranges of a vector.
struct Cursor {
    ranges: alloc::vec::IntoIter<UserRange>,
    current: UserRange,
}

impl Cursor {
    fn new(vector: Vector) -> Self {
        Self {
            ranges: vector.0.into_iter(),
            current: UserRange::EMPTY,
        }
    }

    /// The rest of the current range; `None` at the end.
    fn piece(&mut self) -> Option<&mut UserRange> {
        while self.current.is_empty() {
            self.current = self.ranges.next()?;
        }
        Some(&mut self.current)
    }
}

/// Reads a call's arguments and makes the transfer.
fn transfer<W: Word>(
    pid: i32,
    local: (UserPtr<[W; 2]>, usize),
    remote: (UserPtr<[W; 2]>, usize),
    flags: u64,
    direction: Direction,
) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let local = io::ranges(local.0, local.1)?;
    if local.1 == 0 {
        return Ok(0);
    }
    let remote = io::ranges(remote.0, remote.1)?;
    if remote.1 == 0 {
        return Ok(0);
    }
    transfer_ranges(pid, local, remote, direction)
}

fn transfer_ranges(pid: i32, local: Vector, remote: Vector, direction: Direction) -> SysResult {
    // The ID of any thread will do.
    let task = u32::try_from(pid).ok().and_then(table::find);
    let task = task.ok_or(Errno::ESRCH)?;
    if !ptrace::may_access(&task, Ids::Real) {
        return Err(Errno::EPERM);
    }
    let mm = task.mm().ok_or(Errno::ESRCH)?;
    let (mut local, mut remote) = (Cursor::new(local), Cursor::new(remote));
    let mut done = 0;
    let mut stride = Stride::default();
    while let (Some(here), Some(there)) = (local.piece(), remote.piece()) {
        // Within a page of the remote process: the next page may be unmapped.
        let at = there.start().address();
        let in_page = (PAGE_SIZE - at % PAGE_SIZE) as usize;
        let len = here.len().min(there.len()).min(in_page);
        let moved = match direction {
            Direction::FromRemote => copy_from_remote(&mm, at, here, len),
            Direction::ToRemote => copy_to_remote(&mm, at, here, len),
        };
        there.skip(moved);
        if stride.passes(moved) {
            preempt::killed()?;
        }
        done += moved;
        if moved < len {
            return if done > 0 {
                Ok(done)
            } else {
                Err(Errno::EFAULT)
            };
        }
    }
    Ok(done)
}

/// Copies `len` bytes within a page from the remote address `there` to `here`; returns the number
/// of bytes copied. The caller's memory is written after the remote address space is unlocked: the
/// reference keeps the page meanwhile.
fn copy_from_remote(mm: &SharedMm, there: u64, here: &mut UserRange, len: usize) -> usize {
    let page = {
        let mut mm = mm.lock();
        let may = mm.allows(there, Prot::READ);
        may.then(|| mm.page_to_read(there)).flatten()
    };
    page.map_or(0, |page| {
        here.put_page(&page, (there % PAGE_SIZE) as usize, len)
    })
}

/// Copies `len` bytes within a page from `here` to the remote address `there`; returns the number
/// of bytes copied. A buffer is in between: during a fault the remote process may fork, and its
/// page would be the child's too.
fn copy_to_remote(mm: &SharedMm, there: u64, here: &mut UserRange, len: usize) -> usize {
    let mut buffer = [0; 1024];
    let mut done = 0;
    while done < len {
        let part = &mut buffer[..(len - done).min(1024)];
        let read = here.take(part);
        let stored = mm.lock().store(there + done as u64, &part[..read]);
        if stored.is_err() {
            break;
        }
        done += read;
        if read < part.len() {
            break;
        }
    }
    done
}

/// process_vm_readv(2).
pub fn readv<W: Word>(
    pid: i32,
    local: UserPtr<[W; 2]>,
    local_count: usize,
    remote: UserPtr<[W; 2]>,
    remote_count: usize,
    flags: u64,
) -> SysResult {
    let (local, remote) = ((local, local_count), (remote, remote_count));
    transfer(pid, local, remote, flags, Direction::FromRemote)
}

/// process_vm_writev(2).
pub fn writev<W: Word>(
    pid: i32,
    local: UserPtr<[W; 2]>,
    local_count: usize,
    remote: UserPtr<[W; 2]>,
    remote_count: usize,
    flags: u64,
) -> SysResult {
    let (local, remote) = ((local, local_count), (remote, remote_count));
    transfer(pid, local, remote, flags, Direction::ToRemote)
}
