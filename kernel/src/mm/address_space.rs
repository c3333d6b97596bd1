//! A program's address space: its areas and its page tables.
//!
//! One lock guards each ([`crate::process::SharedMm`]). **Never copy to or from user memory while holding
//! it**: the copy may fault, and the fault takes the lock. Work on many pages is done in parts, between
//! which the lock is given up (`process/preempt.rs`).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::ops::Range;

use super::fallible;
use super::keys::Keys;
use super::limits::{Counts, Limits};
use super::page_ranges::PART;
use super::page_tables::PageTables;
use super::vma::{Backing, Prot, Vma, VmaFlags};
use super::{PAGE_SIZE, layout};
use crate::fs::busy::Program;
use crate::process::ldt::Ldt;
use crate::sync::assert_none_held;
use crate::syscall::errno::Errno;

/// Where parts of the program lie that /proc and prctl(2) ask for. Addresses; 0 if none.
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
    /// Address of the vDSO's image; 0 if the program unmapped it.
    pub vdso: u64,
}

/// An address space.
pub struct AddressSpace {
    /// Areas by start address; they never overlap.
    pub(super) areas: BTreeMap<u64, Vma>,
    pub(super) tables: PageTables,
    /// Grows with each change of the areas.
    pub(super) version: u64,
    /// Where the parts are.
    pub landmarks: Landmarks,
    /// End of the program's addresses: by its width.
    pub task_size: u64,
    /// What it may grow to.
    pub limits: Limits,
    /// The last limit doesn't hold (CAP_IPC_LOCK).
    pub lock_unlimited: bool,
    /// Pages below vm.mmap_min_addr may be mapped (CAP_SYS_RAWIO).
    pub may_map_low: bool,
    /// What is mapped from now on is locked (MCL_FUTURE).
    pub lock_future: bool,
    /// The program's parts go where they always do (ADDR_NO_RANDOMIZE).
    pub is_fixed: bool,
    /// mmap(2) without a hint goes below this, or above it in the old layout.
    pub(super) mmap_base: u64,
    /// Which of the two (ADDR_COMPAT_LAYOUT).
    pub(super) goes_up: bool,
    /// No gap of interest lies between this and `mmap_base`.
    pub(super) search_from: u64,
    /// The tables are not yet what the areas say there: a long mprotect(2) is in the middle.
    pub(super) stale: Range<u64>,
    /// Pages mapped.
    pub(super) counts: Counts,
    /// Pages that the kernel holds for the program meanwhile: the strings of the next one.
    pub held: u64,
    /// The auxiliary vector, for /proc/PID/auxv: pairs of (type, value).
    pub auxv: alloc::vec::Vec<(u64, u64)>,
    /// The file of the program that runs in it.
    pub program: Option<Arc<Program>>,
    /// Segments of the program's own.
    pub ldt: Ldt,
    /// Its protection keys.
    pub keys: Keys,
}

impl AddressSpace {
    /// An empty one for a 64-bit (or 32-bit) program.
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
            version: 0,
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

    /// Lets mmap(2) without a hint begin below `base`.
    pub fn set_mmap_base(&mut self, base: u64) {
        self.mmap_base = base;
        self.search_from = base;
    }

    /// Lets it go upwards from `floor` on.
    pub fn set_mmap_floor(&mut self, floor: u64) {
        self.set_mmap_base(floor);
        self.goes_up = true;
    }

    /// Where mmap(2) begins.
    pub fn mmap_base(&self) -> u64 {
        self.mmap_base
    }

    /// Makes this the CPU's address space.
    pub fn activate(&self) {
        self.tables.activate();
    }

    /// The area that covers `address`.
    pub fn find(&self, address: u64) -> Option<&Vma> {
        let (_, area) = self.areas.range(..=address).next_back()?;
        (address < area.end).then_some(area)
    }

    /// All areas, lowest first.
    pub fn areas(&self) -> impl Iterator<Item = &Vma> {
        self.areas.values()
    }

    /// The areas that overlap [start, end), lowest first.
    pub fn overlapping(&self, start: u64, end: u64) -> impl Iterator<Item = &Vma> {
        let around = if start < end { self.find(start) } else { None };
        let first = around.map_or(start, |area| area.start);
        self.areas
            .range(first..end.max(first))
            .map(|(_, area)| area)
    }

    /// (mapped, present) pages: VmSize and VmRSS.
    pub fn page_counts(&self) -> (u64, u64) {
        (self.counts.all, self.tables.pages + self.held)
    }

    /// Pages of its page tables.
    pub fn table_pages(&self) -> u64 {
        self.tables.table_pages()
    }

    /// The most pages that were present at a time: VmHWM.
    pub fn peak_pages(&self) -> u64 {
        self.tables.peak.max(self.tables.pages)
    }

    /// A copy for fork(2), in one go.
    ///
    /// # Errors
    /// `ENOMEM`.
    #[cfg(test)]
    pub fn fork(&mut self) -> Result<Self, Errno> {
        let mut fork = Fork::of(self)?;
        while fork.share_part(self)? == Progress::More {}
        Ok(fork.child)
    }

