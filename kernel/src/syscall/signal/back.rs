//! Return from a signal handler, and restart of an interrupted call. sigreturn(2) has no arguments:
//! its row in the table has one for the call log, which prints the frame.

use crate::abi::errno::{Errno, SysResult};
use crate::abi::frame::LiveFrame;
use crate::abi::signal::{SIGSEGV, SigInfo};
use crate::dev::log::log;
use crate::process::current;
use crate::process::signal::{self, frame32, frame64, restart};

/// Restores a signal frame; the result is the interrupted code's rax. A bad frame raises SIGSEGV,
/// with the registers loaded so far.
// ANCHOR: restore-frame
fn restore_frame(name: &str, pop: fn(&LiveFrame) -> Result<(), Errno>) -> SysResult {
    let task = current();
    let sp = task.frame().rsp;
    if task.edit_frame(pop).is_ok() {
        return Ok(task.frame().rax as usize);
    }
    log!("[{}]: bad frame in {name}: sp {sp:#x}", task.tid());
    signal::force(&SigInfo::kernel(SIGSEGV));
    Ok(0)
}
// ANCHOR_END: restore-frame

/// rt_sigreturn(2).
pub fn rt_sigreturn(_: u64) -> SysResult {
    restore_frame("rt_sigreturn", frame64::pop)
}

/// rt_sigreturn(2), i386.
pub fn rt_sigreturn32(_: u64) -> SysResult {
    restore_frame("32bit rt_sigreturn", frame32::pop_rt)
}

/// sigreturn(2), which only i386 has.
pub fn sigreturn(_: u64) -> SysResult {
    restore_frame("32bit sigreturn", frame32::pop_old)
}

/// restart_syscall(2).
pub fn restart_syscall() -> SysResult {
    restart::restart_syscall()
}
