//! User memory access: the only code that dereferences a program's addresses.
//!
//! Each access is checked to be within the user address space, suspends SMAP for the length of the
//! copy, and returns `EFAULT` if a fault can't be resolved (`arch/extable.rs`). The program may
//! change memory between two reads of the same address: read once, check the copy.
//!
//! `range.rs` has the buffers of reads and writes, `strings.rs` reads strings, `window.rs` has
//! accesses by word, for signal frames.
//!
//! Floor 8: it may use the floors below (tests/floors/floors.txt), of which it needs the address
//! space's limits, the scheduler's preemption points and the table of recoverable faults. A fault
//! in a copy brings the page in like a fault of the program (`vm/fault.rs`) and may sleep, so no
//! lock is held over a copy; `may_sleep` asserts it in test builds.
//!
//! Left out of Linux's uaccess.h: copies with page faults disabled (`pagefault_disable`), as no
//! code needs user memory under a lock; zeroing of the destination of a failed copy, as no caller
//! reads it; non-temporal copies.

use alloc::vec::Vec;
use core::arch::{asm, naked_asm};
use core::marker::PhantomData;
use core::mem::MaybeUninit;

#[cfg(debug_assertions)]
use x86_64::registers::rflags::{self, RFlags};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::abi::errno::Errno;
#[cfg(debug_assertions)]
use crate::arch::cpu;
use crate::mm::frame::Frame;
use crate::mm::layout::TASK_SIZE;
use crate::mm::{PAGE_SIZE, fallible};
use crate::sched::preempt::{self, STRIDE};
use crate::{clac, extable, stac};

mod range;
mod strings;
pub mod window;

pub use range::UserRange;
pub use strings::first_nul;
pub use window::Window;

// ANCHOR: pod
/// Plain old data: types that can be copied to and from user memory as bytes.
///
/// Every bit pattern is a valid value (`FromBytes`), and there is no padding, which would disclose
/// kernel memory (`IntoBytes`): zerocopy derives both where they hold.
pub trait Pod: FromBytes + IntoBytes + Immutable + Copy + 'static {}
// ANCHOR_END: pod

impl<T: FromBytes + IntoBytes + Immutable + Copy + 'static> Pod for T {}

// ANCHOR: user-ptr
/// User-space pointer to a `T` (Linux's `__user`): an unchecked address until it is accessed.
#[repr(transparent)]
pub struct UserPtr<T>(u64, PhantomData<*mut T>);
// ANCHOR_END: user-ptr

impl<T> Clone for UserPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for UserPtr<T> {}

impl<T> core::fmt::Debug for UserPtr<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl<T> UserPtr<T> {
    /// Wraps an address.
    pub const fn new(address: u64) -> Self {
        Self(address, PhantomData)
    }

    /// The address.
    pub const fn address(self) -> u64 {
        self.0
    }

    /// Whether the address is 0.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The same address as a pointer to another type.
    pub const fn cast<U>(self) -> UserPtr<U> {
        UserPtr::new(self.0)
    }

    /// The address of element `count`. Wraps around; the access checks the address.
    pub const fn add(self, count: usize) -> Self {
        Self::new(
            self.0
                .wrapping_add((count as u64).wrapping_mul(size_of::<T>() as u64)),
        )
    }

    /// The address plus `bytes`. Wraps around; the access checks the address.
    pub const fn byte_add(self, bytes: u64) -> Self {
        Self::new(self.0.wrapping_add(bytes))
    }
}

