//! FPU state in a signal frame: layout, magic words, and the checks of sigreturn(2).
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
//! The area is aligned to 64 bytes. The magic words indicate, to programs and to sigreturn(2), that
//! the area is larger than the 512 bytes of FXSAVE (arch/x86/kernel/fpu/signal.c).

use super::fsave;
use crate::abi::errno::Errno;
use crate::arch::fpu::{
    self, FpuState, HEADER_SIZE, Info, LEGACY_SIZE, MXCSR_OFFSET, X87_AND_SSE, XSTATE_BV_OFFSET,
};
use crate::arch::pkeys;
use crate::process::current;
use crate::usercopy::{self, UserPtr, Window, window};

/// Offset of the 48 bytes for software in the FXSAVE area (struct _fpx_sw_bytes).
const SW_RESERVED: usize = 464;
/// FP_XSTATE_MAGIC1, the first word there.
const MAGIC1: u32 = 0x4650_5853;
/// FP_XSTATE_MAGIC2, after the area.
const MAGIC2: u32 = 0x4650_5845;
/// Bytes of the second magic word.
const MAGIC2_SIZE: usize = 4;
/// Bytes of the smallest XSAVE area: the FXSAVE part and the header.
const XSAVE_MIN: usize = LEGACY_SIZE + HEADER_SIZE;

/// Addresses of a frame's FPU state.
#[derive(Clone, Copy, Debug)]
pub struct FpstatePlace {
    /// `sigcontext.fpstate`; the rest of the frame is below.
    pub start: u64,
    /// The area, 64-byte aligned: equal to `start`, or after FNSAVE's 112 bytes in a 32-bit frame.
    area: u64,
}

/// Size of the FPU state in a 64-bit frame, bytes without alignment.
pub fn size() -> usize {
    bytes(fpu::info())
}

fn bytes(info: &Info) -> usize {
    info.size + if info.xsave { MAGIC2_SIZE } else { 0 }
}

/// Places the FPU state below `sp` (fpu__alloc_mathframe).
pub fn place(sp: u64, is_32bit: bool) -> FpstatePlace {
    let area = sp.wrapping_sub(size() as u64) & !63;
    let start = if is_32bit {
        area.wrapping_sub(fsave::SIZE as u64)
    } else {
        area
    };
    FpstatePlace { start, area }
}

/// Stores the running task's FPU state in its signal frame. `cs` is the interrupted code's.
///
/// # Errors
/// `EFAULT`.
#[inline]
pub fn save(place: FpstatePlace, cs: u64) -> Result<(), Errno> {
    let is_32bit = place.start != place.area;
    let info = fpu::info();
    if info.xsave {
        let extended = bytes(info) + if is_32bit { fsave::SIZE } else { 0 };
        save_extended(place.area, extended, info)?;
    } else {
        save_legacy(place.area, info)?;
    }
    if is_32bit {
        save_fsave(place, cs)?;
    }
    Ok(())
}

/// Stores what FNSAVE would before the area of a 32-bit frame.
#[cold]
fn save_fsave(place: FpstatePlace, cs: u64) -> Result<(), Errno> {
    let legacy: [u8; fsave::LEGACY_PART] = UserPtr::new(place.area).read()?;
    UserPtr::new(place.start).write(fsave::from_legacy(&legacy, cs))
}

/// Calls [`Window::put`] of zeros for the words at the given multiples of 8 from `$start`.
macro_rules! clear {
    ($out:ident, $start:ident, $($word:literal)*) => {
        $($out.put::<{ $start + 8 * $word }>(0);)*
    };
}

/// Stores an XSAVE area with its magic words; `extended` is the size that they state.
#[inline(always)]
fn save_extended(area: u64, extended: usize, info: &Info) -> Result<(), Errno> {
    let mut out = Window::<XSAVE_MIN>::open_area(area, info.size + MAGIC2_SIZE)?;
    out.put::<SW_RESERVED>(u64::from(MAGIC1) | (extended as u64) << 32);
    out.put::<{ SW_RESERVED + 8 }>(info.features);
    out.put::<{ SW_RESERVED + 16 }>(info.size as u64);
    // The rest of the bytes for software, and the XSAVE header: XSAVE writes only the header's
    // first word, and not the bytes for software.
    clear!(out, SW_RESERVED, 3 4 5);
    clear!(out, XSTATE_BV_OFFSET, 0 1 2 3 4 5 6 7);
    out.put_u32(info.size, MAGIC2);
    out.save_fpu(info);
    // Old programs expect x87 and SSE here even if both are in their initial state.
    let stored = out.get::<XSTATE_BV_OFFSET>();
    if stored & X87_AND_SSE != X87_AND_SSE {
        out.put::<XSTATE_BV_OFFSET>(stored | X87_AND_SSE);
    }
    out.close()
}

