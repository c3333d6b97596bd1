//! FNSAVE's format of the x87 state, at the start of the FPU state in a 32-bit frame, and its
//! conversion from and to FXSAVE's (arch/x86/kernel/fpu/regset.c: convert_from_fxsr,
//! convert_to_fxsr; Intel SDM vol. 1, 8.1.10 and 10.5.1).
//!
//! ```text
//!             FNSAVE, words of 4 bytes                FXSAVE, 64-bit form
//!         0   control                             0   control (2 bytes), status (2)
//!         4   status                              4   tags, a bit each (1), opcode (2 at 6)
//!         8   tags, two bits each                 8   last instruction: offset (8)
//!        12   last instruction: offset, selector 16   its operand: offset (8)
//!        20   its operand: offset, selector
//!        28   ST(0)-ST(7), 10 bytes each         32   ST(0)-ST(7), 16 bytes each
//!       108   status again; X86_FXSR_MAGIC: 0, an FXSAVE area follows
//! ```

use crate::arch::segments::Segments;

/// Bytes of FNSAVE's format (the head of struct _fpstate_32).
pub const SIZE: usize = 112;
/// Bytes of an FXSAVE area up to the end of the x87 registers.
pub const LEGACY_PART: usize = 160;

/// Bytes of a register.
const REGISTER: usize = 10;
/// Offset of the registers in FNSAVE's format.
const FSAVE_REGISTERS: usize = 28;
/// Offset of the registers in FXSAVE's format, and the distance between two.
const FXSAVE_REGISTERS: (usize, usize) = (32, 16);
/// Upper half of a word in which FNSAVE stores a 16-bit value.
const UPPER: u32 = 0xffff_0000;

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Converts the x87 part of an FXSAVE area to FNSAVE's format. `cs` is the program's.
pub fn from_legacy(legacy: &[u8; LEGACY_PART], cs: u64) -> [u8; SIZE] {
    let mut out = [0; SIZE];
    let status = half(legacy, 2);
    let offset = |at: usize| u32::from(half(legacy, at)) | u32::from(half(legacy, at + 2)) << 16;
    let words = [
        u32::from(half(legacy, 0)) | UPPER,
        u32::from(status) | UPPER,
        u32::from(wide_tags(legacy)) | UPPER,
        offset(8),
        // FXSAVE's 64-bit format has no selectors: the present ones are used instead.
        cs as u32,
        offset(16),
        u32::from(Segments::read().ds) | UPPER,
    ];
    for (out, word) in out.chunks_mut(4).zip(words) {
        out.copy_from_slice(&word.to_le_bytes());
    }
    for register in 0..8 {
        let to = FSAVE_REGISTERS + register * REGISTER;
        let from = FXSAVE_REGISTERS.0 + register * FXSAVE_REGISTERS.1;
        out[to..to + REGISTER].copy_from_slice(&legacy[from..from + REGISTER]);
    }
    out[108..110].copy_from_slice(&status.to_le_bytes());
    out
}

/// Converts FNSAVE's format to the x87 part of an FXSAVE area. The selectors are lost.
pub fn into_legacy(form: &[u8; SIZE], legacy: &mut [u8]) {
    legacy[0..2].copy_from_slice(&form[0..2]);
    legacy[2..4].copy_from_slice(&form[4..6]);
    let tags = half(form, 8);
    legacy[4] = (0..8)
        .filter(|i| tags >> (2 * i) & 3 != EMPTY)
        .fold(0, |bits, i| bits | 1 << i);
    legacy[5] = 0;
    // The opcode is in the upper half of the code selector's word.
    legacy[6..8].copy_from_slice(&form[18..20]);
    legacy[8..24].fill(0);
    legacy[8..12].copy_from_slice(&form[12..16]);
    legacy[16..20].copy_from_slice(&form[20..24]);
    for register in 0..8 {
        let from = FSAVE_REGISTERS + register * REGISTER;
        let to = FXSAVE_REGISTERS.0 + register * FXSAVE_REGISTERS.1;
        legacy[to..to + REGISTER].copy_from_slice(&form[from..from + REGISTER]);
    }
}

const VALID: u16 = 0;
const ZERO: u16 = 1;
const SPECIAL: u16 = 2;
const EMPTY: u16 = 3;

/// FNSAVE's tag word, two bits per register. FXSAVE stores only which registers are empty; the rest
/// follows from their content. Tags are in the order of physical registers, the stored registers in
/// the order of the stack.
fn wide_tags(legacy: &[u8; LEGACY_PART]) -> u16 {
    let top = usize::from(half(legacy, 2) >> 11 & 7);
    (0..8).fold(0, |tags, i| {
        let tag = if legacy[4] >> i & 1 == 0 {
            EMPTY
        } else {
            let at = FXSAVE_REGISTERS.0 + (i + 8 - top) % 8 * FXSAVE_REGISTERS.1;
            tag_of_content(&legacy[at..at + REGISTER])
        };
        tags | tag << (2 * i)
    })
}

/// The tag of a register that is not empty, by its integer bit, exponent and significand.
fn tag_of_content(register: &[u8]) -> u16 {
    let significand = &register[..8];
    match half(register, 8) & 0x7fff {
        0 if significand.iter().all(|byte| *byte == 0) => ZERO,
        0 | 0x7fff => SPECIAL,
        _ if significand[7] & 0x80 != 0 => VALID,
        _ => SPECIAL,
    }
}

#[cfg(test)]
mod tests {
    use super::{LEGACY_PART, from_legacy, into_legacy};
    use crate::kernel_test;

    kernel_test!(
        fn fnsave_format_round_trips() {
            let mut legacy: [u8; LEGACY_PART] = core::array::from_fn(|i| i as u8 | 1);
            // No selectors, and nothing between the registers.
            legacy[5] = 0;
            legacy[12..16].fill(0);
            legacy[20..32].fill(0);
            for register in 0..8 {
                legacy[32 + register * 16 + 10..32 + register * 16 + 16].fill(0);
            }
            let mut form = from_legacy(&legacy, 0);
            // The opcode is not stored by `from_legacy`, but loaded by `into_legacy`.
            form[18..20].copy_from_slice(&legacy[6..8]);
            let mut back = [0; LEGACY_PART];
            into_legacy(&form, &mut back);
            back[24..32].copy_from_slice(&legacy[24..32]);
            assert_eq!(back, legacy);
        }
    );

    kernel_test!(
        fn tags_follow_from_register_contents() {
            let mut legacy = [0; LEGACY_PART];
            // Top of the stack is 6; registers 6, 7 and 0 are ST(0) to ST(2).
            legacy[3] = 6 << 3;
            legacy[4] = 0b1100_0001;
            // ST(0) is 1.0, ST(1) is 0.0, ST(2) is infinite.
            legacy[32 + 7..32 + 10].copy_from_slice(&[0x80, 0xff, 0x3f]);
            legacy[64 + 7..64 + 10].copy_from_slice(&[0x80, 0xff, 0x7f]);
            let form = from_legacy(&legacy, 0);
            assert_eq!(form[8..10], 0b01_00_11_11_11_11_11_10_u16.to_le_bytes());
        }
    );
}
