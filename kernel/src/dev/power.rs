//! Ending the machine: QEMU's isa-debug-exit device, and reset.
//!
//! Power-off by ACPI lives in `acpi.rs`.

use x86_64::instructions::port::Port;

/// What the machine says to whoever started it. QEMU's isa-debug-exit turns value `v` into
/// the exit status `v << 1 | 1`, so that no value of ours is mistaken for QEMU's own 0 or 1.
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

/// The device's port: `-device isa-debug-exit,iobase=0xf4,iosize=0x04`.
const DEBUG_EXIT: u16 = 0xf4;

/// Ends QEMU with `code`. Returns where there is no isa-debug-exit device.
pub fn debug_exit(code: Exit) {
    let mut port = Port::<u32>::new(DEBUG_EXIT);
    // SAFETY: no device but isa-debug-exit answers at this port on the machines supported;
    // where it is absent the write goes nowhere.
    unsafe { port.write(code as u32) };
    // The device is asynchronous on some hosts: give it time before anything else happens.
    for _ in 0..10_000 {
        core::hint::spin_loop();
    }
}

/// Stops this CPU for good.
pub fn halt() -> ! {
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}

/// Powers the machine off; halts where it doesn't know how.
pub fn power_off() -> ! {
    super::acpi::power_off();
    halt()
}

/// Resets the machine: by the keyboard controller, else by a triple fault.
pub fn reset() -> ! {
    /// The 8042's command port; 0xfe pulses the CPU's reset line.
    const KEYBOARD: u16 = 0x64;
    // SAFETY: the last thing this machine does.
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
