//! Where a new program's parts go: stack, image, mappings, and how far they are moved at random.

use core::sync::atomic::{AtomicBool, Ordering};

use formats::elf::{Class, Image, Kind, Stack};

use crate::dev::random;
use crate::mm::address_space::AddressSpace;
use crate::mm::mapping::{NewArea, Place};
use crate::mm::vma::{Prot, Role};
use crate::mm::{PAGE_SIZE, layout};
use crate::syscall::errno::Errno;

/// Set by `norandmaps` (or `nokaslr`): every program at the same addresses.
static FIXED_ADDRESSES: AtomicBool = AtomicBool::new(false);

/// Turns address space randomisation off.
pub fn set_fixed_addresses() {
    FIXED_ADDRESSES.store(true, Ordering::Relaxed);
}

/// Whether programs get random addresses.
pub fn is_randomised() -> bool {
    !FIXED_ADDRESSES.load(Ordering::Relaxed)
}

/// A random number of bytes, whole pages, below `2^bits` pages; 0 without randomisation, of the
/// machine or of this program.
pub fn random_pages(mm: &AddressSpace, bits: u32) -> u64 {
    if is_randomised() && !mm.is_fixed {
        (random::next_u64() >> (64 - bits)) * PAGE_SIZE
    } else {
        0
    }
}

/// Maps the stack and picks where mmap begins; returns the stack's top.
pub(super) fn place_stack(mm: &mut AddressSpace, image: &Image) -> Result<u64, Errno> {
    let is_32bit = image.class == Class::Elf32;
    // 22 bits of pages on 64-bit, 11 on 32-bit (STACK_RND_MASK).
    let top = mm.task_size - random_pages(mm, if is_32bit { 11 } else { 22 });
    // 28 bits of pages on 64-bit, 8 on 32-bit (mmap_rnd_bits); room for the stack and its gap.
    let gap = layout::STACK_LIMIT + 256 * PAGE_SIZE + if is_32bit { 1 << 23 } else { 1 << 34 };
    mm.set_mmap_base(mm.task_size - gap - random_pages(mm, if is_32bit { 8 } else { 28 }));
    let mut prot = Prot::READ | Prot::WRITE;
    prot.set(
        Prot::EXEC,
        matches!(image.stack, Stack::Executable) || image.stack == Stack::Unstated && is_32bit,
    );
    let size = 33 * PAGE_SIZE;
    mm.map(
        Place::Fixed(top - size),
        size,
        NewArea::anonymous(prot).role(Role::Stack),
    )?;
    Ok(top)
}

/// Whether the image is relocatable and needs nobody to load it: a dynamic linker run by itself, or
/// a static PIE. It goes where mappings go, so that the program that such a linker loads finds the
/// usual place free.
pub(super) fn is_loader(image: &Image) -> bool {
    image.kind == Kind::Relocatable && image.interp.is_none()
}

/// Where relocatable programs go, before randomisation (ELF_ET_DYN_BASE).
pub(super) fn pie_base(is_32bit: bool) -> u64 {
    if is_32bit {
        layout::PIE_BASE_32
    } else {
        layout::PIE_BASE
    }
}

/// How far a relocatable image moves.
pub(super) fn load_bias(mm: &mut AddressSpace, image: &Image) -> Result<u64, Errno> {
    if image.kind == Kind::Fixed {
        return Ok(0);
    }
    if is_loader(image) {
        return mapped_bias(mm, image);
    }
    let is_32bit = image.class == Class::Elf32;
    let base = pie_base(is_32bit) + random_pages(mm, if is_32bit { 8 } else { 28 });
    let base = base / image.align * image.align;
    let len = image.extent.end - image.extent.start;
    if base.checked_add(len).is_none_or(|end| end > mm.mmap_base()) {
        return Ok(layout::MMAP_MIN
            .next_multiple_of(image.align)
            .wrapping_sub(image.extent.start));
    }
    Ok(base.wrapping_sub(image.extent.start))
}

/// The same where mappings go.
pub(super) fn mapped_bias(mm: &mut AddressSpace, image: &Image) -> Result<u64, Errno> {
    // Room for what alignment needs; the image's own mappings then replace the middle.
    let slack = image.align.saturating_sub(PAGE_SIZE);
    let len = image.extent.end - image.extent.start;
    let room = len.checked_add(slack).ok_or(Errno::ENOMEM)?;
    let area = NewArea::anonymous(Prot::empty());
    let at = mm.map(Place::Hint(0), room, area)?;
    mm.unmap(at, room.next_multiple_of(PAGE_SIZE))?;
    Ok(at
        .next_multiple_of(image.align)
        .wrapping_sub(image.extent.start))
}
