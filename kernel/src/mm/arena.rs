//! Middle blocks of the kernel's heap, of two to eight pages: arenas of 64 KiB, each with a
//! first-fit list of its own (`linked_list_allocator`).
//!
//! An arena begins with an [`Arena`]; those that may have room are on a list. One whose last
//! block comes back is given back itself. Arenas are aligned to their size, so that a block finds
//! its own by its address.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use linked_list_allocator::Heap;

use super::heap_pages::Slots;
use super::slab::Slabs;
use super::{PAGE_SIZE, layout};

/// Bytes of an arena.
const SIZE: u64 = 16 * PAGE_SIZE;
/// Pages of the largest block that comes from one.
pub const LARGEST: u64 = 8;
/// Arenas that are asked before a new one is made: a full one is found soon, not after all others.
const TRIES: usize = 4;

/// What stands at the start of each arena.
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

// SAFETY: arenas belong to whoever holds the lock around this.
unsafe impl Send for Arenas {}

/// The middle of the heap's addresses: arenas lie above, other large blocks below.
pub const START: u64 = layout::HEAP_START + (1 << 38);

impl Arenas {
    /// None yet.
    pub const fn new() -> Self {
        Self {
            slots: Slots::new(START, START + (1 << 38)),
            first: null_mut(),
        }
    }

    /// Whether a block came from an arena.
    pub fn own(block: *mut u8) -> bool {
        block as u64 >= START
    }

    /// A block; `None` without memory for an arena.
    pub fn take(&mut self, slabs: &mut Slabs, layout: Layout) -> Option<NonNull<u8>> {
        let mut arena = self.first;
        for _ in 0..TRIES {
            // SAFETY: the list holds live arenas, and the lock around `self` makes this the only
            // reference.
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
        let start = self.slots.take(slabs, SIZE / PAGE_SIZE)?;
        let at = start.cast::<Arena>().as_ptr();
        let head = size_of::<Arena>().next_multiple_of(align_of::<usize>());
        // SAFETY: the arena's memory is new, mapped, aligned to its size and nobody else's; the
        // list gets what is behind the head. `first` is a live arena or null.
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

    /// Takes a block back.
    ///
    /// # Safety
    /// It came from [`Arenas::take`] with this layout and is not used any more.
    pub unsafe fn give(&mut self, slabs: &mut Slabs, block: NonNull<u8>, layout: Layout) {
        let at = (block.as_ptr() as u64 / SIZE * SIZE) as *mut Arena;
        // SAFETY: a block lies in its arena, whose head is live until it is given back below.
        let arena = unsafe { &mut *at };
        // SAFETY: as the caller says.
        unsafe { arena.heap.deallocate(block, layout) };
        let is_empty = arena.heap.used() == 0;
        self.unlink(at);
        if is_empty {
            // SAFETY: `add` took it with as many pages, and nothing in it is in use.
            unsafe { self.slots.give(slabs, at.cast(), SIZE / PAGE_SIZE) };
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

    /// It has room again: the next block is looked for here.
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
