//! The PIT (Intel 8254): channel 0 is the timer interrupt, channel 2 a reference for the TSC.
//!
//! Every PC has one, of the same frequency: no firmware table is needed to use it.

use x86_64::instructions::port::Port;

/// Input clock of all three channels, Hz: a twelfth of NTSC's colour crystal, 14.31818 MHz.
pub const HERTZ: u64 = 1_193_182;
/// Ticks per second.
const TICKS_PER_SEC: u64 = 100;
/// Nanoseconds between ticks.
pub const TICK_NANOS: u32 = (1_000_000_000 / TICKS_PER_SEC) as u32;

const CHANNEL0: u16 = 0x40;
const CHANNEL2: u16 = 0x42;
const COMMAND: u16 = 0x43;
/// System control port B: bit 0 is channel 2's gate, bit 1 connects its output to the speaker.
const CONTROL_B: u16 = 0x61;

fn out(port: u16, value: u8) {
    // SAFETY: the 8254's ports and port B, driven by this module alone.
    unsafe { Port::new(port).write(value) };
}

fn read(port: u16) -> u8 {
    // SAFETY: as in `out`; reading port B has no side effect, reading a counter consumes its latch.
    unsafe { Port::new(port).read() }
}

/// Sets channel 0 to periodic mode, [`TICKS_PER_SEC`] interrupts per second.
pub fn start_ticks() {
    let divisor = ((HERTZ + TICKS_PER_SEC / 2) / TICKS_PER_SEC) as u16;
    // Channel 0, low byte then high byte, mode 2 (rate generator), binary.
    out(COMMAND, 0x34);
    let [low, high] = divisor.to_le_bytes();
    out(CHANNEL0, low);
    out(CHANNEL0, high);
}

/// Stops channel 0 until it is set again: a new mode takes effect with its count.
pub fn stop() {
    // Channel 0, low byte then high byte, mode 0 (interrupt on terminal count), binary.
    out(COMMAND, 0x30);
}

/// Sets channel 0 to interrupt once, in `nanoseconds` (at most 54 ms, the 16-bit counter's range);
/// the ticks stop until [`start_ticks`].
pub fn count_once(nanoseconds: u64) {
    let counts = (nanoseconds.min(54_000_000) * HERTZ).div_ceil(1_000_000_000);
    // Channel 0, low byte then high byte, mode 0 (interrupt on terminal count), binary.
    out(COMMAND, 0x30);
    let [low, high] = (counts as u16).to_le_bytes();
    out(CHANNEL0, low);
    out(CHANNEL0, high);
}

/// Starts channel 2 counting down from 65,535; at 0 it wraps. [`count`] reads it.
pub fn start_countdown() {
    out(CONTROL_B, read(CONTROL_B) & !0b10 | 0b01);
    // Channel 2, low byte then high byte, mode 0 (no reload: the count wraps), binary.
    out(COMMAND, 0xb0);
    out(CHANNEL2, 0xff);
    out(CHANNEL2, 0xff);
}

/// Channel 2's count at the moment of the latch command.
pub fn count() -> u16 {
    out(COMMAND, 0x80);
    u16::from_le_bytes([read(CHANNEL2), read(CHANNEL2)])
}
