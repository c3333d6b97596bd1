//! Pages that go with the last reference to a file or to shared memory: many of them go later, in parts.
//!
//! The last reference may go anywhere: with a descriptor, with an area while an address space is locked, with a
//! message. What that leaves is put aside here, and the task that did it gives it back on its way out of the kernel
//! (as fput does by task_work_add in fs/file_table.c), where others may run between two parts.

use alloc::collections::BTreeMap;

use super::PAGE_SIZE;
use super::frame::Frame;
use super::mapped;
use crate::arch::percpu::{self, work};
use crate::process::preempt::{self, Stride};
use crate::process::try_current;
use crate::sync::{Mutex, rank};

/// Pages by their index in what they were pages of.
pub type Pages = BTreeMap<u64, Frame>;

/// So many go at once.
const FEW: usize = 256;
/// So many files' may wait; those of more go at once.
const PLACES: usize = 32;

static WAITING: Mutex<[Pages; PLACES], rank::Leftovers> =
    Mutex::new([const { Pages::new() }; PLACES]);

/// Takes pages that nothing refers to any more; there may be locks.
pub fn put_aside(pages: &mut Pages) {
    if pages.len() <= FEW || try_current().is_none() {
        return;
    }
    if let Some(place) = WAITING.lock().iter_mut().find(|place| place.is_empty()) {
        core::mem::swap(place, pages);
        percpu::set_work(work::LEFTOVERS);
    }
}

fn take() -> Option<Pages> {
    let mut waiting = WAITING.lock();
    let place = waiting.iter_mut().find(|place| !place.is_empty());
    place.map(core::mem::take)
}

/// Gives back all that was put aside, in parts: pages, and files whose last mapping is gone. No lock is held.
pub fn give_back() {
    mapped::close_left();
    while let Some(pages) = take() {
        drop_pages(pages);
    }
}

/// The same in one go: memory is out. Returns whether there was any.
pub fn give_back_at_once() -> bool {
    let mut any = false;
    while let Some(pages) = take() {
        drop(pages);
        any = true;
    }
    any
}

/// Gives pages back in parts.
pub fn drop_pages(mut pages: Pages) {
    let mut stride = Stride::default();
    while pages.pop_first().is_some() {
        // Far less work than a copy.
        if stride.passes(PAGE_SIZE as usize / 16) {
            preempt::point();
        }
    }
}
