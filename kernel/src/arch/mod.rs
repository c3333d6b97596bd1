//! The processor: descriptor tables, per-CPU data, features, extended state.
//!
//! What a program's call runs through is in [`crate::entry`]; this is the ground it stands on.

pub mod alternatives;
pub mod cpu;
pub mod debug;
pub mod extable;
pub mod fpu;
pub mod gdt;
pub mod idt;
pub mod percpu;
pub mod pic;
pub mod pkeys;
pub mod segments;
pub mod user_desc;
