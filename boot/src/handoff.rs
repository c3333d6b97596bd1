//! The last step: `BootInfo`, then the kernel's page tables, stack and first instruction.
//!
//! The instructions that load CR3 must be mapped before and after it. They lie in a page of
//! their own, which both address spaces have at the same address of the upper half; so the
//! lower half, which will be the programs', starts out empty. The GDT is in that page too.

use crate::kernel_elf::Kernel;
use crate::memory::{Memory, PAGE};
use crate::paging::{AddressSpace, EXECUTE, WRITE};
use crate::protocol::{Boot, MAX_REGIONS, Rsdp};
use crate::{Result, entry};
use bootloader_api::BootInfo;
use bootloader_api::config::{Mapping, Mappings};
use bootloader_api::info::{MemoryRegion, TlsTemplate};
use core::mem::{MaybeUninit, size_of};

/// What the kernel is given, in pages of its own.
#[repr(C)]
struct BootData {
    info: MaybeUninit<BootInfo>,
    regions: [MemoryRegion; MAX_REGIONS],
    /// Room for an ACPI root pointer, of which multiboot2 gives a copy only.
    rsdp: [u8; 36],
}

/// All that is needed to enter the kernel. Addresses are virtual if not said otherwise.
pub struct Handoff {
    data: u64,
    data_physical: u64,
    code: u64,
    stack: (u64, u64),
    entry: u64,
    file: (u64, u64),
    /// Physical.
    page_tables: u64,
}

impl Handoff {
    /// Maps what both sides need. `stack` is its lowest address and its size.
    pub fn new(
        space: &mut AddressSpace,
        config: &Mappings,
        kernel: &Kernel,
        stack: (u64, u64),
    ) -> Result<Self> {
        let size = (size_of::<BootData>() as u64).next_multiple_of(PAGE);
        let data = space.place(config.boot_info, size)?;
        let data_physical = space.memory.allocate(size / PAGE)?;
        space.map(data, data_physical, size, WRITE)?;

        let code = space.place(Mapping::Dynamic, PAGE)?;
        space.map(code, entry::handoff_page(), PAGE, EXECUTE)?;
        let (entry, file, page_tables) = (kernel.entry(), kernel.file(), space.root());
        Ok(Handoff {
            data,
            data_physical,
            code,
            stack,
            entry,
            file,
            page_tables,
        })
    }

    /// Writes the `BootInfo`. Nothing may be allocated any more: the memory map is final.
    pub fn fill(
        &mut self,
        memory: &Memory,
        boot: &Boot,
        physical_memory: Option<u64>,
        ramdisk: (u64, u64),
        tls: Option<TlsTemplate>,
    ) {
        // SAFETY: `new` mapped these pages, the loader shares that part of the kernel's
        // address space by now, and nobody else has them. They are zeroed, which is a valid
        // `BootData` (region kind 0 is `Usable`).
        let data: &'static mut BootData = unsafe { &mut *(self.data as *mut BootData) };
        let count = memory.regions().len();
        data.regions[..count].copy_from_slice(memory.regions());

        let mut info = BootInfo::new((&mut data.regions[..count]).into());
        info.physical_memory_offset = physical_memory.into();
        info.rsdp_addr = match boot.rsdp {
            Some(Rsdp::At(address)) => Some(address),
            Some(Rsdp::Copy(bytes)) => {
                let size = bytes.len().min(data.rsdp.len());
                data.rsdp[..size].copy_from_slice(&bytes[..size]);
                Some(self.data_physical + core::mem::offset_of!(BootData, rsdp) as u64)
            }
            None => None,
        }
        .into();
        info.tls_template = tls.into();
        info.ramdisk_addr = Some(ramdisk.0).into();
        info.ramdisk_len = ramdisk.1;
        (info.kernel_addr, info.kernel_len) = self.file;
        // Nonzero only for a kernel that was moved away from where it was linked.
        info.kernel_image_offset = 0;
        (info.kernel_stack_bottom, info.kernel_stack_len) = self.stack;
        data.info.write(info);
    }

    /// Leaves for the kernel.
    pub fn enter(&self) -> ! {
        let top = self.stack.0 + self.stack.1;
        // SAFETY: `new` mapped the page with the instructions, and everything that they
        // use, in the address space that they switch to; `fill` wrote what `data` points to.
        unsafe { entry::enter_kernel(self.code, self.data, self.entry, top, self.page_tables) }
    }
}
