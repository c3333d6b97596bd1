//! What firmware tells, whichever of the two boot protocols it speaks.

use crate::memory::{LOW_MEMORY, Memory, Range};
use crate::{Result, multiboot2, pvh};
use arrayvec::ArrayVec;

/// Most entries of a firmware memory map that are taken.
pub const MAX_REGIONS: usize = 256;
/// Most areas that firmware and boot loader may have left in RAM for us.
pub const MAX_CLAIMS: usize = 64;

/// Longest command line in bytes that is looked for the end of: far more than any boot loader hands over.
const CMDLINE_MAX: u64 = 64 << 10;

/// First address that the loader's own page tables do not map.
pub const IDENTITY_END: u64 = 4 << 30;
/// RAM from here on is not used (MAXMEM of four levels of page tables): a map that says so is wrong.
const RAM_END: u64 = 1 << 46;

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
        let range = Range {
            start: start.min(RAM_END),
            end: end.min(RAM_END),
        };
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

    /// Keeps the command line that begins at an address, up to its NUL.
    pub fn string(&mut self, start: u64) -> Result<()> {
        if !(1..IDENTITY_END).contains(&start) {
            return Ok(());
        }
        let most = CMDLINE_MAX.min(IDENTITY_END - start);
        // SAFETY: the protocol gives the address of a string in RAM, and so much is mapped.
        let bytes = unsafe { bytes(start, most as usize) };
        let end = bytes.iter().position(|byte| *byte == 0);
        let end = end.ok_or("the command line has no end")?;
        self.cmdline = &bytes[..end];
        self.claim(start, end as u64 + 1)
    }

    /// Checks that the initramfs is in RAM, and in no one's way: the kernel gives its memory to programs once it
    /// is unpacked, and most of the kernel lies in this loader's image.
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

/// Reads what firmware left, from the values of EAX and EBX at the entry.
pub fn read(magic: u32, info: u32) -> Result<Boot> {
    let info = u64::from(info);
    if !(1..=IDENTITY_END - 8).contains(&info) {
        return Err("entered with no boot information");
    }
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
