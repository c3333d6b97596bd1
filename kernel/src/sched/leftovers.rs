//! Work left for the return to user mode: late wake-ups (`late.rs`), and freeing of the pages and
//! files queued by `vm/leftovers.rs` and `vm/mapped.rs`, in parts with preemption points.

use super::late;
use super::preempt::{self, Stride};
use crate::mm::PAGE_SIZE;
use crate::vm::leftovers::{self, Pages};
use crate::vm::mapped;

/// Frees all queued pages in parts, closes files whose last mapping is gone, and makes the wake-ups
/// that were noted. The caller holds no lock.
pub fn give_back() {
    late::settle();
    close_left();
    while let Some(pages) = leftovers::take() {
        drop_pages(pages);
    }
}

/// Frees pages in parts, with preemption points.
pub fn drop_pages(mut pages: Pages) {
    let mut stride = Stride::default();
    while pages.pop_first().is_some() {
        // Freeing a page costs about 1/16 of copying it.
        if stride.passes(PAGE_SIZE as usize / 16) {
            preempt::point();
        }
    }
}

/// Closes the files whose last mapping is gone, with preemption points. The caller holds no lock.
pub fn close_left() {
    /// Weight of a file between two points, in bytes copied.
    const CLOSING: usize = 1024;
    let mut stride = Stride::default();
    while mapped::close_left() {
        if stride.passes(CLOSING) {
            preempt::point();
        }
    }
}
