//! ioctl(2) on a terminal's session and process groups (ioctl_tty(2); drivers/tty/tty_jobctrl.c).

use alloc::sync::Arc;

use linux_raw_sys::ioctl;

use super::device::Tty;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::SIGTTOU;
use crate::process::capability::capable;
use crate::process::hangup;
use crate::process::terminal::Terminal as _;
use crate::process::{current, jobs};
use crate::usercopy::UserPtr;

/// The end on which a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The master, which needs no controlling terminal.
    Master,
    /// The terminal.
    Terminal,
}

/// Handles a request about job control; `None` for any other.
pub fn request(tty: &Arc<Tty>, asker: Asker, request: u32, argument: u64) -> Option<SysResult> {
    let done = match request {
        ioctl::TIOCGPGRP => foreground(tty, asker, argument),
        ioctl::TIOCSPGRP => set_foreground(tty, argument),
        ioctl::TIOCGSID => session(tty, asker, argument),
        ioctl::TIOCSCTTY => set_controlling(tty, argument),
        ioctl::TIOCNOTTY if asker == Asker::Terminal => disassociate(tty),
        _ => return None,
    };
    Some(done.map(|()| 0))
}

/// Whether `tty` is the caller's controlling terminal.
pub(super) fn is_own(tty: &Arc<Tty>) -> bool {
    current().process.terminal.lock().is(&**tty)
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
    let sid = current().process.session();
    if !is_own(tty) || tty.state().session != sid {
        return Err(Errno::ENOTTY);
    }
    if jobs::session_of_group(group).ok_or(Errno::ESRCH)? != sid {
        return Err(Errno::EPERM);
    }
    tty.state().foreground = group;
    Ok(())
}

/// TIOCSCTTY: makes `tty` the controlling terminal of the session leader; with argument 1 and
/// CAP_SYS_ADMIN, also if another session has it.
fn set_controlling(tty: &Arc<Tty>, argument: u64) -> Result<(), Errno> {
    let process = &current().process;
    let owner = tty.state().session;
    let leads = process.leads_session();
    if leads && owner == process.session() {
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
    tty.set_controlling();
    Ok(())
}

/// TIOCNOTTY: drops the process's controlling terminal; that of the whole session if the process
/// leads it.
fn disassociate(tty: &Arc<Tty>) -> Result<(), Errno> {
    if !is_own(tty) {
        return Err(Errno::ENOTTY);
    }
    let process = &current().process;
    hangup::disassociate(process, false);
    process.terminal.lock().tty = None;
    Ok(())
}
