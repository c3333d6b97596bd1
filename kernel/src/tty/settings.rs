//! ioctl(2) on a terminal's settings (drivers/tty/tty_ioctl.c).

use alloc::sync::Arc;

use linux_raw_sys::general::{
    CLOCAL, CREAD, CS8, CSIZE, PARENB, TCIFLUSH, TCIOFF, TCIOFLUSH, TCION, TCOFLUSH, TCOOFF, TCOON,
};
use linux_raw_sys::ioctl;

use super::device::Tty;
use super::layout::Layout;
use super::termios::{Input, character as ch};
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::SIGTTOU;
use crate::process::current;
use crate::sched::wait::is_interrupted;
use crate::usercopy::UserPtr;

/// Action of TCSETS, TCSETSW and TCSETSF before the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Wait until output is sent.
    Drain,
    /// Wait until output is sent, and discard input.
    Flush,
}

/// Handles a request about settings; `None` for any other.
pub fn request(tty: &Arc<Tty>, request: u32, argument: u64) -> Option<SysResult> {
    use Before::{Drain, Flush, Nothing};
    use Layout::{Old, Plain, WithSpeeds};
    let done = match request {
        ioctl::TCGETS => get(tty, Plain, argument),
        ioctl::TCGETS2 => get(tty, WithSpeeds, argument),
        ioctl::TCGETA => get(tty, Old, argument),
        ioctl::TCSETS => set(tty, Plain, Nothing, argument),
        ioctl::TCSETSW => set(tty, Plain, Drain, argument),
        ioctl::TCSETSF => set(tty, Plain, Flush, argument),
        ioctl::TCSETS2 => set(tty, WithSpeeds, Nothing, argument),
        ioctl::TCSETSW2 => set(tty, WithSpeeds, Drain, argument),
        ioctl::TCSETSF2 => set(tty, WithSpeeds, Flush, argument),
        ioctl::TCSETA => set(tty, Old, Nothing, argument),
        ioctl::TCSETAW => set(tty, Old, Drain, argument),
        ioctl::TCSETAF => set(tty, Old, Flush, argument),
        ioctl::TIOCGLCKTRMIOS => {
            let locks = tty.state().locks;
            Plain.write(&locks, argument)
        }
        ioctl::TIOCSLCKTRMIOS => set_locks(tty, argument),
        ioctl::TIOCGSOFTCAR => {
            let is_local = tty.state().line.termios().control & CLOCAL != 0;
            UserPtr::<i32>::new(argument).write(i32::from(is_local))
        }
        ioctl::TIOCSSOFTCAR => set_local(tty, argument),
        // A break is not sent: the other side couldn't see it.
        ioctl::TCSBRK | ioctl::TCSBRKP | ioctl::TIOCSBRK | ioctl::TIOCCBRK => {
            tty.check_access(SIGTTOU).and_then(|()| drain(tty))
        }
        ioctl::TCXONC => flow(tty, argument),
        _ => return None,
    };
    Some(done.map(|()| 0))
}

fn get(tty: &Tty, layout: Layout, argument: u64) -> Result<(), Errno> {
    let termios = *tty.state().line.termios();
    layout.write(&termios, argument)
}

fn set(tty: &Arc<Tty>, layout: Layout, before: Before, argument: u64) -> Result<(), Errno> {
    tty.check_access(SIGTTOU)?;
    let now = *tty.state().line.termios();
    let mut termios = layout.read(&now, argument)?;
    if before == Before::Flush {
        flush_input(tty);
    }
    if before != Before::Nothing {
        drain(tty)?;
    }
    if tty.master.is_some() {
        // Pseudo-terminals have eight bits and no parity.
        termios.control = termios.control & !(CSIZE | PARENB) | CS8 | CREAD;
    }
    let locks = tty.state().locks;
    termios.restore_locked(&locks, &now);
    tty.with_line(|line| line.set(termios));
    if let Some(master) = &tty.master {
        let by_control = |termios: &super::termios::Termios| {
            termios.input.contains(Input::IXON)
                && termios.characters[ch::VSTOP] == 0o23
                && termios.characters[ch::VSTART] == 0o21
        };
        if by_control(&now) != by_control(&termios) {
            master.report_flow_control(by_control(&termios));
        }
    }
    // The new settings may end the wait of a reader or writer.
    tty.wake();
    Ok(())
}

/// Locks the settings set in the given ones (unset_locked_termios in tty_ioctl.c).
fn set_locks(tty: &Tty, argument: u64) -> Result<(), Errno> {
    let may = current()
        .cred()
        .has_any(Caps::SYS_ADMIN | Caps::CHECKPOINT_RESTORE);
    if !may {
        return Err(Errno::EPERM);
    }
    let locks = tty.state().locks;
    let locks = Layout::Plain.read(&locks, argument)?;
    tty.state().locks = locks;
    Ok(())
}

fn set_local(tty: &Tty, argument: u64) -> Result<(), Errno> {
    let is_local = UserPtr::<i32>::new(argument).read()? != 0;
    let mut termios = *tty.state().line.termios();
    termios.control &= !CLOCAL;
    if is_local {
        termios.control |= CLOCAL;
    }
    tty.with_line(|line| line.set(termios));
    Ok(())
}

/// Waits until all output is sent. On the serial line only echoes are queued, while output is
/// stopped; for a pseudo-terminal there is no wait.
fn drain(tty: &Tty) -> Result<(), Errno> {
    if tty.master.is_some() {
        return Ok(());
    }
    tty.changed.wait_for(|| {
        let mut state = tty.state();
        tty.send_echo(&mut state);
        if !state.line.has_echo() {
            return Some(Ok(()));
        }
        is_interrupted().then_some(Err(Errno::ERESTARTSYS))
    })
}

fn flush_input(tty: &Tty) {
    tty.with_line(super::line::Line::flush_input);
    if let Some(master) = &tty.master {
        master.report_flush(true, false);
    }
    tty.wake();
}

/// TCFLSH on the terminal.
pub fn flush(tty: &Arc<Tty>, argument: u64) -> SysResult {
    tty.check_access(SIGTTOU)?;
    match u32::try_from(argument) {
        Ok(TCIFLUSH) => flush_input(tty),
        Ok(what @ (TCOFLUSH | TCIOFLUSH)) => {
            if what == TCIOFLUSH {
                flush_input(tty);
            }
            if let Some(master) = &tty.master {
                master.report_flush(false, true);
            }
        }
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

/// TCXONC: stops or restarts output, or sends VSTOP or VSTART.
fn flow(tty: &Arc<Tty>, argument: u64) -> Result<(), Errno> {
    tty.check_access(SIGTTOU)?;
    let characters = tty.state().line.termios().characters;
    match u32::try_from(argument) {
        Ok(TCOOFF) => tty.with_line(|line| line.stop_by_program(true)),
        Ok(TCOON) => tty.with_line(|line| line.stop_by_program(false)),
        Ok(TCIOFF) => tty.send_control(characters[ch::VSTOP]),
        Ok(TCION) => tty.send_control(characters[ch::VSTART]),
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}
