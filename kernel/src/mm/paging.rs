//! Page tables: four levels, walked through the physical map, and the kernel's half of them.
//! Programs' own are in `vm/page_tables.rs`.
//!
//! The kernel's half is the same in all address spaces: the upper 256 entries of each root are
//! copied from the kernel's root, whose entries never change after [`init`].

use spin::Once;
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::page_table::PageTableEntry;
use x86_64::structures::paging::{PageTable, PageTableFlags, PhysFrame};
use x86_64::{PhysAddr, VirtAddr};

use super::frame::{Frame, phys_to_virt};
use super::{espfix, layout};
use crate::abi::errno::Errno;

pub use x86_64::structures::paging::PageTableFlags as PageFlags;

static KERNEL_ROOT: Once<u64> = Once::new();

fn table(physical: u64) -> *mut PageTable {
    phys_to_virt(physical).cast()
}

/// The entry for `address` in the table of `level` at `at`.
fn slot(at: u64, address: u64, level: u32) -> *mut PageTableEntry {
    table(at)
        .cast::<PageTableEntry>()
        .wrapping_add(index(address, level))
}

pub fn index(address: u64, level: u32) -> usize {
    (address >> (12 + 9 * (level - 1)) & 0x1ff) as usize
}

/// Replaces the loader's page tables: same upper half, no lower half, no execution outside the
/// kernel's image, guard pages unmapped.
pub fn init() {
    let (loader_root, _) = Cr3::read();
    let root = Frame::zeroed()
        .expect("no memory for the first page table")
        .into_raw();
    // SAFETY: the loader's root is in the physical map; the new one has no other user.
    let (old, new) = unsafe {
        (
            &*table(loader_root.start_address().as_u64()),
            &mut *table(root),
        )
    };
    for i in 256..512 {
        if !old[i].is_unused() {
            new[i] = old[i].clone();
            // Only the last slot, the kernel's image, contains code.
            if i < 511 {
                new[i].set_flags(old[i].flags() | PageTableFlags::NO_EXECUTE);
            }
        }
    }
    for area in [layout::HEAP_START, layout::KSTACK_START] {
        let next = Frame::zeroed()
            .expect("no memory for the kernel's tables")
            .into_raw();
        let flags = PageTableFlags::PRESENT | PageTableFlags::WRITABLE | PageTableFlags::NO_EXECUTE;
        new[index(area, 4)].set_addr(PhysAddr::new(next), flags);
    }
    let flags = PageTableFlags::PRESENT | PageTableFlags::WRITABLE | PageTableFlags::NO_EXECUTE;
    new[index(layout::ESPFIX_START, 4)].set_addr(PhysAddr::new(espfix::tables()), flags);
    KERNEL_ROOT.call_once(|| root);
    activate(root);
    for guard in crate::arch::gdt::guard_pages() {
        unmap_kernel(guard.as_u64());
    }
}

/// Loads the page tables with the root at physical address `root`.
pub fn activate(root: u64) {
    let frame = PhysFrame::containing_address(PhysAddr::new(root));
    // SAFETY: each root maps the kernel's half, which contains this code and its stack.
    unsafe { Cr3::write(frame, Cr3Flags::empty()) };
}

/// Loads the kernel's page tables, which map no program.
pub fn activate_kernel() {
    activate(*KERNEL_ROOT.get().expect("paging is initialised"));
}

/// Finds the last-level entry for `address` in the kernel's half; with `make` missing tables are
/// created. `None` without a table, or if a large page maps the address.
fn entry(address: u64, make: bool) -> Result<Option<*mut PageTableEntry>, Errno> {
    let mut at = kernel_root();
    for level in [4, 3, 2] {
        // SAFETY: a live page table without other references: only this function makes them, and
        // the kernel is not preemptible.
        let slot = unsafe { &mut *slot(at, address, level) };
        if slot.is_unused() {
            if !make {
                return Ok(None);
            }
            let next = Frame::zeroed_for_kernel()?.into_raw();
            let flags = PageTableFlags::PRESENT | PageTableFlags::WRITABLE;
            slot.set_addr(PhysAddr::new(next), flags);
        }
        if slot.flags().contains(PageTableFlags::HUGE_PAGE) {
            return Ok(None);
        }
        at = slot.addr().as_u64();
    }
    Ok(Some(slot(at, address, 1)))
}

/// Whether [`init`] has loaded the kernel's page tables.
pub fn is_ready() -> bool {
    KERNEL_ROOT.is_completed()
}

