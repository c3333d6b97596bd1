//! The kernel's address space, built beside the loader's own.

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

/// Lowest address of the upper half, which is the kernel's in every program's address space.
const UPPER_HALF: u64 = 0xffff_8000_0000_0000;
/// Bytes in a large page.
pub const LARGE: u64 = Size2MiB::SIZE;
/// A PC's memory-mapped devices (interrupt controllers, PCI) lie below this address.
const DEVICES_END: u64 = 4 << 30;

/// The kernel's page tables, and where the next object in it goes.
pub struct AddressSpace<'m> {
    /// Where page tables and contents come from.
    pub memory: &'m mut Memory,
    root: u64,
    /// The dynamic range: what of it is left.
    next: u64,
    end: u64,
}

impl<'m> AddressSpace<'m> {
    /// An empty address space.
    pub fn new(memory: &'m mut Memory, config: &Mappings) -> Result<Self> {
        if config.page_table_recursive.is_some() || config.aslr {
            return Err("the kernel asks for recursive page tables or ASLR, not provided here");
        }
        Ok(AddressSpace {
            root: memory.allocate(1)?,
            memory,
            // Any address would do where the kernel sets no range; the lower half is the
            // programs'.
            next: config.dynamic_range_start.unwrap_or(0).max(UPPER_HALF),
            end: config.dynamic_range_end.unwrap_or(0xffff_ffff_ffff_f000),
        })
    }

    /// Physical address of the top page table, for CR3.
    pub fn root(&self) -> u64 {
        self.root
    }

    /// Finds the place that `mapping` asks for. Dynamic places begin at a large page, and an
    /// unmapped one at least follows each, so that overruns fault.
    pub fn place(&mut self, mapping: Mapping, size: u64) -> Result<u64> {
        if let Mapping::FixedAddress(address) = mapping {
            // The loader writes through some of these places: it shares the upper half.
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

    /// Maps `size` bytes (rounded up to pages) in pages of 4 KiB, which the kernel may later
    /// change one by one.
    pub fn map(&mut self, virt: u64, phys: u64, size: u64, flags: Flags) -> Result<()> {
        for offset in (0..size).step_by(PAGE as usize) {
            self.map_page::<Size4KiB>(virt + offset, phys + offset, flags)?;
        }
        Ok(())
    }

    /// Maps `size` bytes (rounded up to pages), in large pages wherever both addresses allow.
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
        // SAFETY: these tables are not in use yet: nothing can be accessed through them.
        let mapped =
            unsafe { mapper.map_to_with_table_flags(page, frame, flags, tables, self.memory) };
        match mapped {
            Ok(flush) => flush.ignore(),
            Err(MapToError::FrameAllocationFailed) => return Err("out of memory"),
            Err(_) => return Err("two parts of the kernel's address space overlap"),
        }
        Ok(())
    }

    /// Takes the permission to write from pages that [`AddressSpace::map`] has mapped.
    pub fn protect(&mut self, start: u64, end: u64) -> Result<()> {
        let mut mapper = mapper(self.root);
        for virt in (start..end).step_by(PAGE as usize) {
            let page = Page::<Size4KiB>::containing_address(VirtAddr::new_truncate(virt));
            // SAFETY: these tables are not in use yet: nothing can be accessed through them.
            let updated = unsafe { mapper.update_flags(page, READ) };
            updated
                .map_err(|_| "the kernel's RELRO segment is not mapped")?
                .ignore();
        }
        Ok(())
    }

    /// Maps physical memory up to `end`, and the devices in any case: the contract promises
    /// 4 GiB at least. Returns the virtual address of physical address 0.
    pub fn map_physical_memory(&mut self, mapping: Mapping, end: u64) -> Result<u64> {
        let size = end.max(DEVICES_END).next_multiple_of(LARGE);
        let start = self.place(mapping, size)?;
        self.map_large(start, 0, size, WRITE)?;
        Ok(start)
    }

    /// Makes the kernel's stack. Its first page is a guard page, as the contract says; the
    /// result is the lowest address above that, and the size.
    pub fn map_stack(&mut self, mapping: Mapping, size: u64) -> Result<(u64, u64)> {
        let size = size.next_multiple_of(PAGE);
        let bottom = self.place(mapping, PAGE + size)? + PAGE;
        let frames = self.memory.allocate(size / PAGE)?;
        self.map(bottom, frames, size, WRITE)?;
        Ok((bottom, size))
    }

    /// Makes the upper half visible to the loader too, at the same addresses.
    pub fn share_upper_half(&self) {
        let own = Cr3::read().0.start_address().as_u64();
        // SAFETY: the loader's tables are in its image, and it runs identity-mapped; the
        // kernel's are ours alone. The upper half was empty, so nothing in use changes.
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

/// The `x86_64` crate's view of the page tables under `root`.
fn mapper(root: u64) -> OffsetPageTable<'static> {
    // SAFETY: the root and all tables below it come from `Memory`, which the loader maps at
    // their physical addresses. Only `AddressSpace` has them, one call at a time.
    unsafe { OffsetPageTable::new(&mut *(root as *mut PageTable), VirtAddr::zero()) }
}
