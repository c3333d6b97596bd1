//! ioperm(2) and iopl(2): access of a program to I/O ports. `sched/ports.rs` keeps the permissions.

use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::arch::gdt::PORT_BYTES;
use crate::process::capability::require;
use crate::process::current;

/// ioperm(2): permits or forbids `count` ports from `first` on.
pub fn ioperm(first: u64, count: u64, open: i32) -> SysResult {
    let end = first.checked_add(count).ok_or(Errno::EINVAL)?;
    if count == 0 || end > 8 * PORT_BYTES as u64 {
        return Err(Errno::EINVAL);
    }
    let task = current();
    if open != 0 {
        require(Caps::SYS_RAWIO)?;
    }
    task.open_ports(first as usize..end as usize, open != 0)?;
    Ok(0)
}

/// iopl(2): level 3 permits all ports; CLI and STI are emulated without effect.
pub fn iopl(level: u32) -> SysResult {
    let task = current();
    let now = task.ports().lock().level();
    let level = u8::try_from(level)
        .ok()
        .filter(|level| *level <= 3)
        .ok_or(Errno::EINVAL)?;
    if level > now {
        require(Caps::SYS_RAWIO)?;
    }
    task.set_port_level(level);
    Ok(0)
}
