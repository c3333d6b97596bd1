//! Kernel stacks: one a task, each with an unmapped guard page below.
//!
//! A few that were given back stay mapped for the next tasks, until memory runs low. What a stack
//! held before is of no consequence: nothing of it is ever handed to a program.

use alloc::vec::Vec;

use crate::sync::{Mutex, rank};

use super::PAGE_SIZE;
use super::fallible::Grow;
use super::frame::{self, Frame};
use super::layout::KSTACK_START;
use super::paging::{self, PageFlags};
use crate::syscall::errno::Errno;

/// Bytes of a stack.
pub const SIZE: u64 = 32 * 1024;
/// Pages of a stack.
pub const PAGES: u64 = SIZE / PAGE_SIZE;
/// Bytes of address space for each: the stack and the guard below it.
const STRIDE: u64 = 2 * SIZE;

static SLOTS: Mutex<Slots, rank::KernelStacks> = Mutex::new(Slots {
    next: 0,
    free: Vec::new(),
    mapped: [0; KEPT],
    kept: 0,
});

/// Most stacks that are kept mapped: 512 KiB of them.
const KEPT: usize = 16;

struct Slots {
    next: u64,
    free: Vec<u64>,
    /// The first `kept` are free slots that are still mapped.
    mapped: [u64; KEPT],
    kept: usize,
}

impl Slots {
    fn pop_mapped(&mut self) -> Option<u64> {
        self.kept = self.kept.checked_sub(1)?;
        Some(self.mapped[self.kept])
    }
}

/// Lowest address of a slot's stack.
fn bottom(slot: u64) -> u64 {
    KSTACK_START + slot * STRIDE + (STRIDE - SIZE)
}

/// A mapped kernel stack.
#[derive(Debug)]
pub struct KernelStack {
    slot: u64,
}

impl KernelStack {
    /// Maps a stack.
    ///
    /// # Errors
    /// `ENOMEM` when there are not enough frames.
    pub fn new() -> Result<Self, Errno> {
        let slot = {
            let mut slots = SLOTS.lock();
            if let Some(slot) = slots.pop_mapped() {
                return Ok(Self { slot });
            }
            match slots.free.pop() {
                Some(slot) => slot,
                None => {
                    // Giving any of them back can't fail.
                    let all = slots.next as usize + 1;
                    let listed = slots.free.len();
                    slots.free.room_for(all - listed)?;
                    slots.next += 1;
                    slots.next - 1
                }
            }
        };
        // Dropping the half-made stack unmaps what was mapped.
        let stack = Self { slot };
        for page in 0..SIZE / PAGE_SIZE {
            let frame = Frame::uninitialised()?;
            let flags = PageFlags::WRITABLE | PageFlags::NO_EXECUTE;
            paging::map_kernel(bottom(slot) + page * PAGE_SIZE, frame, flags)?;
        }
        Ok(stack)
    }

    /// Address past the stack's end; 16-byte aligned.
    pub fn top(&self) -> u64 {
        bottom(self.slot) + SIZE
    }
}

impl Drop for KernelStack {
    fn drop(&mut self) {
        // A half-made one has no page at its top.
        let whole = paging::kernel_to_phys(self.top() - PAGE_SIZE).is_some();
        if whole && !frame::is_low() {
            let mut slots = SLOTS.lock();
            let kept = slots.kept;
            if let Some(place) = slots.mapped.get_mut(kept) {
                *place = self.slot;
                slots.kept += 1;
                return;
            }
        }
        unmap(self.slot);
    }
}

/// Unmaps what is mapped of a stack, and frees its slot.
fn unmap(slot: u64) {
    for page in 0..SIZE / PAGE_SIZE {
        if let Some(frame) = paging::unmap_kernel(bottom(slot) + page * PAGE_SIZE) {
            // SAFETY: the entry held this reference, made in `KernelStack::new`.
            drop(unsafe { Frame::from_raw(frame) });
        }
    }
    SLOTS.lock().free.push(slot);
}

/// Gives the stacks up that are only kept; returns whether there were any.
pub fn release_kept() -> bool {
    let mut any = false;
    while let Some(slot) = SLOTS.try_lock().and_then(|mut slots| slots.pop_mapped()) {
        unmap(slot);
        any = true;
    }
    any
}

/// Whether `address` lies in a stack's guard: an overflow, not a wild pointer.
pub fn is_guard(address: u64) -> bool {
    let offset = address.wrapping_sub(KSTACK_START);
    address >= KSTACK_START && offset < 1 << 39 && offset % STRIDE < STRIDE - SIZE
}
