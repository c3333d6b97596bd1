//! Transfers between pipes and other files: splice(2), tee(2), vmsplice(2).
//!
//! Between two pipes whole pages are passed on, otherwise the bytes are copied once. Left out:
//! gifts of a program's pages (SPLICE_F_GIFT copies, as Linux may).

use alloc::sync::Arc;

use linux_raw_sys::general::SPLICE_F_NONBLOCK;

use super::argument::Word;
use super::io::{self, Vector};
use crate::abi::errno::{Errno, SysResult};
use crate::process::caller::{self, Caller};
use crate::sched::preempt::{self, Stride};
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::file::flags::{O_APPEND, O_NONBLOCK};
use crate::vfs::inode::FileOps;
use crate::vfs::io::{In, KernelIn, KernelOut, MAX_RW_COUNT, Out, UserBuffer};
use crate::vfs::pipe::end::End;
use crate::vfs::pipe::ring::PAGE;
use crate::vfs::pipe::{Pipe, Turn};
use crate::vfs::writer::Writer as _;

/// Valid flags (SPLICE_F_ALL).
const KNOWN: u32 = 0xf;

/// Open files of two descriptors, the first readable, the second writable.
///
/// # Errors
/// `EBADF`.
fn files(fd_in: i32, fd_out: i32) -> Result<(Arc<File>, Arc<File>), Errno> {
    let (from, to) = (caller::file(fd_in)?, caller::file(fd_out)?);
    if !from.is_readable() || !to.is_writable() {
        return Err(Errno::EBADF);
    }
    Ok((from, to))
}

fn is_nonblocking(file: &File, flags: u32) -> bool {
    flags & SPLICE_F_NONBLOCK != 0 || file.flags() & O_NONBLOCK != 0
}

/// Locks the rings of two pipes, in the order of their addresses.
fn lock_both<'a>(from: &'a Pipe, to: &'a Pipe) -> (Turn<'a>, Turn<'a>) {
    if core::ptr::from_ref(from) < core::ptr::from_ref(to) {
        let first = from.turn();
        (first, to.turn())
    } else {
        let first = to.turn();
        (from.turn(), first)
    }
}

/// Raises SIGPIPE for the error of a pipe without a reader.
fn raise(errno: &Errno) {
    if *errno == Errno::EPIPE {
        Caller.no_reader();
    }
}

/// Waits until there is room in a pipe.
///
/// # Errors
/// As [`Pipe::wait_writable`], with SIGPIPE.
fn wait_writable(pipe: &Pipe, nonblocking: bool) -> Result<(), Errno> {
    pipe.wait_writable(nonblocking).inspect_err(raise)
}

/// Moves pages from pipe to pipe; with `keeps` (tee(2)) they stay in the source too.
fn pipe_to_pipe(from: &File, to: &File, len: usize, flags: u32, keeps: bool) -> SysResult {
    let (Some(source), Some(target)) = (End::of(from), End::of(to)) else {
        return Err(Errno::EINVAL);
    };
    let (source, target) = (source.pipe(), target.pipe());
    if Arc::ptr_eq(source, target) {
        return Err(Errno::EINVAL);
    }
    let nonblocking = is_nonblocking(from, flags) || is_nonblocking(to, flags);
    let mut done = 0;
    while done == 0 && source.wait_readable(nonblocking)? {
        wait_writable(target, nonblocking)?;
        let (mut from, mut to) = lock_both(source, target);
        let mut number = 0;
        while done < len && !to.is_full() && number < from.count() {
            let Some(slot) = from.slot(number) else { break };
            let moved = to.push(slot, len - done)?;
            done += moved;
            if keeps {
                number += 1;
            } else {
                from.skip(moved);
            }
        }
    }
    Ok(done)
}

