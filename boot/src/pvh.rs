//! PVH boot protocol (`qemu -kernel`): EBX points to a `hvm_start_info`.
//!
//! The layout is that of Xen's public `arch-x86/hvm/start_info.h`; all addresses are physical. The
//! tables need not be aligned (microvm's are not), so the structures are packed.

use crate::Result;
use crate::protocol::{Boot, Rsdp, bytes};
use core::{mem::size_of, ptr, slice};

/// First word of a `hvm_start_info`: "xEn3" with its highest bit set.
pub const MAGIC: u32 = 0x336e_c578;

#[repr(C, packed)]
struct StartInfo {
    _magic: u32,
    version: u32,
    _flags: u32,
    module_count: u32,
    modules: u64,
    cmdline: u64,
    rsdp: u64,
    // From version 1 on:
    memory_map: u64,
    memory_map_count: u32,
    _reserved: u32,
}

#[repr(C, packed)]
struct Module {
    start: u64,
    size: u64,
    _cmdline: u64,
    _reserved: u64,
}

#[repr(C, packed)]
struct MemoryMapEntry {
    start: u64,
    size: u64,
    kind: u32,
    _reserved: u32,
}

/// Whether `info` (EBX, range-checked by `protocol::read`) points to a PVH structure.
pub fn is_start_info(info: u64) -> bool {
    // SAFETY: `protocol::read` checked that 8 bytes at the address are below 4 GiB, which the
    // loader maps; at a wrong address another number is read.
    unsafe { ptr::read_unaligned(info as *const u32) == MAGIC }
}

/// Reads the structure at `info`, which [`is_start_info`] has recognised.
pub fn read(info: u64) -> Result<Boot> {
    let mut boot = Boot::default();
    let [start] = table::<StartInfo>(&mut boot, info, 1)? else {
        return Err("no PVH start info");
    };
    // Version 0 ends before the memory map's fields.
    if start.version >= 1 {
        let (map, count) = (start.memory_map, start.memory_map_count);
        for entry in table::<MemoryMapEntry>(&mut boot, map, count)? {
            boot.region(entry.start, entry.size, entry.kind)?;
        }
    }

    for module in table::<Module>(&mut boot, start.modules, start.module_count)? {
        boot.module(module.start, module.size)?;
    }

    boot.string(start.cmdline)?;
    boot.rsdp = (start.rsdp != 0).then_some(Rsdp::At(start.rsdp));
    Ok(boot)
}

/// A table of `count` structures at a physical address, excluded from the frame allocator.
fn table<T>(boot: &mut Boot, start: u64, count: u32) -> Result<&'static [T]> {
    if start == 0 || count == 0 {
        return Ok(&[]);
    }
    let size = count as usize * size_of::<T>();
    boot.claim(start, size as u64)?;
    // SAFETY: firmware passes the table's address, and `claim` checked that it is mapped and keeps
    // the allocator from it. Its fields are plain integers, packed.
    Ok(unsafe { slice::from_raw_parts(bytes(start, size).as_ptr().cast(), count as usize) })
}