impl<T: Pod> UserPtr<T> {
    /// Reads the value.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn read(self) -> Result<T, Errno> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the destination is the value's own memory.
        unsafe { copy_in(value.as_mut_ptr().cast(), self.0, size_of::<T>())? };
        // SAFETY: all bytes were written, and `T: Pod` has no invalid values.
        Ok(unsafe { value.assume_init() })
    }

    /// Writes the value.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn write(self, value: T) -> Result<(), Errno> {
        // SAFETY: the source is the value's own memory.
        unsafe { copy_out(self.0, (&raw const value).cast(), size_of::<T>()) }
    }

    /// Reads the value of an optional argument; `None` if the pointer is NULL.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn read_opt(self) -> Result<Option<T>, Errno> {
        if self.is_null() {
            Ok(None)
        } else {
            self.read().map(Some)
        }
    }

    /// Writes the value of an optional result; does nothing if the pointer is NULL.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn write_opt(self, value: T) -> Result<(), Errno> {
        if self.is_null() {
            Ok(())
        } else {
            self.write(value)
        }
    }

    /// Reads `count` values. `count` may be any number: the range is checked before the allocation.
    ///
    /// # Errors
    /// `EFAULT`, `ENOMEM`.
    pub fn read_vec(self, count: usize) -> Result<Vec<T>, Errno> {
        let bytes = count.checked_mul(size_of::<T>()).ok_or(Errno::EFAULT)?;
        check(self.0, bytes)?;
        let mut values = fallible::with_capacity::<T>(count)?;
        let target = values.as_mut_ptr().cast::<u8>();
        in_parts(bytes, |at, len| {
            // SAFETY: `count` elements are reserved, which are `bytes`.
            unsafe { copy_in(target.add(at), self.0 + at as u64, len) }
        })?;
        // SAFETY: all bytes were written, and `T: Pod` has no invalid values.
        unsafe { values.set_len(count) };
        Ok(values)
    }

    /// Writes all of `values`.
    ///
    /// # Errors
    /// `EFAULT`; the elements before the fault may have been written.
    pub fn write_slice(self, values: &[T]) -> Result<(), Errno> {
        let source = values.as_ptr().cast::<u8>();
        in_parts(size_of_val(values), |at, len| {
            // SAFETY: the source is a part of the slice.
            unsafe { copy_out(self.0.wrapping_add(at as u64), source.add(at), len) }
        })
    }
}

/// Copies `bytes` bytes in parts, with a preemption point after each but the last; `copy` gets a
/// part's offset and length.
fn in_parts(
    bytes: usize,
    mut copy: impl FnMut(usize, usize) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut at = 0;
    while bytes - at > STRIDE {
        copy(at, STRIDE)?;
        at += STRIDE;
        preempt::point();
    }
    copy(at, bytes - at)
}

impl UserPtr<u8> {
    /// Fills `out` from user memory.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn read_into(self, out: &mut [u8]) -> Result<(), Errno> {
        // SAFETY: the destination is the slice.
        unsafe { copy_in(out.as_mut_ptr(), self.0, out.len()) }
    }

    /// Fills `out` up to the first byte that can't be read; returns the number of bytes copied.
    pub fn read_prefix(self, out: &mut [u8]) -> usize {
        // SAFETY: the destination is the slice.
        unsafe { prefix_in(out.as_mut_ptr(), self.0, out.len()) }
    }
}

/// Copies advance the range past the bytes that they transferred, up to the first that can't be
/// read or written, and return their number.
impl UserRange {
    /// Copies its first bytes to `out`.
    #[inline]
    pub fn take(&mut self, out: &mut [u8]) -> usize {
        may_sleep();
        self.transfer(out.len(), |from, len| {
            // SAFETY: the destination is the slice; `from` is in the user address space.
            unsafe { raw_copy(out.as_mut_ptr(), from as *const u8, len) }
        })
    }

