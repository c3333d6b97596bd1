//! The local APIC: passes the 8259s' interrupts to the CPU, and has a timer.
//!
//! Its registers are in memory (xAPIC mode) or MSRs (x2APIC mode), whichever mode the firmware left
//! (Intel SDM vol. 3, 11.4 and 11.12). A CPU without a local APIC, or with one that is disabled,
//! has no timer here: `time/idle.rs` uses the PIT then.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use spin::Once;
use x86_64::registers::model_specific::Msr;

use super::pic;
use crate::arch::cpu;
use crate::mm::layout::LOCAL_APIC;
use crate::mm::paging;

/// Vector of the timer: the one after the 8259s' lines.
pub const TIMER_VECTOR: u8 = pic::BASE + 16;
/// Vector of spurious interrupts, which are not acknowledged. Its low four bits are 1, as older
/// CPUs require.
pub const SPURIOUS_VECTOR: u8 = 0x3f;

/// IA32_APIC_BASE: address of the local APIC. Bit 11: enabled, bit 10: x2APIC mode.
const APIC_BASE: u32 = 0x1b;

// Offsets of registers.
const END_OF_INTERRUPT: u16 = 0xb0;
const SPURIOUS: u16 = 0xf0;
const LVT_TIMER: u16 = 0x320;
const LVT_LINT0: u16 = 0x350;
const INITIAL_COUNT: u16 = 0x380;
const CURRENT_COUNT: u16 = 0x390;
const DIVIDE: u16 = 0x3e0;

/// Of the spurious interrupt vector register: software enable.
const ENABLE: u32 = 1 << 8;
/// Of an entry of the local vector table: delivery mode ExtINT, unmasked.
const EXTERNAL: u32 = 0x700;
/// Of the divide configuration register: divide by 1.
const BY_ONE: u32 = 0b1011;

/// Where the registers are.
#[derive(Clone, Copy)]
enum Registers {
    /// Mapped at [`LOCAL_APIC`].
    Memory,
    /// MSRs from 0x800 on, one for each 16 bytes.
    Msrs,
}

/// The local APIC, if there is one and it is enabled.
static REGISTERS: Once<Registers> = Once::new();

impl Registers {
    fn find() -> Option<Self> {
        if cpu::features().leaf1_edx & 1 << 9 == 0 {
            return None;
        }
        // SAFETY: a CPU with an APIC has the MSR; reading it has no side effect.
        let base = unsafe { Msr::new(APIC_BASE).read() };
        match base >> 10 & 0b11 {
            0b11 => Some(Self::Msrs),
            0b10 => paging::map_device(LOCAL_APIC, base & !0xfff)
                .ok()
                .map(|()| Self::Memory),
            // Disabled: INTR is wired to the CPU as without an APIC.
            _ => None,
        }
    }

    fn write(self, register: u16, value: u32) {
        match self {
            // SAFETY: `find` mapped the page of registers for good; only this module uses it.
            Self::Memory => unsafe {
                ((LOCAL_APIC + u64::from(register)) as *mut u32).write_volatile(value);
            },
            // SAFETY: in x2APIC mode the registers are MSRs.
            Self::Msrs => unsafe { msr(register).write(value.into()) },
        }
    }

    fn read(self, register: u16) -> u32 {
        match self {
            // SAFETY: as in `write`; the registers that this module reads have no side effect.
            Self::Memory => unsafe {
                ((LOCAL_APIC + u64::from(register)) as *const u32).read_volatile()
            },
            // SAFETY: as in `write`.
            Self::Msrs => unsafe { msr(register).read() as u32 },
        }
    }
}

fn msr(register: u16) -> Msr {
    Msr::new(0x800 + u32::from(register / 16))
}

/// Sets the local APIC to virtual wire mode, which passes the 8259s' interrupts to the CPU (Intel
/// SDM vol. 3, 11.5.1), and its timer to count once. PC firmware sets that mode too; `microvm`'s
/// leaves LINT0 masked.
pub fn init() {
    let Some(registers) = Registers::find() else {
        return;
    };
    registers.write(SPURIOUS, ENABLE | u32::from(SPURIOUS_VECTOR));
    registers.write(LVT_LINT0, EXTERNAL);
    registers.write(INITIAL_COUNT, 0);
    registers.write(DIVIDE, BY_ONE);
    registers.write(LVT_TIMER, TIMER_VECTOR.into());
    REGISTERS.call_once(|| registers);
}

/// Whether there is a timer.
pub fn has_timer() -> bool {
    REGISTERS.is_completed()
}

/// Starts the timer, which counts down and interrupts once, at 0. A count of 0 stops the timer.
pub fn count_down(count: u32) {
    if let Some(registers) = REGISTERS.get() {
        registers.write(INITIAL_COUNT, count);
    }
}

/// The timer's count.
pub fn count() -> u32 {
    REGISTERS
        .get()
        .map_or(0, |registers| registers.read(CURRENT_COUNT))
}

/// Interrupts of the timer since boot.
static INTERRUPTS: AtomicU64 = AtomicU64::new(0);

/// Number of the timer's interrupts since boot.
pub fn interrupts() -> u64 {
    INTERRUPTS.load(Relaxed)
}

/// Acknowledges the timer's interrupt (end of interrupt), and counts it.
pub fn acknowledge() {
    INTERRUPTS.fetch_add(1, Relaxed);
    if let Some(registers) = REGISTERS.get() {
        registers.write(END_OF_INTERRUPT, 0);
    }
}
