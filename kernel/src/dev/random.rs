//! Random number generator: getrandom(2), /dev/random, /dev/urandom, AT_RANDOM, address
//! randomisation.
//!
//! ChaCha20 under a key seeded from RDSEED and RDRAND, if the CPU has them, the jitter of the time
//! stamp counter, and the ramdisk's first bytes. Each block also makes the key of the next, and
//! bytes handed out are erased: a later disclosure of memory reveals no earlier output (fast key
//! erasure, as in Linux's drivers/char/random.c).
//!
//! Without RDSEED and RDRAND, and with a deterministic counter (QEMU -icount), the bytes are
//! deterministic too.

use core::arch::x86_64::_rdseed64_step;

use crate::sync::{Mutex, rank};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use x86_64::instructions::random::RdRand;

use crate::arch::{cpu, tsc};

/// Bytes of a key.
const KEY: usize = 32;
/// Bytes generated with one key.
const BLOCK: usize = 256;
/// Weight of a random byte in a long call, in copied bytes ([`Stride`], 4 KiB between two
/// preemption points): a random byte costs 30 instructions without vector registers.
///
/// [`Stride`]: crate::sched::preempt::Stride
pub const FILL_WEIGHT: usize = 16;
/// Weight of a byte mixed into the key: each 32 of them generate a block of 256 bytes.
pub const STIR_WEIGHT: usize = FILL_WEIGHT * BLOCK / KEY;
/// Bytes of output after which the key is reseeded.
const RESEED_BYTES: u64 = 1 << 20;
/// Seconds after which the key is reseeded (CRNG_RESEED_INTERVAL).
const RESEED_SECONDS: u64 = 60;
/// Bytes of the ramdisk used as a seed; they include the command line.
const RAMDISK_BYTES: usize = 4096;
/// Readings of the time stamp counter for the first key.
const BOOT_READINGS: usize = 512;
/// Readings of the time stamp counter for a reseed.
const READINGS: usize = 16;

static POOL: Mutex<Pool, rank::RandomPool> = Mutex::new(Pool::new());

/// Generator state: the key, and the unused output of the last block.
struct Pool {
    key: [u8; KEY],
    ready: [u8; BLOCK - KEY],
    /// Bytes of `ready` handed out.
    used: usize,
    /// Bytes handed out since the last reseed.
    drawn: u64,
    /// Time of the last reseed by [`tsc::seconds`].
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

    /// Mixes `bytes` into the key and discards the unused output.
    fn absorb(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(KEY) {
            for (key, byte) in self.key.iter_mut().zip(chunk) {
                *key ^= byte;
            }
            self.next_block();
        }
        self.used = self.ready.len();
    }

    /// Generates a block: the next key and fresh output.
    fn next_block(&mut self) {
        let mut generator = ChaCha20Rng::from_seed(self.key);
        generator.fill_bytes(&mut self.key);
        generator.fill_bytes(&mut self.ready);
        self.used = 0;
    }

    /// Mixes hardware random numbers and `readings` readings of the counter into the key.
    fn reseed(&mut self, readings: usize, now: u64) {
        self.absorb_hardware();
        self.absorb_jitter(readings);
        (self.drawn, self.seeded) = (0, now);
    }

    fn absorb_hardware(&mut self) {
        for _ in 0..KEY / 8 {
            let (seed, random) = (hardware_seed(), hardware_random());
            self.absorb(&(seed ^ random.rotate_left(32)).to_le_bytes());
        }
    }

    fn absorb_jitter(&mut self, readings: usize) {
        let mut last = tsc::cycles();
        for _ in 0..readings / (KEY / 8) {
            let mut gaps = [0; KEY];
            for gap in gaps.chunks_exact_mut(8) {
                // CPUID is slow and serialising; under a hypervisor its time varies. The compiler
                // keeps the instruction, whose result isn't used.
                let _ = cpu::cpuid(0, 0);
                let now = tsc::cycles();
                gap.copy_from_slice(&(now - last).to_le_bytes());
                last = now;
            }
            self.absorb(&gaps);
            self.absorb(&last.to_le_bytes());
        }
    }