pub fn kernel_root() -> u64 {
    *KERNEL_ROOT.get().expect("paging is initialised")
}

/// Maps a frame in the kernel's half. The entry takes the reference.
///
/// # Errors
/// `ENOMEM` without a frame for a table; the reference is dropped.
pub fn map_kernel(address: u64, frame: Frame, flags: PageFlags) -> Result<(), Errno> {
    set_entry(address, frame.address(), flags)?;
    frame.into_raw();
    Ok(())
}

/// Maps a page of physical address space, which may be a device's.
fn set_entry(address: u64, physical: u64, flags: PageFlags) -> Result<(), Errno> {
    let slot = entry(address, true)?.ok_or(Errno::EEXIST)?;
    // SAFETY: `entry` returned a live table's slot.
    unsafe { (*slot).set_addr(PhysAddr::new(physical), flags | PageTableFlags::PRESENT) };
    Ok(())
}

/// Unmaps a page of the kernel's half; returns its physical address.
pub fn unmap_kernel(address: u64) -> Option<u64> {
    let slot = entry(address, false).ok()??;
    // SAFETY: `entry` returned a live table's slot.
    let slot = unsafe { &mut *slot };
    if slot.is_unused() {
        return None;
    }
    let physical = slot.addr().as_u64();
    slot.set_unused();
    x86_64::instructions::tlb::flush(VirtAddr::new(address));
    Some(physical)
}

/// Physical address of an address in the kernel's half; `None` if it isn't mapped.
pub fn kernel_to_phys(address: u64) -> Option<u64> {
    let mut at = kernel_root();
    for level in [4, 3, 2, 1] {
        // SAFETY: a live page table, read only.
        let slot = unsafe { &*slot(at, address, level) };
        if slot.is_unused() {
            return None;
        }
        let size = 1u64 << (12 + 9 * (level - 1));
        if level == 1 || slot.flags().contains(PageTableFlags::HUGE_PAGE) {
            return Some((slot.addr().as_u64() & !(size - 1)) + address % size);
        }
        at = slot.addr().as_u64();
    }
    None
}

/// Bound on the physical addresses looked up, above the size of the loader's range.
const PHYSICAL_END: u64 = 1 << 46;

/// Whether the physical map covers `len` bytes from a physical address on. Checks addresses from
/// firmware tables.
pub fn is_mapped_physical(address: u64, len: u64) -> bool {
    let end = address.checked_add(len);
    let Some(end) = end.filter(|end| *end <= PHYSICAL_END) else {
        return false;
    };
    let mut pages = (super::page_down(address)..end).step_by(super::PAGE_SIZE as usize);
    pages.all(|page| kernel_to_phys(phys_to_virt(page) as u64) == Some(page))
}

/// Changes a byte of the kernel's read-only image through the physical map, for patching at boot
/// before the code can run.
pub fn poke_text(address: u64, byte: u8) {
    let physical = kernel_to_phys(address).expect("the kernel's image is mapped");
    // SAFETY: the physical map is writable and the address is in the kernel's own image.
    unsafe { phys_to_virt(physical).write_volatile(byte) };
}

/// Maps the page of device registers at `physical`, uncached, at an address of the kernel's half.
///
/// # Errors
/// `ENOMEM` without a frame for a table, `EEXIST` inside a large page.
pub fn map_device(address: u64, physical: u64) -> Result<(), Errno> {
    let flags = PageFlags::WRITABLE | PageFlags::NO_EXECUTE | PageFlags::NO_CACHE;
    set_entry(address, physical, flags)?;
    x86_64::instructions::tlb::flush(VirtAddr::new(address));
    Ok(())
}

/// Writes a memory-mapped device register, which may be outside the physical map. Some addresses
/// come from firmware tables: a misaligned one, or one beyond 52 bits, is ignored.
pub fn write_device<T: Copy>(physical: u64, value: T) {
    if physical >= 1 << 52 || !physical.is_multiple_of(size_of::<T>() as u64) {
        return;
    }
    let page = super::page_down(physical);
    if map_device(layout::DEVICE_WINDOW, page).is_ok() {
        // SAFETY: the page was just mapped and the aligned register is within it; the caller passes
        // a device register's address.
        unsafe { ((layout::DEVICE_WINDOW + physical - page) as *mut T).write_volatile(value) };
        unmap_kernel(layout::DEVICE_WINDOW);
    }
}
