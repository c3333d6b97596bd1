//! Fallible allocation for containers whose size a program, a file or an archive decides: growth
//! returns `ENOMEM`.
//!
//! All functions call [`reserve::room`] before they allocate, and only if the container must grow:
//!
//! - a `Vec` of a known length: [`with_capacity`], [`zeroed`], [`to_vec`];
//! - a `Vec` of an iterator: [`collect`];
//! - a growing container: [`Grow::room_for`], or [`TryPush`] for single elements. `room_for(n)`
//!   makes the next n insertions infallible, so a change of several tables reserves for all of them
//!   first and then can't fail midway;
//! - text: [`Text`] with [`put!`](put);
//! - a `BTreeMap` cannot reserve. Each node is an object of less than a page, so a loop calls
//!   [`reserve::top_up`] before each insertion, also to copy a map.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{BuildHasher, Hash};

use hashbrown::{HashMap, HashSet};

use super::reserve;
use crate::abi::errno::Errno;

/// A container that can reserve capacity.
pub trait Grow {
    /// Reserves capacity for `more` elements, whose insertion is then infallible.
    ///
    /// # Errors
    /// `ENOMEM`; the container is unchanged.
    fn room_for(&mut self, more: usize) -> Result<(), Errno>;
}

/// A container with an end to push to.
pub trait TryPush<T>: Grow {
    /// Appends an element.
    ///
    /// # Errors
    /// `ENOMEM`; the element is dropped.
    fn try_push(&mut self, element: T) -> Result<(), Errno>;
}

/// Bytes of `count` elements, saturating: the allocation of that many bytes fails.
const fn bytes<T>(count: usize) -> usize {
    count.saturating_mul(size_of::<T>())
}

/// Reserves capacity in `$container` for `$more` elements of `$bytes` bytes each. A contiguous
/// table is copied when it grows: the check is for the whole new one, at least twice the old one's
/// size.
macro_rules! grow {
    ($container:expr, $more:expr, $bytes:expr) => {{
        let left = $container.capacity() - $container.len();
        if left >= $more {
            return Ok(());
        }
        let wanted = $container.len().saturating_add($more);
        let wanted = wanted.max($container.capacity().saturating_mul(2));
        reserve::room(wanted.saturating_mul($bytes))?;
        $container.try_reserve($more).map_err(|_| Errno::ENOMEM)
    }};
}

impl<T> Grow for Vec<T> {
    #[inline]
    fn room_for(&mut self, more: usize) -> Result<(), Errno> {
        grow!(self, more, size_of::<T>())
    }
}

impl<T> Grow for VecDeque<T> {
    #[inline]
    fn room_for(&mut self, more: usize) -> Result<(), Errno> {
        grow!(self, more, size_of::<T>())
    }
}

