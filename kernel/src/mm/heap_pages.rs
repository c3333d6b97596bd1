//! Large blocks of the kernel's heap: whole pages, given back as soon as they are freed.
//!
//! One page is a frame, reached through the physical map. More are mapped one after the other in
//! a slot of the heap's own addresses; slots are powers of two, and free ones of a size are kept
//! on a list. There are addresses for far more than there is RAM, so that they need not be joined.
//! The tables that map the slots stay.
//!
//! The frames of blocks don't come from the kernel's reserve: who asks for a page or more has an answer for
//! when there is none.

use core::ptr::NonNull;

use super::PAGE_SIZE;
use super::frame::{Frame, phys_to_virt};
use super::paging::{self, PageFlags};
use super::slab::{self, Slabs};

/// Sizes of slots: 2 pages, 4 pages, ... 2^32 pages.
const ORDERS: usize = 32;
/// A free slot, in a small block of its own.
struct Slot {
    next: Option<NonNull<Slot>>,
    address: u64,
}

/// A range of the heap's addresses.
pub struct Slots {
    /// What was never used begins here.
    next: u64,
    /// The range's end.
    end: u64,
    free: [Option<NonNull<Slot>>; ORDERS],
}

// SAFETY: the free slots' blocks belong to whoever holds the lock around this.
unsafe impl Send for Slots {}

/// 2^order pages are enough for `pages`.
fn order_of(pages: u64) -> usize {
    pages.next_power_of_two().trailing_zeros() as usize
}

impl Slots {
    /// All of a range, free.
    pub const fn new(start: u64, end: u64) -> Self {
        Self {
            next: start,
            end,
            free: [None; ORDERS],
        }
    }

    /// `pages` pages one after the other; `None` without memory.
    pub fn take(&mut self, slabs: &mut Slabs, pages: u64) -> Option<NonNull<u8>> {
        if pages == 1 {
            let frame = Frame::for_block().ok()?;
            return NonNull::new(phys_to_virt(frame.into_raw()));
        }
        let order = order_of(pages);
        let start = self.take_slot(slabs, order)?;
        for page in 0..pages {
            let flags = PageFlags::WRITABLE | PageFlags::NO_EXECUTE;
            let mapped = Frame::for_block()
                .and_then(|frame| paging::map_kernel(start + page * PAGE_SIZE, frame, flags));
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
        // Aligned to their size: an arena is found by what lies in it.
        let start = self.next.checked_next_multiple_of(PAGE_SIZE << order)?;
        let end = start.checked_add(PAGE_SIZE << order)?;
        if end > self.end {
            return None;
        }
        self.next = end;
        Some(start)
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

/// A page for a single object of less than that, which may come from the kernel's reserve; it goes back as
/// any other page.
pub fn take_object() -> Option<NonNull<u8>> {
    let frame = Frame::for_kernel().ok()?;
    #[cfg(debug_assertions)]
    super::injection::draw();
    NonNull::new(phys_to_virt(frame.into_raw()))
}

/// Unmaps the first `pages` pages of a slot and drops their frames.
fn unmap(start: u64, pages: u64) {
    for page in 0..pages {
        if let Some(frame) = paging::unmap_kernel(start + page * PAGE_SIZE) {
            // SAFETY: the entry held this reference, made in `take`.
            drop(unsafe { Frame::from_raw(frame) });
        }
    }
}
