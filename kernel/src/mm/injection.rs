//! Fault injection and reserve accounting, in test builds: the n-th allocation fails, and a step
//! that uses more frames than the reserve allows panics.
//!
//! The interface is Linux's (Documentation/fault-injection, lib/fault-inject.c): N written to
//! `/proc/self/fail-nth` makes the N-th **fail point** of the thread's following calls fail;
//! reading it returns the number still to come, 0 after the failure. A fail point is the allocation
//! of a frame for a program, an allocation of `mm/fallible.rs`, or a [`super::reserve::top_up`].
//! `/proc/self/make-it-fail` makes the next call find the reserve empty at its start.
//!
//! `/proc/reserve` shows the injected failures and the frames used.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::fallible::{Text, put};
use super::reserve::{MOST_DRAWN, STEP};
use super::slab::CLASS_COUNT;
use super::{frame, heap, slab};
use crate::abi::frame::Door;
use crate::arch::percpu::{self, work};
use crate::process::{table, try_current};
use crate::syscall::table::linux_name;

/// Injected failures since boot.
static STRUCK: AtomicU64 = AtomicU64::new(0);

/// Whether this fail point fails (should_fail_ex).
pub fn strikes() -> bool {
    let Some(task) = try_current() else {
        return false;
    };
    let left = task.fail_nth.load(Ordering::Relaxed);
    if left == 0 {
        return false;
    }
    task.fail_nth.store(left - 1, Ordering::Relaxed);
    if left == 1 {
        STRUCK.fetch_add(1, Ordering::Relaxed);
    }
    left == 1
}

/// Whether the call that begins must find no memory (`make-it-fail`).
pub fn strikes_call() -> bool {
    let strikes = try_current().is_some_and(|task| task.is_to_fail.swap(false, Ordering::Relaxed));
    STRUCK.fetch_add(u64::from(strikes), Ordering::Relaxed);
    strikes
}

/// Sets LOW_MEMORY again after a refill if the next call must find the reserve empty.
pub fn remind() {
    if try_current().is_some_and(|task| task.is_to_fail.load(Ordering::Relaxed)) {
        percpu::set_work(work::LOW_MEMORY);
    }
}

/// The next large block was announced by a fallible allocation.
static PERMITTED: AtomicBool = AtomicBool::new(false);

/// Allows the next allocation to be a page or more.
pub fn permit_block() {
    PERMITTED.store(true, Ordering::Relaxed);
}

/// Blocks of a page or more whose allocation was infallible.
static UNASKED: AtomicU64 = AtomicU64::new(0);

/// Notes an allocation of the heap.
pub fn note_block(size: usize, is_large: bool) {
    let is_permitted = PERMITTED.swap(false, Ordering::Relaxed);
    if is_large && !is_permitted && try_current().is_some() {
        UNASKED.fetch_add(1, Ordering::Relaxed);
        note_unasked(size);
    }
}

/// Logs the system call of an infallible large allocation, once per call.
fn note_unasked(size: usize) {
    static SEEN: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];
    let call = current_call();
    let (word, bit) = ((call as usize / 64) % 16, 1 << (call % 64));
    if SEEN[word].fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        crate::dev::log::log!(
            "reserve: {} takes {size} bytes that it can't do without",
            name(call)
        );
    }
}

/// Small blocks allocated in this step and not freed, by class.
static TAKEN: [AtomicU32; CLASS_COUNT] = [const { AtomicU32::new(0) }; CLASS_COUNT];
/// Frames that these blocks need if all slab pages are full, and frames of the heap's page tables.
static DRAWN: AtomicU64 = AtomicU64::new(0);
/// Maximum of `DRAWN` in a step.
static MOST: AtomicU64 = AtomicU64::new(0);
/// System call of that maximum.
static MOST_IN: AtomicU32 = AtomicU32::new(0);

/// Begins a step: resets the counts.
pub fn begin_step() {
    if DRAWN.swap(0, Ordering::Relaxed) != 0 {
        for count in &TAKEN {
            count.store(0, Ordering::Relaxed);
        }
    }
}

/// Notes the allocation of a small block of a class.
pub fn note_allocation(class: usize) {
    let taken = TAKEN[class].fetch_add(1, Ordering::Relaxed);
    if taken.is_multiple_of(u32::from(slab::capacity(class))) {
        draw();
    }
}

/// Notes the release of a small block of a class.
pub fn note_free(class: usize) {
    let taken = TAKEN[class].load(Ordering::Relaxed);
    if taken == 0 {
        return;
    }
    TAKEN[class].store(taken - 1, Ordering::Relaxed);
    if (taken - 1).is_multiple_of(u32::from(slab::capacity(class))) {
        undraw();
    }
}

/// Notes a frame returned to the reserve.
pub fn undraw() {
    let drawn = DRAWN.load(Ordering::Relaxed);
    DRAWN.store(drawn.saturating_sub(1), Ordering::Relaxed);
}

/// Notes a frame taken from the reserve, or that would be if all slab pages were full.
pub fn draw() {
    let drawn = DRAWN.fetch_add(1, Ordering::Relaxed) + 1;
    // Not during boot, which doesn't check the reserve.
    if try_current().is_some() && drawn > MOST.load(Ordering::Relaxed) {
        MOST.store(drawn, Ordering::Relaxed);
        MOST_IN.store(current_call(), Ordering::Relaxed);
        assert!(
            drawn <= STEP,
            "a step draws {drawn} frames, the reserve has {STEP} for it"
        );
    }
}

/// The running task's system call: its number, plus 512 for the i386 table.
fn current_call() -> u32 {
    try_current().map_or(u32::MAX, |task| {
        let frame = task.frame();
        let is_i386 = Door::of(frame.entry).is_some_and(|door| door != Door::Syscall);
        (frame.orig_rax as u32 & 511) + if is_i386 { 512 } else { 0 }
    })
}

/// Name of a call encoded by [`current_call`].
fn name(call: u32) -> &'static str {
    let door = if call & 512 == 0 {
        Door::Syscall
    } else {
        Door::Int80
    };
    linux_name(door, call & 511).unwrap_or("?")
}

/// Logs the maximum used by a step, at power-off.
pub fn tell() {
    let (most, call) = (
        MOST.load(Ordering::Relaxed),
        MOST_IN.load(Ordering::Relaxed),
    );
    crate::dev::log::log!(
        "reserve: a step drew {most} frames of {STEP}, in {}; {} large blocks were not asked for",
        name(call),
        UNASKED.load(Ordering::Relaxed)
    );
}

/// Text of `/proc/reserve`, of constant length, so that each read allocates the same.
pub fn report(_: &(), text: &mut Text) {
    let lines = [
        ("struck", STRUCK.load(Ordering::Relaxed)),
        ("heap", heap::in_use() as u64),
        ("frames", frame::statistics().0),
        ("tasks", table::count() as u64),
        ("drawn", MOST.load(Ordering::Relaxed)),
        ("measured", MOST_DRAWN),
        ("step", STEP),
        ("unasked", UNASKED.load(Ordering::Relaxed)),
    ];
    for (name, value) in lines {
        put!(text, "{name:8}{value:12}\n");
    }
    let call = name(MOST_IN.load(Ordering::Relaxed));
    put!(text, "drawn by {call:32}\n");
}
