//! The ramdisk: an archive with the command line, followed by the initramfs.
//!
//! Only the archive is newly allocated. The initramfs, which may be hundreds of megabytes, stays
//! where firmware loaded it; the page tables make the two contiguous.

use crate::memory::{PAGE, Range};
use crate::paging::{AddressSpace, LARGE, WRITE};
use crate::protocol::{Boot, bytes};
use crate::{Result, cpio};
use bootloader_api::config::Mapping;
use core::slice;

/// Maps the ramdisk. Returns its virtual address and its size in bytes.
pub fn map(space: &mut AddressSpace, mapping: Mapping, boot: &Boot) -> Result<(u64, u64)> {
    let archive_size = cpio::archive_size(boot.cmdline.len()) as u64;
    let archive_end = archive_size.next_multiple_of(PAGE);
    let Some(initrd) = boot.initrd else {
        let archive = new_pages(space, archive_end, boot)?;
        let virt = space.place(mapping, archive_end)?;
        space.map(virt, archive.as_ptr() as u64, archive_end, WRITE)?;
        return Ok((virt, archive_size));
    };

    // An unaligned initramfs keeps its offset in the page: its first part is copied to one more new
    // page, after zeros, which readers of an initramfs skip in units of 4 bytes.
    let offset = initrd.start % PAGE;
    if !offset.is_multiple_of(4) {
        return Err("the initramfs is not aligned to 4 bytes");
    }
    let (new_size, head_size) = match offset {
        0 => (archive_end, 0),
        _ => (archive_end + PAGE, initrd.size().min(PAGE - offset)),
    };
    let new = new_pages(space, new_size, boot)?;
    // SAFETY: firmware loaded the initramfs there, and it is excluded from the frame allocator.
    let head = unsafe { bytes(initrd.start, head_size as usize) };
    new[(archive_end + offset) as usize..][..head.len()].copy_from_slice(head);

    let rest = Range {
        start: initrd.start + head_size,
        end: initrd.end,
    };
    let virt = match mapping {
        // An address at which the initramfs has the same offset in a large page as in physical
        // memory, so that large pages can map it.
        Mapping::Dynamic => {
            let shift = rest.outward().start.wrapping_sub(new_size) % LARGE;
            space.place(mapping, shift + new_size + rest.size())? + shift
        }
        Mapping::FixedAddress(_) => space.place(mapping, new_size + rest.size())?,
    };
    space.map(virt, new.as_ptr() as u64, new_size, WRITE)?;
    space.map_large(virt + new_size, rest.start, rest.size(), WRITE)?;
    Ok((virt, archive_end + offset + initrd.size()))
}

/// Allocates pages that begin with the archive; the rest is zero.
fn new_pages(space: &mut AddressSpace, size: u64, boot: &Boot) -> Result<&'static mut [u8]> {
    let frames = space.memory.allocate(size / PAGE)?;
    // SAFETY: `allocate` returns unused memory of that size, identity-mapped.
    let pages = unsafe { slice::from_raw_parts_mut(frames as *mut u8, size as usize) };
    cpio::write_archive(pages, boot.cmdline);
    Ok(pages)
}