    /// Copies `bytes` to its start.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        may_sleep();
        self.transfer(bytes.len(), |to, len| {
            // SAFETY: the source is the slice; `to` is in the user address space.
            unsafe { raw_copy(to as *mut u8, bytes.as_ptr(), len) }
        })
    }

    /// Fills its first bytes, at most `most`, with zeros.
    #[inline(always)]
    pub fn put_zeros(&mut self, most: usize) -> usize {
        may_sleep();
        self.transfer(most, |to, len| {
            // SAFETY: `to` is in the user address space.
            unsafe { raw_clear(to as *mut u8, len) }
        })
    }

    /// Copies its first `len` bytes to a page frame at offset `at`. Panics if the range exceeds the
    /// page.
    ///
    /// Programs may have the page mapped: source and destination may be the same memory, and other
    /// tasks may change it during a fault. So the copy uses a pointer, not a reference.
    pub fn take_page(&mut self, page: &Frame, at: usize, len: usize) -> usize {
        assert!(at + len <= PAGE_SIZE as usize);
        may_sleep();
        self.transfer(len, |from, len| {
            // SAFETY: within the page, which `page` keeps allocated; `from` is in the user address
            // space.
            unsafe { raw_copy(page.as_ptr().add(at), from as *const u8, len) }
        })
    }

    /// Copies `len` bytes of a page frame at offset `at` to its start; otherwise as
    /// [`Self::take_page`].
    pub fn put_page(&mut self, page: &Frame, at: usize, len: usize) -> usize {
        assert!(at + len <= PAGE_SIZE as usize);
        may_sleep();
        self.transfer(len, |to, len| {
            // SAFETY: within the page, which `page` keeps allocated; `to` is in the user address
            // space.
            unsafe { raw_copy(to as *mut u8, page.as_ptr().add(at), len) }
        })
    }
}

/// Reads the 32-bit word at `address` by one load.
///
/// # Errors
/// `EFAULT`.
#[inline(always)]
pub fn read_u32(address: u64) -> Result<u32, Errno> {
    may_sleep();
    check(address, 4)?;
    // Not a 32-bit value until the load succeeds, which clears the upper half.
    let mut value = u64::MAX;
    // SAFETY: a user address; a fault at label 2 continues at label 3 with `value` unchanged.
    unsafe {
        asm!(
            stac!(),
            "2: mov {value:e}, [{address}]",
            "3:",
            clac!(),
            extable!("2b", "3b"),
            address = in(reg) address,
            value = inout(reg) value,
            options(nostack, readonly),
        );
    }
    u32::try_from(value).map_err(|_| Errno::EFAULT)
}

impl UserPtr<[i64; 2]> {
    /// [`Self::write`] by two stores: for the times, which programs ask for often.
    ///
    /// # Errors
    /// `EFAULT`; the first word may have been written.
    #[inline(always)]
    pub fn write_words(self, [first, second]: [i64; 2]) -> Result<(), Errno> {
        may_sleep();
        check(self.0, size_of::<[i64; 2]>())?;
        // SAFETY: user addresses; a fault of either store continues at the block, with AC set.
        unsafe {
            asm!(
                stac!(),
                "2: mov [{to}], {first}",
                "3: mov [{to} + 8], {second}",
                clac!(),
                extable!("2b", "{fault}"),
                extable!("3b", "{fault}"),
                to = in(reg) self.0,
                first = in(reg) first,
                second = in(reg) second,
                fault = label {
                    // SAFETY: ends the access to user memory.
                    unsafe { asm!(clac!(), options(nostack)) };
                    return Err(Errno::EFAULT);
                },
                options(nostack),
            );
        }
        Ok(())
    }
}

/// Fills `len` bytes of user memory with zeros.
///
/// # Errors
/// `EFAULT`.
pub fn clear(address: u64, len: usize) -> Result<(), Errno> {
    check(address, len)?;
    let zeros = [0; 512];
    let mut done = 0;
    while done < len {
        let part = (len - done).min(zeros.len());
        UserPtr::<u8>::new(address + done as u64).write_slice(&zeros[..part])?;
        done += part;
    }
    Ok(())
}

