//! The terminal on the serial line: /dev/ttyS0, and /dev/console.
//!
//! Typed bytes are fetched by the line's interrupt, at every timer tick, and when a reader has made
//! room. Those that find no room stay in the UART, whose other side then waits: nothing is lost.

use alloc::sync::Arc;

use spin::Lazy;

use super::device::Tty;
use super::termios::Termios;
use crate::dev::console;
use crate::vfs::chrdev;

static TTY: Lazy<Arc<Tty>> = Lazy::new(|| Tty::new(chrdev::TTY_S0, Termios::serial(), None));

/// The terminal.
pub fn tty() -> &'static Arc<Tty> {
    &TTY
}

/// Sends bytes as they are. Output is never held back on its way: it has drained.
pub(super) fn send(bytes: &[u8]) {
    console::send(bytes);
}

/// Fetches what was typed.
pub fn receive() {
    let tty = tty();
    while tty.state().line.accepts() {
        let Some(byte) = console::receive() else {
            break;
        };
        tty.receive(&[byte]);
    }
}
