//! Boot data from firmware, independent of the boot protocol.

use crate::memory::{LOW_MEMORY, Memory, Range};
use crate::{Result, multiboot2, pvh};
use arrayvec::ArrayVec;

/// Maximum number of entries of a firmware memory map.
pub const MAX_REGIONS: usize = 256;
/// Maximum number of areas in RAM with boot data.
pub const MAX_CLAIMS: usize = 64;

/// Maximum length of a command line in bytes, far above that of any boot loader.
const CMDLINE_MAX: u64 = 64 << 10;

/// End of the addresses that the loader's page tables map.
pub const IDENTITY_END: u64 = 4 << 30;
/// End of the RAM in use (MAXMEM with four levels of page tables); the map beyond it is ignored.
const RAM_END: u64 = 1 << 46;

/// Entry of firmware's memory map, with types as in ACPI's E820 table: 1 is RAM.
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
    /// E820 type of memory with ACPI tables.
    pub const ACPI: u32 = 3;
}

/// ACPI's root pointer (RSDP).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rsdp {
    /// Physical address of the structure.
    At(u64),
    /// Copy of the structure in the boot data.
    Copy(&'static [u8]),
}

/// Boot data that the loader needs from firmware.
#[derive(Debug, Default)]
pub struct Boot {
    /// The memory map, in firmware's order.
    pub regions: ArrayVec<FirmwareRegion, MAX_REGIONS>,
    /// Areas of RAM with boot data, from which no frame may be allocated.
    pub claims: ArrayVec<Range, MAX_CLAIMS>,
    /// The initramfs, with its exact end.
    pub initrd: Option<Range>,
    /// The command line without its final NUL.
    pub cmdline: &'static [u8],
    /// ACPI's root pointer, if there is one.
    pub rsdp: Option<Rsdp>,
}

impl Boot {
    /// Adds an entry of the memory map.
    pub fn region(&mut self, start: u64, size: u64, kind: u32) -> Result<()> {
        let end = start
            .checked_add(size)
            .ok_or("a memory region wraps around")?;
        let range = Range {
            start: start.min(RAM_END),
            end: end.min(RAM_END),
        };
        let full = "firmware's memory map has too many entries";
        self.regions
            .try_push(FirmwareRegion { range, kind })
            .map_err(|_| full)
    }

    /// Adds a boot module. The first one is the initramfs; the others are only protected from the
    /// frame allocator.
    pub fn module(&mut self, start: u64, size: u64) -> Result<()> {
        self.claim(start, size)?;
        if size > 0 && self.initrd.is_none() {
            let end = start + size;
            self.initrd = Some(Range { start, end });
        }
        Ok(())
    }

    /// Excludes an area from the frame allocator.
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

    /// Sets the command line to the NUL-terminated string at physical address `start`.
    pub fn string(&mut self, start: u64) -> Result<()> {
        if !(1..IDENTITY_END).contains(&start) {
            return Ok(());
        }
        let most = CMDLINE_MAX.min(IDENTITY_END - start);
        // SAFETY: the protocol passes the address of a string in RAM; the range is mapped.
        let bytes = unsafe { bytes(start, most as usize) };
        let end = bytes.iter().position(|byte| *byte == 0);
        let end = end.ok_or("the command line has no end")?;
        self.cmdline = &bytes[..end];
        self.claim(start, end as u64 + 1)
    }

    /// Checks that the initramfs is in RAM and overlaps neither the loader's image, which contains
    /// most of the kernel, nor low memory: the kernel frees its pages once it is unpacked.
    pub fn check_initrd(&self, memory: &Memory) -> Result<()> {
        let Some(initrd) = self.initrd else {
            return Ok(());
        };
        let pages = initrd.outward();
        if [image(), LOW_MEMORY]
            .iter()
            .any(|range| range.overlaps(pages))
        {
            return Err("the initramfs overlaps the loader or firmware's own memory");
        }
        if !memory.is_kept_ram(pages) {
            return Err("the initramfs is not in RAM");
        }
        Ok(())
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

/// Reads firmware's boot data, from the values of EAX and EBX at the entry.
pub fn read(magic: u32, info: u32) -> Result<Boot> {
    let info = u64::from(info);
    if !(1..=IDENTITY_END - 8).contains(&info) {
        return Err("entered with no boot information");
    }
    // EAX is undefined under PVH, so the magic number of PVH's structure is checked first.
    let mut boot = if pvh::is_start_info(info) {
        pvh::read(info)?
    } else if magic == multiboot2::MAGIC {
        multiboot2::read(info)?
    } else {
        // QEMU's PVH code reserves 4096 bytes for the command line; a longer one overwrites the
        // structure.
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

/// Address range of the loader's image.
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

/// Searches the BIOS area for ACPI's root pointer (ACPI 6.5, 5.2.5.1).
fn find_rsdp() -> Option<Rsdp> {
    const START: usize = 0xe_0000;
    // SAFETY: mapped by the loader's page tables; on a PC the area is ROM or its copy in RAM.
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
/// The area is memory below [`IDENTITY_END`], not at address 0, and not written to.
pub unsafe fn bytes(start: u64, size: usize) -> &'static [u8] {
    // SAFETY: the loader runs identity-mapped; the rest as the caller promises.
    unsafe { core::slice::from_raw_parts(start as *const u8, size) }
}
