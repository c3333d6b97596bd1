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
use super::page_ranges::PART;
use super::page_tables::PageTables;
use super::vma::{Backing, Prot, Vma, VmaFlags};
use crate::abi::errno::Errno;
use crate::mm::fallible;
use crate::mm::{PAGE_SIZE, layout};
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
        (self.counts.all, self.tables.pages + self.held)
    }

    /// Pages used by page tables (VmPTE).
    pub fn table_pages(&self) -> u64 {
        self.tables.table_pages()
    }

    /// Peak of the resident pages (VmHWM).
    pub fn peak_pages(&self) -> u64 {
        self.tables.peak.max(self.tables.pages)
    }

    /// A copy for fork(2), made without preemption.
    ///
    /// # Errors
    /// `ENOMEM`.
    #[cfg(test)]
    pub fn fork(&mut self) -> Result<Self, Errno> {
        let mut fork = Fork::of(self)?;
        while fork.share_part(self)? == Progress::More {}
        Ok(fork.child)
    }

    /// A copy for fork(2), still without areas and pages.
    fn copy_empty(&self) -> Result<Self, Errno> {
        let child = Self {
            areas: BTreeMap::new(),
            counts: Counts::default(),
            tables: PageTables::new()?,
            landmarks: self.landmarks.clone(),
            auxv: fallible::to_vec(&self.auxv)?,
            program: self.program.clone(),
            ldt: self.ldt.copy()?,
            lock_future: false,
            held: 0,
            stale: 0..0,
            ..*self
        };
        Ok(child)
    }

    /// Unmaps a part of `pages` of `source`, and of private copies of them, after a truncation: later
    /// accesses fault (unmap_mapping_range with even_cows). Begins at address `next`, 0 at first;
    /// returns whether more remains.
    pub fn drop_source_pages(
        &mut self,
        source: *const (),
        pages: &Range<u64>,
        next: &mut u64,
    ) -> bool {
        self.drop_mappings(source, pages, next, true)
    }

    /// [`AddressSpace::drop_source_pages`] before a hole is punched: private copies stay
    /// (unmap_mapping_range without even_cows).
    pub fn drop_shared_source_pages(
        &mut self,
        source: *const (),
        pages: &Range<u64>,
        next: &mut u64,
    ) -> bool {
        self.drop_mappings(source, pages, next, false)
    }

    fn drop_mappings(
        &mut self,
        source: *const (),
        pages: &Range<u64>,
        next: &mut u64,
        even_copies: bool,
    ) -> bool {
        /// Areas in one part that don't map the source.
        const LOOKS: u64 = 4096;
        /// What a mapping counts for among these, and each of its pages.
        const MAPPING: u64 = 64;
        const PAGE: u64 = 4;
        let mut left = LOOKS;
        while let Some((from, to, shared)) = self.next_mapping(source, pages, next, &mut left) {
            let stop = self.part_of_pages(from, to);
            *next = stop;
            let count = (stop - from).min(PART) / PAGE_SIZE;
            left = left.saturating_sub(MAPPING + count * PAGE);
            if even_copies || shared {
                self.drop_pages(from, stop);
                continue;
            }
            let mut at = from;
            while let Some((address, mapped)) = self.tables.next_page(at, stop) {
                at = address + PAGE_SIZE;
                if self.is_of_file(address, mapped.frame) {
                    drop(self.tables.unmap(address));
                }
            }
        }
        if left > 0 {
            *next = 0;
        }
        left == 0
    }

    /// Whether the frame mapped at `address` is the file's page, not a private copy.
    fn is_of_file(&self, address: u64, frame: u64) -> bool {
        let mut same = false;
        if let Some(area) = self.find(address)
            && let Backing::File { source, .. } = &area.backing
        {
            source.in_memory(area.page_index(address), 1, &mut |_, of_file| {
                same = of_file.address() == frame;
            });
        }
        same
    }

    /// The next range from address `next` that maps some of `pages` of `source`, and whether it
    /// is a shared mapping. `None` also when `left` areas were looked at. An iteration without a
    /// list: dropping pages must not need memory.
    fn next_mapping(
        &self,
        source: *const (),
        pages: &Range<u64>,
        next: &mut u64,
        left: &mut u64,
    ) -> Option<(u64, u64, bool)> {
        for area in self.overlapping(*next, u64::MAX) {
            if *left == 0 {
                return None;
            }
            *left -= 1;
            if let Backing::File { source: behind, .. } = &area.backing
                && core::ptr::addr_eq(Arc::as_ptr(behind), source)
            {
                let first = area.page_index(area.start);
                let last = first + area.len() / PAGE_SIZE;
                let (from, to) = (pages.start.max(first), pages.end.min(last));
                let address = |page: u64| area.start + (page - first) * PAGE_SIZE;
                if from < to && *next < address(to) {
                    return Some((address(from).max(*next), address(to), area.shared));
                }
            }
            *next = area.end;
        }
        None
    }

    /// Whether the area at `address` allows all of `prot`.
    pub fn allows(&self, address: u64, prot: Prot) -> bool {
        self.find(address)
            .is_some_and(|area| area.prot.contains(prot))
    }
}

