//! Trident: a kernel whose subject is how a program calls it.
//!
//! This file is the order of boot. The ways in are in [`entry`]: start reading there.

// Where the bare target is missing the crate is linted as a program of the host, with std.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod arch;
mod boot;
mod dev;
mod entry;
mod fs;
#[cfg(test)]
mod ktest;
mod log;
mod mm;
mod net;
mod panic;
mod process;
mod ptrace;
mod symbols;
mod sync;
mod syscall;
mod time;
mod trace;
mod usercopy;
mod vdso;

use bootloader_api::config::{BootloaderConfig, Mapping};
use bootloader_api::{BootInfo, entry_point};

use crate::mm::layout;

/// What the kernel asks of its loader, ours or the stock one.
const LOADER: BootloaderConfig = {
    let mut config = BootloaderConfig::new_default();
    config.mappings.physical_memory = Some(Mapping::Dynamic);
    // Everything the loader places itself goes to the kernel's half.
    config.mappings.dynamic_range_start = Some(layout::LOADER_START);
    config.mappings.dynamic_range_end = Some(layout::LOADER_END);
    config.kernel_stack_size = 64 * 1024;
    config
};

entry_point!(kernel_main, config = &LOADER);

fn kernel_main(boot_info: &'static mut BootInfo) -> ! {
    // The CPU: descriptor tables first, so that a fault from here on is a message.
    arch::gdt::init();
    arch::percpu::init();
    arch::idt::init();
    arch::cpu::init();
    // Memory, and with it the heap.
    mm::init(boot_info);
    arch::alternatives::init();
    // What the loader brought: the command line and the files.
    let ramdisk = boot::ramdisk(boot_info);
    let options = boot::options(ramdisk);
    log!(
        "Trident {} on {}",
        env!("CARGO_PKG_VERSION"),
        arch::cpu::features().brand()
    );
    #[cfg(debug_assertions)]
    log!("test build: overflow checks, debug assertions");
    dev::acpi::init(boot_info);
    // The doors, and the clocks.
    entry::msr::init();
    arch::pic::init();
    time::init();
    dev::random::init(ramdisk);
    vdso::init();
    #[cfg(test)]
    ktest::run(&options);
    // SAFETY: the options are copies.
    fs::init(unsafe { boot::Ramdisk::take(ramdisk) });
    dev::console::listen();
    process::init::start(&options)
}

/// Where the crate is only linted, for the host, there is an ordinary `main`.
#[cfg(not(target_os = "none"))]
fn main() {}
