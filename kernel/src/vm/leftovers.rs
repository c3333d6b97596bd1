//! Deferred freeing: large sets of pages of files and shared memory are freed later, in parts.
//!
//! The last reference may be dropped anywhere: with a descriptor, with an area while an address
//! space is locked, with a message. The pages are queued here, and the task frees them before its
//! return to user mode (as fput does by task_work_add in fs/file_table.c), with preemption points
//! between parts (`sched/leftovers.rs`).

use alloc::collections::BTreeMap;

use crate::arch::percpu::{self, work};
use crate::mm::frame::Frame;
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
    // While the kernel boots, no task would free them.
    if pages.len() <= FEW || percpu::current().is_null() {
        return;
    }
    if let Some(place) = WAITING.lock().iter_mut().find(|place| place.is_empty()) {
        core::mem::swap(place, pages);
        percpu::set_work(work::LEFTOVERS);
    }
}

/// Takes the pages of a place of the queue; `None` if all are free.
pub fn take() -> Option<Pages> {
    let mut waiting = WAITING.lock();
    let place = waiting.iter_mut().find(|place| !place.is_empty());
    place.map(core::mem::take)
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
