//! Error output: one line on the first serial port, the loader's only output.

use core::fmt::{self, Write};
use x86_64::instructions::{hlt, port::Port};

/// I/O port of the first serial port (COM1).
const COM1: u16 = 0x3f8;
/// I/O port of QEMU's isa-debug-exit device, as set on this project's command lines.
const DEBUG_EXIT: u16 = 0xf4;
/// Value for isa-debug-exit after a failure of loader or kernel.
const EXIT_PANIC: u32 = 0x12;

/// Text output to COM1.
struct Serial;

impl Serial {
    /// Configures 115,200 baud, 8 data bits, no parity, one stop bit, no interrupts.
    fn new() -> Self {
        for (register, value) in [(1, 0), (3, 0x80), (0, 1), (1, 0), (3, 0x03)] {
            // SAFETY: the ports of COM1 on a PC; writing them affects no memory, and has no effect
            // without a UART.
            unsafe { Port::new(COM1 + register).write(value as u8) };
        }
        Serial
    }

    fn send(&mut self, byte: u8) {
        let mut status = Port::<u8>::new(COM1 + 5);
        // Bounded: without a UART the bit may never be set.
        for _ in 0..100_000 {
            // SAFETY: reading the line status register affects no memory.
            if unsafe { status.read() } & 0x20 != 0 {
                break;
            }
        }
        // SAFETY: writing the transmit register affects no memory.
        unsafe { Port::new(COM1).write(byte) };
    }
}

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.send(byte));
        Ok(())
    }
}

/// Prints `reason` and ends QEMU by isa-debug-exit; without that device halts the CPU.
pub fn fail(reason: fmt::Arguments) -> ! {
    // `Serial::write_str` never fails.
    let _ = writeln!(Serial::new(), "trident-boot: {reason}\r");
    // SAFETY: the write ends QEMU, or has no effect without the device.
    unsafe { Port::new(DEBUG_EXIT).write(EXIT_PANIC) };
    loop {
        hlt();
    }
}
