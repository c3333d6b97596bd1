//! The loader's only output: one line on the first serial port when it can't go on.

use core::fmt::{self, Write};
use x86_64::instructions::{hlt, port::Port};

/// I/O port of the first serial port (COM1).
const COM1: u16 = 0x3f8;
/// I/O port of QEMU's isa-debug-exit device, as the command lines of this project set it.
const DEBUG_EXIT: u16 = 0xf4;
/// Value for that device when loader or kernel gave up.
const EXIT_PANIC: u32 = 0x12;

/// COM1 as a place to write text to.
struct Serial;

impl Serial {
    /// Sets 115,200 baud, 8 data bits, no parity, one stop bit, no interrupts.
    fn new() -> Self {
        for (register, value) in [(1, 0), (3, 0x80), (0, 1), (1, 0), (3, 0x03)] {
            // SAFETY: these are a UART's registers by the PC's convention; setting its line
            // touches no memory, and where there is no UART nothing listens.
            unsafe { Port::new(COM1 + register).write(value as u8) };
        }
        Serial
    }

    fn send(&mut self, byte: u8) {
        let mut status = Port::<u8>::new(COM1 + 5);
        // Bounded: where there is no UART the bit may never come.
        for _ in 0..100_000 {
            // SAFETY: reading the line status register has no effect on memory.
            if unsafe { status.read() } & 0x20 != 0 {
                break;
            }
        }
        // SAFETY: as above; the transmitter takes one byte.
        unsafe { Port::new(COM1).write(byte) };
    }
}

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.send(byte));
        Ok(())
    }
}

/// Says what is wrong, ends QEMU where it listens for that, else stops the CPU.
pub fn fail(reason: fmt::Arguments) -> ! {
    // Serial's write never fails.
    let _ = writeln!(Serial::new(), "trident-boot: {reason}\r");
    // SAFETY: either the debug-exit device ends the machine, or nobody listens.
    unsafe { Port::new(DEBUG_EXIT).write(EXIT_PANIC) };
    loop {
        hlt();
    }
}
