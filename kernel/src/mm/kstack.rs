//! Kernel stacks: one a task, each with an unmapped guard page below.

use alloc::vec::Vec;

use spin::Mutex;

use super::PAGE_SIZE;
use super::frame::Frame;
use super::layout::KSTACK_START;
use super::paging::{self, PageFlags};
use crate::syscall::errno::Errno;

/// Bytes of a stack.
pub const SIZE: u64 = 32 * 1024;
/// Bytes of address space for each: the stack and the guard below it.
const STRIDE: u64 = 2 * SIZE;

static SLOTS: Mutex<Slots> = Mutex::new(Slots {
    next: 0,
    free: Vec::new(),
});

struct Slots {
    next: u64,
    free: Vec<u64>,
}

/// A mapped kernel stack.
#[derive(Debug)]
pub struct KernelStack {
    slot: u64,
}

impl KernelStack {
    /// Maps a stack.
    ///
    /// # Errors
    /// `ENOMEM` when there are not enough frames.
    pub fn new() -> Result<Self, Errno> {
        let slot = {
            let mut slots = SLOTS.lock();
            match slots.free.pop() {
                Some(slot) => slot,
                None => {
                    slots.next += 1;
                    slots.next - 1
                }
            }
        };
        // Dropping the half-made stack unmaps what was mapped.
        let stack = Self { slot };
        for page in 0..SIZE / PAGE_SIZE {
            let frame = Frame::zeroed()?.into_raw();
            let flags = PageFlags::WRITABLE | PageFlags::NO_EXECUTE;
            paging::map_kernel(stack.bottom() + page * PAGE_SIZE, frame, flags)?;
        }
        Ok(stack)
    }

    fn bottom(&self) -> u64 {
        KSTACK_START + self.slot * STRIDE + (STRIDE - SIZE)
    }

    /// Address past the stack's end; 16-byte aligned.
    pub fn top(&self) -> u64 {
        self.bottom() + SIZE
    }
}

impl Drop for KernelStack {
    fn drop(&mut self) {
        for page in 0..SIZE / PAGE_SIZE {
            if let Some(frame) = paging::unmap_kernel(self.bottom() + page * PAGE_SIZE) {
                // SAFETY: the entry held this reference, made in `new`.
                drop(unsafe { Frame::from_raw(frame) });
            }
        }
        SLOTS.lock().free.push(self.slot);
    }
}

/// Whether `address` lies in a stack's guard: an overflow, not a wild pointer.
pub fn is_guard(address: u64) -> bool {
    let offset = address.wrapping_sub(KSTACK_START);
    address >= KSTACK_START && offset < 1 << 39 && offset % STRIDE < STRIDE - SIZE
}
