//! The local descriptor table: segments of a program's own, by modify_ldt(2).
//!
//! One for each address space, so that threads share it and fork(2) copies it; execve(2) begins
//! without. The CPU finds it through a descriptor in the GDT, which is set whenever an address
//! space is taken over. `syscall/ldt.rs` says what may stand in it.

use alloc::vec::Vec;

use crate::abi::errno::Errno;
use crate::arch::gdt;
use crate::mm::fallible;

/// Most entries (LDT_ENTRIES); the index in a selector has 13 bits.
pub const MAX_ENTRIES: usize = 8192;

/// A table, as long as its highest entry needs.
#[derive(Debug, Default)]
pub struct Ldt(Vec<u64>);

impl Ldt {
    /// The descriptors.
    pub fn descriptors(&self) -> &[u64] {
        &self.0
    }

    /// Sets an entry. The table must be activated again if the CPU uses it.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn set(&mut self, index: usize, descriptor: u64) -> Result<(), Errno> {
        if index >= self.0.len() {
            grow(&mut self.0, index + 1)?;
        }
        self.0[index] = descriptor;
        Ok(())
    }

    /// A copy, for fork(2).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn copy(&self) -> Result<Self, Errno> {
        let mut copy = Vec::new();
        if !self.0.is_empty() {
            grow(&mut copy, self.0.len())?;
            copy.copy_from_slice(&self.0);
        }
        Ok(Self(copy))
    }

    /// Makes this the CPU's table. It must neither move nor go while it is.
    pub fn activate(&self) {
        gdt::set_ldt(&self.0);
    }
}

/// Takes the CPU off whatever table it has: its address space goes.
pub fn deactivate() {
    gdt::set_ldt(&[]);
}

/// Makes `table` `len` entries long; a program decides how much that is.
fn grow(table: &mut Vec<u64>, len: usize) -> Result<(), Errno> {
    fallible::room_exactly(table, len - table.len())?;
    table.resize(len, 0);
    Ok(())
}
