//! Resource usage: getrusage(2), times(2), acct(2). The counts are kept in `process/rusage.rs`.

use linux_raw_sys::general::AT_FDCWD;

use super::argument::Word;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::mode;
use crate::mm::PAGE_SIZE;
use crate::process::caller;
use crate::process::capability::require;
use crate::process::rusage;
use crate::process::usage::Totals;
use crate::process::{Process, accounting, current};
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::time;
use crate::usercopy::UserPtr;
use crate::vfs::file::flags::{O_APPEND, O_LARGEFILE, O_WRONLY};
use crate::vfs::open;

/// getrusage(2)'s RUSAGE_CHILDREN.
const CHILDREN: i32 = -1;
/// Nanoseconds in a clock tick (USER_HZ is 100).
const TICK: u64 = 10_000_000;

/// struct rusage in user memory.
pub type Rusage<W> = UserPtr<[W; 18]>;

/// Writes a struct rusage; does nothing for NULL. Block input and output are left out (0).
///
/// # Errors
/// `EFAULT`.
pub fn write<W: Word>(to: Rusage<W>, totals: &Totals) -> Result<(), Errno> {
    let mut fields = [0u64; 18];
    let seconds_and_micros = |nanos: u64| (nanos / 1_000_000_000, nanos / 1000 % 1_000_000);
    (fields[0], fields[1]) = seconds_and_micros(totals.user);
    (fields[2], fields[3]) = seconds_and_micros(totals.system);
    // ru_maxrss in KiB, ru_minflt, ru_nvcsw, ru_nivcsw.
    fields[4] = totals.max_pages * (PAGE_SIZE / 1024);
    fields[8] = totals.faults;
    (fields[16], fields[17]) = (totals.voluntary, totals.involuntary);
    to.write_opt(fields.map(W::truncate))
}

/// Usage of a process and of the children that it has waited for.
pub fn with_children(process: &Process) -> Totals {
    let children = process.usage.children();
    rusage::of_process(process).with(children)
}

/// getrusage(2).
pub fn getrusage<W: Word>(who: i32, out: Rusage<W>) -> SysResult {
    let task = current();
    let totals = match who {
        0 => rusage::of_process(&task.process),
        1 => rusage::of_task(&task),
        CHILDREN => task.process.usage.children(),
        _ => return Err(Errno::EINVAL),
    };
    if out.is_null() {
        return Err(Errno::EFAULT);
    }
    write(out, &totals).map(|()| 0)
}

/// times(2): struct tms, and clock ticks since boot.
pub fn times<W: Word>(out: UserPtr<[W; 4]>) -> SysResult {
    let process = &current().process;
    let own = rusage::of_process(process);
    let children = process.usage.children();
    let ticks = [own.user, own.system, children.user, children.system].map(|nanos| nanos / TICK);
    out.write_opt(ticks.map(W::truncate))?;
    let now: u64 = W::truncate(time::uptime_ns() / TICK).into();
    Ok(now as usize)
}

/// acct(2): appends a record of each process that exits to the file at `path`; NULL turns
/// accounting off.
pub fn acct(path: UserPath) -> SysResult {
    require(Caps::SYS_PACCT)?;
    if path.is_null() {
        accounting::set(None);
        return Ok(0);
    }
    let path = user_path::read(path)?;
    let file = caller::walk_at(AT_FDCWD, &path, |walk, _| {
        open::open(walk, &path, O_WRONLY | O_APPEND | O_LARGEFILE, 0, 0)
    })?;
    if file.inode().kind() != mode::S_IFREG {
        return Err(Errno::EACCES);
    }
    accounting::set(Some(file));
    Ok(0)
}
