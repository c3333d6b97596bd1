//! Small blocks of the kernel heap: a slab allocator with pages of equal blocks.
//!
//! A page begins with its header, [`Page`], with the list of its free blocks; the rest are blocks
//! of one size class. Pages with free blocks are on their class's list. Allocation and release are
//! O(1), and a page is freed with its last block, except for one spare page per class.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use super::PAGE_SIZE;
use super::frame::{Frame, phys_to_virt};

/// Header of a slab page.
struct Page {
    /// Neighbours on the class's list.
    next: *mut Page,
    previous: *mut Page,
    /// First free block; each holds the address of the next.
    free: *mut u8,
    /// Blocks in use.
    used: u16,
    /// Blocks ever allocated: those after them are free but not on the list.
    cut: u16,
    /// Frame number: physical address / 4096.
    frame: u32,
}

/// A size class.
struct Class {
    size: usize,
    /// Offset of the first block in a page: after the [`Page`], aligned.
    first: usize,
}

impl Class {
    const fn new(size: usize, align: usize) -> Self {
        assert!(size.is_multiple_of(align));
        Self {
            size,
            first: size_of::<Page>().next_multiple_of(align),
        }
    }

    const fn capacity(&self) -> u16 {
        ((PAGE_SIZE as usize - self.first) / self.size) as u16
    }
}

/// Bytes of the smallest class.
pub const SMALLEST: usize = 16;
/// Bytes of the largest class that is a power of two.
const LARGEST_POWER: usize = 1024;
/// Size classes: powers of two, aligned to their size; then three and two blocks per page.
const CLASSES: [Class; 9] = [
    Class::new(SMALLEST, SMALLEST),
    Class::new(32, 32),
    Class::new(64, 64),
    Class::new(128, 128),
    Class::new(256, 256),
    Class::new(512, 512),
    Class::new(LARGEST_POWER, LARGEST_POWER),
    Class::new(1344, 64),
    Class::new(2016, 32),
];

/// Number of size classes.
#[cfg(debug_assertions)]
pub const CLASS_COUNT: usize = CLASSES.len();

/// Number of blocks of a class in a page.
#[cfg(debug_assertions)]
pub const fn capacity(class: usize) -> u16 {
    CLASSES[class].capacity()
}

/// The size class for `layout`; `None` if it needs whole pages.
pub fn class_of(layout: Layout) -> Option<usize> {
    let size = layout.size().max(layout.align()).max(SMALLEST);
    if size <= LARGEST_POWER {
        let power = usize::BITS - (size - 1).leading_zeros();
        return Some(power as usize - 4);
    }
    match (size, layout.align()) {
        (..=1344, ..=64) => Some(7),
        (..=2016, ..=32) => Some(8),
        _ => None,
    }
}

/// Pages with free blocks, by class.
pub struct Slabs {
    heads: [*mut Page; CLASSES.len()],
}

// SAFETY: the pages are accessed only with the heap's lock held.
unsafe impl Send for Slabs {}

impl Slabs {
    /// Slabs without pages.
    pub const fn new() -> Self {
        Self {
            heads: [null_mut(); CLASSES.len()],
        }
    }

    /// Allocates a block of the class; `None` without memory.
    #[inline]
    pub fn allocate(&mut self, index: usize) -> Option<NonNull<u8>> {
        let class = &CLASSES[index];
        if self.heads[index].is_null() {
            self.grow(index)?;
        }
        let at = self.heads[index];
        // SAFETY: the list's pages are live, and `&mut self` guards their headers.
        let page = unsafe { &mut *at };
        let block = if page.free.is_null() {
            let offset = class.first + usize::from(page.cut) * class.size;
            page.cut += 1;
            // From the list's pointer, which is valid for the whole page; `page` covers the header.
            at.cast::<u8>().wrapping_add(offset)
        } else {
            let block = page.free;
            // SAFETY: a free block holds the address of the next.
            page.free = unsafe { block.cast::<*mut u8>().read() };
            block
        };
        page.used += 1;
        if page.used == class.capacity() {
            // SAFETY: the page is first on the list, and `page` is not used any more.
            unsafe { self.unlink(index, at) };
        }
        NonNull::new(block)
    }

    /// Frees a block.
    ///
    /// # Safety
    /// `block` is from [`Slabs::allocate`] of the same class and is not used any more.
    #[inline]
    pub unsafe fn free(&mut self, index: usize, block: *mut u8) {
        let at = (block as u64 & !(PAGE_SIZE - 1)) as *mut Page;
        // SAFETY: a block's page begins with its header.
        let page = unsafe { &mut *at };
        // SAFETY: a free block, at least as large as a pointer and aligned.
        unsafe { block.cast::<*mut u8>().write(page.free) };
        page.free = block;
        let was_full = page.used == CLASSES[index].capacity();
        page.used -= 1;
        let (is_empty, frame) = (page.used == 0, page.frame);
        if was_full {
            // SAFETY: a full page is on no list, and `page` is not used any more.
            unsafe { self.link(index, at) };
        }
        // An empty page stays if it is the only one with free blocks.
        // SAFETY: the page is live, and on its class's list.
        if is_empty && unsafe { !((*at).next.is_null() && (*at).previous.is_null()) } {
            // SAFETY: `grow` turned the frame into this raw page, and no block of it is in use.
            unsafe {
                self.unlink(index, at);
                drop(Frame::from_raw(u64::from(frame) * PAGE_SIZE));
            }
        }
    }

    #[cold]
    fn grow(&mut self, index: usize) -> Option<()> {
        let frame = Frame::for_kernel().ok()?.into_raw();
        let page = phys_to_virt(frame).cast::<Page>();
        let empty = Page {
            next: null_mut(),
            previous: null_mut(),
            free: null_mut(),
            used: 0,
            cut: 0,
            frame: (frame / PAGE_SIZE) as u32,
        };
        // SAFETY: the frame is newly allocated and on no list.
        unsafe {
            page.write(empty);
            self.link(index, page);
        }
        Some(())
    }

    /// Links a page to its class's list. The pointer must be valid for the whole page: blocks are
    /// carved from it.
    ///
    /// # Safety
    /// `page` is live and on no list, and no reference to its header or another page's exists.
    #[cold]
    unsafe fn link(&mut self, index: usize, page: *mut Page) {
        let next = self.heads[index];
        // SAFETY: `page` and the list's pages are live and without references, as the caller
        // promises.
        unsafe {
            (*page).previous = null_mut();
            (*page).next = next;
            if !next.is_null() {
                (*next).previous = page;
            }
        }
        self.heads[index] = page;
    }

    /// Unlinks a page from its class's list.
    ///
    /// # Safety
    /// `page` is live and on the list, and no reference to its header or another page's exists.
    #[cold]
    unsafe fn unlink(&mut self, index: usize, page: *mut Page) {
        // SAFETY: `page` and the list's pages are live and without references, as the caller
        // promises.
        unsafe {
            let (previous, next) = ((*page).previous, (*page).next);
            if !next.is_null() {
                (*next).previous = previous;
            }
            if previous.is_null() {
                self.heads[index] = next;
            } else {
                (*previous).next = next;
            }
            ((*page).next, (*page).previous) = (null_mut(), null_mut());
        }
    }
}
