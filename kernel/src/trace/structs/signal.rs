//! Structures of signal calls.

use linux_raw_sys::general::CLD_EXITED;

use crate::abi::signal::{Fields as Union, SigInfo};
use crate::mm::fallible::put;
use crate::process::current;
use crate::process::signal::layout;
use crate::trace::call::{Call, Fields};
use crate::trace::names::{self, signal};
use crate::trace::strings::address;
use crate::trace::text::Text;
use crate::usercopy::UserPtr;

/// i386's sigreturn(2).
const SIGRETURN_32: u32 = 119;
/// Offsets in bytes of the signal mask's halves from the stack pointer of a sigreturn(2):
/// `process/signal/frame64.rs` and `frame32.rs` show the frames.
const MASK_64: (u64, u64) = (296, 300);
const MASK_RT_32: (u64, u64) = (248, 252);
const MASK_OLD_32: (u64, u64) = (80, 712);

/// The kernel's struct sigaction: handler, flags, restorer, mask.
pub fn sigaction(out: &mut Text, fields: &mut Fields) {
    let (handler, flags, restorer) = (fields.long(), fields.long(), fields.long());
    action(out, handler, fields.u64(), flags, restorer);
}

/// i386's struct old_sigaction: handler, mask, flags, restorer.
pub fn old_sigaction(out: &mut Text, fields: &mut Fields) {
    let [handler, mask, flags, restorer] = [(); 4].map(|()| u64::from(fields.u32()));
    action(out, handler, mask, flags, restorer);
}

fn action(out: &mut Text, handler: u64, mask: u64, flags: u64, restorer: u64) {
    out.add("{sa_handler=");
    signal::handler(out, handler);
    out.add(", sa_mask=");
    signal::set(out, mask);
    out.add(", sa_flags=");
    names::flags(out, flags, signal::ACTION, "SA_???");
    if flags & 0x0400_0000 != 0 {
        out.add(", sa_restorer=");
        address(out, restorer);
    }
    out.add("}");
}

/// A signal set, 8 bytes in both ABIs.
pub fn sigset(out: &mut Text, fields: &mut Fields) {
    signal::set(out, fields.u64());
}

/// i386's old_sigset_t, 4 bytes.
pub fn old_sigset(out: &mut Text, fields: &mut Fields) {
    signal::set(out, fields.u32().into());
}

/// siginfo_t, 128 bytes.
pub fn siginfo(out: &mut Text, fields: &mut Fields) {
    let info = if fields.wide {
        layout::from_64(&[(); 16].map(|()| fields.u64()))
    } else {
        layout::from_32(&[(); 32].map(|()| fields.u32()))
    };
    info_fields(out, &info);
}

/// The signal mask in the frame that a sigreturn(2) restores.
pub fn frame(out: &mut Text, call: &Call) {
    let sp = current().frame().rsp;
    let half = |at: u64| UserPtr::<u32>::new(sp.wrapping_add(at)).read().ok();
    let (low, high) = if call.wide {
        MASK_64
    } else if call.number == SIGRETURN_32 {
        MASK_OLD_32
    } else {
        MASK_RT_32
    };
    match (half(low), half(high)) {
        (Some(low), Some(high)) => {
            out.add("{mask=");
            signal::set(out, u64::from(low) | u64::from(high) << 32);
            out.add("}");
        }
        _ => address(out, sp),
    }
}

/// siginfo_t from the kernel's own type: the fields that the signal has.
pub fn info_fields(out: &mut Text, info: &SigInfo) {
    if info.signo == 0 {
        return out.add("{}");
    }
    out.add("{si_signo=");
    signal::name(out, info.signo.into());
    out.add(", si_code=");
    signal::code(out, info.signo, info.code);
    if info.errno != 0 {
        put!(out, ", si_errno={}", info.errno);
    }
    match info.fields {
        // A signal from the kernel has no sender: strace omits the zeros.
        Union::Kill { pid: 0, uid: 0 } if info.code > 0 => {}
        Union::Kill { pid, uid } => put!(out, ", si_pid={pid}, si_uid={uid}"),
        Union::Queue { pid, uid, value } => {
            put!(out, ", si_pid={pid}, si_uid={uid}");
            sigval(out, value);
        }
        Union::Timer { id, overrun, value } => {
            put!(out, ", si_timerid={id:#x}, si_overrun={overrun}");
            sigval(out, value);
        }
        Union::Child {
            pid,
            uid,
            status,
            utime,
            stime,
        } => {
            put!(out, ", si_pid={pid}, si_uid={uid}, si_status=");
            if info.code == CLD_EXITED as i32 {
                put!(out, "{status}");
            } else {
                signal::name(out, status as u64);
            }
            put!(out, ", si_utime={utime}, si_stime={stime}");
        }
        Union::Fault { addr, .. } => {
            out.add(", si_addr=");
            address(out, addr);
        }
        Union::Poll { band, fd } => put!(out, ", si_band={band}, si_fd={fd}"),
    }
    out.add("}");
}

fn sigval(out: &mut Text, value: u64) {
    put!(out, ", si_int={}, si_ptr=", value as i32);
    address(out, value);
}

/// stack_t, 24 or 12 bytes.
pub fn sigaltstack(out: &mut Text, fields: &mut Fields) {
    out.add("{ss_sp=");
    address(out, fields.long());
    out.add(", ss_flags=");
    names::flags(out, fields.u32().into(), signal::STACK, "SS_???");
    fields.skip(if fields.wide { 4 } else { 0 });
    put!(out, ", ss_size={}}}", fields.long());
}
