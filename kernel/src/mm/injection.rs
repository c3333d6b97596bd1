//! Fault injection and reserve accounting, in test builds: the n-th allocation fails, and a step
//! that uses more frames than the reserve allows panics.
//!
//! The interface is Linux's (Documentation/fault-injection, lib/fault-inject.c): N written to
//! `/proc/self/fail-nth` makes the N-th **fail point** of the thread's following calls fail;
//! reading it returns the number still to come, 0 after the failure. A fail point is the allocation
//! of a frame for a program, an allocation of `mm/fallible.rs`, or a [`super::reserve::top_up`].
//! `/proc/self/make-it-fail` makes the next call find the reserve empty at its start.
//!
//! `/proc/reserve` shows the injected failures and the frames used (`process/injection.rs`).

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use spin::Once;

use super::reserve::STEP;
use super::slab;
use super::slab::CLASS_COUNT;
use crate::arch::percpu::{self, work};

/// What the floors above know of the running task (`process/injection.rs`); handed over at boot.
pub struct Hooks {
    /// Counts a fail point of the running task: whether it fails.
    pub strikes: fn() -> bool,
    /// Whether the running task's next call must find no memory.
    pub is_call_to_fail: fn() -> bool,
    /// The running task's system call: its number, plus 512 for the i386 table.
    pub call: fn() -> u32,
    /// Logs that a call made an infallible allocation of so many bytes, a page or more.
    pub unasked: fn(call: u32, bytes: usize),
}

static HOOKS: Once<Hooks> = Once::new();

/// Sets the hooks, once at boot.
pub fn init(hooks: Hooks) {
    HOOKS.call_once(|| hooks);
}

/// Injected failures since boot.
static STRUCK: AtomicU64 = AtomicU64::new(0);

/// Whether this fail point fails (should_fail_ex).
pub fn strikes() -> bool {
    let strikes = HOOKS.get().is_some_and(|hooks| (hooks.strikes)());
    STRUCK.fetch_add(u64::from(strikes), Ordering::Relaxed);
    strikes
}

/// Counts a failure that was injected elsewhere.
pub fn count_strike() {
    STRUCK.fetch_add(1, Ordering::Relaxed);
}

/// Sets LOW_MEMORY again after a refill if the next call must find the reserve empty.
pub fn remind() {
    if HOOKS.get().is_some_and(|hooks| (hooks.is_call_to_fail)()) {
        percpu::set_work(work::LOW_MEMORY);
    }
}

/// Whether a task runs: the kernel has booted.
fn runs_task() -> bool {
    !percpu::current().is_null()
}

/// The running task's system call: its number, plus 512 for the i386 table.
fn current_call() -> u32 {
    HOOKS.get().map_or(u32::MAX, |hooks| (hooks.call)())
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
    if is_large && !is_permitted && runs_task() {
        UNASKED.fetch_add(1, Ordering::Relaxed);
        note_unasked(size);
    }
}

/// Logs the system call of an infallible large allocation, once per call.
fn note_unasked(size: usize) {
    static SEEN: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];
    let call = current_call();
    let (word, bit) = ((call as usize / 64) % 16, 1 << (call % 64));
    if SEEN[word].fetch_or(bit, Ordering::Relaxed) & bit == 0
        && let Some(hooks) = HOOKS.get()
    {
        (hooks.unasked)(call, size);
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
    if runs_task() && drawn > MOST.load(Ordering::Relaxed) {
        MOST.store(drawn, Ordering::Relaxed);
        MOST_IN.store(current_call(), Ordering::Relaxed);
        assert!(
            drawn <= STEP,
            "a step draws {drawn} frames, the reserve has {STEP} for it"
        );
    }
}

/// What was counted since boot.
pub struct Counts {
    /// Injected failures.
    pub struck: u64,
    /// Maximum of frames that a step used.
    pub drawn: u64,
    /// System call of that step, as [`Hooks::call`] encodes it.
    pub drawn_in: u32,
    /// Blocks of a page or more whose allocation was infallible.
    pub unasked: u64,
}

/// The counts.
pub fn counts() -> Counts {
    Counts {
        struck: STRUCK.load(Ordering::Relaxed),
        drawn: MOST.load(Ordering::Relaxed),
        drawn_in: MOST_IN.load(Ordering::Relaxed),
        unasked: UNASKED.load(Ordering::Relaxed),
    }
}
