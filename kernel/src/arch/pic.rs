//! The two 8259 interrupt controllers: remapped behind the exceptions, two lines open.
//!
//! Every PC QEMU builds has them, `microvm` included, and they need no tables to be found.

use x86_64::instructions::port::Port;
use x86_64::registers::model_specific::Msr;

use super::cpu;
use crate::mm::paging;

/// First vector of the sixteen lines.
pub const BASE: u8 = 0x20;
/// Line of the PIT.
pub const TIMER: u8 = 0;
/// Line of the first serial port.
pub const COM1: u8 = 4;

const MASTER: u16 = 0x20;
const SLAVE: u16 = 0xa0;
const END_OF_INTERRUPT: u8 = 0x20;

fn out(port: u16, value: u8) {
    // SAFETY: the 8259s' ports, driven by this module alone.
    unsafe { Port::new(port).write(value) };
}

/// IA32_APIC_BASE: the local APIC's address; bit 11: it is on, bit 10: in x2APIC mode.
const APIC_BASE: u32 = 0x1b;
/// Offsets of two of its registers, and what they are set to: the spurious interrupt vector
/// register (bit 8: software enable), and LINT0's entry (delivery mode ExtINT, not masked).
const WIRE: [(u32, u32); 2] = [(0xf0, 0x1ff), (0x350, 0x700)];

/// Lets the 8259s' line through the local APIC: virtual wire mode (Intel SDM vol. 3, 11.5.1).
/// Firmware does the same on PCs, but `microvm`'s leaves the line masked.
fn wire_through_local_apic() {
    if cpu::features().leaf1_edx & 1 << 9 == 0 {
        return;
    }
    // SAFETY: a CPU with an APIC has the register; reading it has no effect.
    let base = unsafe { Msr::new(APIC_BASE).read() };
    for (offset, value) in WIRE {
        match base >> 10 & 0b11 {
            // SAFETY: in x2APIC mode the registers are MSRs from 0x800 on, 16 bytes each.
            0b11 => unsafe { Msr::new(0x800 + offset / 16).write(value.into()) },
            0b10 => paging::write_device((base & !0xfff) + u64::from(offset), value),
            // Off: the CPU takes the line as one without an APIC does.
            _ => {}
        }
    }
}

/// Remaps both controllers (8259A data sheet: ICW1 to ICW4) and masks every line.
pub fn init() {
    wire_through_local_apic();
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
