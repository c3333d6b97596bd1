//! The console: the first serial port (16550, COM1). What is sent is waited for; an interrupt tells
//! of what was typed.
//!
//! A machine without one still boots: what is written is dropped.

use core::fmt::{self, Write};

use crate::sync::{Mutex, rank};
use spin::Lazy;
use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::IER;
use uart_16550::{Config, Uart16550};

use crate::arch::pic;

/// COM1's first port on every PC.
const COM1: u16 = 0x3f8;

static CONSOLE: Lazy<Mutex<Console, rank::Console>> = Lazy::new(|| Mutex::new(Console::new()));

/// Defaults, with an interrupt for received bytes: its line stays masked until [`listen`].
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
        // SAFETY: COM1's eight ports are claimed by this driver alone; reading an absent
        // UART returns ones and `init` then reports an error.
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
        // Terminals want a carriage return before the line feed.
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

/// Sends bytes as they are: what a program writes to its terminal, after the line
/// discipline's own changes.
pub fn send(bytes: &[u8]) {
    CONSOLE.lock().send(bytes);
}

/// Whether the cursor is at the start of a line.
pub fn at_line_start() -> bool {
    CONSOLE.lock().at_line_start
}

/// The next byte typed, if there is one.
pub fn receive() -> Option<u8> {
    CONSOLE.lock().port.as_mut()?.try_receive_byte().ok()
}

/// Has the port interrupt when a byte was typed.
pub fn listen() {
    pic::unmask(pic::COM1);
}

/// Takes the console from whoever holds it: for a panic, whose message must come out even
/// if the panic struck in the middle of a print.
///
/// # Safety
/// Nothing else may run afterwards.
pub unsafe fn seize() {
    // SAFETY: the caller never returns to the holder of the lock.
    unsafe { CONSOLE.force_unlock() };
}
