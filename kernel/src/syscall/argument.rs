//! Arguments of the handlers: from registers ([`FromRegister`]), and in user memory, where the two
//! tables' layouts differ ([`Word`]).
//!
//! One handler serves both tables if only the layout differs, and each table's row names its own:
//! `io::readv::<u64>` and `io::readv::<u32>`. A structure of longs and pointers needs only the
//! [`Word`]. Times have [`Pair`](super::time::Pair); other structures have a trait where they are
//! read or written, such as [`stat::Layout`](super::stat::Layout).

use crate::usercopy::{Pod, UserPtr};

/// Argument type of a handler.
pub trait FromRegister {
    /// Converts the register, truncated to the type as in C.
    fn from_register(value: u64) -> Self;
}

// ANCHOR: from-register
macro_rules! from_register {
    ($($t:ty),*) => { $(
        impl FromRegister for $t {
            fn from_register(value: u64) -> Self {
                value as Self
            }
        }
    )* };
}
from_register!(i32, u32, i64, u64, usize, isize);
// ANCHOR_END: from-register

impl<T> FromRegister for UserPtr<T> {
    fn from_register(value: u64) -> Self {
        Self::new(value)
    }
}

/// 64-bit number from two registers, as 32-bit programs pass positions.
pub const fn pair(low: u32, high: u32) -> i64 {
    (high as i64) << 32 | low as i64
}

/// A `long` or pointer: `u64` in calls of the x86_64 table, `u32` in those of the i386 table.
pub trait Word: Pod + FromRegister + Into<u64> {
    /// The largest `unsigned long`.
    const MAX: u64;
    /// Truncates to the width.
    fn truncate(value: u64) -> Self;
    /// The value as a signed `long`.
    fn signed(self) -> i64;
    /// A file position from two `long` arguments, the second of which counts only where a position
    /// needs both (pos_from_hilo in fs/read_write.c).
    fn position(low: Self, high: Self) -> i64;
}

impl Word for u64 {
    const MAX: u64 = Self::MAX;

    fn truncate(value: u64) -> Self {
        value
    }

    fn signed(self) -> i64 {
        self as i64
    }

    fn position(low: Self, _high: Self) -> i64 {
        low as i64
    }
}

impl Word for u32 {
    const MAX: u64 = Self::MAX as u64;

    fn truncate(value: u64) -> Self {
        value as Self
    }

    fn signed(self) -> i64 {
        (self as i32).into()
    }

    fn position(low: Self, high: Self) -> i64 {
        pair(low, high)
    }
}
