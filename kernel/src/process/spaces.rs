//! All address spaces: those of processes, and those that no process has yet.
//!
//! fork(2) and execve(2) make an address space while other tasks run. Meanwhile the pages of a file
//! that is truncated must leave it too, and a file must not be sealed against writing that it maps.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};

use super::mm::drop_shared;
use super::{Mm, SharedMm, table};
use crate::abi::errno::Errno;
use crate::mm::reserve;
use crate::sched::preempt::{self, Stride};
use crate::sync::{Mutex, rank};
use crate::vm::address_space::AddressSpace;

/// Address spaces that are being made, by number.
static NEW: Mutex<BTreeMap<u64, Weak<Mm>>, rank::NewSpaces> = Mutex::new(BTreeMap::new());

/// An address space that no process has yet.
pub struct NewMm {
    /// The address space.
    pub mm: SharedMm,
    _entry: Entry,
}

/// A place in the list.
struct Entry(u64);

impl Drop for Entry {
    fn drop(&mut self) {
        NEW.lock().remove(&self.0);
    }
}

impl NewMm {
    /// Lists an address space until this is dropped, when a process has it.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(space: AddressSpace) -> Result<Self, Errno> {
        reserve::top_up()?;
        let mm = Arc::new(Mm::new(space));
        let mut new = NEW.lock();
        let number = new.last_key_value().map_or(0, |(last, _)| last + 1);
        new.insert(number, Arc::downgrade(&mm));
        drop(new);
        Ok(Self {
            mm,
            _entry: Entry(number),
        })
    }

    /// Drops an address space that no process gets, in parts.
    pub fn discard(self) {
        let Self { mm, _entry } = self;
        drop_shared(mm);
    }
}

/// The first address space from number `from` on that is being made.
fn next_new(from: u64) -> Option<(u64, SharedMm)> {
    let new = NEW.lock();
    let mut rest = new.range(from..);
    rest.find_map(|(number, mm)| Some((*number, mm.upgrade()?)))
}

/// The walk through all address spaces ([`crate::vm::spaces::Walk`]). Those that are being made
/// come last: what a process has when it is visited, its child of fork(2) may have got already.
pub fn walk(in_parts: bool, f: &mut dyn FnMut(&mut AddressSpace) -> bool) {
    /// Weight of a process between two points, in bytes copied: zombies have no address space.
    const PROCESS: usize = 512;
    let mut stride = Stride::default();
    let mut visit = |mm: SharedMm| {
        while f(&mut mm.lock()) {
            if in_parts {
                preempt::point();
            }
        }
        // The process may have ended at a point.
        drop_shared(mm);
    };
    for process in table::all_processes() {
        if let Some(mm) = process.mm() {
            visit(mm);
        }
        if in_parts && stride.passes(PROCESS) {
            preempt::point();
        }
    }
    let mut from = 0;
    while let Some((number, mm)) = next_new(from) {
        from = number + 1;
        visit(mm);
    }
}
