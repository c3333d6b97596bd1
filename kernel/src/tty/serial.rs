//! The terminal on the serial line: /dev/ttyS0 and /dev/console.
//!
//! Typed bytes are read from the UART by its interrupt, at every timer tick, and after a read makes
//! room. Without room they stay in the UART, and the sender waits: none is lost.

use alloc::sync::Arc;

use spin::Lazy;

use super::device::Tty;
use super::termios::Termios;
use crate::dev::console;
use crate::vfs::chrdev;

static TTY: Lazy<Arc<Tty>> = Lazy::new(|| Tty::new(chrdev::TTY_S0, Termios::serial(), None));

/// The serial line's terminal.
pub fn tty() -> &'static Arc<Tty> {
    &TTY
}

/// Sends bytes unchanged and without a queue: there is no output to drain.
pub(super) fn send(bytes: &[u8]) {
    console::send(bytes);
}

/// Passes typed bytes from the UART to the terminal, while there is room.
pub fn receive() {
    let tty = tty();
    while tty.state().line.accepts() {
        let Some(byte) = console::receive() else {
            break;
        };
        tty.receive(&[byte]);
    }
}
