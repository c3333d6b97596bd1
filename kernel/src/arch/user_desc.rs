//! `struct user_desc`: a segment as set_thread_area(2) and modify_ldt(2) describe it, and the
//! descriptor that the CPU reads (arch/x86/include/uapi/asm/ldt.h; Intel SDM vol. 3, 3.4.5).
//!
//! What may be described differs between the two calls: `syscall/ldt.rs` and
//! `syscall/tls.rs` check that.

/// A segment's description: the four words of `struct user_desc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserDesc {
    /// Index in the table.
    pub entry: u32,
    base: u32,
    limit: u32,
    bits: u32,
}

/// Bits of the fourth word that every caller fills in (`lm`, above them, is for nobody).
const KNOWN_BITS: u32 = 0x7f;
/// `read_exec_only` and `seg_not_present` alone: how an empty entry is written.
const EMPTY_BITS: u32 = 0x28;

impl UserDesc {
    /// The description with these four words.
    pub fn from_words([entry, base, limit, bits]: [u32; 4]) -> Self {
        Self {
            entry,
            base,
            limit,
            bits,
        }
    }

    /// Its four words.
    pub fn words(self) -> [u32; 4] {
        [self.entry, self.base, self.limit, self.bits]
    }

    fn bit(self, n: u32) -> u64 {
        u64::from(self.bits >> n & 1)
    }

    /// Whether addresses and operands in it are 32 bits wide by default.
    pub fn is_32bit(self) -> bool {
        self.bit(0) == 1
    }

    /// 0: data, 1: a stack (grows down), 2: code, 3: conforming code.
    pub fn contents(self) -> u32 {
        self.bits >> 1 & 3
    }

    /// Whether the segment is marked as absent: loading its selector faults.
    pub fn is_absent(self) -> bool {
        self.bit(5) == 1
    }

    /// Base and limit are 0.
    pub fn covers_nothing(self) -> bool {
        self.base == 0 && self.limit == 0
    }

    /// The description of an empty entry (`LDT_empty`).
    pub fn is_empty(self) -> bool {
        self.covers_nothing() && self.bits & KNOWN_BITS == EMPTY_BITS
    }

    /// All zeros but for the index (`LDT_zero`).
    pub fn is_zero(self) -> bool {
        self.covers_nothing() && self.bits & KNOWN_BITS == 0
    }

    /// The descriptor: ring 3, not a system segment, marked as accessed, so that the CPU need not
    /// write to the table.
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

    /// The descriptor of a segment for TLS; 0 for an empty one. `None` for 16-bit, code and absent
    /// segments: each is a way to make IRET fault or leak (arch/x86/kernel/tls.c: tls_desc_okay).
    pub fn tls_descriptor(self) -> Option<u64> {
        if self.is_empty() || self.is_zero() {
            Some(0)
        } else if !self.is_32bit() || self.contents() > 1 || self.is_absent() {
            None
        } else {
            Some(self.descriptor())
        }
    }

    /// What a descriptor says; `entry` is its index.
    pub fn from_descriptor(entry: u32, descriptor: u64) -> Self {
        let bit = |n: u32| (descriptor >> n & 1) as u32;
        let limit = descriptor & 0xffff | descriptor >> 32 & 0xf_0000;
        Self {
            entry,
            base: base(descriptor) as u32,
            limit: limit as u32,
            // The kind's bit 1 is "writable", bits 2 and 3 are the contents.
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

/// The base that a descriptor gives.
pub fn base(descriptor: u64) -> u64 {
    descriptor >> 16 & 0xff_ffff | descriptor >> 32 & 0xff00_0000
}
