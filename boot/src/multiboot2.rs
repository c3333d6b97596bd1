//! Multiboot2 boot protocol (GRUB): EBX points to a list of tags.
//!
//! The layout is that of the Multiboot2 Specification 2.0, section 3. GRUB enters in 32-bit
//! protected mode also under UEFI.

use crate::Result;
use crate::protocol::{Boot, IDENTITY_END, Rsdp, bytes};

/// EAX at the entry.
pub const MAGIC: u32 = 0x36d7_6289;

const END: u32 = 0;
const CMDLINE: u32 = 1;
const MODULE: u32 = 3;
const MEMORY_MAP: u32 = 6;
const ACPI_OLD_RSDP: u32 = 14;
const ACPI_NEW_RSDP: u32 = 15;

/// Reads the tags at the physical address `info`.
pub fn read(info: u64) -> Result<Boot> {
    // SAFETY: the protocol has a structure here that begins with its size; `protocol::read` checked
    // that the address is mapped.
    let size = word(unsafe { bytes(info, 4) }, 0)?;
    if info + u64::from(size) > IDENTITY_END {
        return Err("the multiboot2 structure is too long");
    }
    // SAFETY: mapped, as its end was just checked; claimed below, so the allocator keeps off it.
    let mut boot = parse(unsafe { bytes(info, size as usize) })?;
    boot.claim(info, u64::from(size))?;
    Ok(boot)
}

/// Parses the tags of a structure, which includes its 8-byte header.
fn parse(structure: &'static [u8]) -> Result<Boot> {
    let mut boot = Boot::default();
    let mut at = 8;
    loop {
        let (kind, size) = (word(structure, at)?, word(structure, at + 4)? as usize);
        let damaged = "a multiboot2 tag is damaged";
        if kind == END {
            return Ok(boot);
        }
        let body = structure
            .get(at..)
            .and_then(|rest| rest.get(8..size))
            .ok_or(damaged)?;
        match kind {
            CMDLINE => boot.cmdline = body.split(|&byte| byte == 0).next().unwrap_or(body),
            MODULE => module(&mut boot, body)?,
            MEMORY_MAP => memory_map(&mut boot, body)?,
            ACPI_NEW_RSDP => boot.rsdp = Some(Rsdp::Copy(body)),
            // ACPI 1.0's RSDP; a newer one takes precedence.
            ACPI_OLD_RSDP if boot.rsdp.is_none() => boot.rsdp = Some(Rsdp::Copy(body)),
            _ => {}
        }
        at += size.next_multiple_of(8);
    }
}

/// Module tag: start, end, and a string, which is not used.
fn module(boot: &mut Boot, body: &[u8]) -> Result<()> {
    let (start, end) = (u64::from(word(body, 0)?), u64::from(word(body, 4)?));
    let size = end.checked_sub(start);
    boot.module(start, size.ok_or("a boot module ends before it starts")?)
}

/// Memory map tag: entry size, version, entries.
fn memory_map(boot: &mut Boot, body: &[u8]) -> Result<()> {
    let entry_size = word(body, 0)? as usize;
    if entry_size < 20 {
        return Err("the multiboot2 memory map is damaged");
    }
    let entries = body.get(8..).unwrap_or_default();
    for entry in entries.chunks_exact(entry_size) {
        // E820 has no type 0: treated as reserved.
        let kind = if word(entry, 16)? == 0 {
            2
        } else {
            word(entry, 16)?
        };
        boot.region(long(entry, 0)?, long(entry, 8)?, kind)?;
    }
    Ok(())
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    word.map(|word| u32::from_le_bytes(*word))
        .ok_or("a multiboot2 tag is cut short")
}

fn long(bytes: &[u8], at: usize) -> Result<u64> {
    Ok(u64::from(word(bytes, at)?) | u64::from(word(bytes, at + 4)?) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Range;
    use crate::protocol::FirmwareRegion;

    fn tag(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
        out.extend(kind.to_le_bytes());
        out.extend((body.len() as u32 + 8).to_le_bytes());
        out.extend(body);
        out.resize(out.len().next_multiple_of(8), 0);
    }

    fn structure() -> Vec<u8> {
        let mut out = vec![0; 8];
        tag(&mut out, CMDLINE, b"quiet rdinit=/x\0");
        for (start, end) in [(0x20_0000u32, 0x20_1234u32), (0x30_0000, 0x30_0010)] {
            tag(
                &mut out,
                MODULE,
                &[start.to_le_bytes(), end.to_le_bytes(), *b"abc\0"].concat(),
            );
        }
        let mut map = [24u32.to_le_bytes(), [0; 4]].concat();
        map.extend(
            [
                0u64.to_le_bytes(),
                0x8000u64.to_le_bytes(),
                [1, 0, 0, 0, 0, 0, 0, 0],
            ]
            .concat(),
        );
        tag(&mut out, MEMORY_MAP, &map);
        tag(&mut out, ACPI_NEW_RSDP, &[7; 36]);
        tag(&mut out, ACPI_OLD_RSDP, &[5; 20]);
        tag(&mut out, END, &[]);
        out
    }

    #[test]
    fn reads_every_tag() {
        let boot = parse(structure().leak()).unwrap();
        assert_eq!(boot.cmdline, b"quiet rdinit=/x");
        assert_eq!(
            boot.initrd,
            Some(Range {
                start: 0x20_0000,
                end: 0x20_1234
            })
        );
        assert_eq!(boot.claims.len(), 2);
        let range = Range {
            start: 0,
            end: 0x8000,
        };
        assert_eq!(
            boot.regions[..],
            [FirmwareRegion {
                range,
                kind: FirmwareRegion::RAM
            }]
        );
        assert_eq!(boot.rsdp, Some(Rsdp::Copy(&[7; 36])));
    }

    #[test]
    fn damage_never_panics() {
        let whole = structure();
        for at in 8..whole.len() {
            for byte in [0, 1, 7, 8, 9, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                // Success and error are both allowed, a panic isn't.
                let _ = parse(damaged.leak());
            }
        }
    }

    #[test]
    fn a_structure_cut_short_is_an_error() {
        let whole = structure();
        // Not the end tag's size, which isn't checked.
        for length in 0..whole.len() - 8 {
            assert!(parse(whole[..length].to_vec().leak()).is_err(), "{length}");
        }
    }
}
