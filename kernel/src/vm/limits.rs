//! Resource limits of memory: RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK and RLIMIT_MEMLOCK.
//!
//! Pages are counted as areas are mapped and unmapped. There is no swap, so locked memory differs
//! only in being counted and limited.

use linux_raw_sys::general as linux;

use super::address_space::AddressSpace;
use super::vma::{Prot, Role, Vma, VmaFlags};
use crate::abi::errno::Errno;
use crate::abi::limits as abi;
use crate::mm::PAGE_SIZE;

/// Soft limits in bytes (setrlimit(2)).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// All mapped memory (RLIMIT_AS).
    pub all: u64,
    /// Private writable memory (RLIMIT_DATA).
    pub data: u64,
    /// Size of a stack (RLIMIT_STACK).
    pub stack: u64,
    /// Locked memory (RLIMIT_MEMLOCK).
    pub locked: u64,
}

impl From<&abi::Limits> for Limits {
    /// The limits of a process that its address space keeps.
    fn from(limits: &abi::Limits) -> Self {
        Self {
            all: limits.soft(linux::RLIMIT_AS),
            data: limits.soft(linux::RLIMIT_DATA),
            stack: limits.soft(linux::RLIMIT_STACK),
            locked: limits.soft(linux::RLIMIT_MEMLOCK),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            all: u64::MAX,
            data: u64::MAX,
            stack: abi::STACK_LIMIT,
            locked: u64::MAX,
        }
    }
}

/// Numbers of mapped pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// All mapped pages.
    pub all: u64,
    /// Private writable pages without stacks.
    pub data: u64,
    /// Pages of stacks.
    pub stack: u64,
    /// Pages of areas that are executable, not writable, and no stacks (is_exec_mapping in
    /// mm/internal.h).
    pub code: u64,
    /// Locked pages.
    pub locked: u64,
}

impl Counts {
    fn of(area: &Vma) -> Self {
        let pages = area.len() / PAGE_SIZE;
        let counted = |counts: bool| if counts { pages } else { 0 };
        Self {
            all: pages,
            data: counted(area.is_data()),
            stack: counted(area.grows_down()),
            code: counted(area.is_code()),
            locked: counted(area.flags.contains(VmaFlags::LOCKED)),
        }
    }

    /// Adds an area's pages.
    pub fn add(&mut self, area: &Vma) {
        let more = Self::of(area);
        self.all += more.all;
        self.data += more.data;
        self.stack += more.stack;
        self.code += more.code;
        self.locked += more.locked;
    }

    /// Subtracts an area's pages.
    pub fn remove(&mut self, area: &Vma) {
        let less = Self::of(area);
        self.all -= less.all;
        self.data -= less.data;
        self.stack -= less.stack;
        self.code -= less.code;
        self.locked -= less.locked;
    }
}

impl Vma {
    /// Whether RLIMIT_DATA counts this area (is_data_mapping in mm/internal.h).
    pub fn is_data(&self) -> bool {
        counts_as_data(self.prot, self.shared, self.role, self.flags)
    }
}

impl Vma {
    /// Whether the area counts as code.
    fn is_code(&self) -> bool {
        self.prot.intersection(Prot::EXEC | Prot::WRITE) == Prot::EXEC && !self.grows_down()
    }
}

/// Whether RLIMIT_DATA counts an area with these properties.
pub fn counts_as_data(prot: Prot, shared: bool, role: Role, flags: VmaFlags) -> bool {
    let grows = role == Role::Stack || flags.contains(VmaFlags::GROWS_DOWN);
    prot.contains(Prot::WRITE) && !shared && !grows
}

impl AddressSpace {
    /// Number of locked pages (VmLck).
    pub fn locked_pages(&self) -> u64 {
        self.counts.locked
    }

    /// Checks the limits for mapping `pages` more, as data or otherwise (may_expand_vm).
    ///
    /// # Errors
    /// `ENOMEM` above a limit.
    pub(super) fn check_limits(&self, pages: u64, is_data: bool) -> Result<(), Errno> {
        let fits = |have: u64, limit: u64| have.saturating_add(pages) <= limit / PAGE_SIZE;
        if !fits(self.counts.all, self.limits.all)
            || is_data && !fits(self.counts.data, self.limits.data)
        {
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }

    /// Checks RLIMIT_DATA for `bytes` more of private writable memory.
    ///
    /// # Errors
    /// `ENOMEM` above RLIMIT_DATA.
    pub(super) fn check_data(&self, bytes: u64) -> Result<(), Errno> {
        if self.counts.data.saturating_add(bytes / PAGE_SIZE) > self.limits.data / PAGE_SIZE {
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }

    /// Checks RLIMIT_MEMLOCK for a new area of `pages`, if `flags` has it locked.
    ///
    /// # Errors
    /// `EAGAIN` above RLIMIT_MEMLOCK.
    pub(super) fn check_lock(&self, pages: u64, flags: VmaFlags) -> Result<(), Errno> {
        let locked = self.counts.locked.saturating_add(pages);
        if flags.contains(VmaFlags::LOCKED)
            && !self.lock_unlimited
            && locked > self.limits.locked / PAGE_SIZE
        {
            return Err(Errno::EAGAIN);
        }
        Ok(())
    }

    /// Checks that RLIMIT_MEMLOCK allows `len` bytes from `start` on to be locked (mlock(2)).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn check_lock_range(&self, start: u64, len: u64) -> Result<(), Errno> {
        if !self.lock_unlimited {
            let end = start.saturating_add(len);
            let already: u64 = self
                .overlapping(start, end)
                .filter(|area| area.flags.contains(VmaFlags::LOCKED))
                .map(|area| area.end.min(end) - area.start.max(start))
                .sum();
            let more = len.saturating_sub(already);
            if (self.counts.locked * PAGE_SIZE).saturating_add(more) > self.limits.locked {
                return Err(Errno::ENOMEM);
            }
        }
        Ok(())
    }

    /// Locks or unlocks [start, end).
    ///
    /// # Errors
    /// `ENOMEM` if part of the range isn't mapped (the part below the hole is done).
    pub fn lock_range(&mut self, start: u64, end: u64, lock: bool) -> Result<(), Errno> {
        // Up to the first hole (apply_vma_lock_flags).
        let mut covered = start;
        for area in self.overlapping(start, end) {
            if area.start > covered {
                break;
            }
            covered = area.end.min(end);
        }
        self.change_flags(start, covered, VmaFlags::LOCKED, lock)?;
        if covered < end {
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }

    /// Sets or clears a flag of the areas in [start, end).
    ///
    /// # Errors
    /// `ENOMEM` if part of the range isn't mapped (the rest is changed), or if an area can't be
    /// split.
    pub fn change_flags(
        &mut self,
        start: u64,
        end: u64,
        flag: VmaFlags,
        on: bool,
    ) -> Result<(), Errno> {
        let covered = self.mapped_bytes(start, end);
        let differs = |area: &Vma| area.flags.contains(flag) != on;
        if self.overlapping(start, end).any(differs) {
            self.cut(start, end, false)?;
            self.update(start, end, |area, _| {
                // The vDSO and the clock page are never locked (VM_SPECIAL).
                if !area.is_kernels() || flag != VmaFlags::LOCKED {
                    area.flags.set(flag, on);
                }
            });
        }
        if covered == end - start {
            Ok(())
        } else {
            Err(Errno::ENOMEM)
        }
    }

    /// Mapped bytes in [start, end).
    pub fn mapped_bytes(&self, start: u64, end: u64) -> u64 {
        self.overlapping(start, end)
            .map(|area| area.end.min(end) - area.start.max(start))
            .sum()
    }
}
