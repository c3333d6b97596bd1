//! Kernel panic: prints message, location, registers and a symbolised backtrace, then stops the
//! machine.
//!
//! It works from the first instruction of `kernel_main` on: it needs no heap, breaks the console's
//! lock, and ends QEMU at once.

use core::arch::asm;
use core::fmt::{self, Display};
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use crate::abi::frame::Frame;
use crate::dev::console;
use crate::dev::power::{self, Exit};
use crate::dev::symbols;

static PANICKING: AtomicBool = AtomicBool::new(false);
static TIMEOUT: AtomicI32 = AtomicI32::new(0);

/// Maximum number of callers in a backtrace.
const DEPTH: usize = 32;

/// Sets the reset after a panic on a machine without isa-debug-exit (`panic=`): after `seconds`,
/// at once if negative, never if 0.
pub fn set_timeout(seconds: i32) {
    TIMEOUT.store(seconds, Ordering::Relaxed);
}

macro_rules! line {
    ($($arg:tt)*) => { console::print(format_args!("{}\n", format_args!($($arg)*))) };
}

/// Panics on an exception in the kernel, with the registers of the interrupted code.
pub fn with_frame(frame: &Frame, message: fmt::Arguments<'_>) -> ! {
    die(&message, None, Some(frame))
}

#[cfg(target_os = "none")]
#[panic_handler]
fn on_panic(info: &core::panic::PanicInfo<'_>) -> ! {
    die(&info.message(), info.location(), None)
}

// The host build, which is only linted, has no panic handler.
#[cfg_attr(not(target_os = "none"), allow(dead_code))]
fn die(
    message: &dyn Display,
    location: Option<&core::panic::Location<'_>>,
    frame: Option<&Frame>,
) -> ! {
    x86_64::instructions::interrupts::disable();
    if PANICKING.swap(true, Ordering::Relaxed) {
        // A panic while reporting a panic: stop without a message.
        end();
    }
    crate::sync::stop_checks();
    // SAFETY: no other code runs from here on.
    unsafe { console::seize() };
    line!("\nKernel panic: {message}");
    if let Some(location) = location {
        line!("  at {location}");
    }
    let (rbp, rip) = match frame {
        Some(frame) => {
            registers(frame);
            (frame.rbp, frame.rip)
        }
        None => {
            let rbp: u64;
            // SAFETY: reads a register.
            unsafe { asm!("mov {}, rbp", out(reg) rbp, options(nomem, nostack, preserves_flags)) };
            (rbp, 0)
        }
    };
    backtrace(rip, rbp);
    end()
}

fn registers(f: &Frame) {
    use x86_64::registers::control::{Cr0, Cr2, Cr3, Cr4};
    line!(
        "  rip {:016x} cs {:04x} rflags {:08x}",
        f.rip,
        f.cs,
        f.rflags
    );
    line!("  rsp {:016x} ss {:04x} entry {:#x}", f.rsp, f.ss, f.entry);
    line!(
        "  rax {:016x} rbx {:016x} rcx {:016x} rdx {:016x}",
        f.rax,
        f.rbx,
        f.rcx,
        f.rdx
    );
    line!(
        "  rsi {:016x} rdi {:016x} rbp {:016x} r8  {:016x}",
        f.rsi,
        f.rdi,
        f.rbp,
        f.r8
    );
    line!(
        "  r9  {:016x} r10 {:016x} r11 {:016x} r12 {:016x}",
        f.r9,
        f.r10,
        f.r11,
        f.r12
    );
    line!("  r13 {:016x} r14 {:016x} r15 {:016x}", f.r13, f.r14, f.r15);
    line!(
        "  cr0 {:x} cr2 {:x} cr3 {:x} cr4 {:x}",
        Cr0::read_raw(),
        Cr2::read_raw(),
        Cr3::read_raw().0.start_address().as_u64(),
        Cr4::read_raw()
    );
}

/// Follows the chain of frame pointers: the caller's is at \[rbp\], the return address at
/// \[rbp + 8\].
fn backtrace(rip: u64, mut rbp: u64) {
    line!("Backtrace:");
    if rip != 0 {
        line!("  {rip:#018x} {}", symbols::Symbol(rip));
    }
    for _ in 0..DEPTH {
        // Stack frames are in the kernel's half, aligned, each above the last; any other value is
        // the end of the chain or garbage.
        if rbp < 1 << 63 || !rbp.is_multiple_of(8) || !readable(rbp) {
            return;
        }
        // SAFETY: checked to be mapped kernel memory.
        let (next, address) = unsafe { (*(rbp as *const u64), *((rbp + 8) as *const u64)) };
        if address < 1 << 63 {
            return;
        }
        // The return address follows the call and may be in the next function: look up one less.
        line!("  {address:#018x} {}", symbols::Symbol(address - 1));
        if next <= rbp {
            return;
        }
        rbp = next;
    }
}

/// Whether 16 bytes at `address` are mapped. True before `paging::init`: the stack is the loader's,
/// which is mapped.
fn readable(address: u64) -> bool {
    use crate::mm::paging;
    !paging::is_ready()
        || paging::kernel_to_phys(address).is_some()
            && paging::kernel_to_phys(address + 15).is_some()
}

fn end() -> ! {
    power::debug_exit(Exit::Panic);
    let seconds = TIMEOUT.load(Ordering::Relaxed);
    if seconds > 0 {
        crate::arch::tsc::spin(seconds as u64);
    }
    if seconds != 0 {
        power::reset();
    }
    power::halt()
}
