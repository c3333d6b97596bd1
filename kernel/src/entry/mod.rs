//! **Start here.** The ways into the kernel, side by side.
//!
//! ```text
//!  program                     CPU                        kernel
//!  -------                     ---                        ------
//!  int 0x80    --> IDT[0x80], stack from the TSS  --> int80.rs    --+
//!  syscall     --> LSTAR (64-bit), CSTAR (32-bit) --> syscall.rs  --+--> syscall/mod.rs --> handler
//!  sysenter    --> SYSENTER_EIP, _ESP             --> sysenter.rs --+         |
//!  (a fault)   --> IDT[vector]                    --> exceptions.rs           v
//!                                                          exit.rs: SYSRET or IRET
//! ```
//!
//! What the CPU does by itself differs, and each stub makes up for the rest:
//!
//! | | INT 0x80 | SYSCALL (64) | SYSCALL (32) | SYSENTER |
//! |---|---|---|---|---|
//! | return address | pushed | rcx | ecx | **lost**: a fixed place in the vDSO |
//! | stack pointer | pushed | **kept**: still the program's | kept | **lost**: the vDSO left it in ebp |
//! | flags | pushed, IF TF NT cleared | r11, masked by SFMASK | r11, masked | **lost** but for IF, which is cleared |
//! | kernel stack | loaded (TSS.rsp0) | no | no | loaded (SYSENTER_ESP) |
//! | GS base | no | no | no | no: SWAPGS everywhere |
//! | number | eax | rax | eax | eax |
//! | arguments | ebx ecx edx esi edi ebp | rdi rsi rdx r10 r8 r9 | ebx **ebp** edx esi edi \[esp\] | ebx ecx edx esi edi \[ebp\] |
//! | table | i386 | x86_64 | i386 | i386 |
//!
//! All of them end with the same [`frame::Frame`] on the task's kernel stack, call
//! [`crate::syscall`] with its address, and leave through [`exit`].
//!
//! Reading order: this file, `frame.rs`, `int80.rs`, `syscall.rs`, `exit.rs`, then
//! `syscall/mod.rs`. `msr.rs` says how the CPU was told where to go.

pub mod exceptions;
pub mod exit;
pub mod frame;
pub mod int80;
pub mod msr;
pub mod syscall;
pub mod sysenter;
#[cfg(test)]
mod tests;