// ANCHOR: check
/// Checks that `address` to `address + len` is within the user address space (access_ok).
///
/// # Errors
/// `EFAULT` if it isn't.
#[inline(always)]
pub fn check(address: u64, len: usize) -> Result<(), Errno> {
    // A sum that wraps is cut at the largest number, which is beyond the user address space too.
    if address.saturating_add(len as u64) <= TASK_SIZE {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}
// ANCHOR_END: check

/// Asserts in test builds that no lock is held, as an access to user memory may fault and sleep for
/// memory, and that no [`Window`] is open, which AC tells on a CPU with SMAP; elsewhere AC is the
/// program's.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
fn may_sleep() {
    crate::sync::assert_none_held("user memory is touched");
    #[cfg(debug_assertions)]
    assert!(
        !rflags::read().contains(RFlags::ALIGNMENT_CHECK) || !cpu::features().smap,
        "a window to user memory is open"
    );
}

/// Copies up to the first byte that can't be read; returns the number of bytes copied.
///
/// # Safety
/// `to` is valid for writes of `len` bytes.
#[cfg_attr(debug_assertions, track_caller)]
unsafe fn prefix_in(to: *mut u8, from: u64, len: usize) -> usize {
    may_sleep();
    if check(from, len).is_err() {
        return 0;
    }
    // SAFETY: the caller vouches for `to`; `from` was checked, and faults are caught.
    len - unsafe { raw_copy(to, from as *const u8, len) }
}

/// Copies `len` bytes from user memory, or fails with `EFAULT`.
///
/// # Safety
/// `to` is valid for writes of `len` bytes.
// ANCHOR: copy-in
unsafe fn copy_in(to: *mut u8, from: u64, len: usize) -> Result<(), Errno> {
    may_sleep();
    check(from, len)?;
    // SAFETY: the caller vouches for `to`; `from` was checked, and faults are caught.
    if unsafe { raw_copy(to, from as *const u8, len) } == 0 {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}
// ANCHOR_END: copy-in

/// Copies `len` bytes to user memory, or fails with `EFAULT`.
///
/// # Safety
/// `from` is valid for reads of `len` bytes.
unsafe fn copy_out(to: u64, from: *const u8, len: usize) -> Result<(), Errno> {
    may_sleep();
    check(to, len)?;
    // SAFETY: the caller vouches for `from`; `to` was checked, and faults are caught.
    if unsafe { raw_copy(to as *mut u8, from, len) } == 0 {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}

/// Copies quadwords, then the remaining bytes; returns the number of bytes **not** copied. A fault
/// in a string instruction leaves the remaining count in rcx.
///
/// # Safety
/// The kernel's side of the copy is valid for `len` bytes, the other side is in the user address
/// space.
#[unsafe(naked)]
unsafe extern "C" fn raw_copy(to: *mut u8, from: *const u8, len: usize) -> usize {
    naked_asm!(
        // ANCHOR: raw-copy
        stac!(),
        "mov rcx, rdx",
        "shr rcx, 3",
        "and edx, 7",
        "2: rep movsq",
        "mov ecx, edx",
        "3: rep movsb",
        clac!(),
        "xor eax, eax",
        "ret",
        // ANCHOR_END: raw-copy
        // ANCHOR: raw-copy-faults
        // Remaining: 8 bytes for each quadword not copied, and the tail. The quadword that faulted
        // may cross a page boundary: copy its bytes before the boundary.
        "4: lea rcx, [rdx + rcx * 8]",
        "6: rep movsb",
        // Remaining: rcx bytes.
        "5:",
        clac!(),
        "mov rax, rcx",
        "ret",
        extable!("2b", "4b"),
        extable!("3b", "5b"),
        extable!("6b", "5b"),
        // ANCHOR_END: raw-copy-faults
    )
}

/// Fills `len` bytes with zeros as [`raw_copy`] copies; returns the number of bytes **not** filled.
/// Inline: a read of /dev/zero is little else.
///
/// # Safety
/// The bytes are in the user address space.
#[inline(always)]
unsafe fn raw_clear(to: *mut u8, len: usize) -> usize {
    let mut rest = len / 8;
    // SAFETY: the caller vouches for the range; a fault continues at label 5 with the remaining
    // bytes in rcx.
    unsafe {
        asm!(
            stac!(),
            "2: rep stosq",
            "mov ecx, {tail:e}",
            "3: rep stosb",
            "5:",
            clac!(),
            ".pushsection .text.fixup, \"ax\"",
            "4: lea rcx, [{tail} + rcx * 8]",
            "6: rep stosb",
            "jmp 5b",
            ".popsection",
            extable!("2b", "4b"),
            extable!("3b", "5b"),
            extable!("6b", "5b"),
            tail = in(reg) len % 8,
            inout("rcx") rest,
            inout("rdi") to => _,
            in("rax") 0,
            options(nostack),
        );
    }
    rest
}

#[cfg(all(test, debug_assertions))]
mod tests;
