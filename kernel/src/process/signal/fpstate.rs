//! The FPU state in a signal frame: its layout, its magic words, and the checks at sigreturn.
//!
//! ```text
//!            64-bit frame                        32-bit frame (with FXSAVE)
//!                                       fpstate: what FNSAVE would store, 112 bytes
//! fpstate:   FXSAVE area, 512 bytes              FXSAVE area
//!      +464  sw_reserved: magic, sizes           the same
//!      +512  XSAVE header, components            the same
//!      +size FP_XSTATE_MAGIC2                    the same
//! ```
//!
//! The area is aligned to 64 bytes. The magic words tell a program, and the kernel at the return,
//! that there is more than 512 bytes of it (arch/x86/kernel/fpu/signal.c).

use super::fsave;
use crate::abi::errno::Errno;
use crate::abi::frame::Frame;
use crate::arch::fpu::{
    self, FpuState, HEADER_SIZE, LEGACY_SIZE, MXCSR_OFFSET, X87_AND_SSE, XSTATE_BV_OFFSET,
};
use crate::arch::pkeys;
use crate::process::current;
use crate::usercopy::{self, UserPtr};

/// Where in the FXSAVE area software has 48 bytes (struct _fpx_sw_bytes).
const SW_RESERVED: u64 = 464;
/// FP_XSTATE_MAGIC1, the first of those words.
const MAGIC1: u32 = 0x4650_5853;
/// FP_XSTATE_MAGIC2, behind the area.
const MAGIC2: u32 = 0x4650_5845;
/// Bytes of the second magic word.
const MAGIC2_SIZE: usize = 4;
/// Bytes of the smallest XSAVE area: the FXSAVE part and the header.
const XSAVE_MIN: usize = LEGACY_SIZE + HEADER_SIZE;

/// Where a frame's FPU state goes.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// What `sigcontext.fpstate` says; the frame itself goes below.
    pub start: u64,
    /// The 64-byte aligned area: the same, or behind the 32-bit form.
    area: u64,
}

/// Bytes that it takes, but for alignment.
pub fn size() -> usize {
    let info = fpu::info();
    info.size + if info.xsave { MAGIC2_SIZE } else { 0 }
}

/// The place for it below `sp` (fpu__alloc_mathframe).
pub fn place(sp: u64, is_32bit: bool) -> Place {
    let area = sp.wrapping_sub(size() as u64) & !63;
    let start = if is_32bit {
        area.wrapping_sub(fsave::SIZE as u64)
    } else {
        area
    };
    Place { start, area }
}

/// Stores the running task's state there.
///
/// # Errors
/// `EFAULT`.
pub fn save(place: Place, frame: &Frame) -> Result<(), Errno> {
    let info = fpu::info();
    let is_32bit = place.start != place.area;
    // sw_reserved, and the header right behind it: XSAVE sets the header's first word only, and
    // neither instruction touches what is software's.
    let mut marks = [0_u32; 28];
    // The program's stack pointer may be anything.
    let at = |offset: u64| UserPtr::<u32>::new(place.area).byte_add(offset);
    if info.xsave {
        let extended = size() + if is_32bit { fsave::SIZE } else { 0 };
        marks[0] = MAGIC1;
        marks[1] = extended as u32;
        marks[2] = info.features as u32;
        marks[3] = (info.features >> 32) as u32;
        marks[4] = info.size as u32;
        at(SW_RESERVED).write_slice(&marks)?;
        at(info.size as u64).write(MAGIC2)?;
    } else {
        at(SW_RESERVED).write_slice(&marks[..12])?;
    }
    usercopy::fpu::save(place.area)?;
    if is_32bit {
        let legacy: [u8; fsave::LEGACY_PART] = UserPtr::new(place.area).read()?;
        UserPtr::new(place.start).write(fsave::from_legacy(&legacy, frame))?;
    }
    if info.xsave {
        // Old programs look for x87 and SSE here even if both are as at the start.
        let components = at(XSTATE_BV_OFFSET as u64);
        let stored = usercopy::read_u32(components.address())?;
        if u64::from(stored) & X87_AND_SSE != X87_AND_SSE {
            components.write(stored | X87_AND_SSE as u32)?;
        }
    }
    Ok(())
}

/// How much of an area a program says there is.
struct Extent {
    /// Bytes; up to [`LEGACY_SIZE`] it is an FXSAVE area.
    size: usize,
    /// Components to load.
    features: u64,
}

