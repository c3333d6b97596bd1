//! PTRACE_GET_SYSCALL_INFO: the system call at which a thread is stopped.

use alloc::vec::Vec;

use super::Reason;
use crate::abi::door::Table;
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
    let table = frame.table().unwrap_or(if frame.is_compat() {
        Table::I386
    } else {
        Table::X86_64
    });
    let low = |register: u64| u64::from(register as u32);
    let (arch, number, result) = match table {
        Table::X86_64 => (ARCH_X86_64, frame.orig_rax, frame.rax as i64),
        Table::I386 => (ARCH_I386, low(frame.orig_rax), frame.rax as i32 as i64),
    };
    let mut out = Vec::from([op, 0, 0, 0]);
    out.extend(arch.to_ne_bytes());
    out.extend(frame.rip.to_ne_bytes());
    out.extend(frame.rsp.to_ne_bytes());
    match op {
        ENTRY => {
            out.extend(number.to_ne_bytes());
            // As on Linux, 64-bit code that uses INT 0x80 shows all 64 bits of the registers.
            let arguments = frame.arguments(table);
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
