//! The two kinds of 32-bit signal frames, and sigreturn(2) from them (arch/x86/kernel/signal_32.c).
//! `context32.rs` has struct sigcontext_32, which both contain.
//!
//! ```text
//!               handler(int)                        handler(int, siginfo *, ucontext *)
//! esp:     0    return address                 0    return address
//!          4    number                         4    number, pointers to the next two
//!          8    sigcontext                     16   siginfo
//!          96   not used any more              144  ucontext: flags, link, stack,
//!          720  upper half of the mask              sigcontext (at 164), mask
//!          724  code                           260  code
//!          ...  FPU state (fpstate.rs)         ...  FPU state
//! ```
//!
//! The handler returns to its restorer, or without one to the vDSO. The code on the stack, to which
//! handlers returned before the vDSO existed, is not executable; debuggers recognise a frame by it.

use linux_raw_sys::general::{SA_RESTORER, SA_SIGINFO};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::alternate::AlternateStack;
use super::context32::{self, SigContext32};
use super::frame::{Delivery, FramePlace, HANDLER_FLAGS, UC_FP_XSTATE, place};
use super::{fpstate, layout, mask};
use crate::abi::errno::Errno;
use crate::abi::frame::{LiveFrame, USER32_CS};
use crate::arch::gdt::USER_DS;
use crate::arch::{fpu, segments};
use crate::process::current;
use crate::usercopy::UserPtr;
use crate::vm::vdso;

/// struct sigframe_ia32 up to the unused struct _fpstate_32.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
struct OldHead {
    return_to: u32,
    number: u32,
    context: SigContext32,
}

/// struct sigframe_ia32 after the unused struct _fpstate_32.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
struct OldTail {
    mask_high: u32,
    code: [u8; 8],
}

/// Bytes between head and tail: struct _fpstate_32, unused since the FPU state outgrew it.
const OLD_GAP: usize = 624;
const OLD_TAIL: usize = size_of::<OldHead>() + OLD_GAP;
const OLD_SIZE: usize = OLD_TAIL + size_of::<OldTail>();

/// struct rt_sigframe_ia32.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
struct RtFrame {
    return_to: u32,
    number: u32,
    info_at: u32,
    context_at: u32,
    info: layout::Info32,
    flags: u32,
    link: u32,
    stack: [u32; 3],
    context: SigContext32,
    mask: [u32; 2],
    code: [u8; 8],
}

/// Offsets of siginfo and ucontext in [`RtFrame`].
const RT_INFO: u64 = 16;
const RT_UCONTEXT: u64 = 144;

const _: () = assert!(size_of::<SigContext32>() == 88);
const _: () = assert!(size_of::<OldHead>() == 96 && size_of::<OldTail>() == 12);
const _: () = assert!(size_of::<RtFrame>() == 268);

/// `pop eax; mov eax, 119; int 0x80`: sigreturn(2).
const OLD_CODE: [u8; 8] = [0x58, 0xb8, 119, 0, 0, 0, 0xcd, 0x80];
/// `mov eax, 173; int 0x80`: rt_sigreturn(2).
const RT_CODE: [u8; 8] = [0xb8, 173, 0, 0, 0, 0xcd, 0x80, 0];

