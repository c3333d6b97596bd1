//! The two 8259 interrupt controllers (PICs), remapped to vectors after the exceptions'.
//!
//! All PC machines of QEMU have them, `microvm` included, at fixed ports.

use x86_64::instructions::port::Port;
use x86_64::registers::model_specific::Msr;

use crate::arch::cpu;
use crate::mm::paging;

/// First vector of the sixteen lines.
pub const BASE: u8 = 0x20;
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

/// IA32_APIC_BASE: address of the local APIC. Bit 11: enabled, bit 10: x2APIC mode.
const APIC_BASE: u32 = 0x1b;
/// Offsets and values of two local APIC registers: the spurious interrupt vector register (bit 8:
/// software enable) and the LVT entry of LINT0 (delivery mode ExtINT, unmasked).
const WIRE: [(u32, u32); 2] = [(0xf0, 0x1ff), (0x350, 0x700)];

/// Sets the local APIC to virtual wire mode, which passes the 8259s' interrupts to the CPU (Intel
/// SDM vol. 3, 11.5.1). PC firmware does so too; `microvm`'s leaves LINT0 masked.
fn wire_through_local_apic() {
    if cpu::features().leaf1_edx & 1 << 9 == 0 {
        return;
    }
    // SAFETY: a CPU with an APIC has the MSR; reading it has no side effect.
    let base = unsafe { Msr::new(APIC_BASE).read() };
    for (offset, value) in WIRE {
        match base >> 10 & 0b11 {
            // SAFETY: in x2APIC mode the registers are MSRs from 0x800 on, 16 bytes each.
            0b11 => unsafe { Msr::new(0x800 + offset / 16).write(value.into()) },
            0b10 => paging::write_device((base & !0xfff) + u64::from(offset), value),
            // Disabled: INTR is wired to the CPU as without an APIC.
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

/// Unmasks `line` of the master PIC.
pub fn unmask(line: u8) {
    let mut mask = Port::<u8>::new(MASTER + 1);
    // SAFETY: reads and writes the master's mask register.
    unsafe {
        let old = mask.read();
        mask.write(old & !(1 << line));
    }
}

/// Acknowledges the interrupt of `line` (end of interrupt).
pub fn acknowledge(line: u8) {
    if line >= 8 {
        out(SLAVE, END_OF_INTERRUPT);
    }
    out(MASTER, END_OF_INTERRUPT);
}
