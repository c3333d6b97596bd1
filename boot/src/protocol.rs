//! What firmware tells, whichever of the two boot protocols it speaks.

use crate::{Result, memory::Range, multiboot2, pvh};
use arrayvec::ArrayVec;

/// Most entries of a firmware memory map that are taken.
pub const MAX_REGIONS: usize = 256;
/// Most areas that firmware and boot loader may have left in RAM for us.
pub const MAX_CLAIMS: usize = 64;

/// First address that the loader's own page tables do not map.
pub const IDENTITY_END: u64 = 4 << 30;

/// One line of firmware's memory map, types as in ACPI's E820 table: 1 is RAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirmwareRegion {
    /// Physical addresses.
    pub range: Range,
    /// E820 type.
    pub kind: u32,
}

impl FirmwareRegion {
    /// E820 type of memory for general use.
    pub const RAM: u32 = 1;
    /// E820 type of memory with ACPI tables in it.
    pub const ACPI: u32 = 3;
}

/// Where the root of the ACPI tables is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rsdp {
    /// At this physical address.
    At(u64),
    /// In a copy that the boot loader made, which it keeps in its own memory.
    Copy(&'static [u8]),
}

/// All that the loader needs from firmware.
#[derive(Debug, Default)]
pub struct Boot {
    /// The memory map, in firmware's order.
    pub regions: ArrayVec<FirmwareRegion, MAX_REGIONS>,
    /// Areas within RAM that hold something: no frame may be taken from them.
    pub claims: ArrayVec<Range, MAX_CLAIMS>,
    /// The initramfs, to the byte.
    pub initrd: Option<Range>,
    /// The command line without its final NUL.
    pub cmdline: &'static [u8],
    /// ACPI's root pointer, if there is one.
    pub rsdp: Option<Rsdp>,
}

impl Boot {
    /// Adds a line of the memory map.
    pub fn region(&mut self, start: u64, size: u64, kind: u32) -> Result<()> {
        let end = start
            .checked_add(size)
            .ok_or("a memory region wraps around")?;
        let range = Range { start, end };
        let full = "firmware's memory map has too many entries";
        self.regions
            .try_push(FirmwareRegion { range, kind })
            .map_err(|_| full)
    }

    /// Adds a boot module. The first one is the initramfs; the others are only kept from
    /// being overwritten.
    pub fn module(&mut self, start: u64, size: u64) -> Result<()> {
        self.claim(start, size)?;
        if size > 0 && self.initrd.is_none() {
            let end = start + size;
            self.initrd = Some(Range { start, end });
        }
        Ok(())
    }

    /// Keeps the frame allocator off an area.
    pub fn claim(&mut self, start: u64, size: u64) -> Result<()> {
        let end = start
            .checked_add(size)
            .ok_or("a boot module wraps around")?;
        if end > IDENTITY_END {
            return Err("boot data above 4 GiB is out of reach");
        }
        let full = "too many boot modules";
        self.claims.try_push(Range { start, end }).map_err(|_| full)
    }

    /// End of the highest RAM. Reserved regions don't count: QEMU reports one just below
    /// 1 TiB on AMD CPUs.
    pub fn memory_end(&self) -> u64 {
        let mapped = [FirmwareRegion::RAM, FirmwareRegion::ACPI];
        let regions = self
            .regions
            .iter()
            .filter(|region| mapped.contains(&region.kind));
        regions.map(|region| region.range.end).max().unwrap_or(0)
    }
}

/// Reads what firmware left, from the values of EAX and EBX at the entry.
pub fn read(magic: u32, info: u32) -> Result<Boot> {
    let info = u64::from(info);
    // PVH leaves EAX undefined, so its structure's own magic number comes first.
    let mut boot = if pvh::is_start_info(info) {
        pvh::read(info)?
    } else if magic == multiboot2::MAGIC {
        multiboot2::read(info)?
    } else {
        // QEMU's PVH code keeps 4096 bytes for the command line, and longer ones overwrite
        // what we are looking for.
        return Err("entered neither by PVH nor by multiboot2, or -append exceeds 4096 bytes");
    };
    if boot.regions.is_empty() {
        return Err("firmware gave no memory map");
    }
    let image = image();
    boot.claim(image.start, image.end - image.start)?;
    if boot.rsdp.is_none() {
        boot.rsdp = find_rsdp();
    }
    Ok(boot)
}

/// Where this loader is in memory.
fn image() -> Range {
    unsafe extern "C" {
        safe static image_start: u8;
        safe static image_end: u8;
    }
    Range {
        start: &raw const image_start as u64,
        end: &raw const image_end as u64,
    }
}

/// Looks for ACPI's root pointer where a PC's BIOS keeps it (ACPI 6.5, 5.2.5.1).
fn find_rsdp() -> Option<Rsdp> {
    const START: usize = 0xe_0000;
    // SAFETY: the loader's page tables map it, and on a PC it is ROM or its copy in RAM.
    let bios = unsafe { bytes(START as u64, 0x2_0000) };
    let (chunks, _) = bios.as_chunks::<16>();
    let found = chunks.iter().enumerate().find(|(i, chunk)| {
        let sum = bios[i * 16..]
            .iter()
            .take(20)
            .fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        chunk.starts_with(b"RSD PTR ") && sum == 0
    });
    found.map(|(i, _)| Rsdp::At((START + i * 16) as u64))
}

/// Physical memory as bytes.
///
/// # Safety
/// The area lies below [`IDENTITY_END`], is memory, not address zero, and nothing writes to it.
pub unsafe fn bytes(start: u64, size: usize) -> &'static [u8] {
    // SAFETY: the loader runs identity-mapped; the rest is the caller's promise.
    unsafe { core::slice::from_raw_parts(start as *const u8, size) }
}
