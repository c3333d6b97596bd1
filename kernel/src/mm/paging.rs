//! Page tables: four levels, walked through the physical map.
//!
//! The kernel's half is the same in all of them: every table's upper 256 entries are copied
//! from the kernel's own, whose second level never changes after [`init`].

use core::ops::Range;

use spin::Once;
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::page_table::PageTableEntry;
use x86_64::structures::paging::{PageTable, PageTableFlags, PhysFrame};
use x86_64::{PhysAddr, VirtAddr};

use super::frame::{Frame, phys_to_virt};
use super::{PAGE_SIZE, layout};
use crate::syscall::errno::Errno;

pub use x86_64::structures::paging::PageTableFlags as PageFlags;

static KERNEL_ROOT: Once<u64> = Once::new();

fn table(physical: u64) -> *mut PageTable {
    phys_to_virt(physical).cast()
}

/// The entry for `address` in the table of `level` at `at`.
fn slot(at: u64, address: u64, level: u32) -> *mut PageTableEntry {
    table(at).cast::<PageTableEntry>().wrapping_add(index(address, level))
}

fn index(address: u64, level: u32) -> usize {
    (address >> (12 + 9 * (level - 1)) & 0x1ff) as usize
}

/// Takes over from the loader's tables: same upper half, no lower half, no execution outside
/// the kernel's image, guard pages unmapped.
pub fn init() {
    let (loader_root, _) = Cr3::read();
    let root = Frame::zeroed().expect("no memory for the first page table").into_raw();
    // SAFETY: the loader's root is mapped by the physical map; the new one is ours alone.
    let (old, new) = unsafe { (&*table(loader_root.start_address().as_u64()), &mut *table(root)) };
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
        let next = Frame::zeroed().expect("no memory for the kernel's tables").into_raw();
        let flags = PageTableFlags::PRESENT | PageTableFlags::WRITABLE | PageTableFlags::NO_EXECUTE;
        new[index(area, 4)].set_addr(PhysAddr::new(next), flags);
    }
    KERNEL_ROOT.call_once(|| root);
    activate(root);
    for guard in crate::arch::gdt::guard_pages() {
        unmap_kernel(guard.as_u64());
    }
}

/// Switches to the tables whose root lies at `root`.
fn activate(root: u64) {
    let frame = PhysFrame::containing_address(PhysAddr::new(root));
    // SAFETY: every root made here maps the kernel's half, where this code and its stack lie.
    unsafe { Cr3::write(frame, Cr3Flags::empty()) };
}

/// Switches to the kernel's own tables, which map no program.
pub fn activate_kernel() {
    activate(*KERNEL_ROOT.get().expect("paging is initialised"));
}

