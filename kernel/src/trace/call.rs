//! The call being printed: its arguments, its outcome, and careful reads of the program's
//! memory.

use crate::abi::errno::Errno;
use crate::abi::frame::{Door, Frame};
use crate::usercopy::UserPtr;

/// A call's arguments, and its outcome once it has one.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Its number.
    pub number: u32,
    /// The six argument registers, cut to 32 bits for the i386 table.
    pub args: [u64; 6],
    /// Whether `long` and pointers have 64 bits: the x86_64 table.
    pub wide: bool,
    /// The room for an address or a value, which the call replaces by its length.
    pub room: Option<u32>,
    /// What it returned; `None` before it did.
    pub outcome: Option<Result<u64, Errno>>,
}

impl Call {
    /// The call that `frame` holds, before it is made.
    pub fn new(frame: &Frame, door: Door) -> Self {
        let f = frame;
        let wide = door == Door::Syscall;
        let args = if wide {
            [f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9]
        } else {
            [f.rbx, f.rcx, f.rdx, f.rsi, f.rdi, f.rbp].map(|register| u64::from(register as u32))
        };
        Self {
            number: f.orig_rax as u32,
            args,
            wide,
            room: None,
            outcome: None,
        }
    }

    /// The same call after it returned `rax`: -4095 to -1 are errors.
    pub fn returned(self, rax: u64) -> Self {
        // What a 32-bit handler's frame gives back has 32 bits.
        let error = self.signed(rax).wrapping_neg();
        let outcome = if (1..4096).contains(&error) {
            Err(Errno::from_number(error as usize))
        } else {
            Ok(rax)
        };
        Self {
            outcome: Some(outcome),
            ..self
        }
    }

    /// What it returned, 0 if that was an error or nothing yet.
    pub fn value(&self) -> u64 {
        self.outcome.and_then(Result::ok).unwrap_or(0)
    }

    /// Whether it failed.
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

    /// Bytes of a `long` or pointer.
    pub fn word(&self) -> u64 {
        if self.wide { 8 } else { 4 }
    }

    /// The pointer at `address`.
    pub fn read_word(&self, address: u64) -> Option<u64> {
        if self.wide {
            UserPtr::<u64>::new(address).read().ok()
        } else {
            UserPtr::<u32>::new(address).read().ok().map(u64::from)
        }
    }

    /// The first `len` bytes of a structure in the program's memory.
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

/// A structure's fields, read one after the other, each at its natural alignment.
pub struct Fields {
    bytes: [u8; Self::MAX],
    at: usize,
    len: usize,
    /// Whether `long` has 64 bits.
    pub wide: bool,
}

impl Fields {
    /// Bytes of the largest structure (struct statx).
    const MAX: usize = 256;

    fn take<const N: usize>(&mut self) -> [u8; N] {
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
        self.take::<1>()[0]
    }

    /// The next 16-bit field.
    pub fn u16(&mut self) -> u16 {
        u16::from_ne_bytes(self.take())
    }

    /// The next 32-bit field.
    pub fn u32(&mut self) -> u32 {
        u32::from_ne_bytes(self.take())
    }

    /// The next 32-bit field, signed.
    pub fn i32(&mut self) -> i32 {
        self.u32() as i32
    }

    /// The next 64-bit field. The i386 ABI aligns those to 4 bytes: no padding is assumed.
    pub fn u64(&mut self) -> u64 {
        u64::from_ne_bytes(self.take())
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

    /// Leaves out `count` bytes.
    pub fn skip(&mut self, count: usize) {
        self.at += count;
    }
}
