//! Kernel stacks: one per task, each above an unmapped guard area.
//!
//! Some freed stacks stay mapped for new tasks until memory runs low. They are not cleared: the
//! content of a kernel stack never reaches a program.

use alloc::vec::Vec;

use crate::sync::{Mutex, rank};

use super::PAGE_SIZE;
use super::fallible::Grow;
use super::frame::{self, Frame};
use super::layout::KSTACK_START;
use super::paging::{self, PageFlags};
use crate::abi::errno::Errno;

/// Bytes of a stack. Unoptimised code (`make debug`) keeps every variable there.
pub const SIZE: u64 = if cfg!(unoptimised) { 128 } else { 32 } * 1024;
/// Pages of a stack.
pub const PAGES: u64 = SIZE / PAGE_SIZE;
/// Bytes of address space per stack: the stack and the guard below it.
const STRIDE: u64 = 2 * SIZE;

static SLOTS: Mutex<Slots, rank::KernelStacks> = Mutex::new(Slots {
    next: 0,
    free: Vec::new(),
    mapped: [0; KEPT],
    kept: 0,
});

/// Maximum number of free stacks kept mapped (512 KiB; 2 MiB of unoptimised code's).
const KEPT: usize = 16;

struct Slots {
    next: u64,
    free: Vec<u64>,
    /// The first `kept` elements are free slots whose stacks are still mapped.
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
                    // Room for all slots in `free`, so that freeing a stack can't fail.
                    let all = slots.next as usize + 1;
                    let listed = slots.free.len();
                    slots.free.room_for(all - listed)?;
                    slots.next += 1;
                    slots.next - 1
                }
            }
        };
        // On an error, dropping the partial stack unmaps its pages.
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
        // A partial stack has no page at its top.
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

/// Unmaps a stack's pages and frees its slot.
fn unmap(slot: u64) {
    for page in 0..SIZE / PAGE_SIZE {
        if let Some(frame) = paging::unmap_kernel(bottom(slot) + page * PAGE_SIZE) {
            // SAFETY: the entry held this reference, made in `KernelStack::new`.
            drop(unsafe { Frame::from_raw(frame) });
        }
    }
    SLOTS.lock().free.push(slot);
}

/// Frees the unused stacks that are kept mapped; returns whether there were any.
pub fn release_kept() -> bool {
    let mut any = false;
    while let Some(slot) = SLOTS.try_lock().and_then(|mut slots| slots.pop_mapped()) {
        unmap(slot);
        any = true;
    }
    any
}

/// Whether `address` is in a stack's guard area, which means a stack overflow.
pub fn is_guard(address: u64) -> bool {
    let offset = address.wrapping_sub(KSTACK_START);
    address >= KSTACK_START && offset < 1 << 39 && offset % STRIDE < STRIDE - SIZE
}
