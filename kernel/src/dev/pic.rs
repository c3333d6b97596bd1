//! The two 8259 interrupt controllers (PICs), remapped to vectors after the exceptions'.
//!
//! All PC machines of QEMU have them, `microvm` included, at fixed ports.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use x86_64::instructions::port::Port;

use super::local_apic;

/// First vector of the sixteen lines.
pub const BASE: u8 = 0x20;
/// Number of lines.
pub const LINES: usize = 16;
/// Interrupt line of the PIT.
pub const TIMER: u8 = 0;
/// Interrupt line of the first serial port.
pub const COM1: u8 = 4;

const MASTER: u16 = 0x20;
const SLAVE: u16 = 0xa0;
const END_OF_INTERRUPT: u8 = 0x20;

fn out(port: u16, value: u8) {
    // SAFETY: the ports of the 8259s, which only this module uses.
    unsafe { Port::new(port).write(value) };
}

/// Remaps both controllers (8259A data sheet: ICW1 to ICW4) and masks every line.
pub fn init() {
    local_apic::init();
    for (command, base, wiring) in [(MASTER, BASE, 1 << 2), (SLAVE, BASE + 8, 2)] {
        out(command, 0x11);
        out(command + 1, base);
        out(command + 1, wiring);
        out(command + 1, 0x01);
        out(command + 1, 0xff);
    }
}

/// Unmasks `line` of the master PIC.
pub fn unmask(line: u8) {
    let mut mask = Port::<u8>::new(MASTER + 1);
    // SAFETY: reads and writes the master's mask register.
    unsafe {
        let old = mask.read();
        mask.write(old & !(1 << line));
    }
}

/// Interrupts of each line since boot.
static COUNTS: [AtomicU64; LINES] = [const { AtomicU64::new(0) }; LINES];

/// Number of interrupts of each line since boot.
pub fn counts() -> [u64; LINES] {
    COUNTS.each_ref().map(|count| count.load(Relaxed))
}

/// Acknowledges the interrupt of `line` (end of interrupt), and counts it.
pub fn acknowledge(line: u8) {
    COUNTS[usize::from(line)].fetch_add(1, Relaxed);
    if line >= 8 {
        out(SLAVE, END_OF_INTERRUPT);
    }
    out(MASTER, END_OF_INTERRUPT);
}