/// Copies from a pipe to another kind of file.
fn pipe_to_file(
    from: &End,
    to: &File,
    mut at: Option<u64>,
    len: usize,
    nonblocking: bool,
) -> SysResult {
    let mut done = 0;
    let mut stride = Stride::default();
    while done < len && from.pipe().wait_readable(nonblocking || done > 0) == Ok(true) {
        let mut ring = from.pipe().turn();
        let Some(slot) = ring.slot(0) else { continue };
        let result = slot.with_bytes(|bytes| {
            let bytes = &bytes[..bytes.len().min(len - done)];
            to.write(at, &mut KernelIn::new(bytes), &Caller)
                .map(|written| (written, bytes.len()))
        });
        match result {
            Ok((written, wanted)) => {
                ring.skip(written);
                done += written;
                at = at.map(|at| at + written as u64);
                drop(ring);
                if written < wanted || stride.passes(written) && preempt::interrupted().is_err() {
                    break;
                }
            }
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    if done == 0 && len > 0 {
        // Nothing was copied: the end of the pipe, or the error of the wait.
        from.pipe().wait_readable(nonblocking)?;
    }
    Ok(done)
}

/// Copies from another kind of file to a pipe.
fn file_to_pipe(
    from: &File,
    mut at: Option<u64>,
    to: &End,
    len: usize,
    nonblocking: bool,
) -> SysResult {
    wait_writable(to.pipe(), nonblocking)?;
    let mut ring = to.pipe().turn();
    let mut done = 0;
    let mut stride = Stride::default();
    while done < len && !ring.is_full() {
        let read = ring.fill(len - done, false, |page| {
            let result = from.read_unnoticed(at, &mut KernelOut::new(page), false);
            (result.unwrap_or(0), result.map(|_| ()))
        });
        match read {
            Ok(read) => {
                done += read;
                at = at.map(|at| at + read as u64);
                // A stream may block for more bytes: it is read once.
                if read < PAGE || from.ops().is_stream() {
                    break;
                }
                if stride.passes(read) && preempt::interrupted().is_err() {
                    break;
                }
            }
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(done)
}

/// Reads a position, which the file must support; `None` for NULL.
///
/// # Errors
/// `EFAULT`, `EINVAL`.
fn position(file: &File, offset: UserPtr<i64>) -> Result<Option<u64>, Errno> {
    let Some(at) = offset.read_opt()? else {
        return Ok(None);
    };
    if file.ops().is_stream() {
        return Err(Errno::EINVAL);
    }
    u64::try_from(at).map(Some).map_err(|_| Errno::EINVAL)
}

/// splice(2).
pub fn splice(
    fd_in: i32,
    off_in: UserPtr<i64>,
    fd_out: i32,
    off_out: UserPtr<i64>,
    len: usize,
    flags: u32,
) -> SysResult {
    if len == 0 {
        return Ok(0);
    }
    if flags & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let (from, to) = files(fd_in, fd_out)?;
    let (source, target) = (End::of(&from), End::of(&to));
    let has_offset = |end: Option<&End>, offset: UserPtr<i64>| end.is_some() && !offset.is_null();
    if has_offset(source, off_in) || has_offset(target, off_out) {
        return Err(Errno::ESPIPE);
    }
    let len = len.min(MAX_RW_COUNT);
    match (source, target) {
        (Some(_), Some(_)) => pipe_to_pipe(&from, &to, len, flags, false),
        (Some(source), None) => {
            let at = position(&to, off_out)?;
            if to.flags() & O_APPEND != 0 {
                return Err(Errno::EINVAL);
            }
            let done = pipe_to_file(source, &to, at, len, is_nonblocking(&from, flags))?;
            off_out.write_opt((at.unwrap_or(0) + done as u64) as i64)?;
            Ok(done)
        }
        (None, Some(target)) => {
            let at = position(&from, off_in)?;
            let done = file_to_pipe(&from, at, target, len, is_nonblocking(&to, flags))?;
            off_in.write_opt((at.unwrap_or(0) + done as u64) as i64)?;
            Ok(done)
        }
        (None, None) => Err(Errno::EINVAL),
    }
}

/// tee(2).
pub fn tee(fd_in: i32, fd_out: i32, len: usize, flags: u32) -> SysResult {
    if flags & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    if len == 0 {
        return Ok(0);
    }
    let (from, to) = files(fd_in, fd_out)?;
    pipe_to_pipe(&from, &to, len.min(MAX_RW_COUNT), flags, true)
}

/// Copies between user memory and a pipe, in the direction that the descriptor allows.
fn user_to_or_from_pipe(fd: i32, vector: Result<Vector, Errno>, flags: u32) -> SysResult {
    if flags & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let file = caller::file(fd)?;
    let end = End::of(&file).ok_or(Errno::EBADF)?;
    let (ranges, total) = vector?;
    let mut buffer = UserBuffer::of_all(&ranges, total);
    let nonblocking = is_nonblocking(&file, flags);
    let (result, done) = if file.is_writable() {
        let result = end.write(0, &mut buffer, nonblocking).inspect_err(raise);
        (result, In::done(&buffer))
    } else {
        let result = end.read(0, &mut buffer, nonblocking);
        (result, Out::done(&buffer))
    };
    if done > 0 {
        Ok(done)
    } else {
        result.map(|()| 0)
    }
}

/// vmsplice(2).
pub fn vmsplice<W: Word>(fd: i32, vector: UserPtr<[W; 2]>, count: usize, flags: u32) -> SysResult {
    user_to_or_from_pipe(fd, io::ranges(vector, count), flags)
}
