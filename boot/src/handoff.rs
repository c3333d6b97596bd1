//! Handoff: the `BootInfo`, then the switch to the kernel's page tables, stack and entry point.
//!
//! The instructions around the load of CR3 must be mapped before and after it. They are in a
//! separate page, which both address spaces map at the same upper-half address; so the lower
//! half, the programs', starts out empty. The GDT is in that page too.

use crate::kernel_elf::Kernel;
use crate::memory::{Memory, PAGE};
use crate::paging::{AddressSpace, EXECUTE, WRITE};
use crate::protocol::{Boot, MAX_REGIONS, Rsdp};
use crate::{Result, entry};
use bootloader_api::BootInfo;
use bootloader_api::config::{Mapping, Mappings};
use bootloader_api::info::{MemoryRegion, TlsTemplate};
use core::mem::{MaybeUninit, size_of};

/// Data passed to the kernel, in separate pages.
#[repr(C)]
struct BootData {
    info: MaybeUninit<BootInfo>,
    regions: [MemoryRegion; MAX_REGIONS],
    /// ACPI's root pointer, if multiboot2 passes only a copy.
    rsdp: [u8; 36],
}

/// Parameters of the kernel's entry. Addresses are virtual unless stated.
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
    /// Maps the boot data and the handoff page. `stack` is the stack's lowest address and size.
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

    /// Writes the `BootInfo`. No allocation may follow: the memory map is final.
    pub fn fill(
        &mut self,
        memory: &Memory,
        boot: &Boot,
        physical_memory: Option<u64>,
        ramdisk: (u64, u64),
        tls: Option<TlsTemplate>,
    ) {
        // SAFETY: `new` mapped these pages in the upper half, which the loader shares by now, and
        // they have no other user. They are zeroed, which is a valid `BootData` (region kind 0 is
        // `Usable`).
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
        // Nonzero only for a kernel relocated from its link address.
        info.kernel_image_offset = 0;
        (info.kernel_stack_bottom, info.kernel_stack_len) = self.stack;
        data.info.write(info);
    }

    /// Enters the kernel.
    pub fn enter(&self) -> ! {
        let top = self.stack.0 + self.stack.1;
        // SAFETY: `new` mapped the handoff page at the same address in both address spaces, and the
        // stack and the boot data in the kernel's; `fill` wrote the boot data.
        unsafe { entry::enter_kernel(self.code, self.data, self.entry, top, self.page_tables) }
    }
}
