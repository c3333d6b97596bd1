//! The entries to the kernel, or *doors*, side by side: the map of the walk below.
//!
//! ```text
//!  program                     CPU                           kernel
//!  -------                     ---                           ------
//!  int 0x80    --> IDT[0x80], stack from TSS.rsp0    --> int80.rs    --+
//!  syscall     --> LSTAR (64-bit), CSTAR (32-bit)    --> syscall.rs  --+--> call.rs: handler
//!  sysenter    --> SYSENTER_EIP                      --> sysenter.rs --+         |
//!                                                                                v
//!                                                             exit.rs: SYSRET or IRET
//!                                                                                ^
//!  exception   --> IDT[vector], stack from TSS       --> exceptions.rs ----------+ IRET only
//! ```
//!
//! The instructions differ in what the CPU saves and loads. Each stub does the rest, and executes
//! SWAPGS first: no door changes the GS base.
//!
//! | | INT 0x80 | SYSCALL (64) | SYSCALL (32) | SYSENTER |
//! |---|---|---|---|---|
//! | return address | pushed | in rcx | in ecx, unused | **not saved** |
//! | stack pointer | pushed | **stays the program's** | **stays the program's** | **overwritten**; the vDSO has copied esp to ebp |
//! | flags | pushed; IF TF NT RF VM cleared | in r11; masked by SFMASK | in r11; masked by SFMASK | not saved; IF RF VM cleared |
//! | kernel stack | from TSS.rsp0 | by the stub | by the stub | by the stub (SYSENTER_ESP is 0) |
//! | system call number | eax | rax, low half | eax | eax |
//! | arguments | ebx ecx edx esi edi ebp | rdi rsi rdx r10 r8 r9 | ebx **ebp** edx esi edi \[esp\] | ebx ecx edx esi edi \[ebp\] |
//! | system call table | i386 | x86_64 | i386 | i386 |
//! | returns to | next instruction | next instruction | landing pad in the vDSO | landing pad in the vDSO |
//! | returns by | IRET | SYSRET or IRET | SYSRET or IRET | SYSRET or IRET, never SYSEXIT |
//!
//! All stubs leave the same [`Frame`](crate::abi::frame::Frame) on the task's kernel stack. A stub
//! is the whole way from the program to a handler and back: the text of the steps that all have is
//! in the macros of `call.rs` and [`exit`].
//!
//! # One write(), ten files
//!
//! The reading order, as in README.md, which names the helpers of each step too. The module comment
//! of each file ends with the next one.
//!
//! 1. `user/sys/src/syscall.rs`: the program loads number and arguments and executes SYSCALL.
//! 2. `entry/syscall.rs`: the entry stub switches to the kernel's stack and saves the registers.
//! 3. `abi/frame.rs`: the saved registers.
//! 4. `entry/call.rs`: the steps of the stub from the number to the handler.
//! 5. `syscall/table.rs`: from the number to the handler, from registers to typed arguments, from
//!    the result to rax.
//! 6. `syscall/io.rs`: the handler, `write`.
//! 7. `vfs/file.rs`: the open file, which calls the write operation of its type.
//! 8. `tty/file.rs`: a terminal's write operation copies the bytes and has them processed.
//! 9. `dev/console.rs`: the UART sends them.
//! 10. `entry/exit.rs`: back to the program, by SYSRET or IRET.
//!
//! `msr.rs` programs the entry points into the CPU. `int80.rs` and `sysenter.rs` are the other
//! system call doors. `exceptions.rs` has the stubs of all exceptions and interrupts;
//! `exception_dispatch.rs` dispatches the exceptions (a program's to `process/fault.rs`),
//! `interrupt.rs` handles the interrupts. `exit_work.rs` does pending work before a return.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | door | a system call entry: [`Door`](crate::abi::door::Door) |
//! | stub | the assembly of an entry, which calls Rust |
//! | naked function | a function without compiled code before and after its assembly (`#[unsafe(naked)]`) |
//! | frame | the program's registers, saved at the top of the task's kernel stack |
//! | orig_rax | the frame's copy of the system call number, as rax gets the result; -1 in a frame that is no call's |
//! | GS base | address that a `gs:` operand is relative to: the per-CPU data (`arch/percpu.rs`) in the kernel, the program's value (the user GS base) in user mode; SWAPGS exchanges the two |
//! | IDT | table of the gates that INT, exceptions and interrupts go through (`arch/idt.rs`) |
//! | TSS | task-state segment: the stack pointers that a gate loads (`arch/gdt.rs`) |
//! | IST | interrupt stack table, in the TSS: stacks of the vectors that may not use the interrupted one |
//! | #DB, NMI, #DF, #MC | debug exception, non-maskable interrupt, double fault, machine check: the vectors with an IST stack |
//! | MSR | model-specific register; LSTAR, CSTAR, STAR, SFMASK and SYSENTER_* hold the entry points (`msr.rs`) |
//! | SMAP | supervisor-mode access prevention: the kernel faults on user memory unless AC is set |
//! | compatibility mode | long mode with a 32-bit code segment: 32-bit programs run in it |
//! | canonical | of an address: bits 48 to 63 equal bit 47; others fault |
//! | vDSO | shared object that the kernel maps into each program (`user/vdso/`) |
//! | landing pad | the vDSO's instruction to which SYSENTER and 32-bit SYSCALL return |
//! | work bits | flags in the per-CPU data: work to do before a call, or before the return to user mode (`arch/percpu.rs`, `work`) |
//! | exit work | work before the return to user mode: signals, a switch to another task (`exit_work.rs`) |
//! | leftovers | pages whose last user is gone, freed in parts as exit work (`vm/leftovers.rs`) |
//! | espfix | the stack for an IRET to a 16-bit stack segment (`mm/espfix.rs`) |
//!
//! # The floor
//!
//! Floor 13, the top one, shared with `main.rs`, `boot.rs` and `ktest.rs`: it may use every other
//! folder (tests/floors/floors.txt). The stubs are assembly, so the folder contains unsafe code.
//!
//! Left out of Linux's arch/x86/entry: page-table isolation and the other mitigations of
//! speculative execution, apart from the bounded index into the system call table and the cleared
//! registers (`call.rs`); seccomp, auditing and syscall user dispatch; the vsyscall page; FRED;
//! interrupts other than the PIC's sixteen lines; a second CPU.

mod call;
mod debug_info;
mod exception_dispatch;
pub mod exceptions;
pub mod exit;
mod exit_work;
pub mod int80;
mod interrupt;
pub mod msr;
pub mod syscall;
pub mod sysenter;

#[cfg(test)]
mod tests;

use crate::arch::idt::Vectors;
use crate::dev::{local_apic, pic};

/// The stubs of the interrupt descriptor table.
pub static VECTORS: Vectors = Vectors {
    exceptions: exceptions::STUBS,
    interrupts: exceptions::IRQ_STUBS,
    first_interrupt: pic::BASE,
    spurious: (local_apic::SPURIOUS_VECTOR, exceptions::spurious),
};
