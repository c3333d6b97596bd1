//! All address spaces. The processes that have them are listed a few floors above, in
//! `process/table.rs`, which hands over the walk at boot.

use spin::Once;

use super::address_space::AddressSpace;

/// Calls a function with the address space of every process that has one, its lock taken. The
/// caller holds no lock of an address space.
pub type Walk = fn(&mut dyn FnMut(&mut AddressSpace));

static WALK: Once<Walk> = Once::new();

/// Sets the walk, once at boot.
pub fn init(walk: Walk) {
    WALK.call_once(|| walk);
}

/// Calls `f` with the address space of every process that has one; with a shared one more than
/// once.
pub fn for_each(mut f: impl FnMut(&mut AddressSpace)) {
    if let Some(walk) = WALK.get() {
        walk(&mut f);
    }
}
