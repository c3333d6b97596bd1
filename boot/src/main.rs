//! Boot loader: from QEMU's `-kernel` or GRUB to the kernel's entry point.
//!
//! The loader is one ELF file that embeds the kernel's ELF file. Firmware enters it in 32-bit
//! mode by one of two protocols, PVH or multiboot2. It switches to 64-bit mode, builds the
//! address space that the kernel's configuration requests, and calls the kernel by the contract
//! of the `bootloader_api` crate. The kernel depends on nothing else of the loader, so that it
//! boots under any loader with that contract.
//!
//! The modules in the order of execution:
//!
//! 1. [`entry`]: the first instructions, 32-bit mode to [`load`]
//! 2. [`protocol`]: firmware's boot data, read by [`pvh`] or [`multiboot2`]
//! 3. [`memory`]: the map of physical memory, and the frame allocator
//! 4. [`kernel_elf`]: the kernel's segments
//! 5. [`paging`]: the kernel's address space
//! 6. [`ramdisk`]: the command line (as a [`cpio`] archive) followed by the initramfs
//! 7. [`handoff`]: the `BootInfo`, and the last instructions
//!
//! An error is reported as one line on the first serial port ([`serial`]).

#![cfg_attr(target_os = "none", no_std, no_main)]
// On the host only the unit tests run; the rest is unused there.
#![cfg_attr(not(target_os = "none"), allow(dead_code))]

mod cpio;
mod entry;
mod handoff;
mod kernel_elf;
mod memory;
mod multiboot2;
mod paging;
mod protocol;
mod pvh;
mod ramdisk;
mod serial;

use paging::AddressSpace;

/// Result of a step; the error is the message for the user.
type Result<T> = core::result::Result<T, &'static str>;

/// Rust entry point, called by [`entry`] with firmware's EAX and EBX.
extern "C" fn load(magic: u32, info: u32) -> ! {
    match prepare(magic, info) {
        Ok(handoff) => handoff.enter(),
        Err(reason) => serial::fail(format_args!("{reason}")),
    }
}

/// Loads the kernel: all steps between the entry and the handoff.
fn prepare(magic: u32, info: u32) -> Result<handoff::Handoff> {
    let boot = protocol::read(magic, info)?;
    let mut memory = memory::Memory::new(&boot.regions, &boot.claims)?;
    boot.check_initrd(&memory)?;
    let kernel = kernel_elf::Kernel::embedded()?;
    let config = kernel.config()?;

    let mut space = AddressSpace::new(&mut memory, &config.mappings)?;
    let tls = kernel.map(&mut space)?;
    let physical_memory = match config.mappings.physical_memory {
        Some(mapping) => Some(space.map_physical_memory(mapping, boot.memory_end())?),
        None => None,
    };
    let stack = space.map_stack(config.mappings.kernel_stack, config.kernel_stack_size)?;
    let ramdisk = ramdisk::map(&mut space, config.mappings.ramdisk_memory, &boot)?;

    let mut handoff = handoff::Handoff::new(&mut space, &config.mappings, &kernel, stack)?;
    space.share_upper_half();
    handoff.fill(&memory, &boot, physical_memory, ramdisk, tls);
    Ok(handoff)
}

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    serial::fail(format_args!("{info}"))
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("trident-boot runs on the bare machine; see `make run`");
}
