//! Contents and placement of signal frames, common to both widths.
//!
//! A signal frame is pushed to the program's stack before a handler runs, and popped by
//! sigreturn(2). It saves everything that the handler may change: registers, mask, FPU state.

use linux_raw_sys::general::{SA_ONSTACK, SA_RESTORER};

use super::alternate::AlternateStack;
use super::state::Trap;
use super::{Action, fpstate};
use crate::abi::errno::Errno;
use crate::abi::frame::LiveFrame;
use crate::abi::signal::SigInfo;
use crate::arch::gdt::USER_DS;

// ANCHOR: flags
/// Flags that sigreturn(2) restores (FIX_EFLAGS): CF, PF, AF, ZF, SF, TF, DF, OF, RF, AC. Not IF,
/// IOPL or VM, by which a program could harm others; nor NT and ID, which Linux leaves out too.
pub const RESTORED_FLAGS: u64 = 0x5_0dd5;
/// Flags cleared for a handler: TF, DF (clear at function entry by the psABI), RF.
pub const HANDLER_FLAGS: u64 = 1 << 8 | 1 << 10 | 1 << 16;
// ANCHOR_END: flags
/// UC_FP_XSTATE: the FPU state has XSAVE's format.
pub const UC_FP_XSTATE: u64 = 1;

/// Contents of a signal frame besides the registers.
pub struct Delivery<'a> {
    /// The signal.
    pub info: &'a SigInfo,
    /// The signal's action.
    pub action: &'a Action,
    /// The mask that sigreturn(2) restores.
    pub mask: u64,
    /// The present alternate stack.
    pub alternate: AlternateStack,
    /// The last exception.
    pub trap: Trap,
}

/// Addresses of a signal frame.
pub struct FramePlace {
    /// Lowest address: the handler's stack pointer.
    pub frame: u64,
    /// Addresses of the FPU state above.
    pub fpstate: fpstate::FpstatePlace,
}

/// Red zone: bytes below a 64-bit program's stack pointer that it may use (psABI, 3.2.2).
const RED_ZONE: u64 = 128;

/// Places a signal frame of `size` bytes, without its FPU state (get_sigframe).
///
/// # Errors
/// `EFAULT` if the alternate stack is too small for the frame.
#[inline]
pub fn place(
    frame: &LiveFrame,
    delivery: &Delivery<'_>,
    size: usize,
    is_32bit: bool,
) -> Result<FramePlace, Errno> {
    let Delivery {
        action, alternate, ..
    } = delivery;
    let wants = |flag: u32| action.flags & u64::from(flag) != 0;
    let is_nested = alternate.is_used_at(frame.rsp.get());
    let mut enters = false;
    let mut sp = frame.rsp.get();
    if !is_32bit {
        sp = sp.wrapping_sub(RED_ZONE);
    }
    if wants(SA_ONSTACK) {
        if alternate.is_free_at(sp) {
            sp = alternate.base.wrapping_add(alternate.size);
            enters = true;
        }
    } else if is_32bit
        && !is_nested
        && frame.ss.get() != u64::from(USER_DS)
        && !wants(SA_RESTORER)
        && action.restorer != 0
    {
        // Legacy stack switching: a program with its own stack segment gives the stack pointer as
        // the restorer.
        sp = action.restorer;
        enters = true;
    }
    let fpstate = fpstate::place(sp, is_32bit);
    let below = fpstate.start.wrapping_sub(size as u64);
    // Aligned as at function entry: to 16 bytes before the return address was pushed.
    let frame = if is_32bit {
        (below.wrapping_add(4) & !15).wrapping_sub(4)
    } else {
        (below & !15).wrapping_sub(8)
    };
    if (is_nested || enters) && !alternate.contains(frame) {
        return Err(Errno::EFAULT);
    }
    Ok(FramePlace { frame, fpstate })
}
