//! The kernel heap: size classes in front of `linked_list_allocator`.
//!
//! The list allocator finds room for anything but walks its holes to do it. Small blocks,
//! nearly all there are, come from stacks of equal blocks instead: O(1), whatever the load.
//! The heap grows by mapping frames at its end until RAM is used up.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};

use linked_list_allocator::Heap;
use spin::Mutex;

use super::frame::Frame;
use super::paging::{self, PageFlags};
use super::{PAGE_SIZE, layout};

/// Block sizes 16, 32, ... 2048 bytes.
const CLASSES: usize = 8;
const SMALLEST: usize = 16;
/// Bytes taken from the list allocator to refill a class.
const REFILL: usize = 4096;
/// Least bytes by which the heap grows.
const GROWTH: u64 = 64 * 1024;

struct KernelHeap(Mutex<State>);

struct State {
    list: Heap,
    /// First free block of each class; each block holds the next one's address.
    classes: [*mut u8; CLASSES],
    end: u64,
    in_use: usize,
}

// SAFETY: the pointers are to blocks that only the holder of the lock touches.
unsafe impl Send for State {}

#[cfg_attr(target_os = "none", global_allocator)]
static HEAP: KernelHeap = KernelHeap(Mutex::new(State {
    list: Heap::empty(),
    classes: [null_mut(); CLASSES],
    end: layout::HEAP_START,
    in_use: 0,
}));

/// The size class that `layout` fits in.
fn class_of(layout: Layout) -> Option<usize> {
    let size = layout
        .size()
        .max(layout.align())
        .max(SMALLEST)
        .next_power_of_two();
    let class = (size / SMALLEST).trailing_zeros() as usize;
    (class < CLASSES).then_some(class)
}

impl State {
    /// Maps at least `bytes` more at the heap's end.
    fn grow(&mut self, bytes: u64) -> Option<()> {
        let start = self.end;
        let wanted = bytes.max(GROWTH).next_multiple_of(PAGE_SIZE);
        let mut got = 0;
        while got < wanted {
            let Ok(frame) = Frame::for_kernel() else {
                break;
            };
            if paging::map_kernel(
                start + got,
                frame.into_raw(),
                PageFlags::WRITABLE | PageFlags::NO_EXECUTE,
            )
            .is_err()
            {
                break;
            }
            got += PAGE_SIZE;
        }
        if got == 0 {
            return None;
        }
        self.end += got;
        // SAFETY: [start, start + got) was just mapped and adjoins the heap's end.
        unsafe {
            if start == layout::HEAP_START {
                self.list.init(start as *mut u8, got as usize);
            } else {
                self.list.extend(got as usize);
            }
        }
        (got >= wanted).then_some(())
    }

    fn take_from_list(&mut self, layout: Layout) -> *mut u8 {
        loop {
            if let Ok(block) = self.list.allocate_first_fit(layout) {
                return block.as_ptr();
            }
            if self
                .grow((layout.size() + layout.align() + 64) as u64)
                .is_none()
            {
                return null_mut();
            }
        }
    }

    fn refill(&mut self, class: usize) {
        let size = SMALLEST << class;
        let chunk = Layout::from_size_align(REFILL, REFILL.min(size)).expect("a power of two");
        let start = self.take_from_list(chunk);
        if start.is_null() {
            return;
        }
        for offset in (0..REFILL).step_by(size) {
            // SAFETY: the chunk is REFILL bytes long, aligned to the block size, and unused.
            unsafe { self.push(class, start.add(offset)) };
        }
    }

    /// # Safety
    /// `block` is unused memory of the class's size.
    unsafe fn push(&mut self, class: usize, block: *mut u8) {
        // SAFETY: the caller gives the block up; it holds at least a pointer and is aligned.
        unsafe { block.cast::<*mut u8>().write(self.classes[class]) };
        self.classes[class] = block;
    }
}

// SAFETY: blocks are disjoint, as large and aligned as asked for, and stay until freed.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut state = self.0.lock();
        state.in_use += layout.size();
        let Some(class) = class_of(layout) else {
            return state.take_from_list(layout);
        };
        if state.classes[class].is_null() {
            state.refill(class);
        }
        let block = state.classes[class];
        if !block.is_null() {
            // SAFETY: a free block holds the next one's address.
            state.classes[class] = unsafe { block.cast::<*mut u8>().read() };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let mut state = self.0.lock();
        state.in_use -= layout.size();
        match class_of(layout) {
            // SAFETY: the caller gives the block up.
            Some(class) => unsafe { state.push(class, block) },
            // SAFETY: the block came from the list with this layout; it isn't null.
            None => unsafe { state.list.deallocate(NonNull::new_unchecked(block), layout) },
        }
    }
}

/// Maps the heap's first part.
pub fn init() {
    HEAP.0
        .lock()
        .grow(GROWTH)
        .expect("no memory for the kernel heap");
}

/// Bytes in use by the kernel's data structures.
pub fn in_use() -> usize {
    HEAP.0.lock().in_use
}
