//! Virtual memory areas: a range of a program's addresses, its protection, what is behind it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bitflags::bitflags;

use super::PAGE_SIZE;
use super::frame::Frame;
use super::mapped::Mapped;
use super::paging::PageFlags;
use crate::syscall::errno::Errno;

bitflags! {
    /// Protection, with the values of PROT_READ, PROT_WRITE and PROT_EXEC.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Prot: u32 {
        /// May be read.
        const READ = 1;
        /// May be written. On x86 what can be written can be read.
        const WRITE = 2;
        /// May be executed.
        const EXEC = 4;
    }
}

impl Prot {
    /// Page table flags that grant this to the program. Nothing granted: not present.
    pub fn page_flags(self) -> PageFlags {
        let mut flags = PageFlags::USER_ACCESSIBLE;
        flags.set(PageFlags::PRESENT, !self.is_empty());
        flags.set(PageFlags::WRITABLE, self.contains(Self::WRITE));
        flags.set(PageFlags::NO_EXECUTE, !self.contains(Self::EXEC));
        flags
    }
}

/// Where a mapping's pages come from: a file, or memory that processes share.
pub trait PageSource: Send + Sync {
    /// The frame with the `index`th page of the data. Writers of the frame write the data.
    ///
    /// # Errors
    /// `ENXIO` past the end of the data (the program gets SIGBUS), `ENOMEM`.
    fn page(&self, index: u64) -> Result<Frame, Errno>;

    /// Calls `f` with the index and the frame of each of the `count` pages from `first` on that is in
    /// memory: what can be mapped before it is touched.
    fn in_memory(&self, _first: u64, _count: u64, _f: &mut dyn FnMut(u64, &Frame)) {}

    /// Makes a hole of the bytes in `range` (MADV_REMOVE). Mappings lose their pages too, so that no
    /// address space may be locked.
    ///
    /// # Errors
    /// `EOPNOTSUPP` where there are no holes.
    fn remove(&self, _range: core::ops::Range<u64>) -> Result<(), Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Device and inode number, for /proc/PID/maps. Memory without a file has none.
    fn file_id(&self) -> (u64, u64) {
        (0, 0)
    }
}

/// What is behind an area.
#[derive(Clone)]
pub enum Backing {
    /// Zeros, until written.
    Anonymous,
    /// A file's pages (or shared memory's), from `offset` (bytes, page aligned) on.
    File {
        /// Where the pages are.
        source: Arc<dyn PageSource>,
        /// Byte in the source that the area's start maps.
        offset: u64,
        /// The open file, and its name.
        mapped: Arc<Mapped>,
    },
    /// The kernel's own frames, in order: the vDSO and its data.
    Kernel(Arc<Vec<Frame>>, usize),
}

/// What an area is for, where that has a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// mmap, or a segment of the program.
    Plain,
    /// Between the program's end and its break.
    Heap,
    /// The first thread's stack.
    Stack,
    /// The vDSO's data page.
    Vvar,
    /// The vDSO.
    Vdso,
}

impl Role {
    /// The name in /proc/PID/maps.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Heap => Some("[heap]"),
            Self::Stack => Some("[stack]"),
            Self::Vvar => Some("[vvar]"),
            Self::Vdso => Some("[vdso]"),
        }
    }
}

bitflags! {
    /// What else is said of an area (VM_* in include/linux/mm.h).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct VmaFlags: u8 {
        /// A child made by fork(2) doesn't have it (MADV_DONTFORK).
        const DONT_FORK = 1;
        /// A child finds zeros there (MADV_WIPEONFORK).
        const WIPE_ON_FORK = 2;
        /// It grows down to a touch below it (MAP_GROWSDOWN).
        const GROWS_DOWN = 4;
        /// Its pages stay in memory (mlock(2)).
        const LOCKED = 8;
    }
}

