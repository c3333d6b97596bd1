//! PTRACE_PEEKUSER and PTRACE_POKEUSER: registers and debug registers by their offset in
//! `struct user`.

use super::{debug, registers};
use crate::abi::errno::Errno;
use crate::process::Task;

/// Size of `struct user`, and offset of its debug registers.
const SIZE: u64 = 928;
const DEBUG: u64 = 848;
/// Size of i386's `struct user`, and offset of its debug registers.
const SIZE_32: u64 = 284;
const DEBUG_32: u64 = 252;

/// Field of `struct user`.
enum Field {
    Register(usize),
    Debug(usize),
    Other,
}

/// The field at `offset`, for words of `width` bytes; `last` is the last valid offset, `debug` that
/// of the debug registers, `count` the number of registers.
fn field(offset: u64, width: u64, last: u64, debug: u64, count: usize) -> Result<Field, Errno> {
    if !offset.is_multiple_of(width) || offset > last {
        return Err(Errno::EIO);
    }
    let index = (offset / width) as usize;
    Ok(if index < count {
        Field::Register(index)
    } else if (debug..debug + 8 * width).contains(&offset) {
        Field::Debug(((offset - debug) / width) as usize)
    } else {
        Field::Other
    })
}

fn field_64(offset: u64) -> Result<Field, Errno> {
    field(offset, 8, SIZE - 8, DEBUG, registers::COUNT)
}

fn field_32(offset: u64) -> Result<Field, Errno> {
    // As on Linux, one word after the structure is accepted (arch/x86/kernel/ptrace.c: putreg32).
    field(offset, 4, SIZE_32, DEBUG_32, registers::COUNT_32)
}

/// PTRACE_PEEKUSER of a 64-bit tracer.
///
/// # Errors
/// `EIO` for an offset outside the structure or not a multiple of the word size.
pub fn peek(task: &Task, offset: u64) -> Result<u64, Errno> {
    Ok(match field_64(offset)? {
        Field::Register(index) => registers::read(task)[index],
        Field::Debug(index) => debug::read(task, index),
        Field::Other => 0,
    })
}

/// PTRACE_POKEUSER of a 64-bit tracer.
///
/// # Errors
/// Those of [`peek`]; `EIO` or `EINVAL` for an invalid value.
pub fn poke(task: &Task, offset: u64, value: u64) -> Result<(), Errno> {
    match field_64(offset)? {
        Field::Register(index) => registers::write(task, index, value),
        Field::Debug(index) => debug::write(task, index, value),
        Field::Other => Err(Errno::EIO),
    }
}

/// PTRACE_PEEKUSER of a 32-bit tracer.
///
/// # Errors
/// As [`peek`].
pub fn peek_32(task: &Task, offset: u64) -> Result<u32, Errno> {
    Ok(match field_32(offset)? {
        Field::Register(index) => registers::read_32(task)[index],
        Field::Debug(index) => debug::read(task, index) as u32,
        Field::Other => 0,
    })
}

/// PTRACE_POKEUSER of a 32-bit tracer.
///
/// # Errors
/// As [`poke`].
pub fn poke_32(task: &Task, offset: u64, value: u32) -> Result<(), Errno> {
    match field_32(offset)? {
        Field::Register(index) => registers::write_32(task, index, value),
        Field::Debug(index) => debug::write(task, index, value.into()),
        // Writes to other fields are ignored.
        Field::Other => Ok(()),
    }
}
