//! Terminals: the serial console and pseudo-terminals, with job control.
//!
//! `device.rs` is a terminal of either kind: input passes the line discipline in `line/`, output
//! goes to `serial.rs` or to the master of a pseudo-terminal in `pty/`. `file.rs` is a terminal's
//! open file; `ioctl.rs`, `settings.rs` and `job.rs` handle ioctl(2); `session.rs` has the session
//! of a terminal, access from the background, and hang-ups. Sessions and process groups are in
//! `process/jobs.rs`, a process's controlling terminal in `process/terminal.rs`.
//!
//! Left out of Linux's: virtual terminals (/dev/tty1 and so on), line disciplines other than N_TTY,
//! `EXTPROC`, breaks and parity errors, modem control.

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as
// unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

use alloc::sync::Arc;

use crate::abi::errno::Errno;
use crate::abi::metadata::Device;
use crate::process::current;
use crate::vfs::chrdev::{self, Driver};
use crate::vfs::inode::FileOps;

mod device;
mod file;
mod ioctl;
mod job;
mod layout;
mod line;
pub mod pty;
pub mod serial;
pub mod session;
mod settings;
mod termios;

#[cfg(test)]
mod tests;

pub use device::Tty;

use file::TerminalFile;

/// Reads typed bytes at every timer tick.
pub fn tick() {
    serial::receive();
}

/// The driver of all terminals.
pub static DRIVERS: &[Driver] = &[Driver {
    majors: &[4, 5, pty::TERMINAL_MAJOR],
    open,
}];

/// Opens a terminal by its device number. The console is the serial line, which doesn't become the
/// controlling terminal this way; /dev/tty is the caller's controlling terminal.
fn open(device: Device) -> Result<Arc<dyn FileOps>, Errno> {
    Ok(match device {
        chrdev::TTY_S0 => Arc::new(TerminalFile::new(serial::tty().clone())),
        chrdev::CONSOLE => Arc::new(TerminalFile::console(serial::tty().clone())),
        chrdev::TTY => {
            let tty = current().process.terminal.lock().tty.clone();
            tty.ok_or(Errno::ENXIO)?.open()?
        }
        chrdev::PTMX => pty::open_master()?,
        _ if device.major == pty::TERMINAL_MAJOR => {
            open_slave(&pty::find(device.minor).ok_or(Errno::ENXIO)?)?
        }
        _ => return Err(Errno::ENXIO),
    })
}

/// Opens a terminal; `EIO` for that of a pseudo-terminal pair while it is locked.
fn open_slave(tty: &Arc<Tty>) -> Result<Arc<TerminalFile>, Errno> {
    tty.check_openable()?;
    Ok(Arc::new(TerminalFile::new(tty.clone())))
}