    fn fill(&mut self, out: &mut [u8], now: u64) {
        if self.drawn >= RESEED_BYTES || now.saturating_sub(self.seeded) >= RESEED_SECONDS {
            self.reseed(READINGS, now);
        }
        self.drawn += out.len() as u64;
        let mut done = 0;
        while done < out.len() {
            if self.used == self.ready.len() {
                self.next_block();
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

/// RDSEED's result; 0 without the instruction or if it has no entropy.
fn hardware_seed() -> u64 {
    const RDSEED: u32 = 1 << 18;
    if cpu::cpuid(7, 0)[1] & RDSEED == 0 {
        return 0;
    }
    let mut value = 0;
    // SAFETY: CPUID reports the instruction.
    let valid = unsafe { _rdseed64_step(&mut value) };
    if valid == 1 { value } else { 0 }
}

/// RDRAND's result; 0 without the instruction.
fn hardware_random() -> u64 {
    RdRand::new().and_then(RdRand::get_u64).unwrap_or(0)
}

/// Seeds the first key. Output before this is not random.
pub fn init(ramdisk: &[u8]) {
    let mut pool = POOL.lock();
    pool.absorb(&ramdisk[..ramdisk.len().min(RAMDISK_BYTES)]);
    pool.reseed(BOOT_READINGS, tsc::seconds());
}

/// Mixes `bytes` into the key (writes to /dev/random).
pub fn stir(bytes: &[u8]) {
    POOL.lock().absorb(bytes);
}

/// Fills `out` with random bytes.
pub fn fill(out: &mut [u8]) {
    let now = tsc::seconds();
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
    use super::{
        BLOCK, KEY, POOL, Pool, READINGS, RESEED_BYTES, RESEED_SECONDS, hardware_random,
        hardware_seed,
    };
    use crate::arch::cpu;
    use crate::kernel_test;

    /// `N` bytes from a pool with key bytes `key`, drawn in pieces of `piece` bytes.
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
        fn the_zero_key_makes_the_published_stream() {
            // RFC 8439, appendix A.1, test vector 1: the next key, and the first output.
            const KEY_STREAM: [u8; 64] = [
                0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86,
                0xbd, 0x28, 0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc,
                0x8b, 0x77, 0x0d, 0xc7, 0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d, 0x77, 0x24,
                0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37, 0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18, 0xa1, 0x1c,
                0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86,
            ];
            let mut pool = Pool::new();
            let mut out = [0; 32];
            pool.fill(&mut out, 0);
            assert_eq!(pool.key, KEY_STREAM[..KEY]);
            assert_eq!(out, KEY_STREAM[KEY..]);
        }
    );

    kernel_test!(
        fn the_cpus_random_numbers_are_used_if_it_has_them() {
            let has_random = cpu::cpuid(1, 0)[2] & 1 << 30 != 0;
            let has_seed = cpu::cpuid(7, 0)[1] & 1 << 18 != 0;
            // Zero by chance: once in 2^64.
            assert_eq!(hardware_random() != 0, has_random);
            assert_eq!(hardware_seed() != 0, has_seed);
            let (mut one, mut other) = (Pool::new(), Pool::new());
            // Without readings of the counter nothing else makes them different.
            one.reseed(0, 0);
            other.reseed(0, 0);
            assert_eq!(one.key != other.key, has_random || has_seed);
        }
    );

    kernel_test!(
        fn the_counter_makes_keys_differ() {
            let (mut one, mut other) = (Pool::new(), Pool::new());
            one.absorb_jitter(READINGS);
            other.absorb_jitter(READINGS);
            assert_ne!(one.key, other.key);
        }
    );

    kernel_test!(
        fn boot_seeds_and_later_writes_are_stirred_in() {
            let key = || POOL.lock().key;
            assert_ne!(key(), [0; KEY], "seeded before the tests");
            let before = key();
            super::stir(&[]);
            assert_eq!(key(), before);
            super::stir(&[1]);
            assert_ne!(key(), before);
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
        fn no_output_comes_twice() {
            /// Absorbs or reseeds: each in the middle of a block, and at its end.
            const STEPS: &[fn(&mut Pool)] = &[
                |_| {},
                |pool| pool.absorb(&[]),
                |pool| pool.absorb(&[0]),
                |pool| pool.absorb(&[0; 3 * KEY]),
                |pool| pool.reseed(0, 0),
                |pool| pool.drawn = RESEED_BYTES,
            ];
            let mut pool = Pool::new();
            let mut words = alloc::collections::BTreeSet::from([0]);
            for len in [8, 64, BLOCK - KEY - 8, BLOCK - KEY, 3 * BLOCK] {
                for step in STEPS {
                    let mut out = [0; 3 * BLOCK];
                    pool.fill(&mut out[..len], 0);
                    step(&mut pool);
                    // And what is still to be handed out was never so before.
                    let rest = pool.ready[pool.used..].as_chunks().0;
                    for word in out[..len].as_chunks().0 {
                        assert!(words.insert(u64::from_le_bytes(*word)), "{len}");
                    }
                    let is_old = |word: &[u8; 8]| words.contains(&u64::from_le_bytes(*word));
                    assert!(!rest.iter().any(is_old), "{len}");
                }
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
            pool.fill(&mut out, RESEED_SECONDS);
            assert_eq!((pool.drawn, pool.seeded), (128, 1));
            pool.fill(&mut out, RESEED_SECONDS + 1);
            assert_eq!((pool.drawn, pool.seeded), (64, RESEED_SECONDS + 1));
        }
    );
}
