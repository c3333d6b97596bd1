//! The 8254 timer: channel 0 interrupts, channel 2 is what the TSC is measured against.
//!
//! Every PC has it, and its frequency is the same everywhere: no table has to be believed.

use x86_64::instructions::port::Port;

/// Input clock of all three channels, Hz: a twelfth of NTSC's colour crystal, 14.31818 MHz.
pub const HERTZ: u64 = 1_193_182;
/// Interrupts per second asked for.
const TICKS_PER_SEC: u64 = 100;
/// Nanoseconds between interrupts.
pub const TICK_NANOS: u32 = (1_000_000_000 / TICKS_PER_SEC) as u32;

const CHANNEL0: u16 = 0x40;
const CHANNEL2: u16 = 0x42;
const COMMAND: u16 = 0x43;
/// System control port B: bit 0 is channel 2's gate, bit 1 lets it reach the loudspeaker.
const CONTROL_B: u16 = 0x61;

fn out(port: u16, value: u8) {
    // SAFETY: the 8254's ports and port B, driven by this module alone.
    unsafe { Port::new(port).write(value) };
}

fn read(port: u16) -> u8 {
    // SAFETY: as in `out`; reading port B has no effect, reading a counter takes its latch.
    unsafe { Port::new(port).read() }
}

/// Starts the ticks.
pub fn start_ticks() {
    let divisor = ((HERTZ + TICKS_PER_SEC / 2) / TICKS_PER_SEC) as u16;
    // Channel 0, low byte then high byte, mode 2 (rate generator), binary.
    out(COMMAND, 0x34);
    let [low, high] = divisor.to_le_bytes();
    out(CHANNEL0, low);
    out(CHANNEL0, high);
}

/// Interrupts once, when `nanoseconds` are over (at most 54 ms); the ticks have stopped.
pub fn count_once(nanoseconds: u64) {
    let counts = (nanoseconds.min(54_000_000) * HERTZ).div_ceil(1_000_000_000);
    // Channel 0, low byte then high byte, mode 0 (interrupt on terminal count), binary.
    out(COMMAND, 0x30);
    let [low, high] = (counts as u16).to_le_bytes();
    out(CHANNEL0, low);
    out(CHANNEL0, high);
}

/// Starts channel 2 counting down from 65,535, once; [`count`] reads it.
pub fn start_countdown() {
    out(CONTROL_B, read(CONTROL_B) & !0b10 | 0b01);
    // Channel 2, low byte then high byte, mode 0 (stops at nothing, counts once), binary.
    out(COMMAND, 0xb0);
    out(CHANNEL2, 0xff);
    out(CHANNEL2, 0xff);
}

/// Channel 2's count at the moment of the latch command.
pub fn count() -> u16 {
    out(COMMAND, 0x80);
    u16::from_le_bytes([read(CHANNEL2), read(CHANNEL2)])
}
