//! The x86_64 CPU: descriptor tables, per-CPU data, features, FPU state, segments, debug registers.
//!
//! Floor 2: it may use `abi/`, and `sync/` beside it. Reading order: `percpu.rs` (what a stub finds
//! behind GS), `gdt.rs` and `idt.rs` (what the CPU finds), `cpu.rs` (features and control
//! registers); then a task's state that a switch exchanges: `fpu.rs`, `segments.rs`, `debug.rs`.
//! The stubs that `idt.rs` points to are the top floor's (`entry/`), handed over at boot.
//!
//! Left out of Linux's arch/x86: a second CPU, five-level page tables,
//! PCIDs, shadow stacks, mitigations of speculative execution.

pub mod alternatives;
pub mod cpu;
pub mod debug;
pub mod extable;
pub mod fpu;
pub mod gdt;
pub mod idt;
pub mod nospec;
pub mod percpu;
pub mod pkeys;
pub mod segments;
pub mod tsc;
pub mod user_desc;
