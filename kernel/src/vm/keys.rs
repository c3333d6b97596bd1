//! Protection keys (pkeys(7)): each area has a key; PKRU holds the program's rights for each key
//! (`arch/pkeys.rs`).

use super::address_space::AddressSpace;
use super::fault::Access;
use super::vma::{Prot, Vma};
use crate::arch::pkeys;

/// Keys that a program has allocated.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// Bit map of allocated keys; key 0, the default of all areas, always is.
    taken: u16,
    /// Key of execute-only memory, allocated with the first such area.
    execute_only: Option<u8>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            taken: 1,
            execute_only: None,
        }
    }
}

impl Keys {
    /// Allocates the lowest free key (pkey_alloc(2)).
    pub fn take(&mut self) -> Option<u8> {
        let key = (0..pkeys::count()).find(|key| self.taken >> key & 1 == 0)?;
        self.taken |= 1 << key;
        Some(key)
    }

    /// The key `number`, if the program has allocated it. The key of execute-only memory doesn't
    /// count (mm_pkey_is_allocated).
    pub fn find(&self, number: i32) -> Option<u8> {
        let key = u8::try_from(number).ok()?;
        let is_taken = key < pkeys::count() && self.taken >> key & 1 != 0;
        (is_taken && self.execute_only != Some(key) && pkeys::count() > 1).then_some(key)
    }

    /// Frees a key; areas with the key keep it (pkey_free(2)).
    pub fn give_back(&mut self, key: u8) {
        self.taken &= !(1 << key);
    }

    /// The key of execute-only memory, allocated if needed; `None` without a free key. A caller
    /// that maps such memory for the running program calls [`Keys::close_execute_only`] afterwards.
    pub(super) fn execute_only(&mut self) -> Option<u8> {
        if self.execute_only.is_none() && pkeys::count() > 1 {
            self.execute_only = self.take();
        }
        self.execute_only
    }

    /// Denies the running program data access to execute-only memory (execute_only_pkey).
    pub fn close_execute_only(&self) {
        if let Some(key) = self.execute_only
            && !pkeys::denies(key, false)
        {
            pkeys::set(key, 1);
        }
    }

    /// Key of an area after mprotect(2) to `prot`: `key` if given, the execute-only key for
    /// `PROT_EXEC` alone, else the area's own (arch_override_mprotect_pkey).
    pub(super) fn for_area(&mut self, area: &Vma, prot: Prot, key: Option<u8>) -> u8 {
        if let Some(key) = key {
            return key;
        }
        if prot == Prot::EXEC
            && let Some(key) = self.execute_only()
        {
            return key;
        }
        let was_execute_only = area.prot == Prot::EXEC && self.execute_only == Some(area.key);
        if was_execute_only && prot != Prot::EXEC {
            0
        } else {
            area.key
        }
    }
}

impl AddressSpace {
    /// The key of the memory at `address` if PKRU denies the access. This is the running program's
    /// address space.
    pub fn denying_key(&self, address: u64, access: Access) -> Option<u8> {
        // Without allocated keys all memory has key 0, which the CPU checks once a page is mapped.
        if self.keys.taken == 1 || access == Access::Execute {
            return None;
        }
        let key = self.find(address)?.key;
        pkeys::denies(key, access == Access::Write).then_some(key)
    }
}
