//! Signals of a program's exceptions (arch/x86/kernel/traps.c).
//!
//! | vector | signal | `si_code` | `si_addr` |
//! |---|---|---|---|
//! | #DE, #MF, #XM | SIGFPE | `FPE_*`, by the status word | the instruction |
//! | #DB | SIGTRAP | `TRAP_TRACE`, `TRAP_HWBKPT`, `TRAP_BRKPT` for INT1 | the next instruction |
//! | #BP | SIGTRAP | `SI_KERNEL` | |
//! | #UD | SIGILL | `ILL_ILLOPN` | the instruction |
//! | #AC | SIGBUS | `BUS_ADRALN` | 0 |
//! | #NP, #SS | SIGBUS | `SI_KERNEL` | |
//! | #OF, #BR, #TS, #GP, others | SIGSEGV | `SI_KERNEL` | |
//!
//! `process/fault.rs` has the signals of page faults, whose `si_addr` is the faulting address.

use linux_raw_sys::general as linux;

use crate::abi::frame::LiveFrame;
use crate::abi::signal::{SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP, SigInfo};
use crate::arch::debug::{DR6_STEP, DR6_TRAPS};
use crate::arch::fpu;
use crate::process::ptrace;

const DIVIDE_ERROR: u8 = 0;
const BREAKPOINT: u8 = 3;
const INVALID_OPCODE: u8 = 6;
const SEGMENT_NOT_PRESENT: u8 = 11;
const STACK_SEGMENT: u8 = 12;
const X87: u8 = 16;
const ALIGNMENT_CHECK: u8 = 17;
const SIMD: u8 = 19;

/// The signal for exception `vector`, which is not #DB, of the instruction at `ip`. `None` for a
/// floating-point exception without a pending unmasked flag.
pub fn signal(vector: u8, ip: u64) -> Option<SigInfo> {
    let fault = |signo: u8, code: u32| SigInfo::fault(signo, code as i32, ip);
    Some(match vector {
        DIVIDE_ERROR => fault(SIGFPE, linux::FPE_INTDIV),
        X87 | SIMD => fault(SIGFPE, float_code(vector, fpu::exception_state())?),
        BREAKPOINT => SigInfo::kernel(SIGTRAP),
        INVALID_OPCODE => fault(SIGILL, linux::ILL_ILLOPN),
        ALIGNMENT_CHECK => SigInfo::fault(SIGBUS, linux::BUS_ADRALN as i32, 0),
        SEGMENT_NOT_PRESENT | STACK_SEGMENT => SigInfo::kernel(SIGBUS),
        _ => SigInfo::kernel(SIGSEGV),
    })
}

/// `FPE_*` of the first flagged exception that is not masked (fpu__exception_code).
fn float_code(vector: u8, (control, status, mxcsr): (u16, u16, u32)) -> Option<u32> {
    let raised = if vector == X87 {
        u32::from(status & !control)
    } else {
        // MXCSR has the masks seven bits above the flags.
        mxcsr & !(mxcsr >> 7)
    };
    // Invalid, divide by zero, overflow, underflow or denormal operand, precision.
    match raised {
        _ if raised & 0x01 != 0 => Some(linux::FPE_FLTINV),
        _ if raised & 0x04 != 0 => Some(linux::FPE_FLTDIV),
        _ if raised & 0x08 != 0 => Some(linux::FPE_FLTOVF),
        _ if raised & 0x12 != 0 => Some(linux::FPE_FLTUND),
        _ if raised & 0x20 != 0 => Some(linux::FPE_FLTRES),
        _ => None,
    }
}

/// The signal for a #DB, by DR6; `None` if none of its conditions is the program's. May set RF in
/// `frame`.
pub fn debug_signal(frame: &LiveFrame) -> Option<SigInfo> {
    let status = ptrace::debug::trapped(frame)?;
    let code = match status {
        _ if status & DR6_STEP != 0 => linux::TRAP_TRACE,
        _ if status & DR6_TRAPS != 0 => linux::TRAP_HWBKPT,
        _ => linux::TRAP_BRKPT,
    };
    Some(SigInfo::fault(SIGTRAP, code as i32, frame.rip.get()))
}

#[cfg(test)]
mod tests {
    use linux_raw_sys::general as linux;

    use super::{ALIGNMENT_CHECK, SIMD, X87, float_code, signal};
    use crate::abi::signal::{Fields, SIGBUS, SIGSEGV};
    use crate::kernel_test;

    kernel_test!(
        fn floating_point_codes_are_of_unmasked_flags() {
            let codes = [
                linux::FPE_FLTINV,
                linux::FPE_FLTUND,
                linux::FPE_FLTDIV,
                linux::FPE_FLTOVF,
                linux::FPE_FLTUND,
                linux::FPE_FLTRES,
            ];
            for (bit, code) in codes.into_iter().enumerate() {
                let flag = 1 << bit;
                let x87 = (0x37f & !flag, 0x3f, 0x1f80);
                assert_eq!(float_code(X87, x87), Some(code));
                let sse = (0x37f, 0, 0x1fbf & !(u32::from(flag) << 7));
                assert_eq!(float_code(SIMD, sse), Some(code));
            }
            assert_eq!(float_code(X87, (0x37f, 0x3f, 0)), None);
            assert_eq!(float_code(SIMD, (0, 0x3f, 0x1fbf)), None);
        }
    );

    kernel_test!(
        fn exceptions_that_qemu_never_raises_have_signals() {
            let info = signal(ALIGNMENT_CHECK, 0x1234).unwrap();
            assert_eq!((info.signo, info.code), (SIGBUS, linux::BUS_ADRALN as i32));
            assert_eq!(info.fields, Fields::Fault { addr: 0, key: 0 });
            for (vector, signo) in [(10, SIGSEGV), (11, SIGBUS), (12, SIGBUS), (5, SIGSEGV)] {
                let info = signal(vector, 0x1234).unwrap();
                assert_eq!((info.signo, info.code), (signo, linux::SI_KERNEL as i32));
            }
        }
    );
}
