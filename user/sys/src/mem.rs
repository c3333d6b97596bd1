//! The memory functions that the compiler generates calls of.
//!
//! Copies and comparisons compile to calls of these C functions. The bare 64-bit target provides
//! them; the 32-bit target expects a C library, which is not linked here. The functions use string
//! instructions, as the compiler may turn a loop in `memcpy` into a call of `memcpy`. The direction
//! flag is clear by the C calling convention.

use core::arch::asm;
use core::ffi::{c_char, c_void};

/// Copies `count` bytes; the ranges must not overlap.
///
/// # Safety
/// Both ranges must be valid for `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcpy(to: *mut c_void, from: *const c_void, count: usize) -> *mut c_void {
    // SAFETY: reads and writes exactly the caller's `count` bytes, upwards; `esi` can't be an
    // operand, so it is exchanged and restored.
    unsafe {
        asm!("xchg esi, {from}", "rep movsb", "xchg esi, {from}", from = inout(reg) from => _,
            inout("edi") to => _, inout("ecx") count => _, options(nostack, preserves_flags));
    }
    to
}

/// Copies `count` bytes; the ranges may overlap.
///
/// # Safety
/// Both ranges must be valid for `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memmove(
    to: *mut c_void,
    from: *const c_void,
    count: usize,
) -> *mut c_void {
    if (to as usize).wrapping_sub(from as usize) >= count {
        // SAFETY: the destination does not begin inside the source, so copying upwards reads each
        // byte before it is overwritten.
        return unsafe { memcpy(to, from, count) };
    }
    let (last_to, last_from) = (
        to.wrapping_add(count).wrapping_sub(1),
        from.wrapping_add(count).wrapping_sub(1),
    );
    // SAFETY: the same bytes downwards, from the last; the direction flag is cleared again.
    unsafe {
        asm!("xchg esi, {from}", "std", "rep movsb", "cld", "xchg esi, {from}",
            from = inout(reg) last_from => _, inout("edi") last_to => _, inout("ecx") count => _,
            options(nostack));
    }
    to
}

/// Fills `count` bytes with the low byte of `value`.
///
/// # Safety
/// The range must be valid for `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memset(to: *mut c_void, value: i32, count: usize) -> *mut c_void {
    // SAFETY: writes exactly the caller's `count` bytes, upwards.
    unsafe {
        asm!("rep stosb", inout("edi") to => _, inout("ecx") count => _, in("eax") value,
            options(nostack, preserves_flags));
    }
    to
}

/// Compares `count` bytes: negative, 0 or positive by the first difference.
///
/// # Safety
/// Both ranges must be valid for `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcmp(left: *const c_void, right: *const c_void, count: usize) -> i32 {
    let (left, right) = (left.cast::<u8>(), right.cast::<u8>());
    let mut index = 0;
    while index < count {
        // SAFETY: `index` is below the caller's `count`. Volatile, or the compiler would turn the
        // loop into a call of memcmp.
        let pair = unsafe {
            (
                left.add(index).read_volatile(),
                right.add(index).read_volatile(),
            )
        };
        if pair.0 != pair.1 {
            return i32::from(pair.0) - i32::from(pair.1);
        }
        index += 1;
    }
    0
}

/// Compares `count` bytes for equality only: 0 if equal.
///
/// # Safety
/// Both ranges must be valid for `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bcmp(left: *const c_void, right: *const c_void, count: usize) -> i32 {
    // SAFETY: `memcmp` has the same requirement.
    unsafe { memcmp(left, right, count) }
}

/// Length of a NUL-terminated string.
///
/// # Safety
/// `text` must point to a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn strlen(text: *const c_char) -> usize {
    let mut length = 0;
    // SAFETY: reads up to the string's NUL. Volatile, or the compiler would turn the loop into a
    // call of strlen.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}

/// Length of a zero-terminated string of 32-bit characters. Newer compilers (Rust 1.99) turn a loop
/// that searches a zero word (such as the end of the auxiliary vector) into a call of this.
///
/// # Safety
/// `text` must point to a zero-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wcslen(text: *const u32) -> usize {
    let mut length = 0;
    // SAFETY: reads up to the string's zero; volatile as in `strlen`.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}
