//! Counters of system calls by door and number, shown by /proc/doors: the proof that a test used
//! the door it claims, and that a vDSO call did not enter the kernel.

use core::sync::atomic::{AtomicU64, Ordering};

use super::table::LEN;
use crate::abi::door::Door;
use crate::arch::nospec::Index;
use crate::mm::fallible::{Text, put};

/// Calls by door and number; the last number stands for all past the table's end. The entry stubs
/// count (`entry/call.rs`).
pub static CALLS: [[AtomicU64; LEN]; Door::ALL.len()] =
    [const { [const { AtomicU64::new(0) }; LEN] }; Door::ALL.len()];

/// Counts one call that a stub did not count, as work was pending before it.
pub fn count(door: Door, index: Index<LEN>) {
    let counter = index.of(&CALLS[door.index()]);
    // One CPU, no preemption: a plain increment is enough, and cheaper than a locked one.
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Text of /proc/doors: calls by door, the total and a line for each call made through it.
pub fn list(text: &mut Text) {
    for door in Door::ALL {
        put!(text, "{} total {}\n", door.name(), total(door));
        for (number, count) in by_number(door) {
            match door.table().linux_name(number as u32) {
                Some(name) => put!(text, "{} {name} {count}\n", door.name()),
                None => put!(text, "{} #{number} {count}\n", door.name()),
            }
        }
    }
}

/// Calls through `door`, of all numbers together.
fn total(door: Door) -> u64 {
    CALLS[door.index()]
        .iter()
        .map(|c| c.load(Ordering::Relaxed))
        .sum()
}

/// (number, calls) of every number that was called through `door`.
fn by_number(door: Door) -> impl Iterator<Item = (usize, u64)> {
    CALLS[door.index()]
        .iter()
        .map(|c| c.load(Ordering::Relaxed))
        .enumerate()
        .filter(|(_, n)| *n > 0)
}