impl Grow for String {
    #[inline]
    fn room_for(&mut self, more: usize) -> Result<(), Errno> {
        grow!(self, more, 1)
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Grow for HashMap<K, V, S> {
    #[inline]
    fn room_for(&mut self, more: usize) -> Result<(), Errno> {
        // One control byte per element, and an eighth of the table stays free.
        grow!(self, more, (size_of::<(K, V)>() + 1) * 2)
    }
}

impl<K: Eq + Hash, S: BuildHasher> Grow for HashSet<K, S> {
    #[inline]
    fn room_for(&mut self, more: usize) -> Result<(), Errno> {
        grow!(self, more, (size_of::<K>() + 1) * 2)
    }
}

impl<T> TryPush<T> for Vec<T> {
    #[inline]
    fn try_push(&mut self, element: T) -> Result<(), Errno> {
        self.room_for(1)?;
        self.push(element);
        Ok(())
    }
}

impl<T> TryPush<T> for VecDeque<T> {
    #[inline]
    fn try_push(&mut self, element: T) -> Result<(), Errno> {
        self.room_for(1)?;
        self.push_back(element);
        Ok(())
    }
}

/// Reserves capacity for exactly `more` elements.
///
/// # Errors
/// `ENOMEM`; the vector is unchanged.
pub fn room_exactly<T>(vec: &mut Vec<T>, more: usize) -> Result<(), Errno> {
    if vec.capacity() - vec.len() >= more {
        return Ok(());
    }
    reserve::room(bytes::<T>(vec.len().saturating_add(more)))?;
    vec.try_reserve_exact(more).map_err(|_| Errno::ENOMEM)
}

/// An empty vector with capacity for exactly `count` elements.
///
/// # Errors
/// `ENOMEM`.
pub fn with_capacity<T>(count: usize) -> Result<Vec<T>, Errno> {
    let mut vec = Vec::new();
    room_exactly(&mut vec, count)?;
    Ok(vec)
}

/// A vector of `len` zeros.
///
/// # Errors
/// `ENOMEM`.
pub fn zeroed(len: usize) -> Result<Vec<u8>, Errno> {
    let mut vec = with_capacity(len)?;
    vec.resize(len, 0);
    Ok(vec)
}

/// A copy of a slice.
///
/// # Errors
/// `ENOMEM`.
pub fn to_vec<T: Clone>(slice: &[T]) -> Result<Vec<T>, Errno> {
    let mut vec = with_capacity(slice.len())?;
    vec.extend_from_slice(slice);
    Ok(vec)
}

/// Appends a copy of a slice.
///
/// # Errors
/// `ENOMEM`; the vector is unchanged.
pub fn extend_from_slice<T: Clone>(vec: &mut Vec<T>, slice: &[T]) -> Result<(), Errno> {
    vec.room_for(slice.len())?;
    vec.extend_from_slice(slice);
    Ok(())
}

/// Appends the elements of an iterator. Capacity is reserved for the lower bound of its size hint,
/// then as elements arrive.
///
/// # Errors
/// `ENOMEM`; a part of the elements has been appended.
pub fn extend<T>(vec: &mut Vec<T>, elements: impl IntoIterator<Item = T>) -> Result<(), Errno> {
    let elements = elements.into_iter();
    vec.room_for(elements.size_hint().0)?;
    for element in elements {
        vec.try_push(element)?;
    }
    Ok(())
}

/// Collects an iterator into a vector.
///
/// # Errors
/// `ENOMEM`.
pub fn collect<T>(elements: impl IntoIterator<Item = T>) -> Result<Vec<T>, Errno> {
    let mut vec = Vec::new();
    extend(&mut vec, elements)?;
    Ok(vec)
}

/// A copy of a string.
///
/// # Errors
/// `ENOMEM`.
pub fn to_string(text: &str) -> Result<String, Errno> {
    let mut string = String::new();
    string.room_for(text.len())?;
    string.push_str(text);
    Ok(string)
}

/// Decodes UTF-8; invalid sequences become U+FFFD.
///
/// # Errors
/// `ENOMEM`.
pub fn lossy(bytes: &[u8]) -> Result<String, Errno> {
    let mut text = Text::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push_str("\u{fffd}");
        }
    }
    text.finish()
}

/// Text written by [`put`]. After an allocation failure nothing more is appended, and
/// [`Text::finish`] returns the error.
#[derive(Debug, Default)]
pub struct Text {
    text: String,
    failed: bool,
}

