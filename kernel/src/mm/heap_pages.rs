//! Large blocks of the kernel heap: whole pages, whose frames are freed with the block.
//!
//! A single page is a frame in the physical map. More pages are mapped contiguously in a slot of
//! the heap's address range; slots are powers of two, with a free list per size. The range is far
//! larger than RAM, so slots are never merged. Their page tables are not freed.
//!
//! The frames don't come from the kernel's reserve: allocations of a page or more are fallible.

use core::ptr::NonNull;

use super::PAGE_SIZE;
use super::frame::{Frame, phys_to_virt};
use super::paging::{self, PageFlags};
use super::slab::{self, Slabs};

/// Slot sizes: 2 pages, 4 pages, ... 2^32 pages.
const ORDERS: usize = 32;
/// List node of a free slot, in a small block of the heap.
struct Slot {
    next: Option<NonNull<Slot>>,
    address: u64,
}

/// Slots of an address range.
pub struct Slots {
    /// Start of the addresses never used.
    next: u64,
    /// End of the range.
    end: u64,
    free: [Option<NonNull<Slot>>; ORDERS],
}

// SAFETY: the list nodes are accessed only with the heap's lock held.
unsafe impl Send for Slots {}

/// The order for `pages` pages: the smallest with 2^order >= `pages`.
fn order_of(pages: u64) -> usize {
    pages.next_power_of_two().trailing_zeros() as usize
}

impl Slots {
    /// A range without slots in use.
    pub const fn new(start: u64, end: u64) -> Self {
        Self {
            next: start,
            end,
            free: [None; ORDERS],
        }
    }

    /// Allocates `pages` contiguous pages; `None` without memory.
    pub fn allocate(&mut self, slabs: &mut Slabs, pages: u64) -> Option<NonNull<u8>> {
        if pages == 1 {
            let frame = Frame::for_block().ok()?;
            return NonNull::new(phys_to_virt(frame.into_raw()));
        }
        let order = order_of(pages);
        let start = self.allocate_slot(slabs, order)?;
        for page in 0..pages {
            let flags = PageFlags::WRITABLE | PageFlags::NO_EXECUTE;
            let mapped = Frame::for_block()
                .and_then(|frame| paging::map_kernel(start + page * PAGE_SIZE, frame, flags));
            if mapped.is_err() {
                unmap(start, page);
                self.free_slot(slabs, order, start);
                return None;
            }
        }
        NonNull::new(start as *mut u8)
    }

    /// Frees pages.
    ///
    /// # Safety
    /// `block` is from [`Slots::allocate`] with the same number of pages and is not used any more.
    pub unsafe fn free(&mut self, slabs: &mut Slabs, block: *mut u8, pages: u64) {
        let start = block as u64;
        if pages == 1 {
            let frame = start - phys_to_virt(0) as u64;
            // SAFETY: `allocate` turned this reference into a raw frame; the caller doesn't use it
            // any more.
            drop(unsafe { Frame::from_raw(frame) });
            return;
        }
        unmap(start, pages);
        self.free_slot(slabs, order_of(pages), start);
    }

    fn allocate_slot(&mut self, slabs: &mut Slabs, order: usize) -> Option<u64> {
        let head = self.free.get_mut(order)?;
        if let Some(slot) = *head {
            // SAFETY: a node on the list is live; `free_slot` wrote it.
            let Slot { next, address } = unsafe { slot.read() };
            *head = next;
            // SAFETY: allocated from the same class, and off the list.
            unsafe { slabs.free(SLOT_CLASS, slot.as_ptr().cast()) };
            return Some(address);
        }
        // Aligned to the size, as arenas must be.
        let start = self.next.checked_next_multiple_of(PAGE_SIZE << order)?;
        let end = start.checked_add(PAGE_SIZE << order)?;
        if end > self.end {
            return None;
        }
        self.next = end;
        Some(start)
    }

    fn free_slot(&mut self, slabs: &mut Slabs, order: usize, address: u64) {
        // Without memory for the node only the slot's addresses are lost.
        if let Some(block) = slabs.allocate(SLOT_CLASS) {
            let slot = block.cast::<Slot>();
            let next = self.free[order].replace(slot);
            // SAFETY: a new block of sufficient size and alignment.
            unsafe { slot.write(Slot { next, address }) };
        }
    }
}

/// Size class of [`Slot`]: 16 bytes.
const SLOT_CLASS: usize = 0;
const _: () = assert!(size_of::<Slot>() <= slab::SMALLEST);

/// Allocates a page for an object of less than a page, which may use the kernel's reserve. Freed by
/// [`Slots::free`].
pub fn allocate_object() -> Option<NonNull<u8>> {
    let frame = Frame::for_kernel().ok()?;
    #[cfg(debug_assertions)]
    super::injection::draw();
    NonNull::new(phys_to_virt(frame.into_raw()))
}

/// Unmaps the first `pages` pages of a slot and drops their frames.
fn unmap(start: u64, pages: u64) {
    for page in 0..pages {
        if let Some(frame) = paging::unmap_kernel(start + page * PAGE_SIZE) {
            // SAFETY: the entry held this reference, made in `allocate`.
            drop(unsafe { Frame::from_raw(frame) });
        }
    }
}
