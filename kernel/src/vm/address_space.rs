//! Address space of a program: areas and page tables (struct mm_struct).
//!
//! Each has two locks (`process/mm.rs`). **Never copy to or from user memory while
//! holding it**: the copy may fault, and the fault takes the lock. Work on many pages is done in
//! parts and releases the lock between them (`sched/preempt.rs`).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::any::Any;
use core::ops::Range;

use super::keys::Keys;
use super::limits::{Counts, Limits};
use super::mappers::Identity;
use super::page_tables::PageTables;
use super::vma::{Prot, Vma};
use crate::abi::errno::Errno;
use crate::mm::layout;
use crate::sync::assert_none_held;
use crate::vm::ldt::Ldt;

/// Addresses of the program's parts, for /proc and prctl(2); 0 if none.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Linux's names (struct mm_struct).
pub struct Landmarks {
    pub start_code: u64,
    pub end_code: u64,
    pub start_data: u64,
    pub end_data: u64,
    pub start_brk: u64,
    pub brk: u64,
    pub start_stack: u64,
    pub arg_start: u64,
    pub arg_end: u64,
    pub env_start: u64,
    pub env_end: u64,
    /// Address of the vDSO's image; 0 if it isn't mapped.
    pub vdso: u64,
}

/// An address space.
pub struct AddressSpace {
    /// Its place in the lists of the page sources that it maps.
    pub(super) identity: Identity,
    /// Areas by start address; they never overlap.
    pub(super) areas: BTreeMap<u64, Vma>,
    pub(super) tables: PageTables,
    /// Addresses of the program's parts.
    pub landmarks: Landmarks,
    /// End of the user address space, by the program's width.
    pub task_size: u64,
    /// Resource limits.
    pub limits: Limits,
    /// RLIMIT_MEMLOCK doesn't apply (CAP_IPC_LOCK).
    pub lock_unlimited: bool,
    /// Addresses below vm.mmap_min_addr may be mapped (CAP_SYS_RAWIO).
    pub may_map_low: bool,
    /// New mappings are locked (MCL_FUTURE).
    pub lock_future: bool,
    /// Addresses are not randomised (ADDR_NO_RANDOMIZE).
    pub is_fixed: bool,
    /// Without a hint mmap(2) searches downwards from here; upwards in the legacy layout.
    pub(super) mmap_base: u64,
    /// Legacy layout (ADDR_COMPAT_LAYOUT).
    pub(super) goes_up: bool,
    /// Start of the search for a gap: there is none between this and `mmap_base`, except small
    /// ones.
    pub(super) search_from: u64,
    /// Range whose page tables don't match the areas yet, during a long mprotect(2).
    pub(super) stale: Range<u64>,
    /// Number of moves of mappings (mremap(2)).
    pub(super) moves: u64,
    /// Numbers of mapped pages.
    pub(super) counts: Counts,
    /// Pages charged to the program during execve(2): the new program's strings.
    pub held: u64,
    /// Auxiliary vector (/proc/PID/auxv): pairs of (type, value).
    pub auxv: alloc::vec::Vec<(u64, u64)>,
    /// Executable file.
    pub program: Option<Arc<dyn Any + Send + Sync>>,
    /// Local descriptor table.
    pub ldt: Ldt,
    /// Allocated protection keys.
    pub keys: Keys,
}

impl AddressSpace {
    /// Creates an empty address space for a 64- or 32-bit program.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(is_32bit: bool) -> Result<Self, Errno> {
        let task_size = if is_32bit {
            layout::TASK_SIZE_32
        } else {
            layout::TASK_SIZE
        };
        Ok(Self {
            identity: Identity::new(),
            areas: BTreeMap::new(),
            tables: PageTables::new()?,
            landmarks: Landmarks::default(),
            task_size,
            limits: Limits::default(),
            lock_unlimited: false,
            may_map_low: false,
            lock_future: false,
            is_fixed: false,
            mmap_base: task_size,
            goes_up: false,
            search_from: task_size,
            stale: 0..0,
            moves: 0,
            counts: Counts::default(),
            held: 0,
            auxv: alloc::vec::Vec::new(),
            program: None,
            ldt: Ldt::default(),
            keys: Keys::default(),
        })
    }

    /// Makes mmap(2) without a hint search downwards from `base`.
    pub fn set_mmap_base(&mut self, base: u64) {
        self.mmap_base = base;
        self.search_from = base;
    }

    /// Makes mmap(2) without a hint search upwards from `floor` (legacy layout).
    pub fn set_mmap_floor(&mut self, floor: u64) {
        self.set_mmap_base(floor);
        self.goes_up = true;
    }

    /// Address from which mmap(2) without a hint searches.
    pub fn mmap_base(&self) -> u64 {
        self.mmap_base
    }

    /// Loads the page tables into the CPU.
    pub fn activate(&self) {
        self.tables.activate();
    }

    /// The area that covers `address`.
    pub fn find(&self, address: u64) -> Option<&Vma> {
        let (_, area) = self.areas.range(..=address).next_back()?;
        (address < area.end).then_some(area)
    }

    /// All areas in ascending order.
    pub fn areas(&self) -> impl Iterator<Item = &Vma> {
        self.areas.values()
    }

    /// The areas that overlap [start, end), in ascending order.
    pub fn overlapping(&self, start: u64, end: u64) -> impl Iterator<Item = &Vma> {
        let around = if start < end { self.find(start) } else { None };
        let first = around.map_or(start, |area| area.start);
        self.areas
            .range(first..end.max(first))
            .map(|(_, area)| area)
    }

    /// (mapped, resident) pages: VmSize and VmRSS.
    pub fn page_counts(&self) -> (u64, u64) {
        (self.counts.all, self.tables.counts.resident() + self.held)
    }

    /// Pages used by page tables (VmPTE).
    pub fn table_pages(&self) -> u64 {
        self.tables.table_pages()
    }

    /// Peak of the resident pages (VmHWM).
    pub fn peak_pages(&self) -> u64 {
        self.tables.peak.max(self.tables.counts.resident())
    }

    /// Whether the area at `address` allows all of `prot`.
    pub fn allows(&self, address: u64, prot: Prot) -> bool {
        self.find(address)
            .is_some_and(|area| area.prot.contains(prot))
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        assert_none_held("an address space is dropped");
        while self.drop_part() {}
    }
}