/// Finds the entry that maps `address` at the last level, making tables on the way if `make`
/// says with which flags. `None`: there is none (or the mapping is a large page).
fn entry(root: u64, address: u64, make: Option<PageTableFlags>) -> Result<Option<*mut PageTableEntry>, Errno> {
    let mut at = root;
    for level in [4, 3, 2] {
        // SAFETY: `at` is a live page table; nothing else holds a reference into it: tables
        // are reached through this function alone and the kernel is not preemptible.
        let slot = unsafe { &mut *slot(at, address, level) };
        if slot.is_unused() {
            let Some(flags) = make else { return Ok(None) };
            // The kernel's own tables may use the reserve, a program's may not.
            let next = if address >> 63 == 1 { Frame::for_kernel()? } else { Frame::uninitialised()? };
            next.clear();
            slot.set_addr(PhysAddr::new(next.into_raw()), flags);
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

fn kernel_root() -> u64 {
    *KERNEL_ROOT.get().expect("paging is initialised")
}

/// Maps a page of the kernel's half. The frame's reference passes to the table.
///
/// # Errors
/// `ENOMEM` when a table is needed and there is no frame for it.
pub fn map_kernel(address: u64, physical: u64, flags: PageFlags) -> Result<(), Errno> {
    let tables = PageTableFlags::PRESENT | PageTableFlags::WRITABLE;
    let slot = entry(kernel_root(), address, Some(tables))?.ok_or(Errno::EEXIST)?;
    // SAFETY: `entry` returned a live table's slot.
    unsafe { (*slot).set_addr(PhysAddr::new(physical), flags | PageTableFlags::PRESENT) };
    Ok(())
}

/// Unmaps a page of the kernel's half; returns the physical address it had.
pub fn unmap_kernel(address: u64) -> Option<u64> {
    let slot = entry(kernel_root(), address, None).ok()??;
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

/// Changes a byte of the kernel's read-only image through the physical map. For patching at
/// boot, before anything runs that could see half of it.
pub fn poke_text(address: u64, byte: u8) {
    let physical = kernel_to_phys(address).expect("the kernel's image is mapped");
    // SAFETY: the physical map is writable and the address is in the kernel's own image.
    unsafe { phys_to_virt(physical).write_volatile(byte) };
}

/// Writes a register in a device's memory, which the physical map need not cover.
pub fn write_device<T: Copy>(physical: u64, value: T) {
    let page = super::page_down(physical);
    let flags = PageFlags::WRITABLE | PageFlags::NO_EXECUTE | PageFlags::NO_CACHE;
    if map_kernel(layout::DEVICE_WINDOW, page, flags).is_ok() {
        x86_64::instructions::tlb::flush(VirtAddr::new(layout::DEVICE_WINDOW));
        // SAFETY: the page was just mapped, and the caller names the register.
        unsafe { ((layout::DEVICE_WINDOW + physical - page) as *mut T).write_volatile(value) };
        unmap_kernel(layout::DEVICE_WINDOW);
    }
}

/// A program's page tables. Dropping them drops the references that their entries hold.
#[derive(Debug)]
pub struct PageTables {
    root: u64,
}

/// What a present entry says.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// Physical address of the frame.
    pub frame: u64,
    /// Its flags.
    pub flags: PageFlags,
}

impl PageTables {
    /// Tables that map the kernel's half only.
    ///
    /// # Errors
    /// `ENOMEM` when there is no frame.
    pub fn new() -> Result<Self, Errno> {
        let root = Frame::zeroed()?.into_raw();
        // SAFETY: both are live tables; the new one is ours alone.
        let (kernel, new) = unsafe { (&*table(kernel_root()), &mut *table(root)) };
        for i in 256..512 {
            new[i] = kernel[i].clone();
        }
        Ok(Self { root })
    }

    /// Makes these the CPU's tables.
    pub fn activate(&self) {
        activate(self.root);
    }

    /// Whether these are the CPU's tables now.
    fn is_active(&self) -> bool {
        Cr3::read().0.start_address().as_u64() == self.root
    }

    fn flush(&self, address: u64) {
        if self.is_active() {
            x86_64::instructions::tlb::flush(VirtAddr::new(address));
        }
    }

    /// Maps a page; the table takes the reference. A page that was mapped there is dropped.
    ///
    /// # Errors
    /// `ENOMEM` when a table is needed and there is no frame for it.
    pub fn map(&mut self, address: u64, frame: Frame, flags: PageFlags) -> Result<(), Errno> {
        let user = PageTableFlags::PRESENT | PageTableFlags::WRITABLE | PageTableFlags::USER_ACCESSIBLE;
        let slot = entry(self.root, address, Some(user))?.ok_or(Errno::EEXIST)?;
        // SAFETY: `entry` returned a live table's slot.
        let slot = unsafe { &mut *slot };
        let old = (!slot.is_unused()).then(|| slot.addr().as_u64());
        slot.set_addr(PhysAddr::new(frame.into_raw()), flags | PageTableFlags::PRESENT);
        if let Some(old) = old {
            self.flush(address);
            // SAFETY: the entry held this reference and no longer does.
            drop(unsafe { Frame::from_raw(old) });
        }
        Ok(())
    }

    /// What is mapped at `address`.
    pub fn lookup(&self, address: u64) -> Option<Mapped> {
        let slot = entry(self.root, address, None).ok()??;
        // SAFETY: `entry` returned a live table's slot.
        let slot = unsafe { &*slot };
        (!slot.is_unused()).then(|| Mapped { frame: slot.addr().as_u64(), flags: slot.flags() })
    }

    /// Changes an entry's flags. Without `PRESENT` the page stays, out of the program's reach
    /// (PROT_NONE).
    pub fn set_flags(&mut self, address: u64, flags: PageFlags) {
        if let Ok(Some(slot)) = entry(self.root, address, None) {
            // SAFETY: `entry` returned a live table's slot.
            let slot = unsafe { &mut *slot };
            if !slot.is_unused() {
                slot.set_flags(flags);
                self.flush(address);
            }
        }
    }

    /// Unmaps a page and returns its reference.
    pub fn unmap(&mut self, address: u64) -> Option<Frame> {
        let slot = entry(self.root, address, None).ok()??;
        // SAFETY: `entry` returned a live table's slot.
        let slot = unsafe { &mut *slot };
        if slot.is_unused() {
            return None;
        }
        let frame = slot.addr().as_u64();
        slot.set_unused();
        self.flush(address);
        // SAFETY: the entry held this reference and no longer does.
        Some(unsafe { Frame::from_raw(frame) })
    }

    /// Frees the tables that [start, end) no longer needs: those whose whole range lies between
    /// `floor` and `ceiling`, where nothing is mapped any more.
    pub fn prune(&mut self, start: u64, end: u64, floor: u64, ceiling: u64) {
        if start < end && prune(self.root, 4, 0, start..end, floor..ceiling) && self.is_active() {
            // The CPU may have cached entries that led to the freed tables.
            self.activate();
        }
    }

    /// Calls `f` with each present page in [start, end), skipping what no table covers.
    pub fn for_each(&self, start: u64, end: u64, mut f: impl FnMut(u64, Mapped)) {
        let mut address = start;
        while address < end {
            let mut at = self.root;
            let mut missing = None;
            for level in [4, 3, 2] {
                // SAFETY: a live page table, read only.
                let slot = unsafe { &*slot(at, address, level) };
                if slot.is_unused() {
                    missing = Some(1u64 << (12 + 9 * (level - 1)));
                    break;
                }
                at = slot.addr().as_u64();
            }
            if let Some(size) = missing {
                address = (address / size + 1) * size;
                continue;
            }
            // SAFETY: a live page table, read only.
            let slot = unsafe { &*slot(at, address, 1) };
            if !slot.is_unused() {
                f(address, Mapped { frame: slot.addr().as_u64(), flags: slot.flags() });
            }
            address += PAGE_SIZE;
        }
    }
}

/// Frees the tables below `at` (which maps from `base` on) whose range overlaps `range` and lies
/// in `unmapped`; returns whether there were any.
fn prune(at: u64, level: u32, base: u64, range: Range<u64>, unmapped: Range<u64>) -> bool {
    let size = 1u64 << (12 + 9 * (level - 1));
    let (first, last) = ((range.start.max(base) - base) / size, (range.end - 1 - base) / size);
    let mut any = false;
    for i in first..=last.min(511) {
        let from = base + i * size;
        // SAFETY: a live page table that nothing else refers to.
        let slot = unsafe { &mut *slot(at, from, level) };
        if slot.is_unused() {
            continue;
        }
        let next = slot.addr().as_u64();
        if level > 2 {
            any |= prune(next, level - 1, from, range.clone(), unmapped.clone());
        }
        if unmapped.start <= from && from + size <= unmapped.end {
            slot.set_unused();
            // SAFETY: the entry held this reference, to a table without entries.
            drop(unsafe { Frame::from_raw(next) });
            any = true;
        }
    }
    any
}

/// Frees the tables below `at`, and the frames that the last level references.
fn free(at: u64, level: u32, entries: Range<usize>) {
    // SAFETY: the tables are being dropped: nothing uses them any more.
    let table = unsafe { &*table(at) };
    for i in entries {
        let slot = &table[i];
        if slot.is_unused() {
            continue;
        }
        let next = slot.addr().as_u64();
        if level > 1 {
            free(next, level - 1, 0..512);
        }
        // SAFETY: the entry held this reference, to a table or to a page.
        drop(unsafe { Frame::from_raw(next) });
    }
}

impl Drop for PageTables {
    fn drop(&mut self) {
        if self.is_active() {
            activate_kernel();
        }
        free(self.root, 4, 0..256);
        // SAFETY: the root's own reference, made in `new`.
        drop(unsafe { Frame::from_raw(self.root) });
    }
}
