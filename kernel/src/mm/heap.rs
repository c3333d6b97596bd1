//! The kernel heap: small blocks from [`super::slab`], those of a few pages from [`super::arena`],
//! large ones from [`super::heap_pages`].
//!
//! All three take frames one by one as they are needed and give them back when what was in them is
//! freed. Only blocks of less than a page may come from the kernel's reserve (`reserve.rs`).

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};

use crate::sync::{Mutex, rank};

use super::arena::{self, Arenas};
use super::heap_pages::{self, Slots};
#[cfg(debug_assertions)]
use super::injection;
use super::slab::{Slabs, class_of};
use super::{PAGE_SIZE, kstack, layout};

/// The heap's blocks, behind a lock.
pub struct KernelHeap(Mutex<State, rank::Heap>);

struct State {
    slabs: Slabs,
    arenas: Arenas,
    slots: Slots,
    in_use: usize,
}

/// All of it.
#[cfg_attr(target_os = "none", global_allocator)]
pub static HEAP: KernelHeap = KernelHeap(Mutex::new(State {
    slabs: Slabs::new(),
    arenas: Arenas::new(),
    slots: Slots::new(layout::HEAP_START, arena::START),
    in_use: 0,
}));

impl State {
    /// A block of one page or more. Without memory for an arena one of its own may still be had.
    fn take_pages(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        if is_object(layout) {
            return heap_pages::take_object();
        }
        let count = pages(layout);
        if (2..=arena::LARGEST).contains(&count)
            && let Some(block) = self.arenas.take(&mut self.slabs, layout)
        {
            return Some(block);
        }
        self.slots.take(&mut self.slabs, count)
    }

    /// Takes it back.
    ///
    /// # Safety
    /// It came from [`State::take_pages`] with this layout and is not used any more.
    unsafe fn give_pages(&mut self, block: *mut u8, layout: Layout) {
        match NonNull::new(block).filter(|block| Arenas::own(block.as_ptr())) {
            // SAFETY: arenas have addresses of their own; the rest as the caller says.
            Some(block) => unsafe { self.arenas.give(&mut self.slabs, block, layout) },
            // SAFETY: as the caller says.
            None => unsafe { self.slots.give(&mut self.slabs, block, pages(layout)) },
        }
    }
}

/// Whether a block is less than a page, so that it may come from the kernel's reserve, whatever class it
/// is of.
fn is_object(layout: Layout) -> bool {
    layout.size() < PAGE_SIZE as usize
}

fn pages(layout: Layout) -> u64 {
    (layout.size() as u64).div_ceil(PAGE_SIZE)
}

/// Whether a block may go on as one of another layout: a class hands out equal blocks, and large ones
/// are whole pages. Blocks of an arena are only as long as was asked for, and are given back so.
fn keeps_its_place(block: *mut u8, old: Layout, new: Layout) -> bool {
    match (class_of(old), class_of(new)) {
        (None, None) => !Arenas::own(block) && pages(old) == pages(new),
        (old, new) => old == new,
    }
}

impl KernelHeap {
    /// A block of one page or more. Where there is none, what the kernel only keeps for later goes, which
    /// the heap must not be locked for.
    fn take_pages(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.align() as u64 > PAGE_SIZE {
            return None;
        }
        let take = || {
            let state = &mut *self.0.lock();
            let block = state.take_pages(layout)?;
            state.in_use += layout.size();
            Some(block)
        };
        take().or_else(|| kstack::release_kept().then(take).flatten())
    }
}

// SAFETY: blocks are disjoint, as large and aligned as asked for (no more than to a page), and
// stay until freed.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let class = class_of(layout);
        #[cfg(debug_assertions)]
        injection::note_block(layout.size(), !is_object(layout));
        let Some(class) = class else {
            let block = self.take_pages(layout);
            return block.map_or(null_mut(), NonNull::as_ptr);
        };
        let state = &mut *self.0.lock();
        let block = state.slabs.take(class);
        if block.is_some() {
            state.in_use += layout.size();
            #[cfg(debug_assertions)]
            injection::take(class);
        }
        block.map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let state = &mut *self.0.lock();
        state.in_use -= layout.size();
        match class_of(layout) {
            Some(class) => {
                #[cfg(debug_assertions)]
                injection::give(class);
                // SAFETY: the caller gives up a block that `alloc` took from this class.
                unsafe { state.slabs.give(class, block) }
            }
            None => {
                #[cfg(debug_assertions)]
                if is_object(layout) {
                    injection::undraw();
                }
                // SAFETY: as above, from an arena or of so many pages.
                unsafe { state.give_pages(block, layout) }
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps `size` valid for the alignment.
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
