//! Windows: user memory that is accessed word by word, for signal frames and restartable sequences.
//!
//! A [`Window`] checks its range and suspends SMAP once; each access is one instruction then
//! (`unsafe_get_user` and `unsafe_put_user` in Linux's uaccess.h). An access that faults for good
//! marks the window, and [`Window::close`] returns `EFAULT`. XSAVE and XRSTOR fault like other
//! accesses: on a page that isn't present, and XRSTOR also on a header or MXCSR that the CPU
//! rejects (arch/x86/kernel/fpu/xstate.h: xsave_to_user_sigframe). `process/signal/fpstate.rs` has
//! the layout of the FPU state and the other checks.

use core::arch::asm;

use super::{check, may_sleep};
use crate::abi::errno::Errno;
use crate::arch::fpu::{self, Info};
use crate::{clac, extable, stac};

/// Inside `asm!`: `$access` on user memory; a fault that can't be resolved sets the operand
/// `failed`, executes `$on_fault` and continues after the access.
macro_rules! guarded {
    ($access:literal, $on_fault:literal) => {
        concat!(
            "2: ",
            $access,
            "\n3:\n.pushsection .text.fixup, \"ax\"\n4: mov {failed:e}, 1\n",
            $on_fault,
            "\njmp 3b\n.popsection\n",
            extable!("2b", "4b")
        )
    };
}

/// `SIZE` bytes of user memory or more that are open for accesses by the kernel.
///
/// Until it is closed, no other access to user memory may be made: its end would close this window
/// too. Test builds assert that.
pub struct Window<const SIZE: usize> {
    start: u64,
    len: usize,
    failed: u32,
}

impl<const SIZE: usize> Window<SIZE> {
    /// Opens the `SIZE` bytes at `start`.
    ///
    /// # Errors
    /// `EFAULT` if they aren't in the user address space.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn open(start: u64) -> Result<Self, Errno> {
        Self::open_area(start, SIZE)
    }

    /// Opens the `len` bytes at `start`, at least `SIZE`.
    ///
    /// # Errors
    /// `EFAULT` if they aren't in the user address space.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn open_area(start: u64, len: usize) -> Result<Self, Errno> {
        assert!(len >= SIZE);
        may_sleep();
        check(start, len)?;
        // SAFETY: only the methods below access user memory until `drop`.
        unsafe { asm!(stac!(), options(nostack)) };
        Ok(Self {
            start,
            len,
            failed: 0,
        })
    }

    /// Reads the 64-bit word at offset `AT`; 0 if it can't be read.
    #[inline(always)]
    pub fn get<const AT: usize>(&mut self) -> u64 {
        const { assert!(AT + 8 <= SIZE) };
        let value: u64;
        // SAFETY: in the range checked by `open_area`; a fault sets `failed`.
        unsafe {
            asm!(guarded!("mov {value}, [{start} + {at}]", "xor {value:e}, {value:e}"),
                 value = out(reg) value, start = in(reg) self.start, at = const AT,
                 failed = inout(reg) self.failed, options(nostack));
        }
        value
    }

    /// Reads the 32-bit word at offset `AT`; 0 if it can't be read.
    #[inline(always)]
    pub fn get_u32<const AT: usize>(&mut self) -> u32 {
        const { assert!(AT + 4 <= SIZE) };
        let value: u32;
        // SAFETY: as in `get`.
        unsafe {
            asm!(guarded!("mov {value:e}, [{start} + {at}]", "xor {value:e}, {value:e}"),
                 value = out(reg) value, start = in(reg) self.start, at = const AT,
                 failed = inout(reg) self.failed, options(nostack));
        }
        value
    }

    /// Writes the 64-bit word at offset `AT`.
    #[inline(always)]
    pub fn put<const AT: usize>(&mut self, value: u64) {
        const { assert!(AT + 8 <= SIZE) };
        // SAFETY: as in `get`.
        unsafe {
            asm!(guarded!("mov [{start} + {at}], {value}", ""),
                 value = in(reg) value, start = in(reg) self.start, at = const AT,
                 failed = inout(reg) self.failed, options(nostack));
        }
    }

    /// Writes the 32-bit word at offset `at` of the opened area.
    #[inline(always)]
    pub fn put_u32(&mut self, at: usize, value: u32) {
        assert!(at + 4 <= self.len);
        // SAFETY: as in `get`.
        unsafe {
            asm!(guarded!("mov [{start} + {at}], {value:e}", ""),
                 value = in(reg) value, start = in(reg) self.start, at = in(reg) at,
                 failed = inout(reg) self.failed, options(nostack));
        }
    }

    /// Stores all components of the FPU state at the start, which is 64-byte aligned: by XSAVE,
    /// which writes only XSTATE_BV of the header, or by FXSAVE.
    #[inline(always)]
    pub fn save_fpu(&mut self, info: &Info) {
        assert!(info.size <= self.len);
        let (low, high) = (info.features as u32, (info.features >> 32) as u32);
        // SAFETY: as in `get`; the area has the size that CPUID reports, and the kernel doesn't use
        // the FPU.
        unsafe {
            if info.xsave {
                asm!(guarded!("xsave64 [{start}]", ""), start = in(reg) self.start,
                     failed = inout(reg) self.failed, in("eax") low, in("edx") high,
                     options(nostack));
            } else {
                asm!(guarded!("fxsave64 [{start}]", ""), start = in(reg) self.start,
                     failed = inout(reg) self.failed, options(nostack));
            }
        }
    }

    /// Whether an access has failed so far.
    #[inline(always)]
    pub fn has_failed(&self) -> bool {
        self.failed != 0
    }

    /// Closes the window.
    ///
    /// # Errors
    /// `EFAULT` if an access failed.
    #[inline(always)]
    pub fn close(self) -> Result<(), Errno> {
        if self.failed == 0 {
            Ok(())
        } else {
            Err(Errno::EFAULT)
        }
    }
}

impl<const SIZE: usize> Drop for Window<SIZE> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: only resumes SMAP.
        unsafe { asm!(clac!(), options(nostack)) };
    }
}

/// Executes `$instruction`, which loads FPU state, on the area at `$address` with `$mask` in
/// edx:eax; `EFAULT` on a fault.
macro_rules! load_area {
    ($instruction:literal, $address:expr, $mask:expr) => {{
        let mut failed = 0_u32;
        may_sleep();
        // SAFETY: the caller checked that the area is in the user address space; the kernel doesn't
        // use the FPU; a fault sets `failed`.
        unsafe {
            asm!(
                stac!(),
                guarded!($instruction, ""),
                clac!(),
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

/// Loads the components in `features` from the XSAVE area at `address`. After an error the
/// registers are undefined.
///
/// # Errors
/// `EFAULT`, also if the CPU rejects the area.
#[inline]
pub fn load_fpu(address: u64, features: u64, info: &Info) -> Result<(), Errno> {
    check(address, info.size)?;
    load_area!("xrstor64 [{area}]", address, features)
}

/// Loads x87 and SSE from the FXSAVE area at `address`. After an error the registers are undefined.
///
/// # Errors
/// `EFAULT`, also if the CPU rejects the area.
pub fn load_legacy_fpu(address: u64) -> Result<(), Errno> {
    check(address, fpu::LEGACY_SIZE)?;
    load_area!("fxrstor64 [{area}]", address, 0_u64)
}
