//! Machine exit: QEMU's isa-debug-exit device, reset, halt. `acpi.rs` has ACPI's power-off.

use x86_64::instructions::port::Port;

/// Value written to isa-debug-exit. QEMU's exit status is `value << 1 | 1`, which for these values
/// differs from QEMU's own 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Exit {
    /// init exited with status 0.
    Success = 0x10,
    /// init exited with another status or was killed.
    Failure = 0x11,
    /// The kernel panicked.
    Panic = 0x12,
}

/// Port of `-device isa-debug-exit,iobase=0xf4,iosize=0x04`.
const DEBUG_EXIT: u16 = 0xf4;

/// Ends QEMU with `code`. Returns on a machine without isa-debug-exit.
pub fn debug_exit(code: Exit) {
    let mut port = Port::<u32>::new(DEBUG_EXIT);
    // SAFETY: no other device of the supported machines has this port; without isa-debug-exit the
    // write has no effect.
    unsafe { port.write(code as u32) };
    // QEMU may stop the CPU some instructions later: wait here.
    for _ in 0..10_000 {
        core::hint::spin_loop();
    }
}

/// Halts this CPU permanently.
pub fn halt() -> ! {
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}

/// Powers the machine off by ACPI; halts if that is not available.
pub fn power_off() -> ! {
    super::acpi::power_off();
    halt()
}

/// Resets the machine by the keyboard controller, or by a triple fault without one.
pub fn reset() -> ! {
    /// Command port of the 8042; command 0xfe pulses the CPU's reset line.
    const KEYBOARD: u16 = 0x64;
    // SAFETY: a reset has no effect on memory safety; no code runs after it.
    unsafe { Port::<u8>::new(KEYBOARD).write(0xfe) };
    for _ in 0..100_000 {
        core::hint::spin_loop();
    }
    let no_idt = x86_64::structures::DescriptorTablePointer {
        limit: 0,
        base: x86_64::VirtAddr::zero(),
    };
    // SAFETY: without an IDT the next exception cannot be delivered, which resets the CPU.
    unsafe {
        x86_64::instructions::tables::lidt(&no_idt);
        core::arch::asm!("ud2", options(noreturn));
    }
}
