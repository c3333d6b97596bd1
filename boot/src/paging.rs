//! The kernel's address space, built while the loader runs on its own page tables.

use crate::Result;
use crate::memory::{Memory, PAGE};
use bootloader_api::config::{Mapping, Mappings};
use x86_64::registers::control::Cr3;
use x86_64::structures::paging::mapper::{MapToError, Mapper, OffsetPageTable};
use x86_64::structures::paging::{
    Page, PageSize, PageTable, PageTableFlags as Flags, PhysFrame, Size2MiB, Size4KiB,
};
use x86_64::{PhysAddr, VirtAddr};

/// Readable data: never executable.
pub const READ: Flags = Flags::PRESENT.union(Flags::NO_EXECUTE);
/// Writable data: never executable.
pub const WRITE: Flags = READ.union(Flags::WRITABLE);
/// Code: never writable.
pub const EXECUTE: Flags = Flags::PRESENT;

/// Lowest address of the upper half, which belongs to the kernel in every address space.
const UPPER_HALF: u64 = 0xffff_8000_0000_0000;
/// Bytes in a large page.
pub const LARGE: u64 = Size2MiB::SIZE;
/// End of a PC's memory-mapped devices (interrupt controllers, PCI).
const DEVICES_END: u64 = 4 << 30;

/// The kernel's page tables, and the free part of its dynamic address range.
pub struct AddressSpace<'m> {
    /// Allocator of page tables and contents.
    pub memory: &'m mut Memory,
    root: u64,
    /// Start of the free part of the dynamic range.
    next: u64,
    end: u64,
}

impl<'m> AddressSpace<'m> {
    /// Creates an empty address space.
    pub fn new(memory: &'m mut Memory, config: &Mappings) -> Result<Self> {
        if config.page_table_recursive.is_some() || config.aslr {
            return Err("the kernel asks for recursive page tables or ASLR, not provided here");
        }
        Ok(AddressSpace {
            root: memory.allocate(1)?,
            memory,
            // Without a range from the kernel: the upper half, as the lower is the programs'.
            next: config.dynamic_range_start.unwrap_or(0).max(UPPER_HALF),
            end: config.dynamic_range_end.unwrap_or(0xffff_ffff_ffff_f000),
        })
    }

    /// Physical address of the root page table, for CR3.
    pub fn root(&self) -> u64 {
        self.root
    }

    /// Chooses the address for `mapping`. Dynamic addresses are aligned to large pages and followed
    /// by at least one unmapped large page, so that overruns fault.
    pub fn place(&mut self, mapping: Mapping, size: u64) -> Result<u64> {
        if let Mapping::FixedAddress(address) = mapping {
            // Upper half only: the loader shares that half and writes at some of these addresses.
            let usable = address >= UPPER_HALF && address.is_multiple_of(PAGE);
            return usable
                .then_some(address)
                .ok_or("a fixed address in the kernel's configuration");
        }
        let full = "the kernel's dynamic address range is full";
        let start = self.next.checked_next_multiple_of(LARGE).ok_or(full)?;
        let end = start.checked_add(size).filter(|end| *end <= self.end);
        self.next = end.ok_or(full)?.saturating_add(LARGE);
        Ok(start)
    }

    /// Maps `size` bytes (rounded up to pages) with 4 KiB pages, which the kernel can change one by
    /// one.
    pub fn map(&mut self, virt: u64, phys: u64, size: u64, flags: Flags) -> Result<()> {
        for offset in (0..size).step_by(PAGE as usize) {
            self.map_page::<Size4KiB>(virt + offset, phys + offset, flags)?;
        }
        Ok(())
    }

