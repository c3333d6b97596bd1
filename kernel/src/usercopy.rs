//! The only code that touches user memory.
//!
//! An address from a program is just a number. Here, and nowhere else, it is checked to lie
//! in the program's half, SMAP is lifted for the length of the copy, and a fault that no
//! mapping explains ends the copy with `EFAULT` instead of the kernel (`arch/extable.rs`).
//! Between two reads of the same address the program may change it: read once, check the copy.
//!
//! `strings.rs` reads strings, `fpu.rs` the registers of the FPU in a signal frame.

use alloc::vec::Vec;
use core::arch::{asm, naked_asm};
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use crate::mm::frame::Frame;
use crate::mm::layout::TASK_SIZE;
use crate::mm::{PAGE_SIZE, fallible};
use crate::process::preempt::{self, STRIDE};
use crate::syscall::errno::Errno;
use crate::{clac, extable, stac};

pub mod fpu;
mod strings;

pub use strings::first_nul;

/// Types that any bytes are a value of, without padding that would carry kernel bytes out.
///
/// # Safety
/// Every bit pattern is a value, and there is no padding (or it is always zeroed).
pub unsafe trait Pod: Copy + 'static {}

macro_rules! pod {
    ($($t:ty),*) => { $(
        // SAFETY: integers have no padding and no invalid values.
        unsafe impl Pod for $t {}
    )* };
}
pod!(u8, i8, u16, i16, u32, i32, u64, i64, usize, isize);
// SAFETY: an array of such values is one.
unsafe impl<T: Pod, const N: usize> Pod for [T; N] {}

/// A program's pointer to a `T`: a number until it is read or written through.
#[repr(transparent)]
pub struct UserPtr<T>(u64, PhantomData<*mut T>);

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
    /// The pointer with this address.
    pub const fn new(address: u64) -> Self {
        Self(address, PhantomData)
    }

    /// The address.
    pub const fn address(self) -> u64 {
        self.0
    }

    /// Whether it is NULL.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The same address as a pointer to another type.
    pub const fn cast<U>(self) -> UserPtr<U> {
        UserPtr::new(self.0)
    }

    /// The pointer `count` elements on. Wraps; the check comes with the access.
    pub const fn add(self, count: usize) -> Self {
        Self::new(
            self.0
                .wrapping_add((count as u64).wrapping_mul(size_of::<T>() as u64)),
        )
    }

    /// The pointer `bytes` on.
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

    /// Reads the value, unless the pointer is NULL: an argument that may be left out.
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

    /// Writes the value, unless the pointer is NULL: a result that nobody asked for.
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

    /// Reads `count` values, without trusting `count`: memory is taken as the copy goes on.
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
    /// `EFAULT`; what precedes the fault may have been written.
    pub fn write_slice(self, values: &[T]) -> Result<(), Errno> {
        let source = values.as_ptr().cast::<u8>();
        in_parts(size_of_val(values), |at, len| {
            // SAFETY: the source is a part of the slice.
            unsafe { copy_out(self.0.wrapping_add(at as u64), source.add(at), len) }
        })
    }
}

/// Copies so many bytes by `copy`, which takes where to begin and how many: others may run between two parts.
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

    /// Fills as much of `out` as can be read; returns how many bytes that is.
    pub fn read_prefix(self, out: &mut [u8]) -> usize {
        // SAFETY: the destination is the slice.
        unsafe { prefix_in(out.as_mut_ptr(), self.0, out.len()) }
    }

    /// Writes as much of `bytes` as can be written; returns how many bytes that is.
    pub fn write_prefix(self, bytes: &[u8]) -> usize {
        // SAFETY: the source is the slice.
        unsafe { prefix_out(self.0, bytes.as_ptr(), bytes.len()) }
    }

    /// Fills `len` bytes of a page at offset `at` as far as they can be read; returns how many bytes that is.
    /// Programs may have the page mapped, so that both sides of the copy may be the same memory, and others
    /// may change it while a fault is served: the kernel has a pointer to it and no reference. Panics past
    /// the page's end.
    pub fn read_page(self, page: &Frame, at: usize, len: usize) -> usize {
        assert!(at + len <= PAGE_SIZE as usize);
        // SAFETY: within the page, which `page` keeps.
        unsafe { prefix_in(page.as_ptr().add(at), self.0, len) }
    }

    /// Writes `len` bytes of a page at offset `at` as far as they can be written; otherwise as
    /// [`Self::read_page`].
    pub fn write_page(self, page: &Frame, at: usize, len: usize) -> usize {
        assert!(at + len <= PAGE_SIZE as usize);
        // SAFETY: within the page, which `page` keeps.
        unsafe { prefix_out(self.0, page.as_ptr().add(at), len) }
    }
}

/// Reads the 32-bit word at `address`: the sixth argument of SYSENTER and 32-bit SYSCALL, which
/// are too fast for the loop of a copy.
///
/// # Errors
/// `EFAULT`.
#[inline(always)]
pub fn read_u32(address: u64) -> Result<u32, Errno> {
    may_sleep();
    check(address, 4)?;
    // More than 32 bits until the load, which clears the upper half, succeeds.
    let mut value = u64::MAX;
    // SAFETY: the address lies in the program's half, and a fault at label 2 goes on at label
    // 3 with `value` as it was.
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

/// Whether [address, address + len) lies in the program's half (access_ok).
///
/// # Errors
/// `EFAULT` if not.
pub fn check(address: u64, len: usize) -> Result<(), Errno> {
    match address.checked_add(len as u64) {
        Some(end) if end <= TASK_SIZE => Ok(()),
        _ => Err(Errno::EFAULT),
    }
}

/// In test builds panics if a lock is held: an access to user memory may fault, the fault may find no
/// memory, and then others run.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
fn may_sleep() {
    crate::sync::assert_none_held("user memory is touched");
}

/// Copies what can be read; returns how many bytes that is.
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

/// Copies what can be written; returns how many bytes that is.
///
/// # Safety
/// `from` is valid for reads of `len` bytes.
#[cfg_attr(debug_assertions, track_caller)]
unsafe fn prefix_out(to: u64, from: *const u8, len: usize) -> usize {
    may_sleep();
    if check(to, len).is_err() {
        return 0;
    }
    // SAFETY: the caller vouches for `from`; `to` was checked, and faults are caught.
    len - unsafe { raw_copy(to as *mut u8, from, len) }
}

/// # Safety
/// `to` is valid for writes of `len` bytes.
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

/// Copies eight bytes at a time, then the rest; returns how many bytes were **not** copied.
/// A fault at a string instruction leaves rcx with what it still had to do.
///
/// # Safety
/// The kernel's side of the copy is valid for `len` bytes, the other side lies in the
/// program's half.
#[unsafe(naked)]
unsafe extern "C" fn raw_copy(to: *mut u8, from: *const u8, len: usize) -> usize {
    naked_asm!(
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
        // Left: 8 bytes for each quadword not copied, and the tail. The quadword that faulted may
        // lie across the boundary: its bytes before that are copied too.
        "4: lea rcx, [rdx + rcx * 8]",
        "6: rep movsb",
        // Left: rcx bytes.
        "5:",
        clac!(),
        "mov rax, rcx",
        "ret",
        extable!("2b", "4b"),
        extable!("3b", "5b"),
        extable!("6b", "5b"),
    )
}
