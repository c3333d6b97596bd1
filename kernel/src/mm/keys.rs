//! Protection keys (pkeys(7)): each area has one, and a program's own register says what it may do with
//! the areas of each (`arch/pkeys.rs`).

use super::address_space::AddressSpace;
use super::fault::Access;
use super::vma::{Prot, Vma};
use crate::arch::pkeys;

/// Which keys a program has taken.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// A bit for each; the first is every area's at the start.
    taken: u16,
    /// The one for memory that can be executed and not read, once there is some.
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
    /// Takes the lowest free key (pkey_alloc(2)).
    pub fn take(&mut self) -> Option<u8> {
        let key = (0..pkeys::count()).find(|key| self.taken >> key & 1 == 0)?;
        self.taken |= 1 << key;
        Some(key)
    }

    /// The key that `number` is, if the program has it; that for execute-only memory isn't its to use
    /// (mm_pkey_is_allocated).
    pub fn find(&self, number: i32) -> Option<u8> {
        let key = u8::try_from(number).ok()?;
        let is_taken = key < pkeys::count() && self.taken >> key & 1 != 0;
        (is_taken && self.execute_only != Some(key) && pkeys::count() > 1).then_some(key)
    }

    /// Gives one back. What areas have it keep it (pkey_free(2)).
    pub fn give_back(&mut self, key: u8) {
        self.taken &= !(1 << key);
    }

    /// The key of memory that can only be executed, if there is one left for it. Who maps such memory
    /// for the running program closes it there: [`Keys::close_execute_only`].
    pub(super) fn execute_only(&mut self) -> Option<u8> {
        if self.execute_only.is_none() && pkeys::count() > 1 {
            self.execute_only = self.take();
        }
        self.execute_only
    }

    /// Closes the execute-only memory to the running program's own reading (execute_only_pkey).
    pub fn close_execute_only(&self) {
        if let Some(key) = self.execute_only
            && !pkeys::denies(key, false)
        {
            pkeys::set(key, 1);
        }
    }

    /// The key of an area that gets the protection `prot`: the one asked for, else its own, but
    /// that execute-only memory has one of its own (arch_override_mprotect_pkey).
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
    /// The key of the memory at `address`, if the running program, whose memory this is, has denied
    /// itself the access.
    pub fn denying_key(&self, address: u64, access: Access) -> Option<u8> {
        // Without a key taken there is only the first, which the CPU checks once the page is there.
        if self.keys.taken == 1 || access == Access::Execute {
            return None;
        }
        let key = self.find(address)?.key;
        pkeys::denies(key, access == Access::Write).then_some(key)
    }
}