    /// A copy for fork(2) without the pages.
    fn copy_areas(&self) -> Result<Self, Errno> {
        let (areas, counts) = self.inherited_areas()?;
        let child = Self {
            areas,
            counts,
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

    /// Drops the pages that map `pages` of `source`, and the program's own copies of them: the file
    /// ends before them. The next touch finds what it has there by then, or its end.
    pub fn drop_source_pages(&mut self, source: *const (), pages: &Range<u64>) {
        let mut next = 0;
        while let Some((from, to, _)) = self.next_mapping(source, pages, &mut next) {
            self.drop_pages(from, to);
        }
    }

    /// Drops the pages that map `pages` of `source`, which is about to make a hole of them. A program's
    /// own copies stay.
    pub fn drop_shared_source_pages(&mut self, source: *const (), pages: &Range<u64>) {
        let mut next = 0;
        while let Some((from, to, shared)) = self.next_mapping(source, pages, &mut next) {
            if shared {
                self.drop_pages(from, to);
                continue;
            }
            let mut at = from;
            while let Some((address, mapped)) = self.tables.next_page(at, to) {
                at = address + PAGE_SIZE;
                if self.is_of_file(address, mapped.frame) {
                    drop(self.tables.unmap(address));
                }
            }
        }
    }

    /// Whether the frame that is mapped at `address` is the file's own, and no copy.
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

    /// Where `pages` of `source` are mapped next, from address `next` on, and whether it is a shared
    /// mapping. One after the other: pages of a file go where nothing may fail for want of memory.
    fn next_mapping(
        &self,
        source: *const (),
        pages: &Range<u64>,
        next: &mut u64,
    ) -> Option<(u64, u64, bool)> {
        for area in self.areas.range(*next..).map(|(_, area)| area) {
            if let Backing::File { source: behind, .. } = &area.backing
                && core::ptr::addr_eq(Arc::as_ptr(behind), source)
            {
                let first = area.page_index(area.start);
                let last = first + area.len() / PAGE_SIZE;
                let (from, to) = (pages.start.max(first), pages.end.min(last));
                if from < to {
                    let address = |page: u64| area.start + (page - first) * PAGE_SIZE;
                    *next = area.end;
                    return Some((address(from), address(to), area.shared));
                }
            }
        }
        None
    }

    /// Whether [address, address + 1) may be accessed as `prot` says.
    pub fn allows(&self, address: u64, prot: Prot) -> bool {
        self.find(address)
            .is_some_and(|area| area.prot.contains(prot))
    }
}

/// A copy for fork(2) in the making: a part at a time, between which other threads of the program may run.
pub struct Fork {
    child: AddressSpace,
    /// What the parent's areas were.
    version: u64,
    /// The pages below are shared.
    at: u64,
}

/// How far a [`Fork`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All pages are shared.
    Done,
    /// There are more.
    More,
    /// The parent's areas have changed: the copy is of what no longer is, and must begin anew.
    Stale,
}

impl Fork {
    /// Begins a copy of `parent`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn of(parent: &mut AddressSpace) -> Result<Self, Errno> {
        parent.protect_all();
        Ok(Self {
            child: parent.copy_areas()?,
            version: parent.version,
            at: 0,
        })
    }

    /// Shares the next pages: private writable ones until one side writes.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn share_part(&mut self, parent: &mut AddressSpace) -> Result<Progress, Errno> {
        /// Tables' worth of addresses at a time.
        const COUNT: u64 = 8;
        if parent.version != self.version {
            return Ok(Progress::Stale);
        }
        let result = self.share(parent, COUNT * PART);
        // Before the parent runs again: it must not write to what the child has.
        parent.tables.flush_all();
        result
    }

    /// Shares the pages of the next `left` bytes of addresses.
    fn share(&mut self, parent: &mut AddressSpace, mut left: u64) -> Result<Progress, Errno> {
        let child = &mut self.child;
        let first = covering_or_next(&child.areas, self.at).map_or(self.at, |area| area.start);
        for area in child.areas.range(first..).map(|(_, area)| area) {
            if area.flags.contains(VmaFlags::WIPE_ON_FORK) {
                continue;
            }
            let (mut from, mut stop) = (area.start.max(self.at), area.end);
            if stop - from > left {
                // Addresses without pages cost nothing.
                let Some((present, _)) = parent.tables.next_page(from, stop) else {
                    continue;
                };
                if left == 0 {
                    return Ok(Progress::More);
                }
                from = present;
                stop = stop.min(from.saturating_add(left));
            }
            left -= stop - from;
            self.at = stop;
            // Only what is writable need be made read-only: nothing else ever has the flag.
            parent
                .tables
                .share_range(&mut child.tables, from, stop, !area.shared)?;
            if stop < area.end {
                return Ok(Progress::More);
            }
        }
        Ok(Progress::Done)
    }

    /// The copy.
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

impl AddressSpace {
    /// Drops some of the pages from `at` on, which moves; true while there may be more. Where the last
    /// reference to a large address space goes, this comes first.
    pub fn drop_part(&mut self, at: &mut u64) -> bool {
        let Some(area) = covering_or_next(&self.areas, *at) else {
            return false;
        };
        let (before, from, end) = (*at, area.start.max(*at), area.end);
        *at = self.part_of_pages(from, end);
        self.tables.drop_range(from, *at);
        // From where the part before this one ended: its last table reached into the gap up to `from`.
        self.tables.prune(before, *at, 0, *at);
        true
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        assert_none_held("an address space is dropped");
        for area in self.areas.values() {
            self.tables.drop_range(area.start, area.end);
        }
        // Lowest first, each up to the next: in the end no table is left.
        let mut areas = self.areas.values().peekable();
        while let Some(area) = areas.next() {
            let ceiling = areas.peek().map_or(1 << 47, |next| next.start);
            self.tables.prune(area.start, area.end, 0, ceiling);
        }
    }
}
