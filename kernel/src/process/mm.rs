//! An address space and its two locks.
//!
//! Page faults, copies and each part of a long call take the inner lock, briefly. A call that
//! changes areas also holds the turn from its first part to its last (mmap_lock, held for writing),
//! so that other calls find all of the change or nothing: in the place of what one thread unmaps,
//! another thread can't map anything before the end.

use alloc::sync::{Arc, Weak};

use crate::abi::errno::Errno;
use crate::arch::percpu;
use crate::mm::reserve;
use crate::sched::preempt;
use crate::sched::sleep_lock::{SleepGuard, SleepLock};
use crate::sync::{Mutex, MutexGuard, rank};
use crate::vm::address_space::AddressSpace;
use crate::vm::mappers::Locked;
use crate::vm::vdso;

/// A shared address space.
pub type SharedMm = Arc<Mm>;

/// An address space with its locks.
pub struct Mm {
    space: Mutex<AddressSpace, rank::Memory>,
    turn: SleepLock<()>,
}

impl Locked for Mm {
    fn with(&self, f: &mut dyn FnMut(&mut AddressSpace)) {
        f(&mut self.lock());
    }
}

impl Mm {
    /// Wraps an address space that has no areas yet: with the first one of a file, truncations of
    /// the file find it, also while fork(2) or execve(2) is still making it.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(mut space: AddressSpace) -> Result<SharedMm, Errno> {
        reserve::top_up()?;
        Ok(Arc::new_cyclic(|this: &Weak<Self>| {
            space.set_lock(this.clone());
            Self {
                space: Mutex::new(space),
                turn: SleepLock::new(()),
            }
        }))
    }

    /// Takes the inner lock. **Never copy to or from user memory while holding it**: the copy may
    /// fault, and the fault takes the lock.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock(&self) -> MutexGuard<'_, AddressSpace, rank::Memory> {
        self.space.lock()
    }

    /// Takes the inner lock while that of another address space is held: fork(2) takes its child's
    /// with its own, and no task takes two in another way.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock_beside(&self) -> MutexGuard<'_, AddressSpace, rank::Memory> {
        self.space.lock_beside()
    }

    /// Takes the inner lock if it is free.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, AddressSpace, rank::Memory>> {
        self.space.try_lock()
    }

    /// Takes the turn to change areas; sleeps while another call has it. The holder doesn't wait
    /// for another task except at preemption points.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn turn(&self) -> SleepGuard<'_, ()> {
        self.turn.lock()
    }

    /// Loads the address space: page tables, LDT, and the address that SYSENTER returns to.
    pub fn activate(&self) {
        let space = self.lock();
        space.activate();
        space.ldt.activate();
        percpu::set_landing_pad(vdso::landing_pad(space.landmarks.vdso));
    }

    /// Unwraps the address space.
    pub fn into_inner(self) -> AddressSpace {
        self.space.into_inner()
    }
}

/// Drops a reference to an address space; the last one in parts.
pub fn drop_shared(mm: SharedMm) {
    if let Some(mut mm) = Arc::into_inner(mm).map(Mm::into_inner) {
        while mm.drop_part() {
            preempt::point();
        }
    }
}
