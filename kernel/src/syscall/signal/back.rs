//! The ways back from a handler, and into an interrupted call. sigreturn(2) has no arguments: its
//! row in the table has one so that the tracer shows the frame.

use crate::abi::errno::{Errno, SysResult};
use crate::abi::frame::Frame;
use crate::dev::log::log;
use crate::process::current;
use crate::process::signal::{self, SIGSEGV, SigInfo, frame32, frame64, restart};

/// Takes a frame off; the result is the interrupted code's rax. A frame that can't be taken is a
/// SIGSEGV, with the registers as far as they were loaded.
fn take_off(name: &str, pop: fn(&mut Frame) -> Result<(), Errno>) -> SysResult {
    let task = current();
    let sp = task.frame().rsp;
    if task.with_frame(pop).is_ok() {
        return Ok(task.frame().rax as usize);
    }
    log!("[{}]: bad frame in {name}: sp {sp:#x}", task.tid());
    signal::force(&SigInfo::kernel(SIGSEGV));
    Ok(0)
}

/// rt_sigreturn(2).
pub fn rt_sigreturn(_: u64) -> SysResult {
    take_off("rt_sigreturn", frame64::pop)
}

/// rt_sigreturn(2) of i386.
pub fn rt_sigreturn32(_: u64) -> SysResult {
    take_off("32bit rt_sigreturn", frame32::pop_rt)
}

/// sigreturn(2), i386's alone.
pub fn sigreturn32(_: u64) -> SysResult {
    take_off("32bit sigreturn", frame32::pop_old)
}

/// restart_syscall(2).
pub fn restart_syscall() -> SysResult {
    restart::restart_syscall()
}
