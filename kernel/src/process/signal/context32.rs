//! struct sigcontext_32, the registers in both kinds of 32-bit signal frames
//! (arch/x86/include/uapi/asm/sigcontext.h).

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::frame::{Delivery, FramePlace, RESTORED_FLAGS};
use crate::abi::frame::LiveFrame;
use crate::arch::segments::{Segments, set_selectors};

/// struct sigcontext_32; segment registers take a 32-bit word each.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
#[allow(missing_docs)] // The fields are the registers' names.
pub struct SigContext32 {
    pub gs: u32,
    pub fs: u32,
    pub es: u32,
    pub ds: u32,
    pub di: u32,
    pub si: u32,
    pub bp: u32,
    pub sp: u32,
    pub bx: u32,
    pub dx: u32,
    pub cx: u32,
    pub ax: u32,
    pub trapno: u32,
    pub err: u32,
    pub ip: u32,
    pub cs: u32,
    pub flags: u32,
    pub sp_at_signal: u32,
    pub ss: u32,
    pub fpstate: u32,
    pub oldmask: u32,
    pub cr2: u32,
}

/// Saves the registers of the interrupted code.
pub fn save(frame: &LiveFrame, delivery: &Delivery<'_>, place: &FramePlace) -> SigContext32 {
    let Segments { ds, es, fs, gs, .. } = Segments::read();
    SigContext32 {
        gs: gs.into(),
        fs: fs.into(),
        es: es.into(),
        ds: ds.into(),
        di: frame.rdi.get() as u32,
        si: frame.rsi.get() as u32,
        bp: frame.rbp.get() as u32,
        sp: frame.rsp.get() as u32,
        bx: frame.rbx.get() as u32,
        dx: frame.rdx.get() as u32,
        cx: frame.rcx.get() as u32,
        ax: frame.rax.get() as u32,
        trapno: delivery.trap.number as u32,
        err: delivery.trap.error as u32,
        ip: frame.rip.get() as u32,
        cs: frame.cs.get() as u32,
        flags: frame.rflags.get() as u32,
        sp_at_signal: frame.rsp.get() as u32,
        ss: frame.ss.get() as u32,
        fpstate: place.fpstate.start as u32,
        oldmask: delivery.mask as u32,
        cr2: delivery.trap.cr2 as u32,
    }
}

/// Restores the registers. Registers that 32-bit code doesn't have are unchanged.
pub fn load(frame: &LiveFrame, context: &SigContext32) {
    frame.rdi.set(context.di.into());
    frame.rsi.set(context.si.into());
    frame.rbp.set(context.bp.into());
    frame.rsp.set(context.sp.into());
    frame.rbx.set(context.bx.into());
    frame.rdx.set(context.dx.into());
    frame.rcx.set(context.cx.into());
    frame.rax.set(context.ax.into());
    frame.rip.set(context.ip.into());
    // RPL 3, whatever the frame contains.
    frame.cs.set(u64::from(context.cs as u16 | 3));
    frame.ss.set(u64::from(context.ss as u16 | 3));
    let flags = u64::from(context.flags);
    frame
        .rflags
        .set(frame.rflags.get() & !RESTORED_FLAGS | flags & RESTORED_FLAGS);
    // Not a call: nothing to restart.
    frame.orig_rax.set(u64::MAX);
    set_selectors(
        context.ds as u16,
        context.es as u16,
        context.fs as u16,
        context.gs as u16,
    );
}
