//! Page frames: counted references to 4 KiB of RAM.
//!
//! Each frame has a reference count, so that processes, or a file and its mappings, can share it.
//! [`Frame`] is one reference: cloning adds one, dropping the last frees the frame. `allocator.rs`
//! has the free lists.

use spin::Once;

use super::allocator::{self, For};
use super::{PAGE_SIZE, kstack, reserve};
use crate::abi::errno::Errno;

pub use super::allocator::{donate, has_room, has_step, init, is_low, phys_to_virt, statistics};

/// One reference to a page frame.
#[derive(Debug)]
pub struct Frame(u64);

/// The zero page: the one frame that all programs read where private memory was never written
/// (ZERO_PAGE). It is never freed, and nothing writes to it.
static ZERO_PAGE: Once<Frame> = Once::new();

/// The zero page.
///
/// # Panics
/// If memory is short at the first call, which is the kernel's own at boot.
pub fn zero_page() -> &'static Frame {
    ZERO_PAGE.call_once(|| Frame::zeroed().expect("no memory for the zero page"))
}

impl Frame {
    /// Allocates a zeroed frame.
    ///
    /// # Errors
    /// `ENOMEM` if only the kernel's reserve is left.
    pub fn zeroed() -> Result<Self, Errno> {
        Self::for_program(allocator::allocate_zeroed)
    }

    /// Allocates a frame for a large block of the heap, which leaves the kernel's reserve. Doesn't
    /// free the kernel's caches: that may need the heap, which is locked here.
    ///
    /// # Errors
    /// `ENOMEM` if only the kernel's reserve is left.
    pub fn for_block() -> Result<Self, Errno> {
        Self::from_allocator(allocator::allocate(For::Program))
    }

    /// Allocates a frame by `allocate`; if that fails, retries after freeing the kernel's caches.
    fn for_program(allocate: fn(For) -> Option<u64>) -> Result<Self, Errno> {
        reserve::fail_point()?;
        let mut frame = allocate(For::Program);
        if frame.is_none() && kstack::release_kept() {
            frame = allocate(For::Program);
        }
        if frame.is_some() {
            reserve::begin_step();
        }
        Self::from_allocator(frame)
    }

    fn from_allocator(address: Option<u64>) -> Result<Self, Errno> {
        address.map(Self).ok_or(Errno::ENOMEM)
    }

    /// Allocates a frame with undefined content, for a caller that fills all of it.
    ///
    /// # Errors
    /// `ENOMEM` if only the kernel's reserve is left.
    pub fn uninitialised() -> Result<Self, Errno> {
        Self::for_program(allocator::allocate)
    }

    /// Allocates a frame with undefined content for small kernel objects; may use up the reserve.
    ///
    /// # Errors
    /// `ENOMEM` if no frame is free.
    pub fn for_kernel() -> Result<Self, Errno> {
        Self::from_allocator(allocator::allocate(For::Kernel))
    }

    /// Allocates a zeroed frame for the kernel's page tables; may use up the reserve.
    ///
    /// # Errors
    /// `ENOMEM` if no frame is free.
    pub fn zeroed_for_kernel() -> Result<Self, Errno> {
        #[cfg(debug_assertions)]
        super::injection::draw();
        Self::from_allocator(allocator::allocate_zeroed(For::Kernel))
    }

    /// Allocates a copy of this frame.
    ///
    /// # Errors
    /// `ENOMEM` if only the kernel's reserve is left.
    pub fn duplicate(&self) -> Result<Self, Errno> {
        let copy = Self::uninitialised()?;
        // SAFETY: both frames are referenced, 8-byte aligned and don't overlap.
        unsafe {
            core::ptr::copy_nonoverlapping(
                self.as_ptr().cast::<u64>(),
                copy.as_ptr().cast::<u64>(),
                PAGE_SIZE as usize / 8,
            );
        }
        Ok(copy)
    }

    /// Whether there are other references to the frame, such as mappings.
    pub fn is_shared(&self) -> bool {
        allocator::references(self.0) > 1
    }

    /// Physical address.
    pub fn address(&self) -> u64 {
        self.0
    }

    /// Pointer to the frame's 4096 bytes in the physical map.
    pub fn as_ptr(&self) -> *mut u8 {
        phys_to_virt(self.0)
    }

    /// Copies bytes from the frame. Panics if `offset + out.len()` is past its end.
    pub fn read(&self, offset: usize, out: &mut [u8]) {
        assert!(offset + out.len() <= PAGE_SIZE as usize);
        // SAFETY: in bounds; `out` is kernel memory, not part of a program's page. No writer runs
        // during the copy: one CPU, interrupts off, and the accesses don't fault.
        unsafe {
            core::ptr::copy_nonoverlapping(self.as_ptr().add(offset), out.as_mut_ptr(), out.len());
        };
    }

    /// Copies bytes into the frame. Panics if `offset + bytes.len()` is past its end.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= PAGE_SIZE as usize);
        debug_assert_ne!(self.0, zero_page().0, "the zero page is written");
        // SAFETY: as in `read`. Programs that share the frame see the write.
        unsafe {
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), self.as_ptr().add(offset), bytes.len());
        };
    }

    /// Calls `f` with the bytes of a frame that no program has mapped. `f` may copy to and from
    /// user memory, which may sleep; a program's mapping would alias the reference. For mapped
    /// pages there are [`Frame::read`] and [`crate::usercopy::UserRange::put_page`].
    pub fn with_bytes<T>(&self, f: impl FnOnce(&[u8; PAGE_SIZE as usize]) -> T) -> T {
        // SAFETY: the frame lives as long as `self` is borrowed. Only the kernel accesses it, and
        // its owner (a pipe's slot, a packet, the arguments of an execve) is locked against writers
        // or has none.
        f(unsafe { &*self.as_ptr().cast() })
    }

    /// Calls `f` with the mutable bytes of a frame that no program has mapped; otherwise as
    /// [`Frame::with_bytes`].
    pub fn with_bytes_mut<T>(&self, f: impl FnOnce(&mut [u8; PAGE_SIZE as usize]) -> T) -> T {
        // SAFETY: as in `with_bytes`; the owner is locked against readers too, or has none yet.
        f(unsafe { &mut *self.as_ptr().cast() })
    }

    /// Turns the reference into a physical address, for a page table entry.
    pub fn into_raw(self) -> u64 {
        let address = self.0;
        core::mem::forget(self);
        address
    }

    /// Turns a physical address back into a reference.
    ///
    /// # Safety
    /// `address` is from [`Frame::into_raw`], or is RAM of the loader that is not in use any more;
    /// each is turned back once.
    pub unsafe fn from_raw(address: u64) -> Self {
        Self(address)
    }

    /// Adds a reference to the frame at a physical address, such as a page table entry's.
    ///
    /// # Safety
    /// A reference to the frame at `address` exists.
    pub unsafe fn share_raw(address: u64) -> Self {
        allocator::share(address);
        Self(address)
    }
}

impl Clone for Frame {
    fn clone(&self) -> Self {
        // SAFETY: `self` is a reference.
        unsafe { Self::share_raw(self.0) }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        allocator::release(self.0);
    }
}