/// Reads the marks. Without them, or with wrong ones, 512 bytes are believed
/// (check_xstate_in_sigframe).
fn extent(area: u64) -> Result<Extent, Errno> {
    let info = fpu::info();
    let legacy = Extent {
        size: LEGACY_SIZE,
        features: X87_AND_SSE,
    };
    if !info.xsave {
        return Ok(legacy);
    }
    let [magic, extended, low, high, size]: [u32; 5] =
        UserPtr::new(area.wrapping_add(SW_RESERVED)).read()?;
    let sizes = XSAVE_MIN as u32..=info.size as u32;
    if magic != MAGIC1 || !sizes.contains(&size) || size > extended {
        return Ok(legacy);
    }
    if usercopy::read_u32(area.wrapping_add(size.into()))? != MAGIC2 {
        return Ok(legacy);
    }
    Ok(Extent {
        size: size as usize,
        features: (u64::from(low) | u64::from(high) << 32) & info.features,
    })
}

/// Loads what a handler's frame holds; address 0 is the state of a fresh process. On an error
/// the task has that too.
///
/// # Errors
/// `EFAULT` for an area that can't be read, or that the CPU would not accept.
pub fn restore(start: u64, is_32bit: bool) -> Result<(), Errno> {
    let result = if start == 0 {
        fpu::load_initial(u64::MAX);
        Ok(())
    } else if is_32bit {
        load_through_kernel(start)
    } else {
        load_directly(start)
    };
    result.inspect_err(|_| fpu::load_initial(u64::MAX))
}

/// From the program's memory into the registers.
fn load_directly(area: u64) -> Result<(), Errno> {
    let extent = extent(area)?;
    // AVX loads MXCSR too. A CPU faults on its reserved bits, an emulator may take them.
    if extent.features & 0b110 != 0 {
        check_mxcsr(usercopy::read_u32(area.wrapping_add(MXCSR_OFFSET as u64))?)?;
    }
    if extent.size > LEGACY_SIZE {
        usercopy::fpu::load(area, extent.features)?;
    } else {
        usercopy::fpu::load_legacy(area)?;
    }
    let rest = fpu::info().features & !extent.features;
    if rest & !fpu::PKRU != 0 {
        fpu::load_initial(rest & !fpu::PKRU);
    }
    // A frame that doesn't have the rights to protection keys denies nothing.
    if rest & fpu::PKRU != 0 {
        pkeys::write(0);
    }
    Ok(())
}

fn check_mxcsr(mxcsr: u32) -> Result<(), Errno> {
    if mxcsr & !fpu::info().mxcsr_mask == 0 {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}

/// The 32-bit form: the x87 registers come from its first part, the rest from the area; so they
/// meet in the task's own area first.
fn load_through_kernel(start: u64) -> Result<(), Errno> {
    let form: [u8; fsave::SIZE] = UserPtr::new(start).read()?;
    let area = start.wrapping_add(fsave::SIZE as u64);
    let extent = extent(area)?;
    let task = current();
    // Not under the lock: the copy may fault, and wait for memory.
    let mut image = FpuState::new().image();
    UserPtr::new(area).read_into(&mut image[..extent.size])?;
    check_area(&mut image, &extent)?;
    fsave::into_legacy(&form, &mut image);
    let mut own = task.fpu.lock();
    own.set_image(&image);
    own.load();
    Ok(())
}

/// Refuses what XRSTOR would fault on, and takes components out that the program didn't name.
fn check_area(bytes: &mut [u8], extent: &Extent) -> Result<(), Errno> {
    let word = |bytes: &[u8], at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    let mxcsr = word(bytes, MXCSR_OFFSET) as u32;
    check_mxcsr(mxcsr)?;
    if !fpu::info().xsave {
        return Ok(());
    }
    let mut components = X87_AND_SSE;
    if extent.size > LEGACY_SIZE {
        components = word(bytes, XSTATE_BV_OFFSET);
        let reserved = (XSTATE_BV_OFFSET + 8..XSAVE_MIN).step_by(8);
        let unknown = components & !fpu::info().features != 0;
        if unknown || reserved.into_iter().any(|at| word(bytes, at) != 0) {
            return Err(Errno::EFAULT);
        }
    }
    let components = components & extent.features;
    bytes[XSTATE_BV_OFFSET..XSTATE_BV_OFFSET + 8].copy_from_slice(&components.to_le_bytes());
    Ok(())
}
