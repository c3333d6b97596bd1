//! FPU state of signal frames: XSAVE and XRSTOR on user memory.
//!
//! The instruction faults like other accesses to user memory: on a page that isn't present, and
//! XRSTOR also on a header or MXCSR that the CPU rejects. Both return `EFAULT`
//! (arch/x86/kernel/fpu/xstate.h: xsave_to_user_sigframe). `process/signal/fpstate.rs` has the
//! layout and the other checks.

use core::arch::asm;

use super::{check, may_sleep};
use crate::abi::errno::Errno;
use crate::arch::fpu;
use crate::{clac, extable, stac};

/// Executes `$instruction` on the area at `$address` with `$mask` in edx:eax; `EFAULT` on a fault.
macro_rules! user_area {
    ($instruction:literal, $address:expr, $mask:expr) => {{
        let mut failed = 1_u32;
        may_sleep();
        // SAFETY: the caller checked that the area is in the user address space; the kernel doesn't
        // use the FPU; a fault continues at label 3 with `failed` still set.
        unsafe {
            asm!(
                stac!(),
                concat!("2: ", $instruction, " [{area}]"),
                "xor {failed:e}, {failed:e}",
                "3:",
                clac!(),
                extable!("2b", "3b"),
                area = in(reg) $address,
                failed = inout(reg) failed,
                in("eax") $mask as u32,
                in("edx") ($mask >> 32) as u32,
                options(nostack),
            );
        }
        if failed == 0 { Ok(()) } else { Err(Errno::EFAULT) }
    }};
}

/// Stores all components at `address`, which is 64-byte aligned: by XSAVE, which writes only
/// XSTATE_BV of the header, or by FXSAVE.
///
/// # Errors
/// `EFAULT`.
pub fn save(address: u64) -> Result<(), Errno> {
    let info = fpu::info();
    check(address, info.size)?;
    if info.xsave {
        user_area!("xsave64", address, info.features)
    } else {
        user_area!("fxsave64", address, 0_u64)
    }
}

/// Loads the components in `features` from the XSAVE area at `address`. After an error the
/// registers are undefined.
///
/// # Errors
/// `EFAULT`, also if the CPU rejects the area.
pub fn load(address: u64, features: u64) -> Result<(), Errno> {
    check(address, fpu::info().size)?;
    user_area!("xrstor64", address, features)
}

/// Loads x87 and SSE from the FXSAVE area at `address`. After an error the registers are undefined.
///
/// # Errors
/// `EFAULT`, also if the CPU rejects the area.
pub fn load_legacy(address: u64) -> Result<(), Errno> {
    check(address, fpu::LEGACY_SIZE)?;
    user_area!("fxrstor64", address, 0_u64)
}