/// Stores an FXSAVE area, whose bytes for software are zeros.
#[cold]
fn save_legacy(area: u64, info: &Info) -> Result<(), Errno> {
    let mut out = Window::<LEGACY_SIZE>::open(area)?;
    clear!(out, SW_RESERVED, 0 1 2 3 4 5);
    out.save_fpu(info);
    out.close()
}

/// Extent of an area, according to the magic words.
struct Extent {
    /// Size, bytes; [`LEGACY_SIZE`] for an FXSAVE area.
    size: usize,
    /// Components to load.
    features: u64,
    /// MXCSR as it is in the area.
    mxcsr: u32,
}

/// Reads the magic words. If they are missing or wrong, the area counts as an FXSAVE area of 512
/// bytes (check_xstate_in_sigframe).
#[inline]
fn extent(area: u64, info: &Info) -> Result<Extent, Errno> {
    let mut words = Window::<LEGACY_SIZE>::open(area)?;
    let mxcsr = words.get_u32::<MXCSR_OFFSET>();
    let legacy = Extent {
        size: LEGACY_SIZE,
        features: X87_AND_SSE,
        mxcsr,
    };
    if !info.xsave {
        return words.close().map(|()| legacy);
    }
    let magic = words.get::<SW_RESERVED>();
    let features = words.get::<{ SW_RESERVED + 8 }>();
    let size = words.get_u32::<{ SW_RESERVED + 16 }>();
    words.close()?;
    let extended = (magic >> 32) as u32;
    let sizes = XSAVE_MIN as u32..=info.size as u32;
    if magic as u32 != MAGIC1 || !sizes.contains(&size) || size > extended {
        return Ok(legacy);
    }
    if usercopy::read_u32(area.wrapping_add(size.into()))? != MAGIC2 {
        return Ok(legacy);
    }
    Ok(Extent {
        size: size as usize,
        features: features & info.features,
        mxcsr,
    })
}

/// Loads the FPU state of a signal frame. Address 0 means the initial state, which is also loaded
/// after an error.
///
/// # Errors
/// `EFAULT` for an area that can't be read or that the CPU would not accept.
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

/// Loads the registers from user memory.
fn load_directly(area: u64) -> Result<(), Errno> {
    let info = fpu::info();
    let extent = extent(area, info)?;
    // AVX loads MXCSR too. A CPU faults on reserved bits of MXCSR, an emulator may accept them.
    if extent.features & 0b110 != 0 {
        check_mxcsr(extent.mxcsr, info)?;
    }
    if extent.size > LEGACY_SIZE {
        window::load_fpu(area, extent.features, info)?;
    } else {
        window::load_legacy_fpu(area)?;
    }
    let rest = info.features & !extent.features;
    if rest == 0 {
        return Ok(());
    }
    if rest & !fpu::PKRU != 0 {
        fpu::load_initial(rest & !fpu::PKRU);
    }
    // A frame without PKRU: no protection key denies an access.
    if rest & fpu::PKRU != 0 {
        pkeys::write(0);
    }
    Ok(())
}

// ANCHOR: mxcsr
fn check_mxcsr(mxcsr: u32, info: &Info) -> Result<(), Errno> {
    if mxcsr & !info.mxcsr_mask == 0 {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}
// ANCHOR_END: mxcsr

/// Loads the state of a 32-bit frame: the x87 registers are in FNSAVE's format before the area, the
/// rest in the area. Both are merged in the task's own area.
#[cold]
#[inline(never)]
fn load_through_kernel(start: u64) -> Result<(), Errno> {
    let form: [u8; fsave::SIZE] = UserPtr::new(start).read()?;
    let area = start.wrapping_add(fsave::SIZE as u64);
    let extent = extent(area, fpu::info())?;
    let task = current();
    // Not under the lock: the copy may fault and wait for memory.
    let mut image = FpuState::new().image();
    UserPtr::new(area).read_into(&mut image[..extent.size])?;
    check_area(&mut image, &extent)?;
    fsave::into_legacy(&form, &mut image);
    let mut own = task.fpu.lock();
    own.set_image(&image);
    own.load();
    Ok(())
}

/// Rejects an area on which XRSTOR would fault, and clears components that are not in `features` of
/// the extent.
fn check_area(bytes: &mut [u8], extent: &Extent) -> Result<(), Errno> {
    let word = |bytes: &[u8], at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    let mxcsr = word(bytes, MXCSR_OFFSET) as u32;
    check_mxcsr(mxcsr, fpu::info())?;
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
