//! The model-specific registers of SYSCALL and SYSENTER: entry points, selectors and masked flags,
//! and why each has its value.

use x86_64::registers::model_specific::Msr;

use crate::abi::frame::USER32_CS;
use crate::arch::cpu::{self, Vendor};
use crate::arch::gdt::KERNEL_CS;
use crate::arch::idt::{self, SYSCALL_VECTOR, Stub};
use crate::dev::log::log;

use super::{int80, syscall, sysenter};

// ANCHOR: numbers
/// Selectors of SYSCALL and SYSRET (Intel SDM vol. 4; AMD APM vol. 2, 6.1.1).
const STAR: u32 = 0xc000_0081;
/// Entry point of SYSCALL from 64-bit code.
const LSTAR: u32 = 0xc000_0082;
/// Entry point of SYSCALL from 32-bit code.
const CSTAR: u32 = 0xc000_0083;
/// rflags bits that SYSCALL clears.
const SFMASK: u32 = 0xc000_0084;
/// Code segment of SYSENTER; the stack segment is the next descriptor.
const SYSENTER_CS: u32 = 0x174;
/// Stack pointer that SYSENTER loads.
const SYSENTER_ESP: u32 = 0x175;
/// Entry point of SYSENTER.
const SYSENTER_EIP: u32 = 0x176;
// ANCHOR_END: numbers

// ANCHOR: masked-flags
/// Flags that SYSCALL clears, so that the program's values don't affect the entry stub. SYSRET
/// or IRET restores them.
const MASKED_FLAGS: u64 = TF | IF | DF | IOPL | NT | RF | VM | AC | ID | ARITHMETIC;
/// Trap: #DB in the entry stub, with the user GS base and the program's stack.
const TF: u64 = 1 << 8;
/// Interrupt enable: no interrupt before GS base and stack are the kernel's.
const IF: u64 = 1 << 9;
/// Direction: string instructions would run downwards; the psABI has DF clear at function entry.
const DF: u64 = 1 << 10;
// ANCHOR_END: masked-flags
/// I/O privilege level: 0 in the kernel.
const IOPL: u64 = 3 << 12;
/// Nested task: an IRET in the kernel would attempt a task switch and fault.
const NT: u64 = 1 << 14;
/// Resume: would suppress an instruction breakpoint on the stub.
const RF: u64 = 1 << 16;
/// Virtual-8086 mode: an emulator may let a program set it, and the kernel would run in that mode.
const VM: u64 = 1 << 17;
/// Alignment check: set in ring 0, it suspends SMAP.
const AC: u64 = 1 << 18;
/// CPUID available: unused; masked so that the kernel's flags don't depend on the program.
const ID: u64 = 1 << 21;
/// CF, PF, AF, ZF, SF, OF: cleared, so that the kernel starts from a known state.
const ARITHMETIC: u64 = 0x8d5;

fn write(msr: u32, value: u64) {
    // SAFETY: called only from `init`, with entry points and selectors of this kernel.
    unsafe { Msr::new(msr).write(value) };
}

/// The entry stubs: those that clear registers before the handler, or those that don't.
fn stubs(clear: bool) -> [Stub; 4] {
    if clear {
        [
            int80::entry_int80::<true>,
            syscall::entry_syscall_64::<true>,
            syscall::entry_syscall_32::<true>,
            sysenter::entry_sysenter::<true>,
        ]
    } else {
        [
            int80::entry_int80::<false>,
            syscall::entry_syscall_64::<false>,
            syscall::entry_syscall_32::<false>,
            sysenter::entry_sysenter::<false>,
        ]
    }
}

/// Programs the gate of INT 0x80 and the MSRs that this CPU has, and logs their values. `clear`:
/// with the stubs that clear registers before the handler (`call.rs`).
pub fn init(clear: bool) {
    let stubs = stubs(clear);
    let [int80, lstar, cstar, eip] = stubs.map(|stub| stub as *const () as u64);
    #[cfg(debug_assertions)]
    super::call::CLEARS.store(clear, core::sync::atomic::Ordering::Relaxed);
    idt::set_system_call(stubs[0]);
    if !clear {
        log!("doors: registers are not cleared (clear_registers=off)");
    }
    // ANCHOR: star
    // SYSCALL: cs = STAR[47:32], ss = STAR[47:32] + 8. SYSRET: cs = STAR[63:48] + 16 for 64-bit
    // code, + 0 for 32-bit code; ss = STAR[63:48] + 8. The GDT's order follows from these sums.
    let star = u64::from(USER32_CS) << 48 | u64::from(KERNEL_CS) << 32;
    write(STAR, star);
    write(LSTAR, lstar);
    // Also on Intel CPUs, where 32-bit SYSCALL raises #UD: an emulator may execute it, and would
    // jump to address 0 in ring 0 if CSTAR were not written.
    write(CSTAR, cstar);
    write(SFMASK, MASKED_FLAGS);
    // ANCHOR_END: star
    log!("doors: INT 0x{SYSCALL_VECTOR:x}: IDT gate DPL=3 -> entry_int80 {int80:#x}");
    log!(
        "doors: STAR={star:#018x} LSTAR={lstar:#x} (entry_syscall_64) CSTAR={cstar:#x} (entry_syscall_32) SFMASK={MASKED_FLAGS:#x}"
    );
    if !cpu::features().sysenter {
        log!("doors: SYSENTER: not on this CPU");
        return;
    }
    // ANCHOR: sysenter
    write(SYSENTER_CS, u64::from(KERNEL_CS));
    // The stub's second instruction loads rsp from the per-CPU data; an NMI or #DB before that
    // has a stack of its own (IST). SYSENTER_ESP is never used: 0 faults if it is.
    write(SYSENTER_ESP, 0);
    write(SYSENTER_EIP, eip);
    // ANCHOR_END: sysenter
    log!(
        "doors: SYSENTER_CS={KERNEL_CS:#x} SYSENTER_ESP=0x0 SYSENTER_EIP={eip:#x} (entry_sysenter)"
    );
    let fast = match cpu::features().vendor {
        Vendor::Intel => "SYSENTER",
        Vendor::Amd => "SYSCALL",
        Vendor::Other => "INT 0x80",
    };
    log!("doors: 32-bit programs enter by {fast} (__kernel_vsyscall)");
}
