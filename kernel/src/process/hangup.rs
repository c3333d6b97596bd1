//! Loss of the controlling terminal: hang-up, and release by the session leader
//! (drivers/tty/tty_jobctrl.c).

use alloc::sync::Arc;

use super::terminal::Terminal;
use super::{Process, signal, table};
use crate::abi::signal::{SIGCONT, SIGHUP, SigInfo};

/// Sends a signal of the kernel to a process group, which may be empty; 0 is none.
pub fn send_group(group: u32, signo: u8) {
    if group != 0 {
        let _ = signal::send_group(group, &SigInfo::kernel(signo));
    }
}

/// The processes of a session; none for 0, which is no session.
fn members(session: u32) -> impl Iterator<Item = Arc<Process>> {
    let session = (session != 0).then_some(session);
    session.into_iter().flat_map(table::session_members)
}

/// Removes the controlling terminal of every process of a session.
pub fn clear(session: u32) {
    for process in members(session) {
        process.terminal.lock().tty = None;
    }
}

/// Removes the controlling terminal `tty`, which is hung up, of every process of a session. Its
/// leader gets SIGHUP and SIGCONT, and remembers the foreground process group.
pub fn hung_up(tty: &dyn Terminal, session: u32, foreground: u32) {
    for process in members(session) {
        let mut terminal = process.terminal.lock();
        if terminal.is(tty) {
            terminal.tty = None;
        }
        if process.leads_session() {
            terminal.old_foreground = foreground;
            drop(terminal);
            let _ = signal::send_process(&process, &SigInfo::kernel(SIGHUP));
            let _ = signal::send_process(&process, &SigInfo::kernel(SIGCONT));
        }
    }
}

/// The session leader `process` drops its controlling terminal, on exit (`exits`) or by TIOCNOTTY;
/// so does every process of the session (`disassociate_ctty`).
pub fn disassociate(process: &Process, exits: bool) {
    if !process.leads_session() {
        return;
    }
    let (tty, old_foreground) = {
        let mut terminal = process.terminal.lock();
        (
            terminal.tty.clone(),
            core::mem::take(&mut terminal.old_foreground),
        )
    };
    match &tty {
        Some(tty) if exits && tty.hangs_up_at_exit() => tty.hang_up(true),
        Some(tty) => {
            let foreground = tty.foreground();
            send_group(foreground, SIGHUP);
            if !exits {
                send_group(foreground, SIGCONT);
            }
        }
        // The terminal was hung up before.
        None if exits => {
            send_group(old_foreground, SIGHUP);
            send_group(old_foreground, SIGCONT);
        }
        None => {}
    }
    if let Some(tty) = tty {
        tty.release();
    }
    clear(process.session());
}
