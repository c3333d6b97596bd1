//! ioctl(2) on a terminal's session and groups (ioctl_tty(2), Linux's tty_jobctrl.c).

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use linux_raw_sys::ioctl;

use super::device::Tty;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::process::capability::capable;
use crate::process::signal::SIGTTOU;
use crate::process::{current, jobs};
use crate::usercopy::UserPtr;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The other end of a pseudo-terminal: it needn't be its own terminal.
    Master,
    /// The terminal itself.
    Terminal,
}

/// Answers what is about job control; `None` for another request.
pub fn request(tty: &Arc<Tty>, asker: Asker, request: u32, argument: u64) -> Option<SysResult> {
    let done = match request {
        ioctl::TIOCGPGRP => foreground(tty, asker, argument),
        ioctl::TIOCSPGRP => set_foreground(tty, argument),
        ioctl::TIOCGSID => session(tty, asker, argument),
        ioctl::TIOCSCTTY => take(tty, argument),
        ioctl::TIOCNOTTY if asker == Asker::Terminal => give_up(tty),
        _ => return None,
    };
    Some(done.map(|()| 0))
}

/// Whether `tty` is the caller's own.
pub(super) fn is_own(tty: &Arc<Tty>) -> bool {
    current().process.terminal.lock().is(tty)
}

fn foreground(tty: &Arc<Tty>, asker: Asker, argument: u64) -> Result<(), Errno> {
    if asker == Asker::Terminal && !is_own(tty) {
        return Err(Errno::ENOTTY);
    }
    let group = tty.foreground();
    UserPtr::<u32>::new(argument).write(group)
}

fn session(tty: &Arc<Tty>, asker: Asker, argument: u64) -> Result<(), Errno> {
    let session = tty.state().session;
    if asker == Asker::Terminal && !is_own(tty) || session == 0 {
        return Err(Errno::ENOTTY);
    }
    UserPtr::<u32>::new(argument).write(session)
}

fn set_foreground(tty: &Arc<Tty>, argument: u64) -> Result<(), Errno> {
    tty.check_access(SIGTTOU).map_err(|errno| match errno {
        Errno::EIO => Errno::ENOTTY,
        other => other,
    })?;
    let group = UserPtr::<i32>::new(argument).read()?;
    let group = u32::try_from(group).map_err(|_| Errno::EINVAL)?;
    let sid = current().process.sid.load(Ordering::Relaxed);
    if !is_own(tty) || tty.state().session != sid {
        return Err(Errno::ENOTTY);
    }
    if jobs::session_of_group(group).ok_or(Errno::ESRCH)? != sid {
        return Err(Errno::EPERM);
    }
    tty.state().foreground = group;
    Ok(())
}

/// TIOCSCTTY: the session leader makes it the controlling terminal; with 1 root takes it from
/// another session.
fn take(tty: &Arc<Tty>, argument: u64) -> Result<(), Errno> {
    let process = &current().process;
    let owner = tty.state().session;
    let leads = jobs::leads_session(process);
    if leads && owner == process.sid.load(Ordering::Relaxed) {
        return Ok(());
    }
    if !leads || process.terminal.lock().tty.is_some() {
        return Err(Errno::EPERM);
    }
    if owner != 0 {
        if argument != 1 || !capable(Caps::SYS_ADMIN) {
            return Err(Errno::EPERM);
        }
        tty.steal();
    }
    tty.take();
    Ok(())
}

/// TIOCNOTTY: the process has no controlling terminal any more; if it leads the session, nobody in
/// the session has.
fn give_up(tty: &Arc<Tty>) -> Result<(), Errno> {
    if !is_own(tty) {
        return Err(Errno::ENOTTY);
    }
    let process = &current().process;
    super::leave(process, false);
    process.terminal.lock().tty = None;
    Ok(())
}
