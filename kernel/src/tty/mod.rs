//! Terminals: the serial console and pseudo-terminals, with job control.
//!
//! `device.rs` is a terminal of either kind: input passes the line discipline in `line/`, output
//! goes to `serial.rs` or to the master of a pseudo-terminal in `pty/`. `file.rs` is a terminal's
//! open file; `ioctl.rs`, `settings.rs` and `job.rs` handle ioctl(2); `session.rs` has the
//! controlling terminal, access from the background, and hang-ups. Sessions and process groups are
//! in `process/jobs.rs`.
//!
//! Left out of Linux's: virtual terminals (/dev/tty1 and so on), line disciplines other than N_TTY,
//! `EXTPROC`, breaks and parity errors, modem control.

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

use alloc::sync::Arc;

use crate::abi::errno::Errno;
use crate::abi::metadata::Device;
use crate::process::current;
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
pub use session::leave;

use file::Terminal;

/// Reads typed bytes at every timer tick.
pub fn tick() {
    serial::receive();
}

/// Opens /dev/console: the serial line, which doesn't become the controlling terminal this way.
pub fn open_console() -> Arc<dyn FileOps> {
    Arc::new(Terminal::console(serial::tty().clone()))
}

/// Opens /dev/ttyS0.
pub fn open_serial() -> Arc<dyn FileOps> {
    Arc::new(Terminal::new(serial::tty().clone()))
}

/// Opens /dev/tty, the caller's controlling terminal.
///
/// # Errors
/// `ENXIO` without one.
pub fn open_controlling() -> Result<Arc<dyn FileOps>, Errno> {
    let tty = current().process.terminal.lock().tty.clone();
    let tty = tty.ok_or(Errno::ENXIO)?;
    tty.check_openable()?;
    Ok(Arc::new(Terminal::new(tty)))
}

/// Opens the terminal of a pseudo-terminal pair by its device number.
///
/// # Errors
/// `ENXIO` if there is none, `EIO` while it is locked.
pub fn open_pseudo(device: Device) -> Result<Arc<dyn FileOps>, Errno> {
    let tty = pty::find(device.minor).ok_or(Errno::ENXIO)?;
    open_slave(&tty).map(|terminal| terminal as Arc<dyn FileOps>)
}

/// Opens the terminal of a pseudo-terminal pair.
fn open_slave(tty: &Arc<Tty>) -> Result<Arc<Terminal>, Errno> {
    tty.check_openable()?;
    Ok(Arc::new(Terminal::new(tty.clone())))
}
