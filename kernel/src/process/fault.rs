//! Exceptions (arch/x86/kernel/traps.c): a page fault to resolve, a signal to the program, an
//! expected fault in the kernel, or a kernel bug.

use core::sync::atomic::{AtomicU32, Ordering};

use linux_raw_sys::general as linux;
use x86_64::registers::control::Cr2;

use super::signal::{self, exception};
use super::{current, far, instruction, oom};
use crate::abi::frame::{Frame, LiveFrame, TF};
use crate::abi::signal::{Fields, IGNORE, SIGBUS, SIGSEGV, SIGTRAP, SigInfo};
use crate::arch::extable;
use crate::dev::log::log;
use crate::mm::{kstack, layout};
use crate::process::ptrace;
use crate::sched::run_queue;
use crate::vm::fault::{Access, FaultError};

/// Vector of #DB.
pub const DEBUG: u8 = 1;
const GENERAL_PROTECTION: u8 = 13;
/// Vector of #PF.
pub const PAGE_FAULT: u8 = 14;

// Bits of a page fault's error code (Intel SDM vol. 3, 4.7).
const PRESENT: u64 = 1 << 0;
const WRITE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const FETCH: u64 = 1 << 4;
const PROTECTION_KEY: u64 = 1 << 5;

/// Names of the vectors (Intel SDM vol. 3, table 6-1).
const NAMES: [&str; 20] = [
    "#DE divide error",
    "#DB debug",
    "NMI",
    "#BP breakpoint",
    "#OF overflow",
    "#BR bound range",
    "#UD invalid opcode",
    "#NM device not available",
    "#DF double fault",
    "coprocessor segment overrun",
    "#TS invalid TSS",
    "#NP segment not present",
    "#SS stack segment fault",
    "#GP general protection",
    "#PF page fault",
    "reserved",
    "#MF x87 error",
    "#AC alignment check",
    "#MC machine check",
    "#XM SIMD error",
];

/// NMIs not yet logged.
static NMIS: AtomicU32 = AtomicU32::new(0);

/// Logs the number of NMIs since the last call. Called at each timer interrupt.
pub fn report_nmis() {
    let count = NMIS.swap(0, Ordering::Relaxed);
    if count > 0 {
        log!("{count} NMI");
    }
}

/// Counts an NMI. No device is programmed for NMIs; QEMU's monitor can send one. It may interrupt
/// the writing of the log, so it is logged at the next timer interrupt.
pub fn count_nmi() {
    NMIS.fetch_add(1, Ordering::Relaxed);
}

/// Handles a general protection fault by CLI or STI of a program at I/O privilege level 3: skips
/// the instruction (fixup_iopl_exception). Returns whether the fault was one.
fn passes_over(frame: &LiveFrame) -> bool {
    const CLI: u8 = 0xfa;
    const STI: u8 = 0xfb;
    let level = current().ports().lock().level();
    let does_nothing =
        level == 3 && matches!(instruction::bytes(&frame.copy())[..], [CLI | STI, ..]);
    if does_nothing {
        frame.rip.update(|rip| rip + 1);
    }
    does_nothing
}

/// Raises the signal of a program's exception other than a page fault.
pub fn user_exception(frame: &LiveFrame, vector: u8, error_code: u64) {
    let info = match vector {
        DEBUG => exception::debug_signal(frame),
        GENERAL_PROTECTION if passes_over(frame) => None,
        _ => exception::signal(vector, frame.rip.get()),
    };
    let Some(info) = info else {
        return;
    };
    let name = NAMES.get(usize::from(vector)).copied();
    raise(
        frame,
        &info,
        name.unwrap_or("exception"),
        vector,
        error_code,
        None,
    );
}

/// Handles a fault of the IRET to the program, which could not load rip, cs, rflags, rsp or ss: the
/// program gets the signal.
pub fn bad_return(frame: &LiveFrame, vector: u8, error_code: u64) {
    if let Some(info) = exception::signal(vector, frame.rip.get()) {
        raise(frame, &info, "bad return frame", vector, error_code, None);
    }
}

/// Forces the signal of the running task's exception; logs the exception if there is no handler.
fn raise(
    frame: &LiveFrame,
    info: &SigInfo,
    what: &str,
    vector: u8,
    error_code: u64,
    address: Option<u64>,
) {
    let task = current();
    // As in show_unhandled_signals.
    if task.process.actions().lock().get(info.signo).handler <= IGNORE {
        report(&frame.copy(), what, error_code, address.unwrap_or(0));
    }
    signal::deliver::note_trap(&task, vector, error_code, address);
    signal::force(info);
}

