//! The kernel heap: small blocks from [`super::slab`], large ones from [`super::heap_pages`].
//!
//! Both take frames one by one as they are needed, from the kernel's reserve too, and give them
//! back when what was in them is freed.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};

use spin::Mutex;

use super::PAGE_SIZE;
use super::heap_pages::Slots;
use super::slab::{Slabs, class_of};

struct KernelHeap(Mutex<State>);

struct State {
    slabs: Slabs,
    slots: Slots,
    in_use: usize,
}

#[cfg_attr(target_os = "none", global_allocator)]
static HEAP: KernelHeap = KernelHeap(Mutex::new(State {
    slabs: Slabs::new(),
    slots: Slots::new(),
    in_use: 0,
}));

fn pages(layout: Layout) -> u64 {
    (layout.size() as u64).div_ceil(PAGE_SIZE)
}

// SAFETY: blocks are disjoint, as large and aligned as asked for (no more than to a page), and
// stay until freed.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let state = &mut *self.0.lock();
        let block = match class_of(layout) {
            Some(class) => state.slabs.take(class),
            None if layout.align() as u64 > PAGE_SIZE => None,
            None => state.slots.take(&mut state.slabs, pages(layout)),
        };
        if block.is_some() {
            state.in_use += layout.size();
        }
        block.map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let state = &mut *self.0.lock();
        state.in_use -= layout.size();
        match class_of(layout) {
            // SAFETY: the caller gives up a block that `alloc` took from this class.
            Some(class) => unsafe { state.slabs.give(class, block) },
            // SAFETY: as above, of so many pages.
            None => unsafe { state.slots.give(&mut state.slabs, block, pages(layout)) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps `size` valid for the alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let class = class_of(layout);
        let fits = match class_of(new) {
            None => class.is_none() && pages(new) == pages(layout),
            other => other == class,
        };
        if fits {
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
