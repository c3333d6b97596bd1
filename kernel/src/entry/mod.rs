//! **Start here.** The entries to the kernel, or *doors*, side by side.
//!
//! ```text
//!  program                     CPU                           kernel
//!  -------                     ---                           ------
//!  int 0x80    --> IDT[0x80], stack from TSS.rsp0    --> int80.rs    --+
//!  syscall     --> LSTAR (64-bit), CSTAR (32-bit)    --> syscall.rs  --+--> call.rs --> handler
//!  sysenter    --> SYSENTER_EIP                      --> sysenter.rs --+         |
//!                                                                                v
//!  exception   --> IDT[vector], stack from TSS       --> exceptions.rs --> exit.rs: SYSRET or IRET
//! ```
//!
//! The instructions differ in what the CPU saves and loads. Each stub does the rest:
//!
//! | | INT 0x80 | SYSCALL (64) | SYSCALL (32) | SYSENTER |
//! |---|---|---|---|---|
//! | return address | pushed | in rcx | in ecx, unused | **not saved** |
//! | stack pointer | pushed | **stays the program's** | **stays the program's** | **overwritten**; the vDSO has copied esp to ebp |
//! | flags | pushed; IF TF NT RF VM cleared | in r11; masked by SFMASK | in r11; masked by SFMASK | not saved; IF RF VM cleared |
//! | kernel stack | from TSS.rsp0 | by the stub | by the stub | by the stub (SYSENTER_ESP is 0) |
//! | GS base | by the stub (SWAPGS) | by the stub | by the stub | by the stub |
//! | system call number | eax | rax, low half | eax | eax |
//! | arguments | ebx ecx edx esi edi ebp | rdi rsi rdx r10 r8 r9 | ebx **ebp** edx esi edi \[esp\] | ebx ecx edx esi edi \[ebp\] |
//! | system call table | i386 | x86_64 | i386 | i386 |
//! | returns to | next instruction | next instruction | landing pad in the vDSO | landing pad in the vDSO |
//! | returns by | IRET | SYSRET or IRET | SYSRET or IRET | SYSRET or IRET, never SYSEXIT |
//!
//! All stubs leave the same [`Frame`](crate::abi::frame::Frame) on the task's kernel stack, call
//! `call.rs` with its address, and leave through [`exit`].
//!
//! # One write(), ten files
//!
//! The reading order, as in README.md; each file names the next at the end of its module comment.
//!
//! 1. `user/sys/src/syscall.rs`: the program loads number and arguments and executes SYSCALL.
//! 2. `entry/syscall.rs`: the entry stub switches to the kernel's stack and saves the registers.
//! 3. `abi/frame.rs`: the saved registers.
//! 4. `entry/call.rs`: the number and the arguments, out of the frame.
//! 5. `syscall/table.rs`: from the number to the handler, from registers to typed arguments.
//! 6. `syscall/io.rs`: the handler, `write`.
//! 7. `vfs/file.rs`: the open file, whose type has the operations.
//! 8. `tty/file.rs`: the terminal copies the bytes from user memory and processes them.
//! 9. `dev/console.rs`: the UART sends them.
//! 10. `entry/exit.rs`: back to the program, by SYSRET or IRET.
//!
//! `msr.rs` programs the entry points into the CPU. `int80.rs` and `sysenter.rs` are the other
//! system call doors. `exceptions.rs` is the entry of exceptions and interrupts; `kernel_exceptions.rs`
//! and `interrupt.rs` handle them. `exit_work.rs` does what is pending before a return.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | door | a system call entry: [`Door`](crate::abi::frame::Door) |
//! | stub | the assembly that an entry starts with, until it calls Rust |
//! | frame | the program's registers, saved at the top of the task's kernel stack |
//! | GS base | address that a `gs:` operand is relative to: the per-CPU data (`arch/percpu.rs`) in the kernel, the program's own value in user mode; SWAPGS exchanges the two |
//! | IDT | table of the gates that INT, exceptions and interrupts go through (`arch/idt.rs`) |
//! | TSS | task-state segment: the stack pointers that a gate loads (`arch/gdt.rs`) |
//! | MSR | model-specific register; LSTAR, CSTAR, STAR, SFMASK and SYSENTER_* hold the entry points (`msr.rs`) |
//! | SMAP | supervisor-mode access prevention: the kernel faults on user memory unless AC is set |
//! | vDSO | shared object that the kernel maps into each program (`user/vdso/`) |
//! | landing pad | the vDSO's instruction to which SYSENTER and 32-bit SYSCALL return |
//! | work bits | per-CPU flags tested before a call and before the return (`arch/percpu.rs`, `work`) |
//!
//! # The floor
//!
//! Floor 13, the top one, shared with `main.rs`, `boot.rs` and `ktest.rs`: it may use every other
//! folder (tests/floors/floors.txt). The stubs are assembly, so the folder contains unsafe code.
//!
//! Left out of Linux's arch/x86/entry: page-table isolation and the other mitigations of
//! speculative execution, apart from the masked index into the system call table
//! (`arch/nospec.rs`); seccomp, auditing and syscall user dispatch; the vsyscall page; FRED;
//! interrupts other than the PIC's sixteen lines; a second CPU.

mod call;
pub mod exceptions;
pub mod exit;
mod exit_work;
pub mod int80;
mod interrupt;
mod kernel_exceptions;
pub mod msr;
pub mod syscall;
pub mod sysenter;

#[cfg(test)]
mod tests;

use crate::arch::idt::Vectors;
use crate::dev::pic;

/// The stubs of the interrupt descriptor table.
pub static VECTORS: Vectors = Vectors {
    exceptions: exceptions::STUBS,
    interrupts: exceptions::IRQ_STUBS,
    first_interrupt: pic::BASE,
    system_call: int80::entry_int80,
};