    /// Maps `size` bytes (rounded up to pages), with large pages where the alignment allows.
    pub fn map_large(&mut self, virt: u64, phys: u64, size: u64, flags: Flags) -> Result<()> {
        let mut done = 0;
        while done < size {
            let (virt, phys) = (virt + done, phys + done);
            if (virt | phys).is_multiple_of(LARGE) && size - done >= LARGE {
                self.map_page::<Size2MiB>(virt, phys, flags)?;
                done += LARGE;
            } else {
                self.map_page::<Size4KiB>(virt, phys, flags)?;
                done += PAGE;
            }
        }
        Ok(())
    }

    fn map_page<S: PageSize>(&mut self, virt: u64, phys: u64, flags: Flags) -> Result<()>
    where
        for<'t> OffsetPageTable<'t>: Mapper<S>,
    {
        let bad = "the kernel asks for an address that does not exist";
        let page = Page::<S>::containing_address(VirtAddr::try_new(virt).map_err(|_| bad)?);
        let frame = PhysFrame::containing_address(PhysAddr::new(phys));
        let tables = Flags::PRESENT | Flags::WRITABLE;
        let mut mapper = mapper(self.root);
        // SAFETY: these tables are not loaded yet, so no access goes through them.
        let mapped =
            unsafe { mapper.map_to_with_table_flags(page, frame, flags, tables, self.memory) };
        match mapped {
            Ok(flush) => flush.ignore(),
            Err(MapToError::FrameAllocationFailed) => return Err("out of memory"),
            Err(_) => return Err("two parts of the kernel's address space overlap"),
        }
        Ok(())
    }

    /// Makes pages read-only that [`AddressSpace::map`] has mapped.
    pub fn protect(&mut self, start: u64, end: u64) -> Result<()> {
        let mut mapper = mapper(self.root);
        for virt in (start..end).step_by(PAGE as usize) {
            let page = Page::<Size4KiB>::containing_address(VirtAddr::new_truncate(virt));
            // SAFETY: these tables are not loaded yet, so no access goes through them.
            let updated = unsafe { mapper.update_flags(page, READ) };
            updated
                .map_err(|_| "the kernel's RELRO segment is not mapped")?
                .ignore();
        }
        Ok(())
    }

    /// Maps physical memory up to `end`, and at least 4 GiB, as the contract requires (this
    /// includes the devices). Returns the virtual address of physical address 0.
    pub fn map_physical_memory(&mut self, mapping: Mapping, end: u64) -> Result<u64> {
        let size = end.max(DEVICES_END).next_multiple_of(LARGE);
        let start = self.place(mapping, size)?;
        self.map_large(start, 0, size, WRITE)?;
        Ok(start)
    }

    /// Maps the kernel's stack above a guard page, as the contract requires. Returns the stack's
    /// lowest address (above the guard) and size.
    pub fn map_stack(&mut self, mapping: Mapping, size: u64) -> Result<(u64, u64)> {
        let size = size.next_multiple_of(PAGE);
        let bottom = self.place(mapping, PAGE + size)? + PAGE;
        let frames = self.memory.allocate(size / PAGE)?;
        self.map(bottom, frames, size, WRITE)?;
        Ok((bottom, size))
    }

    /// Maps the upper half in the loader's page tables too, at the same addresses.
    pub fn share_upper_half(&self) {
        let own = Cr3::read().0.start_address().as_u64();
        // SAFETY: the loader's tables are in its image, which is identity-mapped; the kernel's have
        // no other user. The loader's upper half was empty, so no mapping in use changes.
        let (own, kernel) = unsafe {
            (
                &mut *(own as *mut PageTable),
                &*(self.root as *const PageTable),
            )
        };
        for index in 256..512 {
            own[index] = kernel[index].clone();
        }
    }
}

/// The `x86_64` crate's mapper for the page tables at `root`.
fn mapper(root: u64) -> OffsetPageTable<'static> {
    // SAFETY: the root and all tables below it are from `Memory`, identity-mapped. Only
    // `AddressSpace` accesses them, one call at a time.
    unsafe { OffsetPageTable::new(&mut *(root as *mut PageTable), VirtAddr::zero()) }
}
