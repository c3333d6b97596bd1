//! Entries of the last level: a page's frame, kind and flags, and the counts of pages by kind.

use super::PageFlags;
use crate::mm::allocator;

/// Mask of the physical address in an entry (Intel SDM vol. 3, 4.5).
pub(in crate::vm) const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// The two bits of [`Kind`] in an entry, which the CPU ignores.
const KIND: u64 = 0b11 << KIND_SHIFT;
const KIND_SHIFT: u32 = 9;
/// Set by the CPU at the first access.
pub(super) const ACCESSED: u64 = PageFlags::ACCESSED.bits();

/// Kind of a mapped page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A page of a file, or of the kernel (MM_FILEPAGES).
    File = 0,
    /// Private memory: no file's, or a copy of a file's page (MM_ANONPAGES).
    Anonymous = 1,
    /// Memory shared without a file (MM_SHMEMPAGES).
    Shared = 2,
    /// The zero page, which isn't counted as resident.
    Zero = 3,
}

impl Kind {
    pub(in crate::vm) fn of(entry: u64) -> Self {
        match (entry & KIND) >> KIND_SHIFT {
            0 => Self::File,
            1 => Self::Anonymous,
            2 => Self::Shared,
            _ => Self::Zero,
        }
    }

    pub(super) const fn bits(self) -> u64 {
        (self as u64) << KIND_SHIFT
    }
}

/// Numbers of pages by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageCounts([u64; 4]);

impl PageCounts {
    /// Adds a page.
    pub(in crate::vm) fn add(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }

    /// Subtracts a page.
    pub(super) fn remove(&mut self, kind: Kind) {
        self.0[kind as usize] -= 1;
    }

    /// Adds the page of a last-level entry unless it is private memory. Most pages of a program
    /// are: a loop over many entries counts them all, and these by what the others leave
    /// ([`Self::with_private`]). Returns whether the entry holds a reference to its frame.
    #[inline(always)]
    fn add_other(&mut self, entry: u64) -> bool {
        if entry & KIND == Kind::Anonymous.bits() {
            return true;
        }
        self.add(Kind::of(entry));
        Kind::of(entry) != Kind::Zero
    }

    /// These pages, and as many of private memory as make `pages` in all.
    pub(in crate::vm) fn with_private(mut self, pages: u64) -> Self {
        let others: u64 = self.0.iter().sum();
        self.0[Kind::Anonymous as usize] += pages - others;
        self
    }

    /// Adds other pages.
    pub(in crate::vm) fn add_all(&mut self, more: Self) {
        for (count, more) in self.0.iter_mut().zip(more.0) {
            *count += more;
        }
    }

    /// Subtracts other pages.
    pub(in crate::vm) fn remove_all(&mut self, less: Self) {
        for (count, less) in self.0.iter_mut().zip(less.0) {
            *count -= less;
        }
    }

    /// Number of pages of a kind.
    pub fn of(self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// The resident set: all but the zero page.
    pub fn resident(self) -> u64 {
        self.of(Kind::File) + self.of(Kind::Anonymous) + self.of(Kind::Shared)
    }
}

/// Adds the reference of a copy of a last-level entry, and counts its page in `others` unless it is
/// private memory.
#[inline(always)]
pub(in crate::vm) fn share(entry: u64, others: &mut PageCounts) {
    if others.add_other(entry) {
        allocator::share(entry & ADDRESS);
    }
}

/// Releases the reference of a last-level entry that is no more, and counts its page as [`share`]
/// does.
#[inline(always)]
pub(in crate::vm) fn release_counted(entry: u64, others: &mut PageCounts) {
    if others.add_other(entry) {
        allocator::release(entry & ADDRESS);
    }
}

/// Releases the reference of a last-level entry that is no more.
pub(in crate::vm) fn release(entry: u64) {
    if Kind::of(entry) != Kind::Zero {
        allocator::release(entry & ADDRESS);
    }
}

/// A last-level entry with other flags; the zero page stays read-only.
pub(in crate::vm) fn with_flags(entry: u64, flags: PageFlags) -> u64 {
    let withheld = if Kind::of(entry) == Kind::Zero {
        PageFlags::WRITABLE.bits()
    } else {
        0
    };
    entry & (ADDRESS | KIND | ACCESSED) | flags.bits() & !withheld
}

/// Whether a last-level entry is that of a page: any but 0, and but one of the zero page that was
/// mapped beside another and not accessed.
pub(super) fn is_page(entry: u64) -> bool {
    entry != 0 && entry & (KIND | ACCESSED) != Kind::Zero.bits()
}

/// A decoded last-level entry.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// Physical address of the frame.
    pub frame: u64,
    /// Kind of page.
    pub kind: Kind,
    /// Flags of the entry.
    pub flags: PageFlags,
}

impl Mapped {
    pub(super) fn from_entry(entry: u64) -> Option<Self> {
        is_page(entry).then(|| Self {
            frame: entry & ADDRESS,
            kind: Kind::of(entry),
            flags: PageFlags::from_bits_truncate(entry & !(KIND | ACCESSED)),
        })
    }
}
