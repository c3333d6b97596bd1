//! process_vm_readv(2) and process_vm_writev(2): transfers between the address spaces
//! of two processes.

use super::argument::Word;
use super::io::{self, Vector};
use crate::abi::errno::{Errno, SysResult};
use crate::mm::PAGE_SIZE;
use crate::process::ptrace::{self, Ids};
use crate::process::{SharedMm, table};
use crate::sched::preempt::{self, Stride};
use crate::usercopy::UserPtr;
use crate::vfs::io::Range;
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
    ranges: alloc::vec::IntoIter<Range>,
    at: u64,
    left: usize,
}

impl Cursor {
    fn new(vector: Vector) -> Self {
        Self {
            ranges: vector.0.into_iter(),
            at: 0,
            left: 0,
        }
    }

    /// Address and length of the rest of the current range; `None` at the end.
    fn piece(&mut self) -> Option<(u64, usize)> {
        while self.left == 0 {
            let range = self.ranges.next()?;
            (self.at, self.left) = (range.at.address(), range.len);
        }
        Some((self.at, self.left))
    }

    fn advance(&mut self, bytes: usize) {
        self.at += bytes as u64;
        self.left -= bytes;
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
    let mut buffer = [0; 1024];
    let mut stride = Stride::default();
    while let (Some((here, here_len)), Some((there, there_len))) = (local.piece(), remote.piece()) {
        // Within a page of the remote process: the next page may be unmapped.
        let in_page = (PAGE_SIZE - there % PAGE_SIZE) as usize;
        let len = here_len.min(there_len).min(in_page).min(buffer.len());
        let chunk = &mut buffer[..len];
        let moved = match direction {
            Direction::FromRemote => copy_from_remote(&mm, there, chunk, here),
            Direction::ToRemote => copy_to_remote(&mm, there, chunk, here),
        };
        if stride.passes(moved) {
            preempt::killed()?;
        }
        local.advance(moved);
        remote.advance(moved);
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

/// Copies from the remote address `there` through `chunk` to `here`; returns the number of bytes
/// copied. The caller's memory is written after the remote address space is unlocked.
fn copy_from_remote(mm: &SharedMm, there: u64, chunk: &mut [u8], here: u64) -> usize {
    let read = {
        let mut mm = mm.lock();
        if mm.allows(there, Prot::READ) {
            mm.peek(there, chunk)
        } else {
            0
        }
    };
    UserPtr::new(here).write_prefix(&chunk[..read])
}

/// Copies from `here` through `chunk` to the remote address `there`; returns the number of bytes
/// copied.
fn copy_to_remote(mm: &SharedMm, there: u64, chunk: &mut [u8], here: u64) -> usize {
    let read = UserPtr::new(here).read_prefix(chunk);
    match mm.lock().store(there, &chunk[..read]) {
        Ok(()) => read,
        Err(_) => 0,
    }
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
