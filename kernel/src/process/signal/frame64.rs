//! The 64-bit signal frame, and rt_sigreturn(2) from it (arch/x86/kernel/signal_64.c).
//!
//! ```text
//! rsp at the handler:   return address: the restorer
//!                 +8    ucontext: flags, link, alternate stack, sigcontext, mask
//!                 +312  siginfo
//!                 ...   FPU state, 64-byte aligned (fpstate.rs)
//!                       128 bytes of red zone, then the interrupted stack
//! ```

use core::mem::offset_of;

use super::Trap;
use super::alternate::AlternateStack;
use super::frame::{Delivery, HANDLER_FLAGS, RESTORED_FLAGS, UC_FP_XSTATE, place};
use super::{fpstate, layout, mask};
use crate::abi::errno::Errno;
use crate::abi::frame::LiveFrame;
use crate::arch::fpu;
use crate::arch::gdt::{USER_CS, USER_DS, is_stack_segment};
use crate::process::current;
use crate::usercopy::{UserPtr, Window};
use linux_raw_sys::general::{SA_RESTORER, SA_SIGINFO};

/// UC_SIGCONTEXT_SS: the frame contains SS.
const UC_SIGCONTEXT_SS: u64 = 2;
/// UC_STRICT_RESTORE_SS: the interrupted code is 64-bit, and SS is restored as saved.
const UC_STRICT_RESTORE_SS: u64 = 4;

/// struct sigcontext_64.
#[repr(C)]
struct SigContext64 {
    r8: u64,
    r9: u64,
    r10: u64,
    r11: u64,
    r12: u64,
    r13: u64,
    r14: u64,
    r15: u64,
    di: u64,
    si: u64,
    bp: u64,
    bx: u64,
    dx: u64,
    ax: u64,
    cx: u64,
    sp: u64,
    ip: u64,
    flags: u64,
    /// cs, gs (0), fs (0) and ss, 16 bits each.
    selectors: u64,
    err: u64,
    trapno: u64,
    oldmask: u64,
    cr2: u64,
    fpstate: u64,
    reserved: Reserved,
}

/// Eight words, each with a name for `put!`.
#[repr(C)]
struct Reserved(u64, u64, u64, u64, u64, u64, u64, u64);

/// Position of ss in [`SigContext64::selectors`].
const SS_SHIFT: u32 = 48;

/// struct sigaltstack; `flags` with its padding.
#[repr(C)]
struct Stack {
    base: u64,
    flags: u64,
    size: u64,
}

/// The frame without siginfo: struct rt_sigframe's `pretcode` and `uc`.
#[repr(C)]
struct Head {
    return_to: u64,
    flags: u64,
    link: u64,
    stack: Stack,
    context: SigContext64,
    mask: u64,
}

const _: () = assert!(size_of::<SigContext64>() == 256 && size_of::<Head>() == 312);

/// Size of the frame without the FPU state, bytes.
const SIZE: usize = size_of::<Head>() + size_of::<layout::Info64>();

/// The frame without siginfo, in user memory.
type HeadWindow = Window<{ size_of::<Head>() }>;

/// Writes or reads words of a [`HeadWindow`], named by the fields at their offsets.
macro_rules! put {
    ($out:ident, $($($field:tt).+ = $value:expr;)*) => {
        $($out.put::<{ offset_of!(Head, $($field).+) }>($value);)*
    };
}
macro_rules! get {
    ($from:ident, $($field:tt).+) => {
        $from.get::<{ offset_of!(Head, $($field).+) }>()
    };
}

/// Writes the frame without siginfo at `address`.
#[inline(always)]
fn write_head(
    address: u64,
    flags: u64,
    frame: &LiveFrame,
    delivery: &Delivery<'_>,
    fpstate: u64,
) -> Result<(), Errno> {
    let AlternateStack {
        base,
        flags: stack_flags,
        size,
    } = delivery.alternate;
    let Trap { number, error, cr2 } = delivery.trap;
    let mut out = HeadWindow::open(address)?;
    put! { out,
        return_to = delivery.action.restorer;
        flags = flags;
        link = 0;
        stack.base = base;
        stack.flags = stack_flags.into();
        stack.size = size;
        context.r8 = frame.r8.get();
        context.r9 = frame.r9.get();
        context.r10 = frame.r10.get();
        context.r11 = frame.r11.get();
        context.r12 = frame.r12.get();
        context.r13 = frame.r13.get();
        context.r14 = frame.r14.get();
        context.r15 = frame.r15.get();
        context.di = frame.rdi.get();
        context.si = frame.rsi.get();
        context.bp = frame.rbp.get();
        context.bx = frame.rbx.get();
        context.dx = frame.rdx.get();
        context.ax = frame.rax.get();
        context.cx = frame.rcx.get();
        context.sp = frame.rsp.get();
        context.ip = frame.rip.get();
        context.flags = frame.rflags.get();
        context.selectors = frame.cs.get() & 0xffff | frame.ss.get() << SS_SHIFT;
        context.err = error;
        context.trapno = number;
        context.oldmask = delivery.mask;
        context.cr2 = cr2;
        context.fpstate = fpstate;
        context.reserved.0 = 0;
        context.reserved.1 = 0;
        context.reserved.2 = 0;
        context.reserved.3 = 0;
        context.reserved.4 = 0;
        context.reserved.5 = 0;
        context.reserved.6 = 0;
        context.reserved.7 = 0;
        mask = delivery.mask;
    }
    out.close()
}