/// Pushes the kind of frame that the handler's flags request (SA_SIGINFO), and sets the registers
/// for the handler.
///
/// # Errors
/// `EFAULT` if the frame can't be written.
#[inline(never)]
pub fn push(frame: &LiveFrame, delivery: &Delivery<'_>) -> Result<(), Errno> {
    let wants_info = delivery.action.flags & u64::from(SA_SIGINFO) != 0;
    let size = if wants_info {
        size_of::<RtFrame>()
    } else {
        OLD_SIZE
    };
    let place = place(frame, delivery, size, true)?;
    fpstate::save(place.fpstate, frame.cs.get())?;
    // ANCHOR: return-to
    let return_to = |symbol: fn(u64) -> u64, code: usize| {
        let base = current().mm().map_or(0, |mm| mm.lock().landmarks.vdso);
        if delivery.action.flags & u64::from(SA_RESTORER) != 0 {
            delivery.action.restorer as u32
        } else if base != 0 {
            symbol(base) as u32
        } else {
            (place.frame as u32).wrapping_add(code as u32)
        }
    };
    // ANCHOR_END: return-to
    if wants_info {
        let return_to = return_to(vdso::kernel_rt_sigreturn, size_of::<RtFrame>() - 8);
        write_rt(frame, delivery, &place, return_to)?;
        frame.rdx.set(place.frame + RT_INFO);
        frame.rcx.set(place.frame + RT_UCONTEXT);
    } else {
        let return_to = return_to(vdso::kernel_sigreturn, OLD_SIZE - 8);
        write_old(frame, delivery, &place, return_to)?;
        frame.rdx.set(0);
        frame.rcx.set(0);
    }
    // The arguments are on the stack, and in registers for programs built with -mregparm=3.
    frame.rax.set(delivery.info.signo.into());
    frame.rip.set(delivery.action.handler);
    frame.rsp.set(place.frame);
    frame.rflags.update(|flags| flags & !HANDLER_FLAGS);
    frame.cs.set(USER32_CS.into());
    frame.ss.set(USER_DS.into());
    segments::set_data(USER_DS);
    Ok(())
}

fn write_old(
    frame: &LiveFrame,
    delivery: &Delivery<'_>,
    place: &FramePlace,
    return_to: u32,
) -> Result<(), Errno> {
    let head = UserPtr::new(place.frame);
    head.write(OldHead {
        return_to,
        number: delivery.info.signo.into(),
        context: context32::save(frame, delivery, place),
    })?;
    head.cast().byte_add(OLD_TAIL as u64).write(OldTail {
        mask_high: (delivery.mask >> 32) as u32,
        code: OLD_CODE,
    })
}

fn write_rt(
    frame: &LiveFrame,
    delivery: &Delivery<'_>,
    place: &FramePlace,
    return_to: u32,
) -> Result<(), Errno> {
    let AlternateStack { base, flags, size } = delivery.alternate;
    let xsave = fpu::info().xsave;
    UserPtr::new(place.frame).write(RtFrame {
        return_to,
        number: delivery.info.signo.into(),
        info_at: place.frame.wrapping_add(RT_INFO) as u32,
        context_at: place.frame.wrapping_add(RT_UCONTEXT) as u32,
        info: layout::to_32(delivery.info),
        flags: if xsave { UC_FP_XSTATE as u32 } else { 0 },
        link: 0,
        stack: [base as u32, flags, size as u32],
        context: context32::save(frame, delivery, place),
        mask: [delivery.mask as u32, (delivery.mask >> 32) as u32],
        code: RT_CODE,
    })
}

/// sigreturn(2): restores the registers from the first kind of frame, whose return address and
/// number have been popped.
///
/// # Errors
/// `EFAULT` for a frame that can't be read, or with an FPU state that the CPU would not accept.
pub fn pop_old(frame: &LiveFrame) -> Result<(), Errno> {
    let at = UserPtr::new(frame.rsp.get().wrapping_sub(8));
    let head: OldHead = at.read()?;
    let tail: OldTail = at.cast().byte_add(OLD_TAIL as u64).read()?;
    mask::set(u64::from(head.context.oldmask) | u64::from(tail.mask_high) << 32);
    restore(frame, &head.context)
}

/// rt_sigreturn(2) of i386: restores the registers from the second kind of frame, whose return
/// address has been popped.
///
/// # Errors
/// As [`pop_old`].
pub fn pop_rt(frame: &LiveFrame) -> Result<(), Errno> {
    let saved: RtFrame = UserPtr::new(frame.rsp.get().wrapping_sub(4)).read()?;
    let [low, high] = saved.mask.map(u64::from);
    mask::set(low | high << 32);
    restore(frame, &saved.context)?;
    let [base, flags, size] = saved.stack;
    let stack = AlternateStack {
        base: base.into(),
        flags,
        size: size.into(),
    };
    current()
        .signals
        .lock()
        .alternate
        .restore(stack, frame.rsp.get());
    Ok(())
}

fn restore(frame: &LiveFrame, context: &SigContext32) -> Result<(), Errno> {
    current().signals.lock().restart = None;
    context32::load(frame, context);
    fpstate::restore(context.fpstate.into(), true)
}
