//! Containers that grow by what a program, a file or an archive says: growth answers `ENOMEM`.
//!
//! Everything here asks [`reserve::room`] before the heap, and only where a container has to grow.
//! Which one for what:
//!
//! - a `Vec` of a known length: [`with_capacity`], [`zeroed`], [`to_vec`];
//! - a `Vec` of an iterator: [`collect`];
//! - anything that grows: [`Grow::room_for`], or [`TryPush`] for single elements. Space taken by
//!   `room_for(n)` makes the next n insertions infallible, so a change that touches several tables
//!   takes all of its room first and then can't fail midway;
//! - text: [`Text`] with [`put!`](put);
//! - a `BTreeMap` cannot reserve: each node is a single object under a page, so a loop calls
//!   [`reserve::top_up`] each turn before it inserts. Copies of one are made that way too.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{BuildHasher, Hash};

use hashbrown::{HashMap, HashSet};

use super::reserve;
use crate::syscall::errno::Errno;

/// A container that can make room ahead.
pub trait Grow {
    /// Makes room for `more` elements: adding as many cannot fail.
    ///
    /// # Errors
    /// `ENOMEM`, and the container is as it was.
    fn room_for(&mut self, more: usize) -> Result<(), Errno>;
}

/// A container that takes one element after the other.
pub trait TryPush<T>: Grow {
    /// Adds an element at the end.
    ///
    /// # Errors
    /// `ENOMEM`, and the element is dropped.
    fn try_push(&mut self, element: T) -> Result<(), Errno>;
}

/// Bytes of `count` elements; one that is too much for any memory fails when it is asked for.
const fn bytes<T>(count: usize) -> usize {
    count.saturating_mul(size_of::<T>())
}

/// Asks for room if `$container` must grow for `$more` elements of `$bytes` bytes each. A table in one
/// piece is copied when it grows: the new one is asked for whole, at least twice the old one's size.
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
        // One byte of control each, and an eighth stays free.
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

/// Makes room for `more` elements and no others.
///
/// # Errors
/// `ENOMEM`, and the vector is as it was.
pub fn room_exactly<T>(vec: &mut Vec<T>, more: usize) -> Result<(), Errno> {
    if vec.capacity() - vec.len() >= more {
        return Ok(());
    }
    reserve::room(bytes::<T>(vec.len().saturating_add(more)))?;
    vec.try_reserve_exact(more).map_err(|_| Errno::ENOMEM)
}

/// An empty vector with room for exactly `count` elements.
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

/// Adds a copy of a slice at the end.
///
/// # Errors
/// `ENOMEM`, and nothing was added.
pub fn extend_from_slice<T: Clone>(vec: &mut Vec<T>, slice: &[T]) -> Result<(), Errno> {
    vec.room_for(slice.len())?;
    vec.extend_from_slice(slice);
    Ok(())
}

/// Adds what an iterator yields. Nothing is trusted to say how many that are: there is room for as many
/// as it promises at least, and it is made for more when they come.
///
/// # Errors
/// `ENOMEM`: a part was added.
pub fn extend<T>(vec: &mut Vec<T>, elements: impl IntoIterator<Item = T>) -> Result<(), Errno> {
    let elements = elements.into_iter();
    vec.room_for(elements.size_hint().0)?;
    for element in elements {
        vec.try_push(element)?;
    }
    Ok(())
}

/// What an iterator yields, as a vector.
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

/// Bytes as text; what is none becomes U+FFFD.
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

/// Text that grows by [`put`]. Once memory ran out nothing more is added, and [`Text::finish`] says so.
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

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Adds a string.
    pub fn push_str(&mut self, text: &str) {
        if self.failed || self.text.room_for(text.len()).is_err() {
            self.failed = true;
        } else {
            self.text.push_str(text);
        }
    }

    /// Notes that memory for a part of it was wanting.
    pub fn fail(&mut self) {
        self.failed = true;
    }

    /// The text.
    ///
    /// # Errors
    /// `ENOMEM`, if a part of it is missing.
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

/// Adds formatted text to a [`Text`], which knows itself what it lacks.
macro_rules! put {
    ($text:expr, $($arg:tt)*) => {{
        let _ = core::fmt::Write::write_fmt($text, format_args!($($arg)*));
    }};
}
pub(crate) use put;

/// What [`try_format`] expands to.
///
/// # Errors
/// `ENOMEM`.
pub fn format(arguments: fmt::Arguments<'_>) -> Result<String, Errno> {
    let mut text = Text::new();
    put!(&mut text, "{arguments}");
    text.finish()
}

/// `format!` that answers `ENOMEM`: `Result<String, Errno>`.
macro_rules! try_format {
    ($($arg:tt)*) => {
        $crate::mm::fallible::format(core::format_args!($($arg)*))
    };
}
pub(crate) use try_format;
