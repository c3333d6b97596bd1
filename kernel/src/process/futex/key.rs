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

/// Low bits of the offset, which is a multiple of 4: a place in an object,
const IN_OBJECT: u64 = 1;
/// or a shared futex in memory that isn't shared. Such a one is not the private one there.
const UNSHARED: u64 = 2;

/// A word's identity.
#[derive(Clone)]
pub struct Key {
    /// Address of the address space or object.
    space: usize,
    /// Address or offset of the word, and the bits above.
    offset: u64,
    /// Keeps the object, and so `space`, from becoming another's.
    _object: Option<Arc<dyn PageSource>>,
}

impl Key {
    fn id(&self) -> (usize, u64) {
        (self.space, self.offset)
    }

    /// The key of the word at `address` of the running program.
    ///
    /// # Errors
    /// `EINVAL` if it is not aligned; `EFAULT` if it is not an address of the program's, or for
    /// a shared one if `access` to it is not allowed.
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
        // As if to be written, if that may be: a file's page is then the program's own copy.
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
                key.space = Arc::as_ptr(source).addr();
                let page = area.page_index(address) * PAGE_SIZE;
                key.offset = (page + address % PAGE_SIZE) | IN_OBJECT;
                key._object = Some(source.clone());
            }
            // Private read-only memory never changes: a waiter would sleep forever.
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
