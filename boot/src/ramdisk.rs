//! The ramdisk: an archive with the command line, then the initramfs.
//!
//! Only the archive is new memory; the initramfs, which may be hundreds of megabytes, stays
//! where firmware put it. Neighbours they become by virtual addresses.

use crate::memory::{PAGE, Range};
use crate::paging::{AddressSpace, WRITE};
use crate::{Result, cpio, protocol::Boot};
use bootloader_api::config::Mapping;
use core::{ptr, slice};

/// Bytes in a large page.
const LARGE: u64 = 2 << 20;

/// Maps the ramdisk. Returns its virtual address and its size in bytes.
pub fn map(space: &mut AddressSpace, mapping: Mapping, boot: &Boot) -> Result<(u64, u64)> {
    let initrd = boot.initrd.unwrap_or(Range { start: 0, end: 0 });
    // An initramfs that begins inside a page begins at the same place of its page here; what
    // is before it reads as zeros, which may stand between two archives in fours only.
    let offset = initrd.start % PAGE;
    if !offset.is_multiple_of(4) {
        return Err("the initramfs is not aligned to 4 bytes");
    }
    let archive_size = cpio::archive_size(boot.cmdline.len()) as u64;
    let archive_end = archive_size.next_multiple_of(PAGE);
    let new_size = archive_end + if offset > 0 { PAGE } else { 0 };
    let frames = space.memory.allocate(new_size / PAGE)?;
    // SAFETY: `allocate` returns memory of that size that nobody else has, zeroed, mapped at
    // its physical address.
    let new = unsafe { slice::from_raw_parts_mut(frames as *mut u8, new_size as usize) };
    cpio::write_archive(new, boot.cmdline);

    // The part of the initramfs in that first page is copied.
    let head = if offset > 0 {
        initrd.size().min(PAGE - offset)
    } else {
        0
    };
    let to = &mut new[(new_size - PAGE + offset) as usize % new_size as usize..];
    // SAFETY: firmware put the initramfs there, and `memory` keeps everyone off it; the
    // slice is a whole page but for `offset`.
    unsafe { ptr::copy_nonoverlapping(initrd.start as *const u8, to.as_mut_ptr(), head as usize) };

    let rest = Range {
        start: initrd.start + head,
        end: initrd.end,
    };
    let virt = place(space, mapping, new_size, rest)?;
    space.map(virt, frames, new_size, WRITE)?;
    space.map(virt + new_size, rest.start, rest.size(), WRITE)?;
    let size = match boot.initrd {
        Some(_) => new_size + rest.size() - if offset > 0 { PAGE - offset - head } else { 0 },
        None => archive_size,
    };
    Ok((virt, size))
}

/// Finds a place where the initramfs has the same offset in a large page as in memory, so
/// that large pages can map it.
fn place(space: &mut AddressSpace, mapping: Mapping, new_size: u64, rest: Range) -> Result<u64> {
    if mapping != Mapping::Dynamic {
        return space.place(mapping, new_size + rest.size());
    }
    let shift = rest.start.wrapping_sub(new_size) % LARGE;
    Ok(space.place(mapping, shift + new_size + rest.size())? + shift)
}
