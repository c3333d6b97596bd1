//! Where a new program's parts go: stack, image, mappings, and how far they are moved at random.

use core::sync::atomic::{AtomicBool, Ordering};

use formats::elf::{Class, Image, Kind, Stack};

use crate::abi::errno::Errno;
use crate::abi::personality;
use crate::dev::random;
use crate::mm::{PAGE_SIZE, layout, page_down};
use crate::vm::address_space::AddressSpace;
use crate::vm::mapping::{NewArea, Place};
use crate::vm::vma::{Prot, Role};

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

/// Bits of pages that the stack's top is moved down by (STACK_RND_MASK).
fn stack_bits(is_32bit: bool) -> u32 {
    if is_32bit { 11 } else { 22 }
}

/// Bits of pages that mappings are moved by (vm.mmap_rnd_bits, vm.mmap_rnd_compat_bits).
fn mmap_bits(is_32bit: bool) -> u32 {
    if is_32bit { 8 } else { 28 }
}

/// Picks where mmap begins: a gap below the top in which the stack can grow to its limit, or, in
/// the old layout, a third of the space from below (arch/x86/mm/mmap.c).
fn place_mappings(mm: &mut AddressSpace, is_32bit: bool, has_old_layout: bool) {
    /// Pages that stay free below a stack (stack_guard_gap).
    const GUARD: u64 = 256 * PAGE_SIZE;
    /// The least that the gap is.
    const GAP_MIN: u64 = 128 << 20;
    let random = random_pages(mm, mmap_bits(is_32bit));
    if has_old_layout {
        mm.set_mmap_floor((mm.task_size / 3).next_multiple_of(PAGE_SIZE) + random);
        return;
    }
    let stack_moves = if is_randomised() && !mm.is_fixed {
        PAGE_SIZE << stack_bits(is_32bit)
    } else {
        0
    };
    let gap_max = mm.task_size / 6 * 5;
    let gap = mm.limits.stack.saturating_add(stack_moves + GUARD);
    let gap = gap.clamp(GAP_MIN, gap_max).next_multiple_of(PAGE_SIZE);
    mm.set_mmap_base(mm.task_size - gap - random);
}

/// Maps the stack, of at least `size` bytes, and picks where mmap begins; returns the stack's top.
///
/// # Errors `E2BIG` where the stack's limit has no room for the strings, `EFAULT` for the rest of
/// what it begins with; `ENOMEM`.
pub fn place_stack(
    mm: &mut AddressSpace,
    image: &Image,
    strings: u64,
    size: u64,
    personality: u32,
) -> Result<u64, Errno> {
    /// What a stack has room for at first, beside the strings (setup_arg_pages in fs/exec.c).
    const ROOM: u64 = 32 * PAGE_SIZE;
    let is_32bit = image.class == Class::Elf32;
    let top = mm.task_size - random_pages(mm, stack_bits(is_32bit));
    place_mappings(mm, is_32bit, personality::has_old_layout(personality));
    let needed = size.next_multiple_of(PAGE_SIZE);
    let limit = page_down(mm.limits.stack);
    if strings.next_multiple_of(PAGE_SIZE) > limit.max(PAGE_SIZE) {
        return Err(Errno::E2BIG);
    }
    if needed > limit.max(PAGE_SIZE) {
        return Err(Errno::EFAULT);
    }
    let usual = strings.next_multiple_of(PAGE_SIZE) + ROOM;
    let size = usual.min(limit).max(needed);
    let mut prot = Prot::READ | Prot::WRITE;
    let is_executable = match image.stack {
        Stack::Executable => true,
        Stack::NotExecutable => false,
        Stack::Unstated => personality::executes_what_it_reads(personality),
    };
    prot.set(Prot::EXEC, is_executable);
    mm.map(
        Place::Fixed(top - size),
        size,
        NewArea::anonymous(prot).role(Role::Stack),
    )?;
    Ok(top)
}

/// Whether the image is relocatable and names no dynamic linker: a dynamic linker run by itself, or
/// a static PIE. Such an image is placed among the mappings, so that the program that the linker
/// loads finds the usual place free.
pub fn is_loader(image: &Image) -> bool {
    image.kind == Kind::Relocatable && image.interp.is_none()
}

/// Where relocatable programs go, before randomisation (ELF_ET_DYN_BASE).
pub fn pie_base(is_32bit: bool) -> u64 {
    if is_32bit {
        layout::PIE_BASE_32
    } else {
        layout::PIE_BASE
    }
}

/// How far a program moves.
///
/// # Errors
/// `EINVAL` and `EEXIST` where it does not fit.
pub fn load_bias(mm: &mut AddressSpace, image: &Image) -> Result<u64, Errno> {
    if is_loader(image) {
        return mapped_bias(mm, image);
    }
    let extent = image.extent();
    let mut bias = 0;
    if image.kind == Kind::Relocatable {
        let is_32bit = image.class == Class::Elf32;
        let base = pie_base(is_32bit) + random_pages(mm, mmap_bits(is_32bit));
        bias = (base & !(image.align - 1)).wrapping_sub(extent.start);
    }
    // Nothing is there yet but the stack (MAP_FIXED_NOREPLACE).
    let (start, len) = (bias.wrapping_add(extent.start), extent.end - extent.start);
    let end = start.checked_add(len).ok_or(Errno::EINVAL)?;
    if mm.overlapping(start, end).next().is_some() {
        return Err(Errno::EEXIST);
    }
    Ok(bias)
}

/// How far a relocatable image moves that goes where mappings go. One whose alignment leaves no
/// room for it does without.
///
/// # Errors
/// `EINVAL` where it does not fit.
pub fn mapped_bias(mm: &mut AddressSpace, image: &Image) -> Result<u64, Errno> {
    let extent = image.extent();
    let len = extent.end - extent.start;
    if len == 0 {
        return Ok(0);
    }
    let slack = image.align - PAGE_SIZE;
    let aligned = len
        .checked_add(slack)
        .and_then(|room| mm.room_for(room).ok());
    let start = match aligned {
        Some(at) => at.next_multiple_of(image.align),
        None => mm.room_for(len).map_err(|_| Errno::EINVAL)?,
    };
    Ok(start.wrapping_sub(extent.start))
}
