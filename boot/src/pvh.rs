//! PVH, the protocol of `qemu -kernel`: EBX points to a `hvm_start_info`.
//!
//! The layout is Xen's public `arch-x86/hvm/start_info.h`; all addresses are physical.

use crate::protocol::{Boot, IDENTITY_END, Rsdp, bytes};
use crate::{Result, memory::Range};
use core::{ffi::CStr, mem::size_of, ptr};

/// First word of a `hvm_start_info`: "xEn3" with its highest bit set.
const MAGIC: u32 = 0x336e_c578;

#[repr(C)]
struct StartInfo {
    magic: u32,
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

#[repr(C)]
struct Module {
    start: u64,
    size: u64,
    _cmdline: u64,
    _reserved: u64,
}

#[repr(C)]
struct MemoryMapEntry {
    start: u64,
    size: u64,
    kind: u32,
    _reserved: u32,
}

/// Whether EBX points to a PVH structure.
pub fn is_start_info(info: u64) -> bool {
    // SAFETY: any address below 4 GiB can be read through the loader's page tables; a wrong
    // one reads as some other number.
    info != 0 && unsafe { ptr::read_unaligned(info as *const u32) } == MAGIC
}

/// Reads the structure at `info`, which [`is_start_info`] has recognised.
pub fn read(info: u64) -> Result<Boot> {
    let [start] = table::<StartInfo>(info, 1)? else {
        return Err("no PVH start info");
    };
    let mut boot = Boot::default();
    boot.claim(info, size_of::<StartInfo>() as u64)?;

    if start.version >= 1 && start.memory_map != 0 {
        let count = start.memory_map_count as usize;
        boot.claim(
            start.memory_map,
            (count * size_of::<MemoryMapEntry>()) as u64,
        )?;
        for entry in table::<MemoryMapEntry>(start.memory_map, count)? {
            boot.region(entry.start, entry.size, entry.kind)?;
        }
    }

    let modules = table::<Module>(start.modules, start.module_count as usize)?;
    boot.claim(start.modules, size_of_val(modules) as u64)?;
    for module in modules.iter().filter(|module| module.size > 0) {
        boot.claim(module.start, module.size)?;
    }
    boot.initrd = modules
        .first()
        .filter(|module| module.size > 0)
        .map(|module| Range {
            start: module.start,
            end: module.start + module.size,
        });

    if (1..IDENTITY_END).contains(&start.cmdline) {
        // SAFETY: the protocol gives the address of a NUL-terminated string in RAM.
        boot.cmdline = unsafe { CStr::from_ptr(start.cmdline as *const _) }.to_bytes();
        boot.claim(start.cmdline, boot.cmdline.len() as u64 + 1)?;
    }
    boot.rsdp = (start.rsdp != 0).then_some(Rsdp::At(start.rsdp));
    Ok(boot)
}

/// `count` structures of the protocol at a physical address.
fn table<T>(start: u64, count: usize) -> Result<&'static [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    let size = count.saturating_mul(size_of::<T>());
    let end = start.saturating_add(size as u64);
    if start == 0 || !start.is_multiple_of(align_of::<T>() as u64) || end > IDENTITY_END {
        return Err("a PVH table lies where it can't be read");
    }
    // SAFETY: firmware says that the table is there, the check above that it is mapped and
    // aligned. Its fields are plain integers, and it stays as it is: `read` claims its memory.
    Ok(unsafe { core::slice::from_raw_parts(bytes(start, size).as_ptr().cast(), count) })
}
