//! Random bytes: RDRAND where the CPU has it, mixed with the time stamp counter, through
//! SplitMix64. Good for address randomisation and AT_RANDOM in a teaching kernel; where
//! there is no RDRAND it is not fit for keys.

use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::instructions::random::RdRand;

static STATE: AtomicU64 = AtomicU64::new(0);

/// 64 random bits.
pub fn next_u64() -> u64 {
    // SAFETY: RDTSC has no effect but its result, and CR4.TSD doesn't bind ring 0.
    let mut seed = unsafe { core::arch::x86_64::_rdtsc() };
    if let Some(hardware) = RdRand::new().and_then(RdRand::get_u64) {
        seed ^= hardware;
    }
    // SplitMix64 (Steele, Lea, Flood 2014): one addition and a strong mix a number.
    let state = STATE
        .load(Ordering::Relaxed)
        .wrapping_add(0x9e37_79b9_7f4a_7c15)
        ^ seed;
    STATE.store(state, Ordering::Relaxed);
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Fills `out` with random bytes.
pub fn fill(out: &mut [u8]) {
    for chunk in out.chunks_mut(8) {
        chunk.copy_from_slice(&next_u64().to_le_bytes()[..chunk.len()]);
    }
}
