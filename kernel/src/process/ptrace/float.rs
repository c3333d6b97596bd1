//! A stopped thread's x87, SSE and AVX registers in the formats of ptrace(2): FXSAVE's 512 bytes,
//! FNSAVE's 108 bytes, and the XSAVE area.

use alloc::vec::Vec;

use crate::abi::errno::Errno;
use crate::arch::cpu;
use crate::arch::fpu::{self, LEGACY_SIZE, X87_AND_SSE};
use crate::process::Task;
use crate::process::signal::fsave;

/// Offsets of MXCSR, the bytes for software and the header in an area (Intel SDM vol. 1, 13.4).
const MXCSR: usize = 24;
const SOFTWARE: usize = 464;
const HEADER: usize = 512;
/// End of the header.
const EXTENDED: usize = 576;
/// Initial values.
const FCW_DEFAULT: [u8; 2] = 0x37f_u16.to_le_bytes();
const MXCSR_DEFAULT: [u8; 4] = 0x1f80_u32.to_le_bytes();

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8]
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// The whole XSAVE area. Components that XSAVEOPT omitted because they are in their initial state
/// are filled in. The bytes for software have the mask of components, as debuggers expect.
pub fn read(task: &Task) -> Vec<u8> {
    let mut area = task.fpu.lock().image();
    let info = fpu::info();
    if !info.xsave {
        return area;
    }
    let present = word(&area, HEADER);
    if present & 1 == 0 {
        area[..MXCSR].fill(0);
        area[..2].copy_from_slice(&FCW_DEFAULT);
        area[32..160].fill(0);
    }
    if present & 0b110 == 0 {
        area[MXCSR..MXCSR + 4].copy_from_slice(&MXCSR_DEFAULT);
    }
    if present & 2 == 0 {
        area[160..416].fill(0);
    }
    for component in 2..63 {
        if info.features >> component & 1 != 0 && present >> component & 1 == 0 {
            let [size, offset, ..] = cpu::cpuid(0xd, component);
            let (start, end) = (offset as usize, (offset + size) as usize);
            if let Some(part) = area.get_mut(start..end) {
                part.fill(0);
            }
        }
    }
    area[SOFTWARE..HEADER].fill(0);
    area[SOFTWARE..SOFTWARE + 8].copy_from_slice(&info.features.to_le_bytes());
    area
}

/// The first 512 bytes of the area, FXSAVE's format.
pub fn read_legacy(task: &Task) -> Vec<u8> {
    let mut area = read(task);
    area.truncate(LEGACY_SIZE);
    area[SOFTWARE..].fill(0);
    area
}

/// The x87 registers in FNSAVE's format, without the word that signal frames add.
pub fn read_fsave(task: &Task) -> Vec<u8> {
    let area = read(task);
    let mut legacy = [0; fsave::LEGACY_PART];
    legacy.copy_from_slice(&area[..fsave::LEGACY_PART]);
    fsave::from_legacy(&legacy, task.frame().cs)[..FSAVE_SIZE].to_vec()
}

/// Bytes of FNSAVE's format.
pub const FSAVE_SIZE: usize = 108;

fn check_mxcsr(bytes: &[u8]) -> Result<(), Errno> {
    let mxcsr = word(bytes, MXCSR) as u32;
    if mxcsr & !fpu::info().mxcsr_mask == 0 {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// Writes the first 512 bytes of the area, in FXSAVE's format. Registers beyond the end of `bytes`
/// are unchanged.
///
/// # Errors
/// `EINVAL` for reserved bits of MXCSR.
pub fn write_legacy(task: &Task, bytes: &[u8]) -> Result<(), Errno> {
    let mut area = read(task);
    let len = bytes.len().min(SOFTWARE);
    area[..len].copy_from_slice(&bytes[..len]);
    check_mxcsr(&area)?;
    store(task, area, X87_AND_SSE);
    Ok(())
}

/// Writes the x87 registers in FNSAVE's format.
///
/// # Errors
/// None: every value is valid.
pub fn write_fsave(task: &Task, bytes: &[u8]) -> Result<(), Errno> {
    let mut form = [0; fsave::SIZE];
    form[..FSAVE_SIZE].copy_from_slice(&read_fsave(task));
    let len = bytes.len().min(FSAVE_SIZE);
    form[..len].copy_from_slice(&bytes[..len]);
    let mut area = read(task);
    fsave::into_legacy(&form, &mut area);
    store(task, area, 1);
    Ok(())
}

/// Writes the whole XSAVE area.
///
/// # Errors
/// `EFAULT` for another size, `EINVAL` for values that the CPU would not accept.
pub fn write(task: &Task, bytes: &[u8]) -> Result<(), Errno> {
    let info = fpu::info();
    if bytes.len() != info.size {
        return Err(Errno::EFAULT);
    }
    let is_reserved_set = (HEADER + 8..EXTENDED)
        .step_by(8)
        .any(|at| word(bytes, at) != 0);
    if word(bytes, HEADER) & !info.features != 0 || is_reserved_set {
        return Err(Errno::EINVAL);
    }
    check_mxcsr(bytes)?;
    task.fpu.lock().set_image(bytes);
    Ok(())
}

/// Stores an area made by [`read`], with `components` marked as present.
fn store(task: &Task, mut area: Vec<u8>, components: u64) {
    if fpu::info().xsave {
        let present = word(&area, HEADER) | components;
        area[HEADER..HEADER + 8].copy_from_slice(&present.to_le_bytes());
    }
    task.fpu.lock().set_image(&area);
}
