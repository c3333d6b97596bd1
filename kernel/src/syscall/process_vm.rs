//! process_vm_readv and process_vm_writev: another process's memory, without stopping it.

use super::io::{self, Vector};
use crate::abi::errno::{Errno, SysResult};
use crate::mm::PAGE_SIZE;
use crate::process::ptrace::{self, Ids};
use crate::process::{SharedMm, table};
use crate::sched::preempt::{self, Stride};
use crate::usercopy::UserPtr;
use crate::vfs::io::Range;
use crate::vm::vma::Prot;

/// Which way the bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    FromThere,
    ToThere,
}

/// Goes through ranges from their start, some bytes at a time.
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

    /// Address and length of what comes next; `None` at the end.
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

fn transfer(
    pid: i32,
    local: impl FnOnce() -> Result<Vector, Errno>,
    remote: impl FnOnce() -> Result<Vector, Errno>,
    flags: u64,
    direction: Direction,
) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let local = local()?;
    if local.1 == 0 {
        return Ok(0);
    }
    let remote = remote()?;
    if remote.1 == 0 {
        return Ok(0);
    }
    // A thread's ID does as well.
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
        // Not past the other side's page: its next one may not be there.
        let in_page = (PAGE_SIZE - there % PAGE_SIZE) as usize;
        let len = here_len.min(there_len).min(in_page).min(buffer.len());
        let chunk = &mut buffer[..len];
        let moved = match direction {
            Direction::FromThere => fetch(&mm, there, chunk, here),
            Direction::ToThere => put(&mm, there, chunk, here),
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

/// Bytes from there to here; how many could be moved. No lock is held while user memory is touched.
fn fetch(mm: &SharedMm, there: u64, chunk: &mut [u8], here: u64) -> usize {
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

/// Bytes from here to there; how many could be moved.
fn put(mm: &SharedMm, there: u64, chunk: &mut [u8], here: u64) -> usize {
    let read = UserPtr::new(here).read_prefix(chunk);
    match mm.lock().store(there, &chunk[..read]) {
        Ok(()) => read,
        Err(_) => 0,
    }
}

/// process_vm_readv(2).
pub fn readv(
    pid: i32,
    local: UserPtr<[u64; 2]>,
    local_count: usize,
    remote: UserPtr<[u64; 2]>,
    remote_count: usize,
    flags: u64,
) -> SysResult {
    let local = || io::ranges(local, local_count);
    let remote = || io::ranges(remote, remote_count);
    transfer(pid, local, remote, flags, Direction::FromThere)
}

/// process_vm_writev(2).
pub fn writev(
    pid: i32,
    local: UserPtr<[u64; 2]>,
    local_count: usize,
    remote: UserPtr<[u64; 2]>,
    remote_count: usize,
    flags: u64,
) -> SysResult {
    let local = || io::ranges(local, local_count);
    let remote = || io::ranges(remote, remote_count);
    transfer(pid, local, remote, flags, Direction::ToThere)
}

/// process_vm_readv(2), i386.
pub fn readv32(
    pid: i32,
    local: UserPtr<[u32; 2]>,
    local_count: usize,
    remote: UserPtr<[u32; 2]>,
    remote_count: usize,
    flags: u64,
) -> SysResult {
    let local = || io::ranges32(local, local_count);
    let remote = || io::ranges32(remote, remote_count);
    transfer(pid, local, remote, flags, Direction::FromThere)
}

/// process_vm_writev(2), i386.
pub fn writev32(
    pid: i32,
    local: UserPtr<[u32; 2]>,
    local_count: usize,
    remote: UserPtr<[u32; 2]>,
    remote_count: usize,
    flags: u64,
) -> SysResult {
    let local = || io::ranges32(local, local_count);
    let remote = || io::ranges32(remote, remote_count);
    transfer(pid, local, remote, flags, Direction::ToThere)
}
