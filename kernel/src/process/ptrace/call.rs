//! PTRACE_GET_SYSCALL_INFO: the system call at which a thread is stopped.

use alloc::vec::Vec;

use super::Reason;
use crate::abi::frame::Door;
use crate::process::Task;

/// AUDIT_ARCH_X86_64 and AUDIT_ARCH_I386 (linux/audit.h).
const ARCH_X86_64: u32 = 0xc000_003e;
const ARCH_I386: u32 = 0x4000_0003;

/// `PTRACE_SYSCALL_INFO_NONE`, `_ENTRY`, `_EXIT`.
const NONE: u8 = 0;
const ENTRY: u8 = 1;
const EXIT: u8 = 2;

/// `struct ptrace_syscall_info` of a stopped thread, of the length for its kind of stop.
pub fn info(task: &Task) -> Vec<u8> {
    let frame = task.frame();
    let stop = task
        .tracing
        .lock()
        .as_ref()
        .and_then(|tracing| tracing.stop);
    let op = match stop.map(|stop| stop.reason) {
        Some(Reason::Entry) => ENTRY,
        Some(Reason::Exit) => EXIT,
        _ => NONE,
    };
    // The ABI of the call, or outside a call of the code.
    let is_i386 = match Door::of(frame.entry) {
        Some(door) => door != Door::Syscall,
        None => frame.is_compat(),
    };
    let arch = if is_i386 { ARCH_I386 } else { ARCH_X86_64 };
    let mut out = Vec::from([op, 0, 0, 0]);
    out.extend(arch.to_ne_bytes());
    out.extend(frame.rip.to_ne_bytes());
    out.extend(frame.rsp.to_ne_bytes());
    let low = |register: u64| u64::from(register as u32);
    let (number, arguments, result) = if is_i386 {
        let all = [
            frame.rbx, frame.rcx, frame.rdx, frame.rsi, frame.rdi, frame.rbp,
        ];
        let result = frame.rax as i32 as i64;
        // As on Linux, 64-bit code that uses INT 0x80 shows all 64 bits of the registers.
        (low(frame.orig_rax), all, result)
    } else {
        let all = [
            frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9,
        ];
        (frame.orig_rax, all, frame.rax as i64)
    };
    match op {
        ENTRY => {
            out.extend(number.to_ne_bytes());
            out.extend(arguments.iter().flat_map(|word| word.to_ne_bytes()));
        }
        EXIT => {
            out.extend(result.to_ne_bytes());
            out.push(u8::from((-4095..0).contains(&result)));
        }
        _ => {}
    }
    out
}
