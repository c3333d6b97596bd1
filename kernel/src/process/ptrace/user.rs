//! PTRACE_PEEKUSER and PTRACE_POKEUSER: access to the registers and the debug registers in `struct
//! user` by their offset.

use super::{debug, registers};
use crate::abi::errno::Errno;
use crate::process::Task;

/// Bytes of `struct user`, and where its debug registers begin.
const SIZE: u64 = 928;
const DEBUG: u64 = 848;
/// The same for i386.
const SIZE_32: u64 = 284;
const DEBUG_32: u64 = 252;

/// The field of `struct user` at an offset.
enum Field {
    Register(usize),
    Debug(usize),
    Nothing,
}

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
        Field::Nothing
    })
}

fn field_64(offset: u64) -> Result<Field, Errno> {
    field(offset, 8, SIZE - 8, DEBUG, registers::COUNT)
}

fn field_32(offset: u64) -> Result<Field, Errno> {
    // One word behind the structure is let pass (arch/x86/kernel/ptrace.c: putreg32).
    field(offset, 4, SIZE_32, DEBUG_32, registers::COUNT_32)
}

/// PTRACE_PEEKUSER of a 64-bit tracer.
///
/// # Errors
/// `EIO` for an offset outside, or not of a word.
pub fn peek(task: &Task, offset: u64) -> Result<u64, Errno> {
    Ok(match field_64(offset)? {
        Field::Register(index) => registers::read(task)[index],
        Field::Debug(index) => debug::read(task, index),
        Field::Nothing => 0,
    })
}

/// PTRACE_POKEUSER of a 64-bit tracer.
///
/// # Errors
/// `EIO` as above, and for a value that can't be.
pub fn poke(task: &Task, offset: u64, value: u64) -> Result<(), Errno> {
    match field_64(offset)? {
        Field::Register(index) => registers::write(task, index, value),
        Field::Debug(index) => debug::write(task, index, value),
        Field::Nothing => Err(Errno::EIO),
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
        Field::Nothing => 0,
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
        // What isn't there is ignored.
        Field::Nothing => Ok(()),
    }
}
