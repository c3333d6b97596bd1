//! modify_ldt(2): segments in a program's LDT (arch/x86/kernel/ldt.c). The table is in `vm/ldt.rs`.

use crate::abi::errno::{Errno, SysResult};
use crate::arch::segments;
use crate::arch::user_desc::UserDesc;
use crate::process::current;
use crate::usercopy::{self, UserPtr};
use crate::vm::ldt::MAX_ENTRIES;

/// Size in bytes of the "default LDT" that function 2 reads: zeros.
const DEFAULT_SIZE: usize = 128;
/// Table indicator of a selector: set for the LDT.
const LOCAL: u16 = 1 << 2;

/// modify_ldt(2). The result is an int also in 64-bit programs: an error has its upper half clear.
pub fn modify_ldt(function: i32, at: u64, size: usize) -> SysResult {
    let result = match function {
        0 => read(at, size),
        1 => write(at, size, true),
        2 => {
            let size = size.min(DEFAULT_SIZE);
            usercopy::clear(at, size).map(|()| size)
        }
        0x11 => write(at, size, false),
        _ => Err(Errno::ENOSYS),
    };
    Ok(result.unwrap_or_else(|errno| (errno.number() as u32).wrapping_neg() as usize))
}

/// Copies the table's first `size` bytes to the program, with zeros past the table's end.
fn read(at: u64, size: usize) -> SysResult {
    let mm = current().mm().ok_or(Errno::ESRCH)?;
    let size = size.min(MAX_ENTRIES * 8);
    let copied = size.min(mm.lock().ldt.descriptors().len() * 8);
    if mm.lock().ldt.descriptors().is_empty() {
        return Ok(0);
    }
    // A piece at a time: the lock is not held over the copy, which may fault.
    let mut buffer = [[0; 8]; 64];
    for first in (0..copied).step_by(buffer.len() * 8) {
        let entries = mm.lock().ldt.descriptors()[first / 8..]
            .iter()
            .zip(&mut buffer)
            .map(|(descriptor, slot)| *slot = descriptor.to_ne_bytes())
            .count();
        let bytes = &buffer[..entries].as_flattened()[..(copied - first).min(entries * 8)];
        UserPtr::<u8>::new(at)
            .byte_add(first as u64)
            .write_slice(bytes)?;
    }
    usercopy::clear(at.wrapping_add(copied as u64), size - copied)?;
    Ok(size)
}

/// Sets an entry. `old_mode` (function 1) ignores `useable` and refuses absent conforming code.
fn write(at: u64, size: usize, old_mode: bool) -> SysResult {
    if size != size_of::<[u32; 4]>() {
        return Err(Errno::EINVAL);
    }
    let desc = UserDesc::from_words(UserPtr::<[u32; 4]>::new(at).read()?);
    let index = desc.entry as usize;
    if index >= MAX_ENTRIES || desc.contents() == 3 && (old_mode || !desc.is_absent()) {
        return Err(Errno::EINVAL);
    }
    let descriptor = if desc.is_empty() || old_mode && desc.covers_nothing() {
        0
    } else if old_mode {
        desc.descriptor() & !AVAILABLE
    } else {
        desc.descriptor()
    };
    let mm = current().mm().ok_or(Errno::ESRCH)?;
    let mut mm = mm.lock();
    mm.ldt.set(index, descriptor)?;
    mm.ldt.activate();
    // The hidden parts of the segment registers still hold the old descriptor.
    segments::reload_data(|selector| selector & LOCAL != 0);
    Ok(0)
}

/// `useable` in a descriptor: the bit that the CPU leaves to the system.
const AVAILABLE: u64 = 1 << 52;
