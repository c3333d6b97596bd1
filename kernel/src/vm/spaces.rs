//! All address spaces. Those that have them are a few floors above, in `process/spaces.rs`, which
//! hands over the walk at boot.
//!
//! A walk in parts lets others run between two parts: a new process may then have an ID, or a moved
//! mapping an address, that was passed already. Both count as changes, after which the walk starts
//! again.

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Once;

use super::address_space::AddressSpace;
use super::source_pages::Search;

/// Calls a function with every address space, its lock taken, and again as long as the function
/// returns that more remains there; a shared one is visited once per process. With true there are
/// preemption points in between. The caller holds no lock.
pub type Walk = fn(bool, &mut dyn FnMut(&mut AddressSpace) -> bool);

static WALK: Once<Walk> = Once::new();

/// Sets the walk, once at boot.
pub fn init(walk: Walk) {
    WALK.call_once(|| walk);
}

/// Number of changes that a walk in parts may have missed.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// Counts a change that a walk in parts may have missed: an address space where a program finds it,
/// or a mapping of a file at an address.
pub fn count_change() {
    CHANGES.fetch_add(1, Ordering::Relaxed);
}

/// Calls `f` with every address space, and again as long as it returns that more remains there; all
/// address spaces once more if something has changed between two parts.
fn for_each(mut f: impl FnMut(&mut AddressSpace) -> bool) {
    /// Walks in parts; after as many with changes follows one in a single step.
    const ROUNDS: usize = 3;
    for _ in 0..ROUNDS {
        let before = CHANGES.load(Ordering::Relaxed);
        walk(true, &mut f);
        if CHANGES.load(Ordering::Relaxed) == before {
            return;
        }
    }
    walk(false, &mut f);
}

fn walk(in_parts: bool, f: &mut dyn FnMut(&mut AddressSpace) -> bool) {
    if let Some(walk) = WALK.get() {
        walk(in_parts, f);
    }
}

/// Unmaps `pages` of `source` everywhere, and private copies of them, after a truncation. Lets
/// others run.
pub fn drop_cut_pages(source: *const (), pages: Range<u64>) {
    let mut search = Search::new(source, pages);
    for_each(|mm| mm.drop_source_pages(&mut search));
}

/// Unmaps `part` of the pages of `source` everywhere, before a hole is punched there: with the
/// part's end the caller punches it without letting others run. Private copies stay. `is_used`
/// tells whether pages of the part may be mapped: if so, `rest`, which begins with it, is unmapped
/// while others run, and may use pages again; if they have done so in the part, it is unmapped in
/// one step.
pub fn drop_shared_pages(
    source: *const (),
    rest: Range<u64>,
    part: Range<u64>,
    is_used: impl Fn() -> bool,
) {
    if !is_used() {
        return;
    }
    let mut search = Search::new(source, rest);
    for_each(|mm| mm.drop_shared_source_pages(&mut search));
    if is_used() {
        let mut search = Search::new(source, part);
        walk(false, &mut |mm| mm.drop_shared_source_pages(&mut search));
    }
}

/// Whether any program has a shared mapping of `source` that is writable or may become so. Lets
/// others run; there is none in the last step if the answer is no.
pub fn are_mapped_writable(source: *const ()) -> bool {
    let mut search = Search::new(source, 0..u64::MAX);
    let mut found = false;
    for_each(|mm| !found && mm.find_writable(&mut search, &mut found));
    found
}
