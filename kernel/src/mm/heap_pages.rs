//! Large blocks of the kernel's heap: whole pages, given back as soon as they are freed.
//!
//! One page is a frame, reached through the physical map. More are mapped one after the other in
//! a slot of the heap's own addresses; slots are powers of two, and free ones of a size are kept
//! on a list. There are addresses for far more than there is RAM, so that they need not be joined.
//! The tables that map the slots stay.

use core::ptr::NonNull;

use super::frame::{Frame, phys_to_virt};
use super::paging::{self, PageFlags};
use super::slab::{self, Slabs};
use super::{PAGE_SIZE, layout};

/// Sizes of slots: 2 pages, 4 pages, ... 2^32 pages.
const ORDERS: usize = 32;
/// End of the heap's addresses: one slot of the top page table.
const END: u64 = layout::HEAP_START + (1 << 39);

/// A free slot, in a small block of its own.
struct Slot {
    next: Option<NonNull<Slot>>,
    address: u64,
}

/// The heap's addresses.
pub struct Slots {
    /// What was never used begins here.
    next: u64,
    free: [Option<NonNull<Slot>>; ORDERS],
}

// SAFETY: the free slots' blocks belong to whoever holds the lock around this.
unsafe impl Send for Slots {}

/// 2^order pages are enough for `pages`.
fn order_of(pages: u64) -> usize {
    pages.next_power_of_two().trailing_zeros() as usize
}

impl Slots {
    /// All free.
    pub const fn new() -> Self {
        Self {
            next: layout::HEAP_START,
            free: [None; ORDERS],
        }
    }

    /// `pages` pages one after the other; `None` without memory.
    pub fn take(&mut self, slabs: &mut Slabs, pages: u64) -> Option<NonNull<u8>> {
        if pages == 1 {
            let frame = Frame::for_kernel().ok()?;
            return NonNull::new(phys_to_virt(frame.into_raw()));
        }
        let order = order_of(pages);
        let start = self.take_slot(slabs, order)?;
        for page in 0..pages {
            let flags = PageFlags::WRITABLE | PageFlags::NO_EXECUTE;
            let mapped = Frame::for_kernel().and_then(|frame| {
                let physical = frame.into_raw();
                paging::map_kernel(start + page * PAGE_SIZE, physical, flags)
                    // SAFETY: it was given up just now, and no entry took it.
                    .inspect_err(|_| drop(unsafe { Frame::from_raw(physical) }))
            });
            if mapped.is_err() {
                unmap(start, page);
                self.give_slot(slabs, order, start);
                return None;
            }
        }
        NonNull::new(start as *mut u8)
    }

    /// Takes pages back.
    ///
    /// # Safety
    /// `block` came from [`Slots::take`] with as many pages and is not used any more.
    pub unsafe fn give(&mut self, slabs: &mut Slabs, block: *mut u8, pages: u64) {
        let start = block as u64;
        if pages == 1 {
            let frame = start - phys_to_virt(0) as u64;
            // SAFETY: the caller gives it up, and `take` gave its reference away.
            drop(unsafe { Frame::from_raw(frame) });
            return;
        }
        unmap(start, pages);
        self.give_slot(slabs, order_of(pages), start);
    }

    fn take_slot(&mut self, slabs: &mut Slabs, order: usize) -> Option<u64> {
        let head = self.free.get_mut(order)?;
        if let Some(slot) = *head {
            // SAFETY: a free slot's block is live and nobody else's; `give_slot` filled it.
            let Slot { next, address } = unsafe { slot.read() };
            *head = next;
            // SAFETY: it was taken from the same class.
            unsafe { slabs.give(SLOT_CLASS, slot.as_ptr().cast()) };
            return Some(address);
        }
        let end = self.next.checked_add(PAGE_SIZE << order)?;
        if end > END {
            return None;
        }
        Some(core::mem::replace(&mut self.next, end))
    }

    fn give_slot(&mut self, slabs: &mut Slabs, order: usize, address: u64) {
        // Without memory for the note the addresses are lost, and nothing else.
        if let Some(block) = slabs.take(SLOT_CLASS) {
            let slot = block.cast::<Slot>();
            let next = self.free[order].replace(slot);
            // SAFETY: the block is new, large and aligned enough.
            unsafe { slot.write(Slot { next, address }) };
        }
    }
}

/// Blocks of 16 bytes.
const SLOT_CLASS: usize = 0;
const _: () = assert!(size_of::<Slot>() <= slab::SMALLEST);

/// Unmaps the first `pages` pages of a slot and drops their frames.
fn unmap(start: u64, pages: u64) {
    for page in 0..pages {
        if let Some(frame) = paging::unmap_kernel(start + page * PAGE_SIZE) {
            // SAFETY: the entry held this reference, made in `take`.
            drop(unsafe { Frame::from_raw(frame) });
        }
    }
}
