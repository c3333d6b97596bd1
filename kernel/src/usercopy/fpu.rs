//! The FPU's registers, straight to and from a program's memory: how signal frames carry them.
//!
//! One instruction moves kilobytes, and it may fault like any other access to user memory: on a
//! page that isn't there, and, when loading, on a header or an MXCSR that the CPU doesn't accept.
//! Both end in `EFAULT` (arch/x86/kernel/fpu/xstate.h: xsave_to_user_sigframe). What the layout
//! is, and what else must be checked, is in `process/signal/fpstate.rs`.

use core::arch::asm;

use super::{check, may_sleep};
use crate::arch::fpu;
use crate::syscall::errno::Errno;
use crate::{clac, extable, stac};

/// An instruction with its area at `$address`, edx:eax as the mask, and a way out of a fault.
macro_rules! user_area {
    ($instruction:literal, $address:expr, $mask:expr) => {{
        let mut failed = 1_u32;
        may_sleep();
        // SAFETY: the caller checked that the area lies in the program's half; the kernel has no
        // floating-point state of its own to lose, and a fault goes on at label 3 with `failed`
        // still set.
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

/// Stores all components in use at `address`, which is 64-byte aligned: by XSAVE, which leaves
/// the header's other words as they are, or by FXSAVE.
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

/// Loads the components in `features` from the XSAVE area at `address`. On an error the
/// registers hold anything.
///
/// # Errors
/// `EFAULT`, also for an area that the CPU doesn't accept.
pub fn load(address: u64, features: u64) -> Result<(), Errno> {
    check(address, fpu::info().size)?;
    user_area!("xrstor64", address, features)
}

/// Loads x87 and SSE from the FXSAVE area at `address`; otherwise as [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_legacy(address: u64) -> Result<(), Errno> {
    check(address, fpu::LEGACY_SIZE)?;
    user_area!("fxrstor64", address, 0_u64)
}
