//! Robust futexes: locks held by a thread are marked at its end, and a waiter is woken
//! (get_robust_list(2); exit_robust_list in kernel/futex/core.c).
//!
//! The list is in user memory and not trusted: every read may fail, and the number of entries is
//! limited.

use core::sync::atomic::Ordering;

use linux_raw_sys::general::{FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS};

use super::futex::{self, Word};
use super::{Current, current};
use crate::abi::errno::Errno;
use crate::usercopy::UserPtr;

/// Limit of entries (ROBUST_LIST_LIMIT).
const LIMIT: u32 = 2048;
/// Bit of an entry's address: the futex is a priority-inheriting one.
const PI: u64 = 1;

/// Robust list, with addresses of 8 or 4 bytes.
struct RobustList {
    head: u64,
    is_32bit: bool,
}

impl RobustList {
    /// Reads an address or an offset of the list.
    fn long(&self, address: u64) -> Result<u64, Errno> {
        if self.is_32bit {
            UserPtr::<u32>::new(address).read().map(u64::from)
        } else {
            UserPtr::new(address).read()
        }
    }

    /// Reads a pointer to an entry: address and PI bit.
    fn entry(&self, at: u64) -> Result<(u64, bool), Errno> {
        self.long(at).map(|entry| (entry & !PI, entry & PI != 0))
    }

    /// Address of the futex of an entry. The offset is signed; 32-bit addresses wrap.
    fn word(&self, entry: u64, offset: u64) -> UserPtr<u32> {
        let address = entry.wrapping_add(offset);
        UserPtr::new(if self.is_32bit {
            u64::from(address as u32)
        } else {
            address
        })
    }

    /// Marks every futex of the list that the running thread holds.
    fn walk(&self) -> Result<(), Errno> {
        let size = if self.is_32bit { 4 } else { 8 };
        let (mut entry, mut is_pi) = self.entry(self.head)?;
        let offset = self.long(self.head.wrapping_add(size))?;
        let (pending, pending_pi) = self.entry(self.head.wrapping_add(2 * size))?;
        for _ in 0..LIMIT {
            if entry == self.head {
                break;
            }
            // The next entry is read first: a woken waiter may free this one.
            let next = self.entry(entry);
            if entry != pending {
                mark_dead(self.word(entry, offset), is_pi, false)?;
            }
            (entry, is_pi) = next?;
        }
        if pending != 0 {
            mark_dead(self.word(pending, offset), pending_pi, true)?;
        }
        Ok(())
    }
}

/// Marks a futex if the running thread holds it (handle_futex_death). `pending`: the thread was
/// about to lock or unlock it.
fn mark_dead(at: UserPtr<u32>, is_pi: bool, pending: bool) -> Result<(), Errno> {
    if !at.address().is_multiple_of(4) {
        return Err(Errno::EINVAL);
    }
    let word = Word { at, shared: true };
    let value = at.read()?;
    let owner = value & FUTEX_TID_MASK;
    // Unlocked, with the waiters not yet woken.
    if pending && !is_pi && owner == 0 {
        let _ = futex::wake(word, 1, futex::ANY);
        return Ok(());
    }
    if owner != current().tid() {
        return Ok(());
    }
    word.make_writable()?;
    let value = at.read()?;
    at.write(value & FUTEX_WAITERS | FUTEX_OWNER_DIED)?;
    if !is_pi && value & FUTEX_WAITERS != 0 {
        let _ = futex::wake(word, 1, futex::ANY);
    }
    Ok(())
}

/// Releases the running thread's robust and priority-inheriting futexes, and clears and wakes its
/// `clear_child_tid` (mm_release in kernel/fork.c). Called at exit and execve(2), before the
/// address space is released.
pub fn release(task: &Current) {
    for (head, is_32bit) in [(&task.robust_list, false), (&task.robust_list_32, true)] {
        let head = head.swap(0, Ordering::Relaxed);
        if head != 0 {
            // Errors in user memory end the walk without further effect.
            let _ = RobustList { head, is_32bit }.walk();
        }
    }
    futex::owner_died(task.tid());
    let at = UserPtr::<u32>::new(task.clear_child_tid.swap(0, Ordering::Relaxed));
    // If no other thread or process uses the address space, the word can't be seen.
    let is_shared = task.process.thread_count() > 1
        || task
            .mm()
            .is_some_and(|mm| alloc::sync::Arc::strong_count(&mm) > 2);
    if !at.is_null() && is_shared && at.write(0).is_ok() {
        let _ = futex::wake(Word { at, shared: true }, 1, futex::ANY);
    }
}
