//! Futex keys: the identity of a futex word, independent of the address it is mapped at.
//!
//! The key of a private futex is its address space and its address. The key of a shared futex is
//! the mapped object and the offset in it, so that processes which map the object at different
//! addresses use the same key; in private memory it is address space and address again
//! (get_futex_key in kernel/futex/core.c).

use alloc::sync::Arc;
use core::cmp::Ordering;

use crate::abi::errno::Errno;
use crate::mm::PAGE_SIZE;
use crate::process::current;
use crate::usercopy;
use crate::vm::fault::Access;
use crate::vm::vma::{Backing, PageSource};

/// Low bits of the offset, which is a multiple of 4: the offset is one in a mapped object.
const IN_OBJECT: u64 = 1;
/// Low bits of the offset: a shared futex in private memory, which differs from the private futex
/// at the same address.
const UNSHARED: u64 = 2;

/// Identity of a futex word.
#[derive(Clone)]
pub struct Key {
    /// Address of the address space or object.
    space: usize,
    /// Address or offset of the word, with [`IN_OBJECT`] or [`UNSHARED`].
    offset: u64,
    /// Keeps the object alive, so that `space` is not reused.
    _object: Option<Arc<dyn PageSource>>,
}

impl Key {
    fn id(&self) -> (usize, u64) {
        (self.space, self.offset)
    }

    /// The key of the word at `address` of the running program.
    ///
    /// # Errors
    /// `EINVAL` if the address is not aligned; `EFAULT` if it is not a user address, or, for a
    /// shared futex, if `access` is denied.
    pub fn of(address: u64, shared: bool, access: Access) -> Result<Self, Errno> {
        if !address.is_multiple_of(4) {
            return Err(Errno::EINVAL);
        }
        usercopy::check(address, 4)?;
        let mm = current().mm().ok_or(Errno::EFAULT)?;
        let mut key = Self {
            space: Arc::as_ptr(&mm).addr(),
            offset: address,
            _object: None,
        };
        if !shared {
            return Ok(key);
        }
        let mut mm = mm.lock();
        // Faulted in for writing if possible: a private file page is then the program's own copy.
        let writable = mm.fault(address, Access::Write);
        let is_writable = match (writable, access) {
            (Ok(()), _) => true,
            (Err(_), Access::Read) => {
                mm.fault(address, access).map_err(|_| Errno::EFAULT)?;
                false
            }
            (Err(_), _) => return Err(Errno::EFAULT),
        };
        let area = mm.find(address).ok_or(Errno::EFAULT)?;
        match &area.backing {
            Backing::File { source, .. } if area.shared || !is_writable => {
                let source = source.source();
                key.space = Arc::as_ptr(source).addr();
                let page = area.page_index(address) * PAGE_SIZE;
                key.offset = (page + address % PAGE_SIZE) | IN_OBJECT;
                key._object = Some(source.clone());
            }
            // Private read-only memory never changes, so that a waiter would never be woken.
            _ if !is_writable => return Err(Errno::EFAULT),
            _ => key.offset |= UNSHARED,
        }
        Ok(key)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id().cmp(&other.id())
    }
}
