//! Small blocks of the kernel's heap: pages cut into equal blocks.
//!
//! A page begins with a [`Page`], which has its free blocks threaded through themselves; the rest
//! are blocks of one class. Pages with room are on their class's list. Taking and giving are O(1),
//! and a page whose last block comes back is given back itself, but for one spare a class.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use super::PAGE_SIZE;
use super::frame::{Frame, phys_to_virt};

/// What stands at the start of each page.
struct Page {
    /// Neighbours on the class's list.
    next: *mut Page,
    previous: *mut Page,
    /// First free block; each holds the next one's address.
    free: *mut u8,
    /// Blocks handed out.
    used: u16,
    /// Blocks that were ever handed out: those after them are free without being on the list.
    cut: u16,
    /// Physical address / 4096.
    frame: u32,
}

/// A class of blocks.
struct Class {
    size: usize,
    /// Where in a page the first one lies: past the [`Page`], aligned as all of them.
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
/// The classes: powers of two, aligned to their size; then three and two blocks a page.
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

/// How many classes there are.
#[cfg(debug_assertions)]
pub const CLASS_COUNT: usize = CLASSES.len();

/// Blocks of a class in a page.
#[cfg(debug_assertions)]
pub const fn capacity(class: usize) -> u16 {
    CLASSES[class].capacity()
}

/// The class whose blocks fit `layout`; `None` if that takes whole pages.
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

/// All pages with room, by class.
pub struct Slabs {
    heads: [*mut Page; CLASSES.len()],
}

// SAFETY: the pages belong to whoever holds the lock around this.
unsafe impl Send for Slabs {}

impl Slabs {
    /// No pages at all.
    pub const fn new() -> Self {
        Self {
            heads: [null_mut(); CLASSES.len()],
        }
    }

    /// A block of the class; `None` without memory.
    #[inline]
    pub fn take(&mut self, index: usize) -> Option<NonNull<u8>> {
        let class = &CLASSES[index];
        if self.heads[index].is_null() {
            self.grow(index)?;
        }
        let at = self.heads[index];
        // SAFETY: the list's pages are live, and only whoever holds `self` touches their heads.
        let page = unsafe { &mut *at };
        let block = if page.free.is_null() {
            let offset = class.first + usize::from(page.cut) * class.size;
            page.cut += 1;
            // By the list's pointer, which is one to the whole page: `page` is a reference to its head.
            at.cast::<u8>().wrapping_add(offset)
        } else {
            let block = page.free;
            // SAFETY: a free block holds the next one's address.
            page.free = unsafe { block.cast::<*mut u8>().read() };
            block
        };
        page.used += 1;
        if page.used == class.capacity() {
            // SAFETY: it is the list's first, and `page` is not used any more.
            unsafe { self.unlink(index, at) };
        }
        NonNull::new(block)
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` came from [`Slabs::take`] of the same class and is not used any more.
    #[inline]
    pub unsafe fn give(&mut self, index: usize, block: *mut u8) {
        let at = (block as u64 & !(PAGE_SIZE - 1)) as *mut Page;
        // SAFETY: a block's page begins with its head.
        let page = unsafe { &mut *at };
        // SAFETY: the caller gives the block up; it holds at least a pointer and is aligned.
        unsafe { block.cast::<*mut u8>().write(page.free) };
        page.free = block;
        let was_full = page.used == CLASSES[index].capacity();
        page.used -= 1;
        let (is_empty, frame) = (page.used == 0, page.frame);
        if was_full {
            // SAFETY: a full page is on no list, and `page` is not used any more.
            unsafe { self.link(index, at) };
        }
        // One empty page stays, if it is the only one with room.
        // SAFETY: the page is live, and on its class's list.
        if is_empty && unsafe { !((*at).next.is_null() && (*at).previous.is_null()) } {
            // SAFETY: the page's frame was given up in `grow`, and nothing in it is used.
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
        // SAFETY: the frame is ours alone, and on no list.
        unsafe {
            page.write(empty);
            self.link(index, page);
        }
        Some(())
    }

    /// Puts a page on its class's list. Lists have pointers to whole pages: blocks are cut by them.
    ///
    /// # Safety
    /// `page` is live, on no list, and no reference to its head or another page's is.
    #[cold]
    unsafe fn link(&mut self, index: usize, page: *mut Page) {
        let next = self.heads[index];
        // SAFETY: as the caller says; the list's pages are live.
        unsafe {
            (*page).previous = null_mut();
            (*page).next = next;
            if !next.is_null() {
                (*next).previous = page;
            }
        }
        self.heads[index] = page;
    }

    /// Takes a page off its class's list.
    ///
    /// # Safety
    /// `page` is live and on the list, and no reference to its head or another page's is.
    #[cold]
    unsafe fn unlink(&mut self, index: usize, page: *mut Page) {
        // SAFETY: as the caller says; the list's pages are live.
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
