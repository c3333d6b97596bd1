//! Page tables: four levels, walked through the physical map, and the kernel's half of them.
//! Programs' own are in `page_tables.rs`.
//!
//! The kernel's half is the same in all of them: every table's upper 256 entries are copied
//! from the kernel's own, whose second level never changes after [`init`].

use spin::Once;
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::page_table::PageTableEntry;
use x86_64::structures::paging::{PageTable, PageTableFlags, PhysFrame};
use x86_64::{PhysAddr, VirtAddr};

use super::frame::{Frame, phys_to_virt};
use super::{espfix, layout};
use crate::syscall::errno::Errno;

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

pub(super) fn index(address: u64, level: u32) -> usize {
    (address >> (12 + 9 * (level - 1)) & 0x1ff) as usize
}

/// Takes over from the loader's tables: same upper half, no lower half, no execution outside
/// the kernel's image, guard pages unmapped.
pub fn init() {
    let (loader_root, _) = Cr3::read();
    let root = Frame::zeroed()
        .expect("no memory for the first page table")
        .into_raw();
    // SAFETY: the loader's root is mapped by the physical map; the new one is ours alone.
    let (old, new) = unsafe {
        (
            &*table(loader_root.start_address().as_u64()),
            &mut *table(root),
        )
    };
    for i in 256..512 {
        if !old[i].is_unused() {
            new[i] = old[i].clone();
            // Only the top slot holds code: the kernel's image.
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

/// Switches to the tables whose root lies at `root`.
pub(super) fn activate(root: u64) {
    let frame = PhysFrame::containing_address(PhysAddr::new(root));
    // SAFETY: every root made here maps the kernel's half, where this code and its stack lie.
    unsafe { Cr3::write(frame, Cr3Flags::empty()) };
}

/// Switches to the kernel's own tables, which map no program.
pub fn activate_kernel() {
    activate(*KERNEL_ROOT.get().expect("paging is initialised"));
}

/// Finds the entry that maps `address` of the kernel's half at the last level, making tables on the
/// way if asked to. `None`: there is none (or the mapping is a large page).
fn entry(address: u64, make: bool) -> Result<Option<*mut PageTableEntry>, Errno> {
    let mut at = kernel_root();
    for level in [4, 3, 2] {
        // SAFETY: `at` is a live page table; nothing else holds a reference into it: the kernel's
        // tables are reached through this function alone and the kernel is not preemptible.
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

/// Whether the kernel runs on its own tables yet.
pub fn is_ready() -> bool {
    KERNEL_ROOT.is_completed()
}

pub(super) fn kernel_root() -> u64 {
    *KERNEL_ROOT.get().expect("paging is initialised")
}

/// Maps a frame in the kernel's half. The reference passes to the table.
///
/// # Errors
/// `ENOMEM` when a table is needed and there is no frame for it: the reference is dropped.
pub fn map_kernel(address: u64, frame: Frame, flags: PageFlags) -> Result<(), Errno> {
    set_entry(address, frame.address(), flags)?;
    frame.into_raw();
    Ok(())
}

/// Maps a page of physical memory, whatever it is.
fn set_entry(address: u64, physical: u64, flags: PageFlags) -> Result<(), Errno> {
    let slot = entry(address, true)?.ok_or(Errno::EEXIST)?;
    // SAFETY: `entry` returned a live table's slot.
    unsafe { (*slot).set_addr(PhysAddr::new(physical), flags | PageTableFlags::PRESENT) };
    Ok(())
}

/// Unmaps a page of the kernel's half; returns the physical address it had.
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

/// The physical address behind an address of the kernel's half.
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

/// End of the physical addresses that are looked up: more than the loader's range has room for.
const PHYSICAL_END: u64 = 1 << 46;

/// Whether the physical map covers `len` bytes from a physical address on: for addresses that firmware gives.
pub fn is_mapped_physical(address: u64, len: u64) -> bool {
    let end = address.checked_add(len);
    let Some(end) = end.filter(|end| *end <= PHYSICAL_END) else {
        return false;
    };
    let mut pages = (super::page_down(address)..end).step_by(super::PAGE_SIZE as usize);
    pages.all(|page| kernel_to_phys(phys_to_virt(page) as u64) == Some(page))
}

/// Changes a byte of the kernel's read-only image through the physical map. For patching at
/// boot, before anything runs that could see half of it.
pub fn poke_text(address: u64, byte: u8) {
    let physical = kernel_to_phys(address).expect("the kernel's image is mapped");
    // SAFETY: the physical map is writable and the address is in the kernel's own image.
    unsafe { phys_to_virt(physical).write_volatile(byte) };
}

/// Writes a register in a device's memory, which the physical map need not cover. Firmware names some of them:
/// an address that no device has, or that isn't aligned as the register is, is left alone.
pub fn write_device<T: Copy>(physical: u64, value: T) {
    if physical >= 1 << 52 || !physical.is_multiple_of(size_of::<T>() as u64) {
        return;
    }
    let page = super::page_down(physical);
    let flags = PageFlags::WRITABLE | PageFlags::NO_EXECUTE | PageFlags::NO_CACHE;
    if set_entry(layout::DEVICE_WINDOW, page, flags).is_ok() {
        x86_64::instructions::tlb::flush(VirtAddr::new(layout::DEVICE_WINDOW));
        // SAFETY: the page was just mapped, the register lies within it, and the caller names the register.
        unsafe { ((layout::DEVICE_WINDOW + physical - page) as *mut T).write_volatile(value) };
        unmap_kernel(layout::DEVICE_WINDOW);
    }
}
