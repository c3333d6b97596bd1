//! The x86_64 CPU: descriptor tables, per-CPU data, features, FPU state, segments, debug registers.
//!
//! The system call path is in [`crate::entry`]; it builds on `gdt.rs`, `idt.rs` and `percpu.rs`.

pub mod alternatives;
pub mod cpu;
pub mod debug;
pub mod extable;
pub mod fpu;
pub mod gdt;
pub mod idt;
pub mod percpu;
pub mod pkeys;
pub mod segments;
pub mod tsc;
pub mod user_desc;
