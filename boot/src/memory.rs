//! Physical memory: the memory map for the kernel, and the loader's frame allocator.
//!
//! One structure serves as both. The map is built once from firmware's; each allocation moves the
//! border between a `Usable` region and the `Bootloader` region before it, so the final map is
//! correct by construction.

use crate::Result;
use crate::protocol::{FirmwareRegion, IDENTITY_END, MAX_CLAIMS, MAX_REGIONS};
use arrayvec::ArrayVec;
use bootloader_api::info::{MemoryRegion, MemoryRegionKind as Kind};
use core::ptr;
use x86_64::PhysAddr;
use x86_64::structures::paging::{FrameAllocator, PhysFrame, Size4KiB};

/// Bytes in a page, and in a frame.
pub const PAGE: u64 = 4096;

/// The first megabyte, never allocated: it holds firmware's data, and a kernel may need it to start
/// other CPUs in real mode. It counts as the loader's.
pub const LOW_MEMORY: Range = Range {
    start: 0,
    end: 1 << 20,
};

/// Range of physical addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub start: u64,
    /// End address (exclusive).
    pub end: u64,
}

impl Range {
    /// Length in bytes.
    pub fn size(self) -> u64 {
        self.end - self.start
    }

    /// The range rounded outward to pages.
    pub fn outward(self) -> Range {
        Range {
            start: self.start & !(PAGE - 1),
            end: self.end.saturating_add(PAGE - 1) & !(PAGE - 1),
        }
    }

    /// The range rounded inward to pages; may be empty.
    fn inward(self) -> Range {
        let start = self.start.saturating_add(PAGE - 1) & !(PAGE - 1);
        Range {
            start,
            end: (self.end & !(PAGE - 1)).max(start),
        }
    }

    fn contains(self, inner: Range) -> bool {
        self.start <= inner.start && inner.end <= self.end
    }

    /// Whether the two have an address in common.
    pub fn overlaps(self, other: Range) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// Map of physical memory: sorted, page-aligned, without overlaps.
pub struct Memory {
    regions: ArrayVec<MemoryRegion, MAX_REGIONS>,
}

impl Memory {
    /// Builds the map from firmware's. `claims` are areas of RAM in use.
    ///
    /// Where firmware's entries overlap, types other than RAM take precedence.
    pub fn new(firmware: &[FirmwareRegion], claims: &[Range]) -> Result<Self> {
        let mut memory = Memory {
            regions: ArrayVec::new(),
        };
        let borders = borders(firmware, claims);
        for pair in borders.windows(2) {
            let piece = Range {
                start: pair[0],
                end: pair[1],
            };
            if let Some(kind) = kind(piece, firmware, claims) {
                memory.push(piece, kind)?;
            }
        }
        Ok(memory)
    }

    /// Appends a piece to the map.
    fn push(&mut self, piece: Range, kind: Kind) -> Result<()> {
        let Range { start, end } = piece;
        match self.regions.last_mut() {
            Some(last) if last.end == start && last.kind == kind => last.end = end,
            _ => {
                let full = "the memory map is too fragmented";
                self.regions
                    .try_push(MemoryRegion { start, end, kind })
                    .map_err(|_| full)?;
            }
        }
        Ok(())
    }

    /// Whether the whole range is RAM in use (`Bootloader`): no part a hole, reserved or usable.
    pub fn is_kept_ram(&self, range: Range) -> bool {
        let kept = self.regions.iter().filter(|region| {
            let region_range = Range {
                start: region.start,
                end: region.end,
            };
            region.kind == Kind::Bootloader && region_range.overlaps(range)
        });
        let covered: u64 = kept
            .map(|region| region.end.min(range.end) - region.start.max(range.start))
            .sum();
        covered == range.size()
    }

    /// The current map.
    pub fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    /// Allocates `count` contiguous frames, zeroed. Returns the physical address of the first.
    pub fn allocate(&mut self, count: u64) -> Result<u64> {
        let start = self.take(count * PAGE).ok_or("out of memory")?;
        // SAFETY: the frames were usable RAM without a user, below `IDENTITY_END`, up to which the
        // loader's page tables map memory.
        unsafe { ptr::write_bytes(start as *mut u64, 0, (count * PAGE / 8) as usize) };
        Ok(start)
    }

