//! PTRACE_GETREGSET and PTRACE_SETREGSET: register sets by ELF note type, in the layout of the
//! thread's width (arch/x86/kernel/ptrace.c: x86_64_regsets, x86_32_regsets).

use alloc::vec::Vec;

use super::{float, registers};
use crate::abi::errno::Errno;
use crate::arch::fpu;
use crate::arch::gdt::TLS_FIRST;
use crate::arch::user_desc::UserDesc;
use crate::mm::fallible;
use crate::process::Task;

/// General registers.
pub const PRSTATUS: u32 = 1;
/// x87 registers; for a 64-bit thread also the SSE registers.
pub const PRFPREG: u32 = 2;
/// FXSAVE's format for a 32-bit thread.
pub const PRXFPREG: u32 = 0x46e6_2b7f;
/// The three TLS descriptors of a 32-bit thread.
pub const TLS: u32 = 0x200;
/// I/O bitmap, a set bit for each closed port; read-only.
pub const IOPERM: u32 = 0x201;
/// The XSAVE area.
pub const X86_XSTATE: u32 = 0x202;

/// Reads a whole register set of a stopped thread.
///
/// # Errors
/// `EINVAL` for an unknown register set, `ENXIO` for an empty one.
pub fn read(task: &Task, set: u32) -> Result<Vec<u8>, Errno> {
    Ok(match (set, registers::is_32bit(task)) {
        (PRSTATUS, false) => registers::read(task)
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect(),
        (PRSTATUS, true) => registers::read_32(task)
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect(),
        (PRFPREG, true) => float::read_fsave(task),
        (PRFPREG, false) | (PRXFPREG, true) => float::read_legacy(task),
        (X86_XSTATE, _) if fpu::info().xsave => float::read(task),
        (TLS, true) => {
            let tls = task.tls.lock();
            let entries = (TLS_FIRST as u32..).zip(tls.iter());
            entries
                .flat_map(|(entry, descriptor)| {
                    UserDesc::from_descriptor(entry, *descriptor).words()
                })
                .flat_map(u32::to_ne_bytes)
                .collect()
        }
        (IOPERM, _) => {
            let ports = task.ports().lock();
            fallible::to_vec(ports.closed().ok_or(Errno::ENXIO)?)?
        }
        _ => return Err(Errno::EINVAL),
    })
}

/// Writes a register set of a stopped thread. Registers beyond the end of `bytes` are unchanged.
///
/// # Errors
/// `EINVAL` for an unknown register set, `EIO` or `EINVAL` for an invalid value.
pub fn write(task: &Task, set: u32, bytes: &[u8]) -> Result<(), Errno> {
    match (set, registers::is_32bit(task)) {
        (PRSTATUS, false) => {
            let (words, _) = bytes.as_chunks();
            words.iter().enumerate().try_for_each(|(place, word)| {
                registers::write(task, place, u64::from_ne_bytes(*word))
            })
        }
        (PRSTATUS, true) => {
            let (words, _) = bytes.as_chunks();
            words.iter().enumerate().try_for_each(|(place, word)| {
                registers::write_32(task, place, u32::from_ne_bytes(*word))
            })
        }
        (PRFPREG, true) => float::write_fsave(task, bytes),
        (PRFPREG, false) | (PRXFPREG, true) => float::write_legacy(task, bytes),
        (X86_XSTATE, _) if fpu::info().xsave => float::write(task, bytes),
        (TLS, true) => write_tls(task, bytes),
        _ => Err(Errno::EINVAL),
    }
}

/// Writes TLS descriptors from the first one on; their entry numbers are ignored. All are checked
/// before the first is written (regset_tls_set in arch/x86/kernel/tls.c).
fn write_tls(task: &Task, bytes: &[u8]) -> Result<(), Errno> {
    let mut tls = *task.tls.lock();
    let (words, _) = bytes.as_chunks();
    let (entries, _) = words.as_chunks();
    for (slot, entry) in tls.iter_mut().zip(entries) {
        let entry = UserDesc::from_words(entry.map(u32::from_ne_bytes));
        *slot = entry.tls_descriptor().ok_or(Errno::EINVAL)?;
    }
    task.tls.set(tls);
    Ok(())
}

/// Size in bytes of an element of a register set; the size of a request is a multiple of it.
pub fn unit(task: &Task, set: u32) -> usize {
    match (set, registers::is_32bit(task)) {
        (TLS, _) => size_of::<[u32; 4]>(),
        (_, true) => 4,
        (_, false) => 8,
    }
}
