//! Boot information for the loader, made by hand: a `hvm_start_info` with any content.
//!
//! The image is the boot image with one more segment. Its first instructions, which QEMU enters in
//! place of the loader's, load EBX with the address of the structure beside them and jump to the
//! loader.

use anyhow::{Context, Result};

use crate::paths;

/// Address of the added segment: after the loader, and below QEMU's own data at the end of RAM.
pub const BASE: u64 = 0x60_0000;
/// Offsets of its parts.
const START_INFO: u64 = BASE + 0x100;
const MAP: u64 = BASE + 0x1000;
const MODULES: u64 = BASE + 0x8000;
/// Address of the command line.
pub const CMDLINE: u64 = BASE + 0x1_0000;
/// Address of a page for ACPI tables.
pub const TABLES: u64 = BASE + 0x4_0000;
/// Address of the initramfs.
pub const INITRD: u64 = BASE + 0x10_0000;

/// A `hvm_start_info` and the data that it points to: its fields, and the data as vectors.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Firmware {
    /// The value of EBX.
    pub info: u64,
    pub module_count: u32,
    pub modules: u64,
    pub cmdline: u64,
    pub rsdp: u64,
    pub map: u64,
    pub map_count: u32,
    /// Entries of the memory map: start, size, type.
    pub regions: Vec<(u64, u64, u32)>,
    /// Start and size of each module.
    pub module_list: Vec<(u64, u64)>,
    /// Bytes at [`CMDLINE`].
    pub words: Vec<u8>,
    /// Bytes at [`TABLES`], of type ACPI in the map.
    pub tables: Vec<u8>,
    initramfs: Vec<u8>,
}

impl Firmware {
    /// Correct boot information of a machine of 64 MiB.
    pub fn new(initramfs: Vec<u8>, words: &str) -> Self {
        let regions = vec![
            (0, 0x9_fc00, 1),
            (0x9_fc00, 0x6_0400, 2),
            (0x10_0000, 63 << 20, 1),
            (TABLES, 0x1000, 3),
        ];
        Self {
            info: START_INFO,
            module_count: 1,
            modules: MODULES,
            cmdline: CMDLINE,
            rsdp: 0,
            map: MAP,
            map_count: regions.len() as u32,
            regions,
            module_list: vec![(INITRD, initramfs.len() as u64)],
            words: [words.as_bytes(), b"\0"].concat(),
            tables: Vec::new(),
            initramfs,
        }
    }

    /// The same boot information with other entries in the map.
    pub fn with_regions(mut self, regions: &[(u64, u64, u32)]) -> Self {
        self.regions.extend_from_slice(regions);
        self.map_count = self.regions.len() as u32;
        self
    }

    /// The added segment.
    fn segment(&self, entry: u32) -> Vec<u8> {
        let mut segment = vec![0; (INITRD - BASE) as usize];
        let mut put = |at: u64, bytes: &[u8]| {
            segment[(at - BASE) as usize..][..bytes.len()].copy_from_slice(bytes);
        };
        // mov ebx, info; mov eax, entry; jmp eax
        let (info, entry) = ((self.info as u32).to_le_bytes(), entry.to_le_bytes());
        put(
            BASE,
            &[&[0xbb], &info[..], &[0xb8], &entry, &[0xff, 0xe0]].concat(),
        );
        let words = |list: &[u32]| {
            list.iter()
                .flat_map(|word| word.to_le_bytes())
                .collect::<Vec<_>>()
        };
        let longs = |list: &[u64]| {
            list.iter()
                .flat_map(|long| long.to_le_bytes())
                .collect::<Vec<_>>()
        };
        put(START_INFO, &words(&[0x336e_c578, 1, 0, self.module_count]));
        put(
            START_INFO + 16,
            &longs(&[self.modules, self.cmdline, self.rsdp, self.map]),
        );
        put(START_INFO + 48, &words(&[self.map_count]));
        for (line, (start, size, kind)) in (0..).zip(&self.regions) {
            put(MAP + 24 * line, &longs(&[*start, *size, u64::from(*kind)]));
        }
        for (module, (start, size)) in (0..).zip(&self.module_list) {
            put(MODULES + 32 * module, &longs(&[*start, *size]));
        }
        put(CMDLINE, &self.words);
        put(TABLES, &self.tables);
        segment.extend(&self.initramfs);
        segment
    }

    /// The image to boot.
    ///
    /// # Errors
    /// If the boot image is missing, or has another layout than expected.
    pub fn image(&self) -> Result<Vec<u8>> {
        let mut image = std::fs::read(paths::boot_image())?;
        let entry = u32::from_le_bytes(image[24..28].try_into()?);
        let count = u16::from_le_bytes(image[56..58].try_into()?);
        let headers = usize::try_from(u64::from_le_bytes(image[32..40].try_into()?))?;
        // The loader's PVH note has its entry point too.
        let note = image
            .windows(8)
            .position(|bytes| bytes == b"\x12\0\0\0Xen\0");
        let note = note.context("no PVH note")? + 8;
        image[note..note + 8].copy_from_slice(&BASE.to_le_bytes());
        let segment = self.segment(entry);
        let (offset, size) = (image.len() as u64, segment.len() as u64);
        let longs = [offset, BASE, BASE, size, size, 0x1000].map(u64::to_le_bytes);
        let header = [&[1, 0, 0, 0, 7, 0, 0, 0], longs.as_flattened()].concat();
        let at = headers + usize::from(count) * 56;
        anyhow::ensure!(
            image[at..at + 56].iter().all(|byte| *byte == 0),
            "no room for a program header"
        );
        image[at..at + 56].copy_from_slice(&header);
        image[56..58].copy_from_slice(&(count + 1).to_le_bytes());
        image.extend(segment);
        Ok(image)
    }
}
