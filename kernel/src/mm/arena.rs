//! Medium blocks of the kernel heap (two to eight pages): arenas of 64 KiB, each with a first-fit
//! free list (`linked_list_allocator`).
//!
//! An arena begins with its header, [`Arena`]; all arenas are on a list, those with recent frees
//! first. An arena is freed with its last block. Arenas are aligned to their size, so that a
//! block's address gives its arena.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use linked_list_allocator::Heap;

use super::heap_pages::Slots;
use super::slab::Slabs;
use super::{PAGE_SIZE, layout};

/// Bytes of an arena.
const SIZE: u64 = 16 * PAGE_SIZE;
/// Pages of the largest block allocated from an arena.
pub const LARGEST: u64 = 8;
/// Arenas tried before a new one is made: bounds the search.
const TRIES: usize = 4;

/// Header of an arena.
struct Arena {
    heap: Heap,
    next: *mut Arena,
    previous: *mut Arena,
}

/// All arenas, newest first.
pub struct Arenas {
    slots: Slots,
    first: *mut Arena,
}

// SAFETY: arenas are accessed only with the heap's lock held.
unsafe impl Send for Arenas {}

/// Middle of the heap's address range: arenas are above it, other large blocks below.
pub const START: u64 = layout::HEAP_START + (1 << 38);

impl Arenas {
    /// An empty list.
    pub const fn new() -> Self {
        Self {
            slots: Slots::new(START, START + (1 << 38)),
            first: null_mut(),
        }
    }

    /// Whether a block is from an arena.
    pub fn own(block: *mut u8) -> bool {
        block as u64 >= START
    }

    /// Allocates a block; `None` without memory for an arena.
    pub fn allocate(&mut self, slabs: &mut Slabs, layout: Layout) -> Option<NonNull<u8>> {
        let mut arena = self.first;
        for _ in 0..TRIES {
            // SAFETY: the list holds live arenas, and `&mut self` makes this the only reference.
            let Some(some) = (unsafe { arena.as_mut() }) else {
                break;
            };
            if let Ok(block) = some.heap.allocate_first_fit(layout) {
                return Some(block);
            }
            arena = some.next;
        }
        self.add(slabs)?.heap.allocate_first_fit(layout).ok()
    }

    fn add(&mut self, slabs: &mut Slabs) -> Option<&mut Arena> {
        let start = self.slots.allocate(slabs, SIZE / PAGE_SIZE)?;
        let at = start.cast::<Arena>().as_ptr();
        let head = size_of::<Arena>().next_multiple_of(align_of::<usize>());
        // SAFETY: the arena's memory is newly mapped, aligned to its size and without other users;
        // `Heap` gets the part behind the header. `first` is a live arena or null.
        unsafe {
            let heap = Heap::new(start.as_ptr().add(head), SIZE as usize - head);
            at.write(Arena {
                heap,
                next: self.first,
                previous: null_mut(),
            });
            if let Some(next) = self.first.as_mut() {
                next.previous = at;
            }
            self.first = at;
            Some(&mut *at)
        }
    }

    /// Frees a block.
    ///
    /// # Safety
    /// The block is from [`Arenas::allocate`] with this layout and is not used any more.
    pub unsafe fn free(&mut self, slabs: &mut Slabs, block: NonNull<u8>, layout: Layout) {
        let at = (block.as_ptr() as u64 / SIZE * SIZE) as *mut Arena;
        // SAFETY: a block is inside its arena, whose header is live until the arena is freed below.
        let arena = unsafe { &mut *at };
        // SAFETY: a block of this arena with its layout, as the caller promises.
        unsafe { arena.heap.deallocate(block, layout) };
        let is_empty = arena.heap.used() == 0;
        self.unlink(at);
        if is_empty {
            // SAFETY: `add` allocated it with this number of pages, and no block of it is in use.
            unsafe { self.slots.free(slabs, at.cast(), SIZE / PAGE_SIZE) };
        } else {
            self.put_first(at);
        }
    }

    fn unlink(&mut self, at: *mut Arena) {
        // SAFETY: `at` and its neighbours are live arenas or null.
        unsafe {
            let (next, previous) = ((*at).next, (*at).previous);
            match previous.as_mut() {
                Some(previous) => previous.next = next,
                None => self.first = next,
            }
            if let Some(next) = next.as_mut() {
                next.previous = previous;
            }
        }
    }

    /// Links an arena that has room at the front of the list.
    fn put_first(&mut self, at: *mut Arena) {
        // SAFETY: as in `unlink`.
        unsafe {
            (*at).next = self.first;
            (*at).previous = null_mut();
            if let Some(next) = self.first.as_mut() {
                next.previous = at;
            }
        }
        self.first = at;
    }
}
