//! A terminal that controls a session: assignment, access from the background, hang-up. The
//! processes' side is in `process/terminal.rs`.

use alloc::sync::Arc;

use super::device::Tty;
use crate::abi::errno::Errno;
use crate::abi::metadata::Device;
use crate::abi::signal::{IGNORE, SIGHUP, SIGTTIN, bit};
use crate::process::hangup::{self, send_group};
use crate::process::terminal::{Controlling, Terminal};
use crate::process::{current, jobs};
use crate::vfs::inode::FileOps;

/// Whether the running task blocks or ignores a signal.
fn is_ignored(signo: u8) -> bool {
    let task = current();
    let blocked = task.blocked_signals() & bit(signo) != 0;
    blocked || task.process.actions().lock().get(signo).handler == IGNORE
}

impl Tty {
    /// Makes the terminal the controlling one of the running process, a session leader, whose
    /// process group becomes the foreground one.
    pub(super) fn set_controlling(self: &Arc<Self>) {
        let process = &current().process;
        {
            let mut state = self.state();
            state.session = process.session();
            state.foreground = process.group();
        }
        process.terminal.set(Controlling::new(self.clone()));
    }

    /// At open(2): a session leader without a controlling terminal gets this one, unless a session
    /// has it.
    pub(super) fn set_controlling_at_open(self: &Arc<Self>) {
        let process = &current().process;
        let has_one = process.terminal.lock().tty.is_some();
        if process.leads_session() && !has_one && self.state().session == 0 {
            self.set_controlling();
        }
    }

    /// Takes the terminal from its session (TIOCSCTTY with 1).
    pub(super) fn steal(&self) {
        let session = self.state().session;
        hangup::clear(session);
    }

    /// Checks that the running process may use its controlling terminal. A process in the
    /// background gets `signo` instead, SIGTTIN or SIGTTOU (`__tty_check_change`).
    ///
    /// # Errors
    /// `ERESTARTSYS` with the signal; `EIO` in an orphaned process group, and for an ignored or
    /// blocked SIGTTIN.
    pub(super) fn check_access(self: &Arc<Self>, signo: u8) -> Result<(), Errno> {
        let process = &current().process;
        if !process.terminal.lock().is(&**self) {
            return Ok(());
        }
        let group = process.group();
        let foreground = self.foreground();
        if foreground == 0 || foreground == group {
            return Ok(());
        }
        if is_ignored(signo) {
            return if signo == SIGTTIN {
                Err(Errno::EIO)
            } else {
                Ok(())
            };
        }
        if jobs::is_orphaned_group(process) {
            return Err(Errno::EIO);
        }
        send_group(group, signo);
        Err(Errno::ERESTARTSYS)
    }
}

impl Terminal for Tty {
    fn number(&self) -> Device {
        self.number
    }

    fn foreground(&self) -> u32 {
        self.state().foreground
    }

    fn release(&self) {
        let mut state = self.state();
        state.session = 0;
        state.foreground = 0;
    }

    fn hangs_up_at_exit(&self) -> bool {
        self.master.is_none()
    }

    fn hang_up(&self, with_session: bool) {
        let (session, foreground) = {
            let mut state = self.state();
            state.hang_ups += 1;
            state.line.flush_input();
            state.line.flush_echo();
            state.line.start();
            (
                core::mem::take(&mut state.session),
                core::mem::take(&mut state.foreground),
            )
        };
        hangup::hung_up(self, session, foreground);
        if with_session {
            send_group(foreground, SIGHUP);
        }
        self.wake();
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        Ok(super::open_slave(&self)?)
    }
}