impl Text {
    /// An empty text.
    pub const fn new() -> Self {
        Self {
            text: String::new(),
            failed: false,
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Appends a string.
    pub fn push_str(&mut self, text: &str) {
        if self.failed || self.text.room_for(text.len()).is_err() {
            self.failed = true;
        } else {
            self.text.push_str(text);
        }
    }

    /// Appends `value` in decimal, right-aligned in `width` columns (at most [`Self::COLUMNS`]).
    /// Like [`put`], without the cost of `core::fmt`: smaps has hundreds of thousands of numbers.
    pub fn push_decimal(&mut self, value: u64, width: usize) {
        self.push_digits::<10>(value, width, b' ');
    }

    /// Appends `value` in hexadecimal, with zeros up to `width` digits (at most
    /// [`Self::COLUMNS`]); see [`Self::push_decimal`].
    pub fn push_hex(&mut self, value: u64, width: usize) {
        self.push_digits::<16>(value, width, b'0');
    }

    /// Most columns of a number: the digits of `u64::MAX`.
    const COLUMNS: usize = 20;

    fn push_digits<const BASE: u64>(&mut self, mut value: u64, width: usize, fill: u8) {
        let mut columns = [fill; Self::COLUMNS];
        let mut first = Self::COLUMNS;
        loop {
            first -= 1;
            columns[first] = b"0123456789abcdef"[(value % BASE) as usize];
            value /= BASE;
            if value == 0 {
                break;
            }
        }
        let first = first.min(Self::COLUMNS.saturating_sub(width));
        self.push_str(core::str::from_utf8(&columns[first..]).unwrap_or_default());
    }

    /// Appends `text`, left-aligned in `width` columns.
    pub fn push_left(&mut self, text: &str, width: usize) {
        self.push_str(text);
        self.push_spaces(width.saturating_sub(text.len()));
    }

    /// Appends `value` in decimal, left-aligned in `width` columns.
    pub fn push_decimal_left(&mut self, value: u64, width: usize) {
        let before = self.len();
        self.push_decimal(value, 0);
        self.push_spaces((before + width).saturating_sub(self.len()));
    }

    /// Appends a space and `value` in decimal.
    pub fn push_next(&mut self, value: u64) {
        self.push_str(" ");
        self.push_decimal(value, 0);
    }

    /// Appends `count` spaces.
    pub fn push_spaces(&mut self, mut count: usize) {
        const SPACES: &str = "                                ";
        while count > 0 {
            let part = count.min(SPACES.len());
            self.push_str(&SPACES[..part]);
            count -= part;
        }
    }

    /// Records an allocation failure of the caller.
    pub fn fail(&mut self) {
        self.failed = true;
    }

    /// The complete text.
    ///
    /// # Errors
    /// `ENOMEM` if an allocation failed.
    pub fn finish(self) -> Result<String, Errno> {
        if self.failed {
            return Err(Errno::ENOMEM);
        }
        Ok(self.text)
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        if self.failed { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Appends formatted text to a [`Text`], which records failures.
macro_rules! put {
    ($text:expr, $($arg:tt)*) => {{
        let _ = core::fmt::Write::write_fmt($text, format_args!($($arg)*));
    }};
}
pub(crate) use put;

/// Formats to a `String`; the expansion of [`try_format`].
///
/// # Errors
/// `ENOMEM`.
pub fn format(arguments: fmt::Arguments<'_>) -> Result<String, Errno> {
    let mut text = Text::new();
    put!(&mut text, "{arguments}");
    text.finish()
}

/// Fallible `format!`: `Result<String, Errno>`, with `ENOMEM`.
macro_rules! try_format {
    ($($arg:tt)*) => {
        $crate::mm::fallible::format(core::format_args!($($arg)*))
    };
}
pub(crate) use try_format;

#[cfg(test)]
mod tests {
    use super::Text;
    use crate::kernel_test;

    kernel_test!(
        fn numbers_are_aligned_as_by_format() {
            for shift in 0..64 {
                for value in [0, 1 << shift, u64::MAX >> shift, 10_u64.pow(shift % 20) - 1] {
                    for width in [0, 1, 2, 8, 16, 20] {
                        let mut text = Text::new();
                        text.push_decimal(value, width);
                        text.push_spaces(width * 3);
                        text.push_hex(value, width);
                        let spaces = width * 3;
                        let expected =
                            alloc::format!("{value:width$}{:spaces$}{value:0width$x}", "");
                        assert_eq!(text.finish().as_deref(), Ok(expected.as_str()));
                    }
                }
            }
        }
    );
}
