//! ioctl(2) on an open terminal, and the requests that both ends of a pseudo-terminal support.

use alloc::sync::Arc;

use linux_raw_sys::ioctl;

use super::device::{Tty, Window};
use super::file::TerminalFile;
use super::job::{self, Asker};
use super::settings;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::process::capability::capable;
use crate::process::terminal::Terminal as _;
use crate::usercopy::UserPtr;

/// Bits of TIOCMGET: all lines of the emulated port are on.
const MODEM: u32 = {
    use linux_raw_sys::general::{TIOCM_CAR, TIOCM_CTS, TIOCM_DSR, TIOCM_DTR, TIOCM_RTS};
    TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_CAR | TIOCM_DSR
};

/// Handles a request on an open terminal.
///
/// # Errors
/// `EIO` after a hang-up, `ENOTTY` for an unknown request, and those of ioctl_tty(2).
pub fn terminal(terminal: &TerminalFile, request: u32, argument: u64) -> SysResult {
    let tty = &terminal.tty;
    if terminal.is_hung_up() {
        let is_group = request == ioctl::TIOCSPGRP;
        return Err(if is_group { Errno::ENOTTY } else { Errno::EIO });
    }
    match request {
        ioctl::FIONREAD => {
            let available = tty.state().line.available() as u32;
            UserPtr::<u32>::new(argument).write(available)?;
        }
        ioctl::TCFLSH => return settings::flush(tty, argument),
        ioctl::TIOCSTI => {
            if !job::is_own(tty) && !capable(Caps::SYS_ADMIN) {
                return Err(Errno::EPERM);
            }
            let byte = UserPtr::<u8>::new(argument).read()?;
            tty.receive(&[byte]);
        }
        ioctl::TIOCMGET | ioctl::TIOCMSET | ioctl::TIOCMBIS | ioctl::TIOCMBIC
            if tty.master.is_none() =>
        {
            let bits = UserPtr::<u32>::new(argument);
            if request == ioctl::TIOCMGET {
                bits.write(MODEM)?;
            } else {
                bits.read()?;
            }
        }
        ioctl::TIOCEXCL => tty.state().exclusive = true,
        ioctl::TIOCNXCL => tty.state().exclusive = false,
        ioctl::TIOCGEXCL => {
            let exclusive = tty.state().exclusive;
            UserPtr::<u32>::new(argument).write(u32::from(exclusive))?;
        }
        ioctl::TIOCVHANGUP => {
            if !capable(Caps::SYS_ADMIN) {
                return Err(Errno::EPERM);
            }
            tty.hang_up(false);
        }
        _ => return shared(tty, Asker::Terminal, request, argument),
    }
    Ok(0)
}

/// Handles a request that both ends of a pseudo-terminal support; it applies to the terminal.
///
/// # Errors
/// `ENOTTY` for an unknown request, and those of ioctl_tty(2).
pub fn shared(tty: &Arc<Tty>, asker: Asker, request: u32, argument: u64) -> SysResult {
    if let Some(result) = settings::request(tty, request, argument) {
        return result;
    }
    if let Some(result) = job::request(tty, asker, request, argument) {
        return result;
    }
    match request {
        ioctl::TIOCGWINSZ => {
            let window = tty.state().window;
            UserPtr::<Window>::new(argument).write(window)?;
        }
        ioctl::TIOCSWINSZ => tty.resize(UserPtr::<Window>::new(argument).read()?),
        // Output is sent at once.
        ioctl::TIOCOUTQ => UserPtr::<u32>::new(argument).write(0)?,
        ioctl::TIOCGETD => UserPtr::<u32>::new(argument).write(0)?,
        ioctl::TIOCSETD => {
            if UserPtr::<u32>::new(argument).read()? != 0 {
                return Err(Errno::EINVAL);
            }
        }
        ioctl::TIOCGDEV => UserPtr::<u32>::new(argument).write(tty.number.encode())?,
        _ => return Err(Errno::ENOTTY),
    }
    Ok(0)
}
