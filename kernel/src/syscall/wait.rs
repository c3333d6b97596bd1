//! Waits for children: wait4(2), waitpid(2), waitid(2).

use linux_raw_sys::general as linux;

use super::argument::Word;
use super::usage::Rusage;
use super::{pidfd, usage};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::SIGCHLD;
use crate::process::children::{self, Options, Report, Which};
use crate::process::current;
use crate::usercopy::UserPtr;
use crate::vfs::file::flags::O_NONBLOCK;

/// wait4(2).
pub fn wait4<W: Word>(
    pid: i32,
    status: UserPtr<u32>,
    options: u32,
    rusage: Rusage<W>,
) -> SysResult {
    let known = Options::all() - Options::EXITED - Options::NOWAIT;
    let options = Options::from_bits(options)
        .filter(|options| known.contains(*options))
        .ok_or(Errno::EINVAL)?;
    let which = match pid {
        -1 => Which::Any,
        0 => Which::Group(current().process.group()),
        i32::MIN => return Err(Errno::ESRCH),
        pid if pid < 0 => Which::Group(pid.unsigned_abs()),
        pid => Which::Pid(pid as u32),
    };
    let Some(report) = children::wait(which, options | Options::EXITED)? else {
        return Ok(0);
    };
    status.write_opt(report.event.wait_status())?;
    usage::write(rusage, &usage::with_children(&report.process))?;
    Ok(report.id as usize)
}

/// waitpid(2), i386.
pub fn waitpid(pid: i32, status: UserPtr<u32>, options: u32) -> SysResult {
    wait4::<u32>(pid, status, options, UserPtr::new(0))
}

/// The wait of waitid(2); `None` if WNOHANG finds no event.
fn wait_for(kind: u32, id: i32, options: u32) -> Result<Option<Report>, Errno> {
    let known = Options::all();
    let options = Options::from_bits(options)
        .filter(|options| known.contains(*options))
        .ok_or(Errno::EINVAL)?;
    if !options.intersects(Options::EXITED | Options::UNTRACED | Options::CONTINUED) {
        return Err(Errno::EINVAL);
    }
    let which = match (kind, id) {
        (linux::P_ALL, _) => Which::Any,
        (linux::P_PID, 1..) => Which::Pid(id as u32),
        (linux::P_PGID, 0) => Which::Group(current().process.group()),
        (linux::P_PGID, 1..) => Which::Group(id as u32),
        (linux::P_PIDFD, 0..) => {
            let (file, pid) = pidfd::file_and_process(id)?;
            if file.flags() & O_NONBLOCK != 0 && !options.contains(Options::NOHANG) {
                let report = children::wait(Which::Process(pid), options | Options::NOHANG)?;
                return report.map(Some).ok_or(Errno::EAGAIN);
            }
            Which::Process(pid)
        }
        _ => return Err(Errno::EINVAL),
    };
    children::wait(which, options)
}

/// waitid(2): writes a `siginfo_t`, whose fields up to `si_code` are the same in both layouts;
/// `si_pid`, `si_uid` and `si_status` follow, in the 64-bit layout after 4 bytes of padding.
/// Without an event and on an error they are 0.
pub fn waitid<W: Word>(
    kind: u32,
    id: i32,
    info: UserPtr<i32>,
    options: u32,
    rusage: Rusage<W>,
) -> SysResult {
    let result = wait_for(kind, id, options);
    let report = result.as_ref().ok().and_then(Option::as_ref);
    if let Some(report) = report {
        usage::write(rusage, &usage::with_children(&report.process))?;
    }
    if !info.is_null() {
        write_info::<W>(info, report)?;
    }
    result.map(|_| 0)
}

fn write_info<W: Word>(at: UserPtr<i32>, report: Option<&Report>) -> Result<(), Errno> {
    let (signo, code, pid, uid, status) = report.map_or((0, 0, 0, 0, 0), |report| {
        let (code, status) = report.event.code_and_status();
        let uid = report.process.cred().uid;
        (
            i32::from(SIGCHLD),
            code,
            report.id as i32,
            uid as i32,
            status,
        )
    });
    let head = at.cast::<[i32; 3]>();
    head.write([signo, 0, code])?;
    // The rest has a long's alignment.
    let rest = size_of::<[i32; 3]>().next_multiple_of(size_of::<W>());
    head.byte_add(rest as u64).write([pid, uid, status])
}
