//! membarrier(2): memory barriers on the CPUs of other threads.
//!
//! One CPU needs none: a switch to another thread is a barrier, and restarts that thread's
//! restartable sequence (`process/rseq.rs`). The rules of registration remain.

use core::sync::atomic::Ordering;

use bitflags::bitflags;

use crate::abi::errno::{Errno, SysResult};
use crate::process::current;

bitflags! {
    /// Commands (include/uapi/linux/membarrier.h).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Command: u32 {
        const GLOBAL = 1 << 0;
        const GLOBAL_EXPEDITED = 1 << 1;
        const REGISTER_GLOBAL_EXPEDITED = 1 << 2;
        const PRIVATE_EXPEDITED = 1 << 3;
        const REGISTER_PRIVATE_EXPEDITED = 1 << 4;
        const PRIVATE_EXPEDITED_SYNC_CORE = 1 << 5;
        const REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 6;
        const PRIVATE_EXPEDITED_RSEQ = 1 << 7;
        const REGISTER_PRIVATE_EXPEDITED_RSEQ = 1 << 8;
        const GET_REGISTRATIONS = 1 << 9;
    }
}

/// MEMBARRIER_CMD_FLAG_CPU: the command applies to one CPU.
const FLAG_CPU: u32 = 1;

/// membarrier(2).
pub fn membarrier(command: i32, flags: u32, _cpu: i32) -> SysResult {
    let command = command as u32;
    let may_name_cpu = command == Command::PRIVATE_EXPEDITED_RSEQ.bits();
    if flags != 0 && !(may_name_cpu && flags == FLAG_CPU) {
        return Err(Errno::EINVAL);
    }
    if command == 0 {
        return Ok(Command::all().bits() as usize);
    }
    let registered = &current().process.membarriers;
    let is_registered = |by: Command| registered.load(Ordering::Relaxed) & by.bits() != 0;
    match Command::from_bits(command).ok_or(Errno::EINVAL)? {
        Command::GLOBAL | Command::GLOBAL_EXPEDITED => Ok(0),
        Command::PRIVATE_EXPEDITED if is_registered(Command::REGISTER_PRIVATE_EXPEDITED) => Ok(0),
        Command::PRIVATE_EXPEDITED_SYNC_CORE
            if is_registered(Command::REGISTER_PRIVATE_EXPEDITED_SYNC_CORE) =>
        {
            Ok(0)
        }
        Command::PRIVATE_EXPEDITED_RSEQ
            if is_registered(Command::REGISTER_PRIVATE_EXPEDITED_RSEQ) =>
        {
            Ok(0)
        }
        Command::PRIVATE_EXPEDITED
        | Command::PRIVATE_EXPEDITED_SYNC_CORE
        | Command::PRIVATE_EXPEDITED_RSEQ => Err(Errno::EPERM),
        Command::GET_REGISTRATIONS => Ok(registered.load(Ordering::Relaxed) as usize),
        one @ (Command::REGISTER_GLOBAL_EXPEDITED
        | Command::REGISTER_PRIVATE_EXPEDITED
        | Command::REGISTER_PRIVATE_EXPEDITED_SYNC_CORE
        | Command::REGISTER_PRIVATE_EXPEDITED_RSEQ) => {
            registered.fetch_or(one.bits(), Ordering::Relaxed);
            Ok(0)
        }
        // More than one command.
        _ => Err(Errno::EINVAL),
    }
}
