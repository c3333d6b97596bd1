//! Virtual memory areas: address range, protection and backing of a mapping (struct
//! vm_area_struct).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use bitflags::bitflags;

use super::mapped::Mapped;
use super::mappers::{Attachment, Mappers};
use super::page_tables::Kind;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::mm::PAGE_SIZE;
use crate::mm::frame::Frame;
use crate::mm::paging::PageFlags;

bitflags! {
    /// Protection, with the values of PROT_READ, PROT_WRITE and PROT_EXEC.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Prot: u32 {
        /// Readable.
        const READ = 1;
        /// Writable. On x86 this implies readable.
        const WRITE = 2;
        /// Executable.
        const EXEC = 4;
    }
}

impl Prot {
    /// Page table flags that grant this protection; not present if it is empty.
    pub fn page_flags(self) -> PageFlags {
        let mut flags = PageFlags::USER_ACCESSIBLE;
        flags.set(PageFlags::PRESENT, !self.is_empty());
        flags.set(PageFlags::WRITABLE, self.contains(Self::WRITE));
        flags.set(PageFlags::NO_EXECUTE, !self.contains(Self::EXEC));
        flags
    }
}

/// Source of a mapping's pages: a file, or memory shared between processes.
pub trait PageSource: Send + Sync {
    /// The frame of page `index`. Writes to the frame change the file.
    ///
    /// # Errors
    /// `ENXIO` past the end of the file (SIGBUS for the program), `ENOMEM`.
    fn page(&self, index: u64) -> Result<Frame, Errno>;

    /// Calls `f` with index and frame of each resident page among the `count` pages from `first`
    /// on.
    fn in_memory(&self, _first: u64, _count: u64, _f: &mut dyn FnMut(u64, &Frame)) {}

    /// Punches a part of a hole at the bytes in `range`, whole pages, on behalf of `who`
    /// (MADV_REMOVE); returns what remains. Unmaps the pages from all mappings and lets others run,
    /// so the caller holds no lock.
    ///
    /// # Errors
    /// `EOPNOTSUPP` if the source doesn't support holes.
    fn remove(&self, _range: Range<u64>, _who: &Credentials) -> Result<Range<u64>, Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    /// The address spaces that map the source.
    fn mappers(&self) -> &Mappers;

    /// Device and inode number, for /proc/PID/maps. Memory without a file has none.
    fn file_id(&self) -> (u64, u64) {
        (0, 0)
    }
}

/// Backing of an area: `S` refers to the source of the pages, for an area of an address space by its
/// attachment there.
#[derive(Clone)]
pub enum Backing<S = Arc<Attachment>> {
    /// Private memory, zero until written.
    Anonymous,
    /// Pages of a file or of shared memory.
    File {
        /// Source of the pages.
        source: S,
        /// Offset in the source that the area's start maps, in bytes, page aligned.
        offset: u64,
        /// The open file and its name.
        mapped: Arc<Mapped>,
    },
    /// Frames of the kernel (vDSO and clock page), and the index of the first one mapped.
    Kernel(Arc<Vec<Frame>>, usize),
}

impl<S> Backing<S> {
    /// The backing with another reference to the source, which `f` returns.
    pub fn map_source<T>(self, f: impl FnOnce(S) -> T) -> Backing<T> {
        match self {
            Self::Anonymous => Backing::Anonymous,
            Self::File {
                source,
                offset,
                mapped,
            } => Backing::File {
                source: f(source),
                offset,
                mapped,
            },
            Self::Kernel(frames, first) => Backing::Kernel(frames, first),
        }
    }
}

/// Purpose of an area, as named in /proc/PID/maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Memory of mmap(2), or a segment of the program.
    Plain,
    /// The heap of brk(2).
    Heap,
    /// The initial thread's stack.
    Stack,
    /// The clock page, which the vDSO reads.
    Vvar,
    /// The vDSO.
    Vdso,
}

impl Role {
    /// Name in /proc/PID/maps.
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
    /// Flags of an area (VM_* in include/linux/mm.h).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct VmaFlags: u8 {
        /// Not inherited by a child of fork(2) (MADV_DONTFORK).
        const DONT_FORK = 1;
        /// Zeroed in a child of fork(2) (MADV_WIPEONFORK).
        const WIPE_ON_FORK = 2;
        /// Grows down on an access below its start (MAP_GROWSDOWN).
        const GROWS_DOWN = 4;
        /// Locked in memory (mlock(2)).
        const LOCKED = 8;
    }
}

/// A virtual memory area. `start` and `end` are page aligned; the address space's table is indexed
/// by `start`.
#[derive(Clone)]
pub struct Vma {
    /// First address.
    pub start: u64,
    /// End address (exclusive).
    pub end: u64,
    /// Current protection.
    pub prot: Prot,
    /// Maximum protection that mprotect(2) may set (VM_MAYREAD and so on).
    pub max_prot: Prot,
    /// Whether writes go to the backing (MAP_SHARED) instead of a private copy.
    pub shared: bool,
    /// Source of the pages.
    pub backing: Backing,
    /// Purpose.
    pub role: Role,
    /// Flags of fork, growth and locking.
    pub flags: VmaFlags,
    /// Protection key.
    pub key: u8,
}

impl Vma {
    /// Page table flags of the area's pages: the protection, and the key in bits 59 to 62.
    pub fn page_flags(&self) -> PageFlags {
        self.prot.page_flags() | PageFlags::from_bits_truncate(u64::from(self.key) << 59)
    }

    /// Kind of the area's pages, apart from the copies of a private mapping.
    pub fn kind(&self) -> Kind {
        match &self.backing {
            Backing::Anonymous => Kind::Anonymous,
            Backing::File { source, .. } if source.file_id() == (0, 0) => Kind::Shared,
            Backing::File { .. } | Backing::Kernel(..) => Kind::File,
        }
    }

    /// Whether the area maps pages of the kernel: the vDSO or the clock page.
    pub fn is_kernels(&self) -> bool {
        matches!(self.backing, Backing::Kernel(..))
    }

    /// Whether a change of [start, end) would split the vDSO or the clock page, which is not
    /// allowed (special_mapping_split in mm/mmap.c).
    pub fn would_be_cut(&self, start: u64, end: u64) -> bool {
        let inside = |address: u64| self.start < address && address < self.end;
        self.is_kernels() && (inside(start) || inside(end))
    }

    /// Whether the area grows down on an access below its start.
    pub fn grows_down(&self) -> bool {
        self.role == Role::Stack || self.flags.contains(VmaFlags::GROWS_DOWN)
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Bytes of kernel memory for the area, and for its share of the attachment to its source.
    pub fn kept_bytes(&self) -> usize {
        let attached = match &self.backing {
            Backing::File { source, .. } => size_of::<Attachment>() / Arc::strong_count(source),
            Backing::Anonymous | Backing::Kernel(..) => 0,
        };
        size_of::<Self>() + attached
    }

    /// Page index in the backing that `address` maps.
    pub fn page_index(&self, address: u64) -> u64 {
        let page = (address - self.start) / PAGE_SIZE;
        match &self.backing {
            Backing::Anonymous => page,
            Backing::File { offset, .. } => offset / PAGE_SIZE + page,
            Backing::Kernel(_, first) => *first as u64 + page,
        }
    }

    /// Checks that file offsets for `len` bytes from `address` on don't pass 2^64, so that later
    /// sums of offsets and lengths can't overflow.
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

    /// Splits the area at `address`; returns the upper part.
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

    /// Whether `next` starts at this area's end and can be merged with it (can_vma_merge_after).
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
