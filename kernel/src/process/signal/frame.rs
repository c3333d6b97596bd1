//! What the signal frames of both widths have in common: what goes into them and where they lie.
//!
//! A frame is put on the program's stack when a handler is to run, and taken off by sigreturn(2).
//! It holds everything that the handler may destroy: registers, mask, FPU state.

use linux_raw_sys::general::{SA_ONSTACK, SA_RESTORER};

use super::alternate::AlternateStack;
use super::{Action, SigInfo, fpstate};
use crate::abi::errno::Errno;
use crate::abi::frame::Frame;
use crate::arch::gdt::USER_DS;

/// Flags that a frame gives back to a program (FIX_EFLAGS): CF, PF, AF, ZF, SF, TF, DF, OF, RF,
/// AC. Not IF, IOPL, NT, VM: with those it would hurt others.
pub const RESTORED_FLAGS: u64 = 0x5_0dd5;
/// Flags that a handler starts without: TF, DF (the psABI wants it clear), RF.
pub const HANDLER_FLAGS: u64 = 1 << 8 | 1 << 10 | 1 << 16;
/// UC_FP_XSTATE: the FPU state is XSAVE's.
pub const UC_FP_XSTATE: u64 = 1;

/// The last exception, as struct sigcontext has it. It stays there for later signals too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trap {
    /// Vector.
    pub number: u64,
    /// Its error code.
    pub error: u64,
    /// The last page fault's address.
    pub cr2: u64,
}

/// What goes into a frame, besides the registers.
pub struct Delivery<'a> {
    /// The signal.
    pub info: &'a SigInfo,
    /// Its handler.
    pub action: Action,
    /// The mask that sigreturn(2) puts back.
    pub mask: u64,
    /// The alternate stack as it is.
    pub alternate: AlternateStack,
    /// The last exception.
    pub trap: Trap,
}

/// Addresses of a signal frame.
pub struct Place {
    /// Lowest address: the handler's stack pointer.
    pub frame: u64,
    /// The FPU state above it.
    pub fpstate: fpstate::Place,
}

/// Bytes below a 64-bit program's stack pointer that are its own (psABI, 3.2.2).
const RED_ZONE: u64 = 128;

/// Finds the place for a frame of `size` bytes (get_sigframe).
///
/// # Errors
/// `EFAULT` if the alternate stack is too small for it.
pub fn place(
    frame: &Frame,
    delivery: &Delivery,
    size: usize,
    is_32bit: bool,
) -> Result<Place, Errno> {
    let Delivery {
        action, alternate, ..
    } = delivery;
    let wants = |flag: u32| action.flags & u64::from(flag) != 0;
    let is_nested = alternate.is_used_at(frame.rsp);
    let mut enters = false;
    let mut sp = frame.rsp;
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
        && frame.ss != u64::from(USER_DS)
        && !wants(SA_RESTORER)
        && action.restorer != 0
    {
        // A program on a stack segment of its own says by the restorer which stack to take.
        sp = action.restorer;
        enters = true;
    }
    let fpstate = fpstate::place(sp, is_32bit);
    let below = fpstate.start.wrapping_sub(size as u64);
    // As if the handler had been called: 16-byte aligned before its return address was pushed.
    let frame = if is_32bit {
        (below.wrapping_add(4) & !15).wrapping_sub(4)
    } else {
        (below & !15).wrapping_sub(8)
    };
    if (is_nested || enters) && !alternate.contains(frame) {
        return Err(Errno::EFAULT);
    }
    Ok(Place { frame, fpstate })
}
