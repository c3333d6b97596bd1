//! The two 8259 interrupt controllers: remapped behind the exceptions, one line open.
//!
//! Every PC QEMU builds has them, `microvm` included, and they need no tables to be found.

use x86_64::instructions::port::Port;

/// First vector of the sixteen lines.
pub const BASE: u8 = 0x20;
/// Line of the PIT.
pub const TIMER: u8 = 0;

const MASTER: u16 = 0x20;
const SLAVE: u16 = 0xa0;
const END_OF_INTERRUPT: u8 = 0x20;

fn out(port: u16, value: u8) {
    // SAFETY: the 8259s' ports, driven by this module alone.
    unsafe { Port::new(port).write(value) };
}

/// Remaps both controllers (8259A data sheet: ICW1 to ICW4) and masks every line.
pub fn init() {
    for (command, base, wiring) in [(MASTER, BASE, 1 << 2), (SLAVE, BASE + 8, 2)] {
        out(command, 0x11);
        out(command + 1, base);
        out(command + 1, wiring);
        out(command + 1, 0x01);
        out(command + 1, 0xff);
    }
}

/// Opens one of the master's lines.
pub fn unmask(line: u8) {
    let mut mask = Port::<u8>::new(MASTER + 1);
    // SAFETY: reads and writes the master's mask register.
    unsafe {
        let old = mask.read();
        mask.write(old & !(1 << line));
    }
}

/// Tells the controllers that `line`'s interrupt was taken.
pub fn acknowledge(line: u8) {
    if line >= 8 {
        out(SLAVE, END_OF_INTERRUPT);
    }
    out(MASTER, END_OF_INTERRUPT);
}
