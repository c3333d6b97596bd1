//! Deferred freeing: large sets of pages of files and shared memory are freed later, in parts.
//!
//! The last reference may be dropped anywhere: with a descriptor, with an area while an address
//! space is locked, with a message. The pages are queued here, and the task frees them before its
//! return to user mode (as fput does by task_work_add in fs/file_table.c), with preemption points
//! between parts.

use alloc::collections::BTreeMap;

use super::mapped;
use crate::arch::percpu::{self, work};
use crate::mm::PAGE_SIZE;
use crate::mm::frame::Frame;
use crate::process::try_current;
use crate::sched::preempt::{self, Stride};
use crate::sync::{Mutex, rank};

/// Pages by index in their file or memory object.
pub type Pages = BTreeMap<u64, Frame>;

/// Maximum number of pages that are freed immediately.
const FEW: usize = 256;
/// Places in the queue; with all of them taken, pages are freed immediately.
const PLACES: usize = 32;

static WAITING: Mutex<[Pages; PLACES], rank::Leftovers> =
    Mutex::new([const { Pages::new() }; PLACES]);

/// Queues unreferenced pages, and leaves `pages` empty; few pages stay for the caller to drop. The
/// caller may hold locks.
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

/// Frees all queued pages in parts and closes files whose last mapping is gone. The caller holds no
/// lock.
pub fn give_back() {
    mapped::close_left();
    while let Some(pages) = take() {
        drop_pages(pages);
    }
}

/// Frees all queued pages at once, when memory is short. Returns whether there were any.
pub fn give_back_at_once() -> bool {
    let mut any = false;
    while let Some(pages) = take() {
        drop(pages);
        any = true;
    }
    any
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
