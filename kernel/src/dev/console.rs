//! Serial console: the first serial port (16550 UART, COM1). Output is polled, input raises an
//! interrupt.
//!
//! On a machine without the port, output is discarded.
//!
//! The bytes of a write(2) are sent: the way back begins. `vfs/file.rs` returns their number,
//! `syscall/table.rs` converts it to the value for rax (`to_rax`), and `entry/call.rs` returns that
//! to the stub.
//!
//! The next file on a call's path: `entry/exit.rs`, which stores the value in the frame.

use core::fmt::{self, Write};

use crate::sync::{Mutex, rank};
use spin::Lazy;
use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::IER;
use uart_16550::{Config, Uart16550};

use crate::dev::pic;

/// First I/O port of COM1.
const COM1: u16 = 0x3f8;

static CONSOLE: Lazy<Mutex<Console, rank::Console>> = Lazy::new(|| Mutex::new(Console::new()));

/// Default settings with the receive interrupt enabled; its line stays masked until [`listen`].
fn config() -> Config {
    Config {
        interrupts: IER::DATA_READY,
        ..Config::default()
    }
}

struct Console {
    port: Option<Uart16550<PioBackend>>,
    /// Whether the last byte sent ended a line.
    at_line_start: bool,
}

impl Console {
    fn new() -> Self {
        // SAFETY: only this driver uses COM1's eight ports. Without a UART reads return ones, and
        // `init` reports an error.
        let port = unsafe { Uart16550::new_port(COM1) };
        let port = port
            .ok()
            .and_then(|mut uart| uart.init(config()).ok().map(|()| uart));
        Self {
            port,
            at_line_start: true,
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        if let Some(uart) = &mut self.port {
            uart.send_bytes_exact(bytes);
        }
        if let Some(last) = bytes.last() {
            self.at_line_start = *last == b'\n';
        }
    }
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A terminal needs a carriage return before the line feed.
        for line in text.split_inclusive('\n') {
            match line.strip_suffix('\n') {
                Some(body) => {
                    self.send(body.as_bytes());
                    self.send(b"\r\n");
                }
                None => self.send(line.as_bytes()),
            }
        }
        Ok(())
    }
}

/// Prints formatted text.
pub fn print(args: fmt::Arguments<'_>) {
    let _ = CONSOLE.lock().write_fmt(args);
}

/// Sends raw bytes: terminal output after the line discipline.
pub fn send(bytes: &[u8]) {
    CONSOLE.lock().send(bytes);
}

/// Whether the cursor is at the start of a line.
pub fn at_line_start() -> bool {
    CONSOLE.lock().at_line_start
}

/// The next received byte, if any.
pub fn receive() -> Option<u8> {
    CONSOLE.lock().port.as_mut()?.try_receive_byte().ok()
}

/// Enables the receive interrupt.
pub fn listen() {
    pic::unmask(pic::COM1);
}

/// Breaks the console's lock, for a panic in the middle of a print.
///
/// # Safety
/// No other code may run afterwards.
pub unsafe fn seize() {
    // SAFETY: the lock's holder never runs again, as the caller promises.
    unsafe { CONSOLE.force_unlock() };
}
