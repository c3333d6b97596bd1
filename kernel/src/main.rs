//! Trident: an x86_64 kernel that runs Linux programs, written to show how a program calls it.
//!
//! This file is the order of initialisation, which a reader can leave for later: the reading order
//! is in README.md ("One write(), ten files"), and [`entry`] has a table of the system call
//! entries.

// On a host without the bare target the crate is linted as a program of the host, with std.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod abi;
mod arch;
mod boot;
mod dev;
mod entry;
mod fs;
mod mm;
mod net;
mod process;
mod sched;
mod sync;
mod syscall;
mod time;
mod trace;
mod tty;
mod usercopy;
mod vfs;
mod vm;

#[cfg(test)]
mod ktest;

use bootloader_api::config::{BootloaderConfig, Mapping};
use bootloader_api::{BootInfo, entry_point};

use crate::dev::log::log;
use crate::mm::layout;

/// Configuration for the loader: Trident's (`boot/`) or the stock one of the `bootloader` crate.
const LOADER: BootloaderConfig = {
    let mut config = BootloaderConfig::new_default();
    config.mappings.physical_memory = Some(Mapping::Dynamic);
    // Mappings that the loader places are in the kernel's half.
    config.mappings.dynamic_range_start = Some(layout::LOADER_START);
    config.mappings.dynamic_range_end = Some(layout::LOADER_END);
    config.kernel_stack_size = 64 * 1024;
    config
};

entry_point!(kernel_main, config = &LOADER);

fn kernel_main(boot_info: &'static mut BootInfo) -> ! {
    // The CPU. Descriptor tables first: a fault from here on is reported.
    arch::gdt::init();
    arch::percpu::init();
    arch::idt::init(&entry::VECTORS);
    arch::cpu::init();
    // Memory: page frames, page tables, the heap.
    mm::init(boot_info);
    arch::alternatives::init(mm::paging::poke_text);
    // The command line and the initramfs, from the loader.
    let ramdisk = boot::ramdisk(boot_info);
    let command_line = boot::command_line(ramdisk);
    let options = boot::options(command_line);
    log!(
        "Trident {} on {}",
        env!("CARGO_PKG_VERSION"),
        arch::cpu::features().brand()
    );
    #[cfg(debug_assertions)]
    log!("test build: overflow checks, debug assertions");
    dev::acpi::init(boot_info);
    // System call entry, interrupts and clocks.
    entry::msr::init(options.clear_registers);
    // SAFETY: `start_task` returns to user mode with the frame at rsp.
    unsafe { sched::run_queue::init(entry::exit::start_task) };
    dev::pic::init();
    time::init();
    dev::random::init(ramdisk);
    vm::vdso::init();
    // What the floors below need of those above.
    mm::reserve::init(process::oom::wait_for_step);
    vm::mappers::init(sched::preempt::point);
    process::exit::init(net::after_exit);
    #[cfg(debug_assertions)]
    mm::injection::init(process::injection::HOOKS);
    vfs::mount::init(fs::KINDS);
    vfs::chrdev::init(tty::DRIVERS);
    process::call_log::init(&trace::EVENTS);
    #[cfg(test)]
    ktest::run(&options);
    // SAFETY: the last use of `ramdisk`; the options are copies.
    let ramdisk = unsafe { boot::Ramdisk::take(ramdisk) };
    let shown = fs::Shown {
        command_line,
        doors: syscall::counters::list,
    };
    fs::init(ramdisk, shown);
    dev::console::listen();
    process::init::start(&options)
}

/// `main` of the host build, which is only linted.
#[cfg(not(target_os = "none"))]
fn main() {}
