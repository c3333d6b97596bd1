//! Fuzzing of the parsers: real and generated files with random changes.
//!
//! No input may cause a panic, and each accepted file must satisfy all invariants of its parser.
//! The inputs are the same in every run; `FUZZ_INPUTS` sets their number per target (100,000 by
//! default, a few seconds in all), `FUZZ_SEED` the seed.

use std::env;

use fastrand::Rng;

mod archives;
mod command_lines;
mod programs;

/// Number of inputs per target.
fn inputs() -> u64 {
    env::var("FUZZ_INPUTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000)
}

fn rng() -> Rng {
    Rng::with_seed(
        env::var("FUZZ_SEED")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(1),
    )
}

/// Values near the limits of sizes and addresses, where arithmetic may overflow.
fn interesting(rng: &mut Rng) -> u64 {
    let base = [
        0,
        1 << 12,
        1 << 16,
        1 << 31,
        1 << 32,
        0xffff_e000,
        1 << 47,
        1 << 63,
        u64::MAX,
    ];
    match rng.u8(..4) {
        0 => rng.u64(..),
        1 => rng.u64(..0x10000),
        _ => rng
            .choice(base)
            .unwrap_or(0)
            .wrapping_add(rng.u64(..5))
            .wrapping_sub(2),
    }
}

/// Makes a few changes to `bytes`: single bits, bytes and whole little-endian words.
fn damage(bytes: &mut [u8], rng: &mut Rng) {
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..bytes.len());
        match rng.u8(..3) {
            0 => bytes[at] ^= 1 << rng.u8(..8),
            1 => bytes[at] = rng.u8(..),
            _ => {
                let width = rng.choice([2, 4, 8]).unwrap_or(8);
                let at = at / width * width;
                let word = interesting(rng).to_le_bytes();
                let end = bytes.len().min(at + width);
                bytes[at..end].copy_from_slice(&word[..end - at]);
            }
        }
    }
}