/// An area. `start` and `end` are page aligned; the key in the address space is `start`.
#[derive(Clone)]
pub struct Vma {
    /// First address.
    pub start: u64,
    /// First address past it.
    pub end: u64,
    /// What the program may do now.
    pub prot: Prot,
    /// The most that mprotect(2) may grant (VM_MAYREAD and so on).
    pub max_prot: Prot,
    /// Writes go to the backing instead of to a copy.
    pub shared: bool,
    /// What is behind it.
    pub backing: Backing,
    /// What it is for.
    pub role: Role,
    /// What else there is to say of it.
    pub flags: VmaFlags,
    /// Its protection key.
    pub key: u8,
}

impl Vma {
    /// The flags of its pages' entries: the protection, and the key in bits 59 to 62.
    pub fn page_flags(&self) -> PageFlags {
        self.prot.page_flags() | PageFlags::from_bits_truncate(u64::from(self.key) << 59)
    }

    /// Whether it maps the kernel's own pages: the vDSO or its data.
    pub fn is_kernels(&self) -> bool {
        matches!(self.backing, Backing::Kernel(..))
    }

    /// Whether a change of [start, end) alone would cut the kernel's own pages in two, which stay whole
    /// or go (special_mapping_split in mm/mmap.c).
    pub fn would_be_cut(&self, start: u64, end: u64) -> bool {
        let inside = |address: u64| self.start < address && address < self.end;
        self.is_kernels() && (inside(start) || inside(end))
    }

    /// Whether it grows down to a touch below it.
    pub fn grows_down(&self) -> bool {
        self.role == Role::Stack || self.flags.contains(VmaFlags::GROWS_DOWN)
    }

    /// Bytes.
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// The page of a file or of the kernel's frames that `address` maps.
    pub fn page_index(&self, address: u64) -> u64 {
        let page = (address - self.start) / PAGE_SIZE;
        match &self.backing {
            Backing::Anonymous => page,
            Backing::File { offset, .. } => offset / PAGE_SIZE + page,
            Backing::Kernel(_, first) => *first as u64 + page,
        }
    }

    /// Whether what is behind the area has numbers for `len` bytes from `address` on: offsets of a
    /// mapping never pass 2^64, so that sums of them with lengths need no check.
    ///
    /// # Errors
    /// `EINVAL`.
    pub fn check_source_end(&self, address: u64, len: u64) -> Result<(), Errno> {
        if let Backing::File { offset, .. } = &self.backing {
            offset
                .checked_add(address - self.start)
                .and_then(|at| at.checked_add(len))
                .ok_or(Errno::EINVAL)?;
        }
        Ok(())
    }

    /// Cuts the area at `address`; returns the upper part.
    pub fn split_off(&mut self, address: u64) -> Self {
        let mut upper = self.clone();
        upper.start = address;
        let skipped = address - self.start;
        match &mut upper.backing {
            Backing::Anonymous => {}
            Backing::File { offset, .. } => *offset += skipped,
            Backing::Kernel(_, first) => *first += (skipped / PAGE_SIZE) as usize,
        }
        self.end = address;
        upper
    }

    /// Whether `next`, which starts at this one's end, only continues it.
    pub fn continues_into(&self, next: &Self) -> bool {
        let same_backing = match (&self.backing, &next.backing) {
            (Backing::Anonymous, Backing::Anonymous) => true,
            (
                Backing::File {
                    source: a,
                    offset,
                    mapped,
                },
                Backing::File {
                    source: b,
                    offset: next,
                    mapped: other,
                },
            ) => Arc::ptr_eq(a, b) && mapped.is_same(other) && offset + self.len() == *next,
            (Backing::Kernel(a, first), Backing::Kernel(b, next)) => {
                Arc::ptr_eq(a, b) && *first as u64 + self.len() / PAGE_SIZE == *next as u64
            }
            _ => false,
        };
        same_backing
            && self.end == next.start
            && self.prot == next.prot
            && self.max_prot == next.max_prot
            && self.shared == next.shared
            && self.role == next.role
            && self.flags == next.flags
            && self.key == next.key
    }
}
