//! Freeing of the pages and files queued by `vm/leftovers.rs` and `vm/mapped.rs`, in parts with
//! preemption points.

use super::preempt::{self, Stride};
use crate::mm::PAGE_SIZE;
use crate::vm::leftovers::{self, Pages};
use crate::vm::mapped;

/// Frees all queued pages in parts and closes files whose last mapping is gone. The caller holds no
/// lock.
pub fn give_back() {
    mapped::close_left();
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