/// A copy for fork(2) in progress: made in parts, between which other threads of the parent run, but
/// no other call changes areas.
pub struct Fork {
    child: AddressSpace,
    /// Areas below this address are copied, and their pages shared.
    at: u64,
}

/// Progress of a [`Fork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All pages are shared.
    Done,
    /// More pages remain.
    More,
}

impl Fork {
    /// Begins a copy of `parent`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn of(parent: &mut AddressSpace) -> Result<Self, Errno> {
        debug_assert!(parent.stale.is_empty(), "mprotect(2) is in progress");
        Ok(Self {
            child: parent.copy_empty()?,
            at: 0,
        })
    }

    /// Copies the next areas, and shares their pages with the child: private writable ones
    /// copy-on-write.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn share_part(&mut self, parent: &mut AddressSpace) -> Result<Progress, Errno> {
        let result = self.share(parent);
        // Before the parent runs: it must not write to shared pages through stale TLB entries.
        parent.tables.flush_all();
        result
    }

    fn share(&mut self, parent: &mut AddressSpace) -> Result<Progress, Errno> {
        /// Areas, and page tables of the last level, per part.
        const AREAS: usize = 64;
        const TABLES: usize = 8;
        let child = &mut self.child;
        let first = covering_or_next(&parent.areas, self.at).map_or(self.at, |area| area.start);
        let mut tables = TABLES;
        for (number, area) in parent
            .areas
            .range(first..)
            .map(|(_, area)| area)
            .enumerate()
        {
            let mut from = area.start.max(self.at);
            if number == AREAS || tables == 0 {
                self.at = from;
                return Ok(Progress::More);
            }
            // Of an area that the previous part began, only pages remain.
            if area.start >= self.at && !child.inherit(area)? {
                continue;
            }
            if area.flags.contains(VmaFlags::WIPE_ON_FORK) {
                continue;
            }
            // Copy-on-write for private areas only; shared pages stay writable.
            let (tables_of_child, is_private) = (&mut child.tables, !area.shared);
            from = parent.tables.share_range(
                tables_of_child,
                from..area.end,
                is_private,
                &mut tables,
            )?;
            if from < area.end {
                self.at = from;
                return Ok(Progress::More);
            }
        }
        Ok(Progress::Done)
    }

    /// The finished copy.
    pub fn finish(self) -> AddressSpace {
        self.child
    }
}

/// The first area that ends above `address`.
fn covering_or_next(areas: &BTreeMap<u64, Vma>, address: u64) -> Option<&Vma> {
    let below = areas.range(..=address).next_back().map(|(_, area)| area);
    let covering = below.filter(|area| address < area.end);
    covering.or_else(|| areas.range(address..).next().map(|(_, area)| area))
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        assert_none_held("an address space is dropped");
        while self.drop_part() {}
    }
}
