//! Page frames: who owns which 4 KiB of RAM.
//!
//! Every frame of RAM has a reference count, so that a page can be shared by processes, by a
//! file and its mappings. [`Frame`] is one reference: cloning adds one, dropping the last
//! frees. Where free ones come from is `allocator.rs`.

use super::allocator::{self, For};
use super::{PAGE_SIZE, kstack, reserve};
use crate::syscall::errno::Errno;

pub use super::allocator::{donate, has_room, has_step, init, is_low, phys_to_virt, statistics};

/// One reference to a page frame.
#[derive(Debug)]
pub struct Frame(u64);

impl Frame {
    /// A frame full of zeros.
    ///
    /// # Errors
    /// `ENOMEM` when there is none.
    pub fn zeroed() -> Result<Self, Errno> {
        Self::for_program(allocator::take_zeroed)
    }

    /// A frame for a large block of the heap, which asks for one as a program does. What the kernel
    /// keeps for later stays: giving that back may need the heap, which is locked here.
    ///
    /// # Errors
    /// `ENOMEM` when there is none.
    pub fn for_block() -> Result<Self, Errno> {
        Self::from_allocator(allocator::take(For::Program))
    }

    /// A frame by `take`. Before there is none, what the kernel only keeps for later goes.
    fn for_program(take: fn(For) -> Option<u64>) -> Result<Self, Errno> {
        reserve::fail_point()?;
        let mut frame = take(For::Program);
        if frame.is_none() && kstack::release_kept() {
            frame = take(For::Program);
        }
        if frame.is_some() {
            reserve::begin_step();
        }
        Self::from_allocator(frame)
    }

    fn from_allocator(address: Option<u64>) -> Result<Self, Errno> {
        address.map(Self).ok_or(Errno::ENOMEM)
    }

    /// A frame with whatever it last held, for a caller that fills all of it.
    ///
    /// # Errors
    /// `ENOMEM` when there is none.
    pub fn uninitialised() -> Result<Self, Errno> {
        Self::for_program(allocator::take)
    }

    /// A frame for the kernel's small objects and its own tables, which may use up the reserve: programs
    /// must not be able to take what the kernel needs to go on.
    ///
    /// # Errors
    /// `ENOMEM` when there is none at all.
    pub fn for_kernel() -> Result<Self, Errno> {
        Self::from_allocator(allocator::take(For::Kernel))
    }

    /// The same, full of zeros.
    ///
    /// # Errors
    /// `ENOMEM` when there is none at all.
    pub fn zeroed_for_kernel() -> Result<Self, Errno> {
        #[cfg(debug_assertions)]
        super::injection::draw();
        Self::from_allocator(allocator::take_zeroed(For::Kernel))
    }

    /// A frame with the same bytes as this one.
    ///
    /// # Errors
    /// `ENOMEM` when there is none.
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

    /// Its physical address.
    pub fn address(&self) -> u64 {
        self.0
    }

    /// The kernel's pointer to the frame's 4096 bytes.
    pub fn as_ptr(&self) -> *mut u8 {
        phys_to_virt(self.0)
    }

    /// Copies bytes from the frame. Panics if `offset + out.len()` is past its end.
    pub fn read(&self, offset: usize, out: &mut [u8]) {
        assert!(offset + out.len() <= PAGE_SIZE as usize);
        // SAFETY: in bounds; `out` is the kernel's own memory and no part of a program's page. Nothing runs
        // between two bytes that could write: one CPU, interrupts off, and no access that faults.
        unsafe {
            core::ptr::copy_nonoverlapping(self.as_ptr().add(offset), out.as_mut_ptr(), out.len())
        };
    }

    /// Copies bytes into the frame. Panics if `offset + bytes.len()` is past its end.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= PAGE_SIZE as usize);
        // SAFETY: as in `read`; programs may see the write, which is what sharing means.
        unsafe {
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), self.as_ptr().add(offset), bytes.len())
        };
    }

    /// Calls `f` with the bytes of a frame that no program has mapped: `f` may copy from and to programs, which may
    /// sleep, and a mapping would be a second way to the same bytes. Pages that are mapped are copied by
    /// [`Frame::read`] and [`crate::usercopy::UserPtr::write_page`].
    pub fn with_bytes<T>(&self, f: impl FnOnce(&[u8; PAGE_SIZE as usize]) -> T) -> T {
        // SAFETY: the frame is referenced as long as `self` is borrowed. Only the kernel reaches it, and what
        // it belongs to (a pipe's slot, a packet, the arguments of an execve) is locked against writers or
        // has none.
        f(unsafe { &*self.as_ptr().cast() })
    }

    /// The same, to be changed.
    pub fn with_bytes_mut<T>(&self, f: impl FnOnce(&mut [u8; PAGE_SIZE as usize]) -> T) -> T {
        // SAFETY: as in `with_bytes`; what the frame belongs to is locked against readers too, or has none yet.
        f(unsafe { &mut *self.as_ptr().cast() })
    }

    /// Gives the reference to a page table entry.
    pub fn into_raw(self) -> u64 {
        let address = self.0;
        core::mem::forget(self);
        address
    }

    /// Takes a reference back.
    ///
    /// # Safety
    /// `address` came from [`Frame::into_raw`], or is the address of RAM that the loader used
    /// and nobody uses any more, and is taken back once.
    pub unsafe fn from_raw(address: u64) -> Self {
        Self(address)
    }

    /// Another reference to the frame that a page table entry holds.
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
