//! All address spaces. The processes that have them are listed a few floors above, in
//! `process/table.rs`, which hands over the walk at boot.

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Once;

use super::address_space::AddressSpace;

/// Calls a function with the address space of every process that has one, its lock taken, and again
/// after a preemption point as long as the function returns that more remains there. The caller
/// holds no lock.
pub type Walk = fn(&mut dyn FnMut(&mut AddressSpace) -> bool);

static WALK: Once<Walk> = Once::new();

/// Sets the walk, once at boot.
pub fn init(walk: Walk) {
    WALK.call_once(|| walk);
}

/// Calls `f` with the address space of every process that has one, in one step; with a shared one
/// more than once.
pub fn for_each(mut f: impl FnMut(&mut AddressSpace)) {
    for_each_in_parts(|mm| {
        f(mm);
        false
    });
}

/// Calls `f` with the address space of every process that has one, and again as long as it returns
/// that more remains there; with a shared one more than once. What a process created meanwhile
/// inherits is gone through too.
pub fn for_each_in_parts(mut f: impl FnMut(&mut AddressSpace) -> bool) {
    if let Some(walk) = WALK.get() {
        walk(&mut f);
    }
}

/// Number of moves of mappings by mremap(2).
static MOVES: AtomicU64 = AtomicU64::new(0);

/// Counts a move of mappings, which may be to addresses that a walk in parts has passed.
pub(super) fn count_move() {
    MOVES.fetch_add(1, Ordering::Relaxed);
}

/// Unmaps `pages` of `source` everywhere, and private copies of them, after a truncation.
pub fn drop_cut_pages(source: *const (), pages: &Range<u64>) {
    /// Walks in parts, if mappings are moved meanwhile; then all are unmapped in one step.
    const ROUNDS: usize = 3;
    let mut next = 0;
    for _ in 0..ROUNDS {
        let before = MOVES.load(Ordering::Relaxed);
        for_each_in_parts(|mm| mm.drop_source_pages(source, pages, &mut next));
        if MOVES.load(Ordering::Relaxed) == before {
            return;
        }
    }
    for_each(|mm| while mm.drop_source_pages(source, pages, &mut next) {});
}

/// Unmaps `pages` of `source` everywhere before a hole is punched there; private copies stay.
/// Programs may use the pages again between two parts: if `is_used` tells so, all are unmapped in one
/// step.
pub fn drop_shared_pages(source: *const (), pages: &Range<u64>, is_used: impl FnOnce() -> bool) {
    let mut next = 0;
    for_each_in_parts(|mm| mm.drop_shared_source_pages(source, pages, &mut next));
    if is_used() {
        for_each(|mm| while mm.drop_shared_source_pages(source, pages, &mut next) {});
    }
}