/// Pushes the frame and sets the registers for the handler.
///
/// # Errors
/// `EFAULT` if the frame can't be written, or there is no restorer to return to.
#[inline]
pub fn push(frame: &LiveFrame, delivery: &Delivery<'_>) -> Result<(), Errno> {
    let action = delivery.action;
    // ANCHOR: restorer
    if action.flags & u64::from(SA_RESTORER) == 0 {
        return Err(Errno::EFAULT);
    }
    // ANCHOR_END: restorer
    let place = place(frame, delivery, SIZE, false)?;
    fpstate::save(place.fpstate, frame.cs.get())?;
    let mut flags = UC_SIGCONTEXT_SS;
    if fpu::info().xsave {
        flags |= UC_FP_XSTATE;
    }
    if frame.cs.get() == u64::from(USER_CS) {
        flags |= UC_STRICT_RESTORE_SS;
    }
    write_head(place.frame, flags, frame, delivery, place.fpstate.start)?;
    let info = UserPtr::new(place.frame.wrapping_add(size_of::<Head>() as u64));
    if action.flags & u64::from(SA_SIGINFO) != 0 {
        info.write(layout::to_64(delivery.info))?;
    }
    // ANCHOR: start-handler
    frame.rdi.set(delivery.info.signo.into());
    // al, for handlers without a prototype: no vector register has an argument.
    frame.rax.set(0);
    frame.rsi.set(info.address());
    frame.rdx.set(place.frame + offset_of!(Head, flags) as u64);
    frame.rip.set(action.handler);
    frame.rsp.set(place.frame);
    frame.rflags.update(|flags| flags & !HANDLER_FLAGS);
    // The handler is 64-bit code, whatever the interrupted code is.
    frame.cs.set(USER_CS.into());
    // ANCHOR_END: start-handler
    keep_valid_ss(frame);
    Ok(())
}

// ANCHOR: valid-ss
/// Replaces an SS with which IRET to 64-bit code would fault (force_valid_ss).
fn keep_valid_ss(frame: &LiveFrame) {
    let ss = frame.ss.get();
    if ss != u64::from(USER_DS) && !is_stack_segment(ss as u16) {
        frame.ss.set(USER_DS.into());
    }
}
// ANCHOR_END: valid-ss

/// rt_sigreturn(2): restores the registers from the frame.
///
/// # Errors
/// `EFAULT` for a frame that can't be read, or with an FPU state that the CPU would not accept.
pub fn pop(frame: &LiveFrame) -> Result<(), Errno> {
    // The return address has been popped.
    let mut head = HeadWindow::open(frame.rsp.get().wrapping_sub(8))?;
    // The last word first, then one of the first: the registers change only if both of the pages
    // are there.
    let mask = get!(head, mask);
    let flags = get!(head, flags);
    let stack = AlternateStack {
        base: get!(head, stack.base),
        flags: get!(head, stack.flags) as u32,
        size: get!(head, stack.size),
    };
    if head.has_failed() {
        return Err(Errno::EFAULT);
    }
    let fpstate = load_registers(frame, &mut head);
    let registers = head.close();
    // Older programs change CS in the frame and leave an SS that doesn't match.
    if flags & UC_STRICT_RESTORE_SS == 0 && frame.cs.get() == u64::from(USER_CS) {
        keep_valid_ss(frame);
    }
    let restored = registers.and_then(|()| fpstate::restore(fpstate, false));
    let task = current();
    let mut signals = task.signals.lock();
    signals.restart = None;
    if restored.is_ok() {
        signals.alternate.restore(stack, frame.rsp.get());
    }
    mask::set_in(&task, signals, mask);
    restored
}

/// Loads the registers from a frame; the result is the address of the FPU state.
#[inline(always)]
fn load_registers(frame: &LiveFrame, head: &mut HeadWindow) -> u64 {
    frame.r15.set(get!(head, context.r15));
    frame.r14.set(get!(head, context.r14));
    frame.r13.set(get!(head, context.r13));
    frame.r12.set(get!(head, context.r12));
    frame.rbp.set(get!(head, context.bp));
    frame.rbx.set(get!(head, context.bx));
    frame.r11.set(get!(head, context.r11));
    frame.r10.set(get!(head, context.r10));
    frame.r9.set(get!(head, context.r9));
    frame.r8.set(get!(head, context.r8));
    frame.rax.set(get!(head, context.ax));
    frame.rcx.set(get!(head, context.cx));
    frame.rdx.set(get!(head, context.dx));
    frame.rsi.set(get!(head, context.si));
    frame.rdi.set(get!(head, context.di));
    // ANCHOR: load-rest
    // Not a call: nothing to restart.
    frame.orig_rax.set(u64::MAX);
    frame.rip.set(get!(head, context.ip));
    frame.rsp.set(get!(head, context.sp));
    let flags = get!(head, context.flags) & RESTORED_FLAGS;
    frame.rflags.update(|kept| kept & !RESTORED_FLAGS | flags);
    let selectors = get!(head, context.selectors);
    frame.cs.set(selectors & 0xffff | 3);
    frame.ss.set(selectors >> SS_SHIFT | 3);
    // ANCHOR_END: load-rest
    get!(head, context.fpstate)
}
