//! Placement of new areas: the search for free address ranges.

use super::address_space::AddressSpace;
use crate::abi::errno::Errno;
use crate::mm::{PAGE_SIZE, layout, page_up};

/// Gap kept free below an area that grows down, in bytes (stack_guard_gap).
const GUARD: u64 = 256 * PAGE_SIZE;

impl AddressSpace {
    /// Address at which a mapping of `len` bytes (whole pages) without a hint would be placed.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn room_for(&mut self, len: u64) -> Result<u64, Errno> {
        self.place(0, len)
    }

    /// Finds a free range of `len` bytes: at the hint, else the highest gap below `mmap_base`, else
    /// the lowest gap above it. In the legacy layout only the latter.
    pub(super) fn place(&mut self, hint: u64, len: u64) -> Result<u64, Errno> {
        if len > self.task_size {
            return Err(Errno::ENOMEM);
        }
        let hint = page_up(hint).unwrap_or(0);
        // A hint below mmap_min_addr is raised to it (round_hint_to_min).
        let hint = if hint == 0 {
            0
        } else {
            hint.max(layout::MMAP_MIN)
        };
        if hint != 0
            && hint <= self.task_size - len
            && self.overlapping(hint, hint + len).next().is_none()
        {
            return Ok(hint);
        }
        if self.goes_up {
            return self.gap_above(self.mmap_base, len);
        }
        for from in [self.search_from, self.mmap_base] {
            if let Some(start) = self.gap_below(from, len) {
                self.search_from = start + len;
                return Ok(start);
            }
        }
        self.gap_above(self.mmap_base, len)
    }

    /// The lowest gap of `len` bytes from `from` on.
    fn gap_above(&self, from: u64, len: u64) -> Result<u64, Errno> {
        let mut start = from;
        for area in self.overlapping(from, self.task_size) {
            let guard = if area.grows_down() { GUARD } else { 0 };
            if area.start.saturating_sub(guard) >= start.saturating_add(len) {
                return Ok(start);
            }
            start = start.max(area.end);
        }
        if self.task_size.saturating_sub(start) >= len {
            Ok(start)
        } else {
            Err(Errno::ENOMEM)
        }
    }

    /// Finds a free range of `len` bytes from `from` up to `to`: at the hint, else the highest gap.
    pub(super) fn place_within(
        &self,
        hint: u64,
        len: u64,
        from: u64,
        to: u64,
    ) -> Result<u64, Errno> {
        let hint = page_up(hint).unwrap_or(0);
        if hint >= layout::MMAP_MIN
            && hint.checked_add(len).is_some_and(|end| end <= to)
            && self.overlapping(hint, hint + len).next().is_none()
        {
            return Ok(hint);
        }
        self.gap_below(to, len)
            .filter(|start| *start >= from)
            .ok_or(Errno::ENOMEM)
    }

    /// The highest gap of `len` bytes that ends at or below `from`.
    fn gap_below(&self, from: u64, len: u64) -> Option<u64> {
        let mut top = from;
        for (_, area) in self.areas.range(..from).rev() {
            if area.end <= top && top - area.end >= len {
                return Some(top - len);
            }
            top = top.min(area.start);
        }
        (top >= len && top - len >= layout::MMAP_MIN).then(|| top - len)
    }
}
