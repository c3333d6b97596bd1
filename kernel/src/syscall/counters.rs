//! Counters of system calls by door and number, shown by /proc/doors: the proof that a test used
//! the door it claims, and that a vDSO call did not enter the kernel.

use core::sync::atomic::{AtomicU64, Ordering};

use super::table::{I386_LEN, X86_64_LEN};
use crate::abi::frame::Door;

/// Length of a door's row: the longer table's, and a slot for all numbers past the table's end.
const SLOTS: usize = if I386_LEN > X86_64_LEN {
    I386_LEN
} else {
    X86_64_LEN
} + 1;

static CALLS: [[AtomicU64; SLOTS]; Door::ALL.len()] =
    [const { [const { AtomicU64::new(0) }; SLOTS] }; Door::ALL.len()];

/// Counts one call. `slot` is the call's number, or the table's length for any number beyond it.
#[inline(always)]
pub fn count(door: Door, slot: usize) {
    // SAFETY: the dispatcher clamped `slot` to the table's length, and rows have that many
    // slots and one.
    let counter = unsafe { CALLS[row(door)].get_unchecked(slot) };
    // One CPU, no preemption: a plain increment is enough, and cheaper than a locked one.
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Index of a door's row: its position in [`Door::ALL`].
#[inline(always)]
const fn row(door: Door) -> usize {
    match door {
        Door::Int80 => 0,
        Door::Syscall => 1,
        Door::Syscall32 => 2,
        Door::Sysenter => 3,
    }
}

/// Calls through `door`, of all numbers together.
pub fn total(door: Door) -> u64 {
    CALLS[row(door)]
        .iter()
        .map(|c| c.load(Ordering::Relaxed))
        .sum()
}

/// (number, calls) of every number that was called through `door`.
pub fn by_number(door: Door) -> impl Iterator<Item = (usize, u64)> {
    CALLS[row(door)]
        .iter()
        .map(|c| c.load(Ordering::Relaxed))
        .enumerate()
        .filter(|(_, n)| *n > 0)
}
