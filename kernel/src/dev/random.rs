//! Random bytes: getrandom(2), /dev/random and /dev/urandom, AT_RANDOM, where programs lie.
//!
//! ChaCha20 makes them, under a key that all the machine gives goes into: RDSEED and RDRAND where
//! the CPU has them, how the time stamp counter jitters, the ramdisk's first bytes. Each block makes
//! the key of the next as well, and what was handed out is erased: who reads this memory later
//! learns nothing of it (Bernstein's fast key erasure, as in Linux's drivers/char/random.c).
//!
//! Where the counter is deterministic (QEMU -icount) and there is no hardware source, so are the bytes.

use core::arch::x86_64::_rdseed64_step;

use crate::sync::{Mutex, rank};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use x86_64::instructions::random::RdRand;

use crate::arch::cpu;
use crate::time;

/// Bytes of a key.
const KEY: usize = 32;
/// Bytes that one key makes: what the generator computes at a time.
const BLOCK: usize = 256;
/// Bytes of a copy that a random byte counts as in a long call ([`Stride`]): it costs 60 instructions
/// without vector registers, and between two points stand 4 KiB.
///
/// [`Stride`]: crate::process::preempt::Stride
pub const FILL_WEIGHT: usize = 16;
/// The same for a byte that goes into the key: 32 of them make 256 others.
pub const STIR_WEIGHT: usize = FILL_WEIGHT * BLOCK / KEY;
/// Bytes after which fresh ones of the machine's go into the key.
const RESEED_BYTES: u64 = 1 << 20;
/// Nanoseconds after which they do (CRNG_RESEED_INTERVAL).
const RESEED_NANOS: u64 = 60_000_000_000;
/// Bytes of the ramdisk that count: the command line is among them.
const RAMDISK_BYTES: usize = 4096;
/// Readings of the counter at boot, and for each fresh key.
const BOOT_READINGS: usize = 512;
const READINGS: usize = 16;

static POOL: Mutex<Pool, rank::RandomPool> = Mutex::new(Pool::new());

/// A key, and what it made.
struct Pool {
    key: [u8; KEY],
    ready: [u8; BLOCK - KEY],
    /// Bytes of `ready` that were handed out.
    used: usize,
    /// Bytes handed out since the machine gave any.
    drawn: u64,
    /// When that was: nanoseconds since boot.
    seeded: u64,
}

impl Pool {
    const fn new() -> Self {
        Self {
            key: [0; KEY],
            ready: [0; BLOCK - KEY],
            used: BLOCK - KEY,
            drawn: 0,
            seeded: 0,
        }
    }

    /// Has the key depend on `bytes` as well. What is ready is not handed out any more.
    fn absorb(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(KEY) {
            for (key, byte) in self.key.iter_mut().zip(chunk) {
                *key ^= byte;
            }
            self.turn();
        }
        self.used = self.ready.len();
    }

    /// Makes the next key, and the bytes beside it.
    fn turn(&mut self) {
        let mut generator = ChaCha20Rng::from_seed(self.key);
        generator.fill_bytes(&mut self.key);
        generator.fill_bytes(&mut self.ready);
        self.used = 0;
    }

    /// Absorbs what the machine gives, with as many readings of its counter.
    fn reseed(&mut self, readings: usize, now: u64) {
        for _ in 0..KEY / 8 {
            let (seed, random) = (hardware_seed(), hardware_random());
            self.absorb(&(seed ^ random.rotate_left(32)).to_le_bytes());
        }
        let mut last = time::tsc::cycles();
        for _ in 0..readings / (KEY / 8) {
            let mut gaps = [0; KEY];
            for gap in gaps.chunks_exact_mut(8) {
                // An instruction that takes its time, and under a hypervisor another each time.
                core::hint::black_box(cpu::cpuid(0, 0));
                let now = time::tsc::cycles();
                gap.copy_from_slice(&(now - last).to_le_bytes());
                last = now;
            }
            self.absorb(&gaps);
        }
        self.absorb(&last.to_le_bytes());
        (self.drawn, self.seeded) = (0, now);
    }

