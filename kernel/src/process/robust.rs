//! Robust futexes: what a thread held is marked when it ends, for those who wait for it
//! (get_robust_list(2); exit_robust_list in kernel/futex/core.c).
//!
//! The list is the program's, in its memory, and may be anything: each step is a read that can
//! fail, and there is an end to the steps.

use core::sync::atomic::Ordering;

use linux_raw_sys::general::{FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS};

use super::futex::{self, Word};
use super::{Current, current};
use crate::abi::errno::Errno;
use crate::usercopy::UserPtr;

/// Most entries that are looked at (ROBUST_LIST_LIMIT).
const LIMIT: u32 = 2048;
/// Bit of an entry's address: the futex holds its owner's ID for the kernel to hand over.
const PI: u64 = 1;

/// A list, with addresses of 8 or of 4 bytes.
struct List {
    head: u64,
    is_32bit: bool,
}

impl List {
    fn long(&self, address: u64) -> Result<u64, Errno> {
        if self.is_32bit {
            UserPtr::<u32>::new(address).read().map(u64::from)
        } else {
            UserPtr::new(address).read()
        }
    }

    /// An entry's address, and its PI bit.
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

    /// Marks every futex in it that the running thread holds.
    fn walk(&self) -> Result<(), Errno> {
        let size = if self.is_32bit { 4 } else { 8 };
        let (mut entry, mut is_pi) = self.entry(self.head)?;
        let offset = self.long(self.head.wrapping_add(size))?;
        let (pending, pending_pi) = self.entry(self.head.wrapping_add(2 * size))?;
        for _ in 0..LIMIT {
            if entry == self.head {
                break;
            }
            // The next one first: who is woken may free this one.
            let next = self.entry(entry);
            if entry != pending {
                mark(self.word(entry, offset), is_pi, false)?;
            }
            (entry, is_pi) = next?;
        }
        if pending != 0 {
            mark(self.word(pending, offset), pending_pi, true)?;
        }
        Ok(())
    }
}

/// Marks a futex if the running thread holds it (handle_futex_death). `pending`: it was about to
/// take or to free it.
fn mark(at: UserPtr<u32>, is_pi: bool, pending: bool) -> Result<(), Errno> {
    if !at.address().is_multiple_of(4) {
        return Err(Errno::EINVAL);
    }
    let word = Word { at, shared: true };
    let value = at.read()?;
    let owner = value & FUTEX_TID_MASK;
    // Freed, and the waiters not woken yet.
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

/// The running thread ends, or starts another program: its memory is told, while it is still there.
pub fn release(task: &Current) {
    for (head, is_32bit) in [(&task.robust_list, false), (&task.robust_list_32, true)] {
        let head = head.swap(0, Ordering::Relaxed);
        if head != 0 {
            // What can't be read can't be helped.
            let _ = List { head, is_32bit }.walk();
        }
    }
    futex::owner_died(task.tid());
    let at = UserPtr::<u32>::new(task.clear_child_tid.swap(0, Ordering::Relaxed));
    // Without another user of the memory no thread can see the word.
    let is_shared = task.process.threads.lock().len() > 1
        || task
            .mm()
            .is_some_and(|mm| alloc::sync::Arc::strong_count(&mm) > 2);
    if !at.is_null() && is_shared && at.write(0).is_ok() {
        let _ = futex::wake(Word { at, shared: true }, 1, futex::ANY);
    }
}