    /// Moves `size` bytes from the front of a usable region into the loader's region.
    fn take(&mut self, size: u64) -> Option<u64> {
        let fits = |region: &MemoryRegion| {
            region.kind == Kind::Usable && region.end.min(IDENTITY_END) >= region.start + size
        };
        let index = self.regions.iter().position(fits)?;
        let start = self.regions[index].start;
        let taken = MemoryRegion {
            start,
            end: start + size,
            kind: Kind::Bootloader,
        };
        let before = index.checked_sub(1).map(|i| self.regions[i]);
        match before {
            Some(last) if last.end == start && last.kind == Kind::Bootloader => {
                self.regions[index - 1].end = taken.end;
                self.regions[index].start = taken.end;
            }
            _ => {
                self.regions[index].start = taken.end;
                self.regions.try_insert(index, taken).ok()?;
            }
        }
        self.regions.retain(|region| region.start < region.end);
        Some(start)
    }
}

// SAFETY: `take` removes the memory it returns from the usable regions, and usable regions overlap
// neither each other nor memory in use.
unsafe impl FrameAllocator<Size4KiB> for Memory {
    fn allocate_frame(&mut self) -> Option<PhysFrame> {
        let start = self.allocate(1).ok()?;
        Some(PhysFrame::containing_address(PhysAddr::new(start)))
    }
}

/// Addresses at which the kind of memory may change, sorted.
fn borders(
    firmware: &[FirmwareRegion],
    claims: &[Range],
) -> ArrayVec<u64, { 4 * MAX_REGIONS + 2 * MAX_CLAIMS + 2 }> {
    let regions = firmware
        .iter()
        .flat_map(|region| [region.range.inward(), region.range.outward()]);
    let claims = claims.iter().map(|claim| claim.outward());
    let ranges = regions.chain(claims).chain([LOW_MEMORY]);
    let mut borders: ArrayVec<u64, _> = ranges.flat_map(|range| [range.start, range.end]).collect();
    borders.sort_unstable();
    borders
}

/// Kind of the piece between two adjacent borders; `None` for a hole.
fn kind(piece: Range, firmware: &[FirmwareRegion], claims: &[Range]) -> Option<Kind> {
    if piece.size() == 0 {
        return None;
    }
    let is_ram = |region: &&FirmwareRegion| region.kind == FirmwareRegion::RAM;
    let mut other = firmware.iter().filter(|region| !is_ram(region));
    if let Some(region) = other.find(|region| region.range.outward().contains(piece)) {
        return Some(Kind::UnknownBios(region.kind));
    }
    let mut ram = firmware.iter().filter(is_ram);
    ram.find(|region| region.range.inward().contains(piece))?;
    let mut claimed = claims.iter().chain([&LOW_MEMORY]);
    let claimed = claimed.any(|claim| claim.outward().contains(piece));
    Some(if claimed {
        Kind::Bootloader
    } else {
        Kind::Usable
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firmware(start: u64, end: u64, kind: u32) -> FirmwareRegion {
        FirmwareRegion {
            range: Range { start, end },
            kind,
        }
    }

    fn map(memory: &Memory) -> Vec<(u64, u64, Kind)> {
        memory
            .regions()
            .iter()
            .map(|region| (region.start, region.end, region.kind))
            .collect()
    }

    /// A PC with 32 MiB, an unaligned claim, and a reserved region within RAM.
    fn pc() -> Memory {
        let firmware = [
            firmware(0xfffc_0000, 0x1_0000_0000, 2),
            firmware(0x10_0000, 0x200_0000, 1),
            firmware(0, 0x9_fc00, 1),
            firmware(0x9_fc00, 0xa_0000, 2),
            firmware(0x1f0_0800, 0x1f0_0900, 3),
        ];
        Memory::new(
            &firmware,
            &[Range {
                start: 0x18_0010,
                end: 0x18_1001,
            }],
        )
        .unwrap()
    }

    #[test]
    fn sorted_and_without_overlaps() {
        let expected = [
            (0, 0x9_f000, Kind::Bootloader),
            (0x9_f000, 0xa_0000, Kind::UnknownBios(2)),
            (0x10_0000, 0x18_0000, Kind::Usable),
            (0x18_0000, 0x18_2000, Kind::Bootloader),
            (0x18_2000, 0x1f0_0000, Kind::Usable),
            (0x1f0_0000, 0x1f0_1000, Kind::UnknownBios(3)),
            (0x1f0_1000, 0x200_0000, Kind::Usable),
            (0xfffc_0000, 0x1_0000_0000, Kind::UnknownBios(2)),
        ];
        assert_eq!(map(&pc()), expected);
    }

    #[test]
    fn allocations_move_the_border() {
        let mut memory = pc();
        assert_eq!(memory.take(0x7_f000), Some(0x10_0000));
        // Too large for the free memory before the claim.
        assert_eq!(memory.take(0x2000), Some(0x18_2000));
        // The rest of the first region, which becomes empty and is removed.
        assert_eq!(memory.take(0x1000), Some(0x17_f000));
        let expected = [
            (0x10_0000, 0x18_0000, Kind::Bootloader),
            (0x18_0000, 0x18_4000, Kind::Bootloader),
            (0x18_4000, 0x1f0_0000, Kind::Usable),
        ];
        assert_eq!(map(&memory)[2..5], expected);
        assert_eq!(memory.take(1 << 40), None);
    }

    #[test]
    fn kept_ram_has_no_holes() {
        let memory = pc();
        let is_kept = |start, end| memory.is_kept_ram(Range { start, end });
        assert!(is_kept(0x18_0000, 0x18_2000) && is_kept(0x18_1000, 0x18_2000));
        assert!(is_kept(0, 0x9_f000));
        // Partly usable on either side, reserved, a hole, beyond all regions.
        assert!(!is_kept(0x17_f000, 0x18_1000) && !is_kept(0x18_1000, 0x18_3000));
        assert!(!is_kept(0x9_e000, 0xa_0000) && !is_kept(0xa_0000, 0xb_0000));
        assert!(!is_kept(0x200_0000, 0x200_1000) && !is_kept(1 << 40, 1 << 41));
    }

    #[test]
    fn any_map_is_sorted_and_without_overlaps() {
        // Regions that touch, overlap, reach the last address, or are empty, in any order.
        let edges = [
            0,
            1,
            0xfff,
            0x1000,
            0x10_0000,
            0x20_0801,
            u64::MAX - 0xfff,
            u64::MAX,
        ];
        let mut seed = 1u64;
        let mut below = |limit: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % limit
        };
        for _ in 0..2000 {
            let mut range = || {
                let (one, other) = (edges[below(8)], edges[below(8)]);
                (one.min(other), one.max(other))
            };
            let mut regions = Vec::new();
            for kind in [1, 1, 2, 1, 3] {
                let (start, end) = range();
                regions.push(firmware(start, end, kind));
            }
            let (start, end) = range();
            let memory = Memory::new(&regions, &[Range { start, end }]).unwrap();
            for pair in memory.regions().windows(2) {
                assert!(pair[0].end <= pair[1].start, "{regions:x?}");
            }
            for region in memory.regions() {
                assert!(
                    region.start < region.end && region.start % PAGE == 0,
                    "{regions:x?}"
                );
                let usable = Range {
                    start: region.start,
                    end: region.end,
                };
                let other = regions.iter().filter(|region| region.kind != 1);
                let mut taken = other.map(|region| region.range.outward());
                assert!(region.kind != Kind::Usable || !taken.any(|range| range.overlaps(usable)));
            }
        }
    }

    #[test]
    fn nothing_is_taken_above_4_gib() {
        let mut memory = Memory::new(&[firmware(0xffff_f000, 0x2_0000_0000, 1)], &[]).unwrap();
        assert_eq!(memory.take(0x2000), None);
        assert_eq!(memory.take(0x1000), Some(0xffff_f000));
        assert_eq!(memory.take(0x1000), None);
    }
}
