//! The 64-bit signal frame, and rt_sigreturn(2) from it (arch/x86/kernel/signal_64.c).
//!
//! ```text
//! rsp at the handler:   return address: the restorer
//!                 +8    ucontext: flags, link, alternate stack, sigcontext, mask
//!                 +312  siginfo
//!                 ...   FPU state, 64-byte aligned (fpstate.rs)
//!                       128 bytes of red zone, then the interrupted stack
//! ```

use linux_raw_sys::general::{SA_RESTORER, SA_SIGINFO};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::Trap;
use super::alternate::AlternateStack;
use super::frame::{Delivery, HANDLER_FLAGS, RESTORED_FLAGS, UC_FP_XSTATE, place};
use super::{fpstate, layout, mask};
use crate::abi::errno::Errno;
use crate::abi::frame::{Frame, LiveFrame};
use crate::arch::fpu;
use crate::arch::gdt::{USER_CS, USER_DS, is_stack_segment};
use crate::process::current;
use crate::usercopy::UserPtr;

/// UC_SIGCONTEXT_SS: the frame contains SS.
const UC_SIGCONTEXT_SS: u64 = 2;
/// UC_STRICT_RESTORE_SS: the interrupted code is 64-bit, and SS is restored as saved.
const UC_STRICT_RESTORE_SS: u64 = 4;

/// struct sigcontext_64.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
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
    cs: u16,
    gs: u16,
    fs: u16,
    ss: u16,
    err: u64,
    trapno: u64,
    oldmask: u64,
    cr2: u64,
    fpstate: u64,
    reserved: [u64; 8],
}

/// The frame without siginfo: struct rt_sigframe's `pretcode` and `uc`.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
struct Head {
    return_to: u64,
    flags: u64,
    link: u64,
    stack: [u64; 3],
    context: SigContext64,
    mask: u64,
}

const _: () = assert!(size_of::<SigContext64>() == 256 && size_of::<Head>() == 312);

/// Size of the frame without the FPU state, bytes.
const SIZE: usize = size_of::<Head>() + size_of::<layout::Info64>();

fn context(frame: &LiveFrame, delivery: &Delivery<'_>, fpstate: u64) -> SigContext64 {
    let Trap { number, error, cr2 } = delivery.trap;
    SigContext64 {
        r8: frame.r8.get(),
        r9: frame.r9.get(),
        r10: frame.r10.get(),
        r11: frame.r11.get(),
        r12: frame.r12.get(),
        r13: frame.r13.get(),
        r14: frame.r14.get(),
        r15: frame.r15.get(),
        di: frame.rdi.get(),
        si: frame.rsi.get(),
        bp: frame.rbp.get(),
        bx: frame.rbx.get(),
        dx: frame.rdx.get(),
        ax: frame.rax.get(),
        cx: frame.rcx.get(),
        sp: frame.rsp.get(),
        ip: frame.rip.get(),
        flags: frame.rflags.get(),
        cs: frame.cs.get() as u16,
        gs: 0,
        fs: 0,
        ss: frame.ss.get() as u16,
        err: error,
        trapno: number,
        oldmask: delivery.mask,
        cr2,
        fpstate,
        reserved: [0; 8],
    }
}

/// Pushes the frame and sets the registers for the handler.
///
/// # Errors
/// `EFAULT` if the frame can't be written, or there is no restorer to return to.
pub fn push(frame: &LiveFrame, delivery: &Delivery<'_>) -> Result<(), Errno> {
    let action = &delivery.action;
    if action.flags & u64::from(SA_RESTORER) == 0 {
        return Err(Errno::EFAULT);
    }
    let place = place(frame, delivery, SIZE, false)?;
    fpstate::save(place.fpstate, frame.cs.get())?;
    let mut flags = UC_SIGCONTEXT_SS;
    if fpu::info().xsave {
        flags |= UC_FP_XSTATE;
    }
    if frame.cs.get() == u64::from(USER_CS) {
        flags |= UC_STRICT_RESTORE_SS;
    }
    let AlternateStack {
        base,
        flags: stack_flags,
        size,
    } = delivery.alternate;
    let head = UserPtr::<Head>::new(place.frame);
    head.write(Head {
        return_to: action.restorer,
        flags,
        link: 0,
        stack: [base, stack_flags.into(), size],
        context: context(frame, delivery, place.fpstate.start),
        mask: delivery.mask,
    })?;
    let info = head.add(1).cast();
    if action.flags & u64::from(SA_SIGINFO) != 0 {
        info.write(layout::to_64(delivery.info))?;
    }
    frame.rdi.set(delivery.info.signo.into());
    // al, for handlers without a prototype: no vector register has an argument.
    frame.rax.set(0);
    frame.rsi.set(info.address());
    frame.rdx.set(head.address() + 8);
    frame.rip.set(action.handler);
    frame.rsp.set(head.address());
    frame.rflags.update(|flags| flags & !HANDLER_FLAGS);
    // The handler is 64-bit code, whatever the interrupted code is.
    frame.cs.set(USER_CS.into());
    keep_valid_ss(frame);
    Ok(())
}

/// Replaces an SS with which IRET to 64-bit code would fault (force_valid_ss).
fn keep_valid_ss(frame: &LiveFrame) {
    let ss = frame.ss.get();
    if ss != u64::from(USER_DS) && !is_stack_segment(ss as u16) {
        frame.ss.set(USER_DS.into());
    }
}

/// rt_sigreturn(2): restores the registers from the frame.
///
/// # Errors
/// `EFAULT` for a frame that can't be read, or with an FPU state that the CPU would not accept.
pub fn pop(frame: &LiveFrame) -> Result<(), Errno> {
    // The return address has been popped.
    let head: Head = UserPtr::new(frame.rsp.get().wrapping_sub(8)).read()?;
    mask::set(head.mask);
    let sc = &head.context;
    frame.replace(&Frame {
        entry: frame.entry.get(),
        r15: sc.r15,
        r14: sc.r14,
        r13: sc.r13,
        r12: sc.r12,
        rbp: sc.bp,
        rbx: sc.bx,
        r11: sc.r11,
        r10: sc.r10,
        r9: sc.r9,
        r8: sc.r8,
        rax: sc.ax,
        rcx: sc.cx,
        rdx: sc.dx,
        rsi: sc.si,
        rdi: sc.di,
        // Not a call: nothing to restart.
        orig_rax: u64::MAX,
        rip: sc.ip,
        cs: u64::from(sc.cs | 3),
        rflags: frame.rflags.get() & !RESTORED_FLAGS | sc.flags & RESTORED_FLAGS,
        rsp: sc.sp,
        ss: u64::from(sc.ss | 3),
    });
    // Older programs change CS in the frame and leave an SS that doesn't match.
    if head.flags & UC_STRICT_RESTORE_SS == 0 && frame.cs.get() == u64::from(USER_CS) {
        keep_valid_ss(frame);
    }
    current().signals.lock().restart = None;
    fpstate::restore(sc.fpstate, false)?;
    let [base, flags, size] = head.stack;
    let stack = AlternateStack {
        base,
        flags: flags as u32,
        size,
    };
    current()
        .signals
        .lock()
        .alternate
        .restore(stack, frame.rsp.get());
    Ok(())
}
