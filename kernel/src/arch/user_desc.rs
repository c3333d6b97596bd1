//! `struct user_desc`, the segment description of set_thread_area(2) and modify_ldt(2), and its
//! conversion to and from a segment descriptor (arch/x86/include/uapi/asm/ldt.h; Intel SDM vol. 3,
//! 3.4.5).
//!
//! The two calls allow different segments: `syscall/ldt.rs` and `syscall/tls.rs` check that.

/// Segment description: the four words of `struct user_desc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserDesc {
    /// Index in the descriptor table.
    pub entry: u32,
    base: u32,
    limit: u32,
    bits: u32,
}

/// Bits of the fourth word that describe the segment. `lm`, above them, is ignored.
const KNOWN_BITS: u32 = 0x7f;
/// `read_exec_only` and `seg_not_present`: the encoding of an empty entry.
const EMPTY_BITS: u32 = 0x28;

impl UserDesc {
    /// Builds a description from the four words of `struct user_desc`.
    pub fn from_words([entry, base, limit, bits]: [u32; 4]) -> Self {
        Self {
            entry,
            base,
            limit,
            bits,
        }
    }

    /// The four words of `struct user_desc`.
    pub fn words(self) -> [u32; 4] {
        [self.entry, self.base, self.limit, self.bits]
    }

    fn bit(self, n: u32) -> u64 {
        u64::from(self.bits >> n & 1)
    }

    /// Whether the default address and operand size is 32 bits (`seg_32bit`).
    pub fn is_32bit(self) -> bool {
        self.bit(0) == 1
    }

    /// Segment type (`contents`). 0: data, 1: expand-down data, 2: code, 3: conforming code.
    pub fn contents(self) -> u32 {
        self.bits >> 1 & 3
    }

    /// Whether the segment is not present (`seg_not_present`): loading its selector faults.
    pub fn is_absent(self) -> bool {
        self.bit(5) == 1
    }

    /// Whether base and limit are 0.
    pub fn covers_nothing(self) -> bool {
        self.base == 0 && self.limit == 0
    }

    /// Whether the description is that of an empty entry (`LDT_empty`).
    pub fn is_empty(self) -> bool {
        self.covers_nothing() && self.bits & KNOWN_BITS == EMPTY_BITS
    }

    /// Whether all but the index is 0 (`LDT_zero`).
    pub fn is_zero(self) -> bool {
        self.covers_nothing() && self.bits & KNOWN_BITS == 0
    }

    /// The segment descriptor: code or data, DPL 3, with the accessed bit set so that the CPU
    /// doesn't write to the table.
    pub fn descriptor(self) -> u64 {
        let (base, limit) = (u64::from(self.base), u64::from(self.limit));
        let kind = (self.bit(3) ^ 1) << 1 | u64::from(self.contents()) << 2 | 1;
        limit & 0xffff
            | (base & 0xff_ffff) << 16
            | kind << 40
            | 1 << 44
            | 3 << 45
            | (self.bit(5) ^ 1) << 47
            | (limit >> 16 & 0xf) << 48
            | self.bit(6) << 52
            | self.bit(0) << 54
            | self.bit(4) << 55
            | (base >> 24 & 0xff) << 56
    }

    /// The descriptor for a TLS slot; 0 for an empty entry. `None` for 16-bit, code and not-present
    /// segments, with which IRET faults or discloses kernel state (arch/x86/kernel/tls.c:
    /// tls_desc_okay).
    pub fn tls_descriptor(self) -> Option<u64> {
        if self.is_empty() || self.is_zero() {
            Some(0)
        } else if !self.is_32bit() || self.contents() > 1 || self.is_absent() {
            None
        } else {
            Some(self.descriptor())
        }
    }

    /// The description of a segment descriptor at index `entry`.
    pub fn from_descriptor(entry: u32, descriptor: u64) -> Self {
        let bit = |n: u32| (descriptor >> n & 1) as u32;
        let limit = descriptor & 0xffff | descriptor >> 32 & 0xf_0000;
        Self {
            entry,
            base: base(descriptor) as u32,
            limit: limit as u32,
            // Of the descriptor's type, bit 1 is "writable", bits 2 and 3 are `contents`.
            bits: bit(54)
                | bit(42) << 1
                | bit(43) << 2
                | (bit(41) ^ 1) << 3
                | bit(55) << 4
                | (bit(47) ^ 1) << 5
                | bit(52) << 6,
        }
    }
}

/// Base address of a segment descriptor.
pub fn base(descriptor: u64) -> u64 {
    descriptor >> 16 & 0xff_ffff | descriptor >> 32 & 0xff00_0000
}
