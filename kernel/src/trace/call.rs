//! The system call being printed: arguments, outcome, and reads of the program's memory, any of
//! which may fail.

use core::num::NonZero;

use crate::abi::door::Table;
use crate::abi::errno::Errno;
use crate::abi::frame::Frame;
use crate::usercopy::UserPtr;

/// A call's number and arguments, and its outcome after the return.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// System call number.
    pub number: u32,
    /// The six argument registers, truncated to 32 bits for the i386 table.
    pub args: [u64; 6],
    /// Whether `long` and pointers have 64 bits: the x86_64 table.
    pub wide: bool,
    /// Size in bytes of the buffer for a socket address or option value, read before the call
    /// replaces it by the length written; `None` for a call without such a buffer.
    pub room: Option<u32>,
    /// Result or error; `None` before the return.
    pub outcome: Option<Result<u64, Errno>>,
}

impl Call {
    /// The call whose registers are in `frame`, before it is executed.
    pub fn new(frame: &Frame, table: Table) -> Self {
        let args = frame.arguments(table);
        let (args, wide) = match table {
            Table::X86_64 => (args, true),
            Table::I386 => (args.map(|register| u64::from(register as u32)), false),
        };
        Self {
            number: frame.orig_rax as u32,
            args,
            wide,
            room: None,
            outcome: None,
        }
    }

    /// The call with the outcome in `rax`: -4095 to -1 are errors.
    pub fn returned(self, rax: u64) -> Self {
        // A result of the i386 table has 32 bits.
        let error = self.signed(rax).wrapping_neg();
        let error = NonZero::new(error as usize).filter(|error| error.get() < 4096);
        let outcome = error.map_or(Ok(rax), |error| Err(Errno::from_number(error)));
        Self {
            outcome: Some(outcome),
            ..self
        }
    }

    /// The result; 0 after an error and before the return.
    pub fn value(&self) -> u64 {
        self.outcome.and_then(Result::ok).unwrap_or(0)
    }

    /// Whether the call returned an error.
    pub fn failed(&self) -> bool {
        matches!(self.outcome, Some(Err(_)))
    }

    /// A register as a C `long`.
    pub fn signed(&self, value: u64) -> i64 {
        if self.wide {
            value as i64
        } else {
            i64::from(value as i32)
        }
    }

    /// Size of a `long` or pointer, in bytes.
    pub fn word(&self) -> u64 {
        if self.wide { 8 } else { 4 }
    }

    /// Reads the pointer at `address` in the program's memory; `None` on a fault.
    pub fn read_word(&self, address: u64) -> Option<u64> {
        if self.wide {
            UserPtr::<u64>::new(address).read().ok()
        } else {
            UserPtr::<u32>::new(address).read().ok().map(u64::from)
        }
    }

    /// Reads the first `len` bytes of a structure in the program's memory; `None` on a fault.
    pub fn fields(&self, address: u64, len: usize) -> Option<Fields> {
        let mut fields = Fields {
            bytes: [0; Fields::MAX],
            at: 0,
            len,
            wide: self.wide,
        };
        UserPtr::<u8>::new(address)
            .read_into(fields.bytes.get_mut(..len)?)
            .ok()?;
        Some(fields)
    }
}

/// A structure's fields, read in order. Padding is not skipped: see [`Fields::skip`]. Fields past
/// the end read as 0.
pub struct Fields {
    bytes: [u8; Self::MAX],
    at: usize,
    len: usize,
    /// Whether `long` has 64 bits.
    pub wide: bool,
}

impl Fields {
    /// Size of the largest structure in bytes (struct statx).
    const MAX: usize = 256;

    fn next_bytes<const N: usize>(&mut self) -> [u8; N] {
        let end = self.at + N;
        let value = self
            .bytes
            .get(self.at..end.min(self.len))
            .and_then(|bytes| bytes.try_into().ok());
        self.at = end;
        value.unwrap_or([0; N])
    }

    /// The next byte.
    pub fn u8(&mut self) -> u8 {
        self.next_bytes::<1>()[0]
    }

    /// The next 16-bit field.
    pub fn u16(&mut self) -> u16 {
        u16::from_ne_bytes(self.next_bytes())
    }

    /// The next 32-bit field.
    pub fn u32(&mut self) -> u32 {
        u32::from_ne_bytes(self.next_bytes())
    }

    /// The next 32-bit field, signed.
    pub fn i32(&mut self) -> i32 {
        self.u32() as i32
    }

    /// The next 64-bit field. The i386 ABI aligns it to 4 bytes only, so no padding is assumed.
    pub fn u64(&mut self) -> u64 {
        u64::from_ne_bytes(self.next_bytes())
    }

    /// The next `unsigned long` or pointer.
    pub fn long(&mut self) -> u64 {
        if self.wide {
            self.u64()
        } else {
            self.u32().into()
        }
    }

    /// The next `long`.
    pub fn signed_long(&mut self) -> i64 {
        if self.wide {
            self.u64() as i64
        } else {
            self.i32().into()
        }
    }

    /// Skips `count` bytes: padding, or fields that are not printed.
    pub fn skip(&mut self, count: usize) {
        self.at += count;
    }
}
