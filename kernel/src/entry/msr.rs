//! How the CPU is told where the fast instructions go: every MSR and every flag, with its
//! reason.

use x86_64::registers::model_specific::Msr;

use crate::arch::cpu::{self, Vendor};
use crate::arch::gdt::{KERNEL_CS, USER32_CS};
use crate::arch::idt::SYSCALL_VECTOR;
use crate::log;

use super::{int80, syscall, sysenter};

/// SYSCALL's and SYSRET's selectors (Intel SDM vol. 4; AMD APM vol. 2, 6.1.1).
const STAR: u32 = 0xc000_0081;
/// rip of SYSCALL from 64-bit code.
const LSTAR: u32 = 0xc000_0082;
/// rip of SYSCALL from 32-bit code.
const CSTAR: u32 = 0xc000_0083;
/// rflags bits that SYSCALL clears.
const SFMASK: u32 = 0xc000_0084;
/// SYSENTER's code segment; its stack segment is the next descriptor.
const SYSENTER_CS: u32 = 0x174;
/// rsp of SYSENTER.
const SYSENTER_ESP: u32 = 0x175;
/// rip of SYSENTER.
const SYSENTER_EIP: u32 = 0x176;

/// What a program's flags must not do to the kernel's first instructions. SYSRET or IRET
/// brings them back.
const MASKED_FLAGS: u64 = TF | IF | DF | IOPL | NT | RF | VM | AC | ID | ARITHMETIC;
/// Single-step: the entry stub would trap after its first instruction, on the program's stack.
const TF: u64 = 1 << 8;
/// Interrupts: none before GS and the stack are the kernel's.
const IF: u64 = 1 << 9;
/// Direction: the psABI wants it clear in every function; string instructions would run down.
const DF: u64 = 1 << 10;
/// I/O privilege: the kernel's own is 0.
const IOPL: u64 = 3 << 12;
/// Nested task: the kernel's IRET would try a task switch and fault.
const NT: u64 = 1 << 14;
/// Resume: would hide an instruction breakpoint on the stub.
const RF: u64 = 1 << 16;
/// Virtual-8086 mode: the kernel would run in it, where an emulator lets a program enter it.
const VM: u64 = 1 << 17;
/// Alignment check: in ring 0 it is the switch that opens user memory in spite of SMAP.
const AC: u64 = 1 << 18;
/// CPUID-available: of no use to the kernel; masked so that its flags don't depend on it.
const ID: u64 = 1 << 21;
/// CF, PF, AF, ZF, SF, OF: the program's; the kernel starts from a known state.
const ARITHMETIC: u64 = 0x8d5;

fn write(msr: u32, value: u64) {
    // SAFETY: called from `init` alone, with the addresses and selectors of this kernel.
    unsafe { Msr::new(msr).write(value) };
}

/// Programs the MSRs that this CPU has, and says so in the log, where the tour finds it.
pub fn init() {
    // SYSCALL: cs = STAR[47:32], ss = that + 8. SYSRET: cs = STAR[63:48] + 16 for 64-bit code
    // or + 0 for 32-bit code, ss = that + 8. The GDT is laid out for this sum.
    let star = u64::from(USER32_CS) << 48 | u64::from(KERNEL_CS) << 32;
    let lstar = syscall::entry_syscall_64 as *const () as u64;
    let cstar = syscall::entry_syscall_32 as *const () as u64;
    write(STAR, star);
    write(LSTAR, lstar);
    // Also on Intel CPUs, which never take it: an emulator may, and an unwritten CSTAR is a
    // jump to address 0 in ring 0.
    write(CSTAR, cstar);
    write(SFMASK, MASKED_FLAGS);
    log!(
        "doors: INT 0x{SYSCALL_VECTOR:x}: IDT gate DPL=3 -> entry_int80 {:#x}",
        int80::entry_int80 as *const () as u64
    );
    log!(
        "doors: STAR={star:#018x} LSTAR={lstar:#x} (entry_syscall_64) CSTAR={cstar:#x} (entry_syscall_32) SFMASK={MASKED_FLAGS:#x}"
    );
    if !cpu::features().sysenter {
        log!("doors: SYSENTER: not on this CPU");
        return;
    }
    let eip = sysenter::entry_sysenter as *const () as u64;
    write(SYSENTER_CS, u64::from(KERNEL_CS));
    // The stub takes its stack from the per-CPU data in its second instruction; until then an
    // NMI or #DB brings its own. An address that faults on use is the honest value here.
    write(SYSENTER_ESP, 0);
    write(SYSENTER_EIP, eip);
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
