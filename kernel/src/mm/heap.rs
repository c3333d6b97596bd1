//! Kernel heap: small blocks from [`super::slab`], blocks of two to eight pages from
//! [`super::arena`], single pages and large blocks from [`super::heap_pages`].
//!
//! All three allocate frames as needed and free them with their last block. Only blocks of less
//! than a page may use the kernel's reserve (`reserve.rs`).

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};

use crate::sync::{Mutex, rank};

use super::arena::{self, Arenas};
use super::heap_pages::{self, Slots};
#[cfg(debug_assertions)]
use super::injection;
use super::slab::{Slabs, class_of};
use super::{PAGE_SIZE, kstack, layout};

/// The heap with its lock.
pub struct KernelHeap(Mutex<State, rank::Heap>);

struct State {
    slabs: Slabs,
    arenas: Arenas,
    slots: Slots,
    in_use: usize,
}

/// The global allocator.
#[cfg_attr(target_os = "none", global_allocator)]
pub static HEAP: KernelHeap = KernelHeap(Mutex::new(State {
    slabs: Slabs::new(),
    arenas: Arenas::new(),
    slots: Slots::new(layout::HEAP_START, arena::START),
    in_use: 0,
}));

impl State {
    /// Allocates a block without a size class. If there is no memory for an arena, a medium block
    /// may still get pages of its own.
    fn allocate_pages(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        if is_object(layout) {
            return heap_pages::allocate_object();
        }
        let count = pages(layout);
        if (2..=arena::LARGEST).contains(&count)
            && let Some(block) = self.arenas.allocate(&mut self.slabs, layout)
        {
            return Some(block);
        }
        self.slots.allocate(&mut self.slabs, count)
    }

    /// Frees a block without a size class.
    ///
    /// # Safety
    /// The block is from [`State::allocate_pages`] with this layout and is not used any more.
    unsafe fn free_pages(&mut self, block: *mut u8, layout: Layout) {
        match NonNull::new(block).filter(|block| Arenas::own(block.as_ptr())) {
            // SAFETY: a block in the arenas' address range is an arena's; its layout and end of use
            // as the caller promises.
            Some(block) => unsafe { self.arenas.free(&mut self.slabs, block, layout) },
            // SAFETY: a block of pages with its layout, as the caller promises.
            None => unsafe { self.slots.free(&mut self.slabs, block, pages(layout)) },
        }
    }
}

/// Whether a block is smaller than a page, and so may use the kernel's reserve.
fn is_object(layout: Layout) -> bool {
    layout.size() < PAGE_SIZE as usize
}

fn pages(layout: Layout) -> u64 {
    (layout.size() as u64).div_ceil(PAGE_SIZE)
}

/// Whether a block can be resized in place: within its size class, or within its whole pages.
/// Blocks of an arena can't: they have exactly the requested length.
fn keeps_its_place(block: *mut u8, old: Layout, new: Layout) -> bool {
    match (class_of(old), class_of(new)) {
        (None, None) => !Arenas::own(block) && pages(old) == pages(new),
        (old, new) => old == new,
    }
}

impl KernelHeap {
    /// Allocates a block without a size class. If memory is out, retries after freeing the kernel's
    /// caches, which needs the heap unlocked.
    fn allocate_pages(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.align() as u64 > PAGE_SIZE {
            return None;
        }
        let allocate = || {
            let state = &mut *self.0.lock();
            let block = state.allocate_pages(layout)?;
            state.in_use += layout.size();
            Some(block)
        };
        allocate().or_else(|| kstack::release_kept().then(allocate).flatten())
    }

    /// Allocates a block; null without memory.
    #[inline]
    fn take(&self, layout: Layout) -> *mut u8 {
        let class = class_of(layout);
        #[cfg(debug_assertions)]
        injection::note_block(layout.size(), !is_object(layout));
        let Some(class) = class else {
            let block = self.allocate_pages(layout);
            return block.map_or(null_mut(), NonNull::as_ptr);
        };
        let state = &mut *self.0.lock();
        let block = state.slabs.allocate(class);
        if block.is_some() {
            state.in_use += layout.size();
            #[cfg(debug_assertions)]
            injection::note_allocation(class);
        }
        block.map_or(null_mut(), NonNull::as_ptr)
    }
}

// SAFETY: blocks are disjoint, have the requested size and alignment (requests above a page's
// alignment fail), and stay valid until freed.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = self.take(layout);
        #[cfg(debug_assertions)]
        if !block.is_null() {
            // SAFETY: the block was just allocated and has no other user.
            unsafe { super::pattern::fill(block, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let state = &mut *self.0.lock();
        state.in_use -= layout.size();
        match class_of(layout) {
            Some(class) => {
                #[cfg(debug_assertions)]
                injection::note_free(class);
                // SAFETY: a block that `alloc` took from this class, as the caller promises.
                unsafe { state.slabs.free(class, block) }
            }
            None => {
                #[cfg(debug_assertions)]
                if is_object(layout) {
                    injection::undraw();
                }
                // SAFETY: a block that `alloc` took without a class, as the caller promises.
                unsafe { state.free_pages(block, layout) }
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: `size` is valid for the alignment, as `realloc` requires.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if keeps_its_place(block, layout, new) {
            let state = &mut *self.0.lock();
            state.in_use = state.in_use - layout.size() + size;
            return block;
        }
        // SAFETY: the new layout is valid; both blocks are as long as the smaller size.
        unsafe {
            let to = self.alloc(new);
            if !to.is_null() {
                to.copy_from_nonoverlapping(block, size.min(layout.size()));
                self.dealloc(block, layout);
            }
            to
        }
    }
}

/// Bytes in use by the kernel's data structures.
pub fn in_use() -> usize {
    HEAP.0.lock().in_use
}