/// Takes a page fault: brings the page in, raises a signal, or ends a copy of the kernel's.
pub fn page_fault(frame: &LiveFrame, mut error_code: u64) {
    let mut address = Cr2::read_raw();
    let mut access = if error_code & FETCH != 0 {
        Access::Execute
    } else if error_code & WRITE != 0 {
        Access::Write
    } else {
        Access::Read
    };
    // Decided by CS, not by the error code's user bit: an emulator may access the stack of a far
    // return in user mode as supervisor.
    let from_user = frame.is_user();
    // ANCHOR: lookup
    // The kernel accesses user memory by the instructions of usercopy.rs only.
    let fixup = if from_user {
        None
    } else {
        extable::fixup(frame.rip.get())
    };
    if !from_user && (fixup.is_none() || address >= layout::TASK_SIZE) {
        kernel_bug(frame, PAGE_FAULT, error_code, address);
    }
    // ANCHOR_END: lookup
    // An emulator may execute a far return of user code with supervisor accesses. With SMAP these
    // fault on any user mapping, without end: the kernel emulates the instruction. Any other such
    // access is refused.
    let mut refused = false;
    if from_user && error_code & USER == 0 {
        let steps = frame.rflags.get() & TF != 0;
        match far::complete(frame) {
            Ok(true) => return trap_after_emulation(frame, steps),
            Ok(false) => refused = error_code & PRESENT != 0,
            Err(far::FarFault::Segment(vector, code)) => {
                return user_exception(frame, vector, code);
            }
            Err(far::FarFault::Page(at, how)) => {
                (address, access, refused) = (at, how, true);
                error_code = if how == Access::Write { WRITE } else { 0 };
            }
        }
    }
    let Some(mm) = current().mm() else {
        kernel_bug(frame, PAGE_FAULT, error_code, address)
    };
    let result = {
        let mut mm = mm.lock();
        // The mapping may allow the access, and only the protection key deny it.
        let by_cpu = error_code & PROTECTION_KEY != 0;
        let by_cpu = by_cpu.then(|| mm.find(address).map_or(0, |area| area.key));
        match by_cpu.or_else(|| mm.denying_key(address, access)) {
            Some(key) => Err(FaultError::Denied(key)),
            None => mm.fault(address, access),
        }
    };
    let result = match result {
        Ok(()) if refused => Err(FaultError::NotAllowed),
        result => result,
    };
    drop(mm);
    match (result, fixup) {
        // ANCHOR: outcome
        (Ok(()), _) => {
            current().usage.faults.fetch_add(1, Ordering::Relaxed);
        }
        // The instruction is retried after the victim has released its memory.
        (Err(FaultError::OutOfMemory), _) if !oom::kill_largest() => run_queue::pause(),
        // The running process is ending. The copy fails, and the call releases its resources before
        // the process ends at the return to user mode.
        (Err(FaultError::OutOfMemory), Some(landing)) => frame.rip.set(landing),
        (Err(FaultError::OutOfMemory), None) => {}
        (Err(_), Some(landing)) => frame.rip.set(landing),
        // ANCHOR_END: outcome
        (Err(error), None) => {
            let (number, code, key) = match error {
                FaultError::PastEnd => (SIGBUS, linux::BUS_ADRERR, 0),
                FaultError::NotAllowed => (SIGSEGV, linux::SEGV_ACCERR, 0),
                FaultError::Denied(key) => (SIGSEGV, linux::SEGV_PKUERR, key),
                FaultError::NotMapped | FaultError::OutOfMemory => (SIGSEGV, linux::SEGV_MAPERR, 0),
            };
            let mut info = SigInfo::fault(number, code as i32, address);
            info.fields = Fields::Fault {
                addr: address,
                key: key.into(),
            };
            // Don't leak which kernel addresses are mapped: report each as a protection fault.
            let hidden = if address >= layout::TASK_SIZE {
                PRESENT
            } else {
                0
            };
            let error_code = error_code | hidden | USER;
            raise(
                frame,
                &info,
                "page fault",
                PAGE_FAULT,
                error_code,
                Some(address),
            );
        }
    }
}

/// Raises the trap of a single-stepped program after an emulated instruction.
fn trap_after_emulation(frame: &LiveFrame, steps: bool) {
    if steps {
        ptrace::debug::stepped();
        let info = SigInfo::fault(SIGTRAP, linux::TRAP_TRACE as i32, frame.rip.get());
        raise(frame, &info, NAMES[usize::from(DEBUG)], DEBUG, 0, None);
    }
}

/// Logs the exception of a program (Linux's show_unhandled_signals).
pub fn report(frame: &Frame, what: &str, error_code: u64, address: u64) {
    let task = current();
    let comm = *task.comm.lock();
    let name = core::str::from_utf8(&comm)
        .unwrap_or("?")
        .trim_end_matches('\0');
    log!(
        "{name}[{}]: {what} at {address:#x} ip {:#x} sp {:#x} error {error_code:#x}",
        task.tid(),
        frame.rip,
        frame.rsp,
    );
}

/// Panics for an exception of the kernel's own code.
pub fn kernel_bug(frame: &LiveFrame, vector: u8, error_code: u64, address: u64) -> ! {
    let name = NAMES
        .get(usize::from(vector))
        .copied()
        .unwrap_or("exception");
    let overflow = if kstack::is_guard(address) {
        " (kernel stack overflow)"
    } else {
        ""
    };
    crate::dev::panic::with_frame(
        &frame.copy(),
        format_args!("{name} in the kernel, error {error_code:#x}, address {address:#x}{overflow}"),
    )
}