    fn fill(&mut self, out: &mut [u8], now: u64) {
        if self.drawn >= RESEED_BYTES || now.saturating_sub(self.seeded) >= RESEED_NANOS {
            self.reseed(READINGS, now);
        }
        self.drawn += out.len() as u64;
        let mut done = 0;
        while done < out.len() {
            if self.used == self.ready.len() {
                self.turn();
            }
            let len = (out.len() - done).min(self.ready.len() - self.used);
            let from = &mut self.ready[self.used..self.used + len];
            out[done..done + len].copy_from_slice(from);
            from.fill(0);
            done += len;
            self.used += len;
        }
    }
}

/// A number of RDSEED's; 0 without it, or when it has none.
fn hardware_seed() -> u64 {
    const RDSEED: u32 = 1 << 18;
    if cpu::cpuid(7, 0)[1] & RDSEED == 0 {
        return 0;
    }
    let mut value = 0;
    // SAFETY: the CPU has the instruction.
    let valid = unsafe { _rdseed64_step(&mut value) };
    if valid == 1 { value } else { 0 }
}

/// A number of RDRAND's; 0 without it.
fn hardware_random() -> u64 {
    RdRand::new().and_then(RdRand::get_u64).unwrap_or(0)
}

/// Makes the first key. Nothing random is to be had before.
pub fn init(ramdisk: &[u8]) {
    let mut pool = POOL.lock();
    pool.absorb(&ramdisk[..ramdisk.len().min(RAMDISK_BYTES)]);
    pool.reseed(BOOT_READINGS, 0);
}

/// Has all that follows depend on `bytes` too: what is written to /dev/random.
pub fn stir(bytes: &[u8]) {
    POOL.lock().absorb(bytes);
}

/// Fills `out` with random bytes.
pub fn fill(out: &mut [u8]) {
    let now = time::uptime_ns();
    POOL.lock().fill(out, now);
}

/// 64 random bits.
pub fn next_u64() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, KEY, Pool, RESEED_BYTES, RESEED_NANOS};
    use crate::kernel_test;

    /// `N` bytes in pieces of the length given, from a pool of that key.
    fn stream<const N: usize>(key: u8, piece: usize) -> [u8; N] {
        let mut pool = Pool::new();
        pool.key = [key; KEY];
        let mut out = [0; N];
        for part in out.chunks_mut(piece) {
            pool.fill(part, 0);
        }
        out
    }

    kernel_test!(
        fn pieces_make_one_stream() {
            let whole = stream::<1000>(1, 1000);
            for piece in [1, 7, 8, 32, BLOCK - KEY, BLOCK, 999] {
                assert_eq!(stream::<1000>(1, piece), whole, "pieces of {piece}");
            }
            assert_ne!(stream::<1000>(2, 1000), whole);
        }
    );

    kernel_test!(
        fn what_was_handed_out_is_gone() {
            let mut pool = Pool::new();
            let mut out = [0; 100];
            pool.fill(&mut out, 0);
            assert_eq!(pool.ready[..100], [0; 100]);
            assert!(pool.ready[100..].iter().any(|byte| *byte != 0));
            assert!(
                !pool
                    .key
                    .windows(8)
                    .any(|part| out.windows(8).any(|o| o == part))
            );
        }
    );

    kernel_test!(
        fn each_byte_absorbed_changes_the_key() {
            let mut keys = alloc::vec::Vec::new();
            for at in 0..100 {
                let mut bytes = [0; 100];
                bytes[at] = 1;
                let mut pool = Pool::new();
                pool.absorb(&bytes);
                assert!(!keys.contains(&pool.key), "byte {at}");
                keys.push(pool.key);
            }
        }
    );

    kernel_test!(
        fn a_key_is_replaced_by_count_and_by_time() {
            let mut out = [0; 64];
            let mut pool = Pool::new();
            pool.fill(&mut out, 0);
            pool.drawn = RESEED_BYTES;
            pool.fill(&mut out, 1);
            assert_eq!((pool.drawn, pool.seeded), (64, 1));
            pool.fill(&mut out, RESEED_NANOS);
            assert_eq!((pool.drawn, pool.seeded), (128, 1));
            pool.fill(&mut out, RESEED_NANOS + 1);
            assert_eq!((pool.drawn, pool.seeded), (64, RESEED_NANOS + 1));
        }
    );
}
