//! Test builds: the n-th allocation fails, and no step draws more than the reserve has for it.
//!
//! Faults are injected by Linux's interface (Documentation/fault-injection, lib/fault-inject.c): N
//! written to `/proc/self/fail-nth` makes the N-th **fail point** of the calls that the thread makes
//! from then on fail, and reading it gives how many are still to come: 0 once it has struck. A fail
//! point is a frame taken for a program, an allocation of `mm/fallible.rs`, or a
//! [`super::reserve::top_up`]. `/proc/self/make-it-fail` has the reserve be found empty where the
//! next call begins.
//!
//! `/proc/reserve` says what was struck and drawn.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::fallible::{Text, put};
use super::reserve::{MOST_DRAWN, STEP};
use super::slab::CLASS_COUNT;
use super::{frame, heap, slab};
use crate::arch::percpu::{self, work};
use crate::entry::frame::Door;
use crate::process::{table, try_current};
use crate::syscall::table::linux_name;

/// Fail points that failed since boot.
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

/// Whether the call that begins is to find no memory (`make-it-fail`).
pub fn strikes_call() -> bool {
    let strikes = try_current().is_some_and(|task| task.is_to_fail.swap(false, Ordering::Relaxed));
    STRUCK.fetch_add(u64::from(strikes), Ordering::Relaxed);
    strikes
}

/// The reserve is full: a call that is to find it empty is still reminded to look.
pub fn remind() {
    if try_current().is_some_and(|task| task.is_to_fail.load(Ordering::Relaxed)) {
        percpu::set_work(work::LOW_MEMORY);
    }
}

/// A large block was asked for by who has an answer for when there is none.
static PERMITTED: AtomicBool = AtomicBool::new(false);

/// The next allocation may be of a page or more.
pub fn permit_block() {
    PERMITTED.store(true, Ordering::Relaxed);
}

/// Blocks of a page or more that nobody had an answer for.
static UNASKED: AtomicU64 = AtomicU64::new(0);

/// Each allocation of the heap passes here.
pub fn note_block(size: usize, is_large: bool) {
    let is_permitted = PERMITTED.swap(false, Ordering::Relaxed);
    if is_large && !is_permitted && try_current().is_some() {
        UNASKED.fetch_add(1, Ordering::Relaxed);
        note_unasked(size);
    }
}

/// Names the call that made it, once each.
fn note_unasked(size: usize) {
    static SEEN: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];
    let call = current_call();
    let (word, bit) = ((call as usize / 64) % 16, 1 << (call % 64));
    if SEEN[word].fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        crate::log!(
            "reserve: {} takes {size} bytes that it can't do without",
            name(call)
        );
    }
}

/// Small blocks taken in this step and not given back, by class.
static TAKEN: [AtomicU32; CLASS_COUNT] = [const { AtomicU32::new(0) }; CLASS_COUNT];
/// Frames that those need where no page has room, and the heap's page tables.
static DRAWN: AtomicU64 = AtomicU64::new(0);
/// The most that a step drew, and in which call.
static MOST: AtomicU64 = AtomicU64::new(0);
static MOST_IN: AtomicU32 = AtomicU32::new(0);

/// The reserve was found full.
pub fn begin_step() {
    if DRAWN.swap(0, Ordering::Relaxed) != 0 {
        for count in &TAKEN {
            count.store(0, Ordering::Relaxed);
        }
    }
}

/// A small block of a class is taken.
pub fn take(class: usize) {
    let taken = TAKEN[class].fetch_add(1, Ordering::Relaxed);
    if taken.is_multiple_of(u32::from(slab::capacity(class))) {
        draw();
    }
}

/// A small block of a class is given back.
pub fn give(class: usize) {
    let taken = TAKEN[class].load(Ordering::Relaxed);
    if taken == 0 {
        return;
    }
    TAKEN[class].store(taken - 1, Ordering::Relaxed);
    if (taken - 1).is_multiple_of(u32::from(slab::capacity(class))) {
        undraw();
    }
}

/// A frame goes back to the reserve.
pub fn undraw() {
    let drawn = DRAWN.load(Ordering::Relaxed);
    DRAWN.store(drawn.saturating_sub(1), Ordering::Relaxed);
}

/// A frame is taken from the reserve, or would be where the slabs are full.
pub fn draw() {
    let drawn = DRAWN.fetch_add(1, Ordering::Relaxed) + 1;
    // Boot looks at nothing: there is memory, or none of this begins.
    if try_current().is_some() && drawn > MOST.load(Ordering::Relaxed) {
        MOST.store(drawn, Ordering::Relaxed);
        MOST_IN.store(current_call(), Ordering::Relaxed);
        assert!(
            drawn <= STEP,
            "a step draws {drawn} frames, the reserve has {STEP} for it"
        );
    }
}

/// The call that the running task is in: its number, and 512 for one of the i386 table.
fn current_call() -> u32 {
    try_current().map_or(u32::MAX, |task| {
        let frame = task.frame();
        let is_i386 = Door::of(frame.entry).is_some_and(|door| door != Door::Syscall);
        (frame.orig_rax as u32 & 511) + if is_i386 { 512 } else { 0 }
    })
}

/// The name of a call as [`current_call`] says it.
fn name(call: u32) -> &'static str {
    let door = if call & 512 == 0 {
        Door::Syscall
    } else {
        Door::Int80
    };
    linux_name(door, call & 511).unwrap_or("?")
}

/// Has the log say at the end what a step drew at most.
pub fn tell() {
    let (most, call) = (
        MOST.load(Ordering::Relaxed),
        MOST_IN.load(Ordering::Relaxed),
    );
    crate::log!(
        "reserve: a step drew {most} frames of {STEP}, in {}; {} large blocks were not asked for",
        name(call),
        UNASKED.load(Ordering::Relaxed)
    );
}

/// The text of `/proc/reserve`. Its length is always the same, so that it takes as much memory each
/// time.
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
