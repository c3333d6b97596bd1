//! Tests of the two vDSO images on the host: as ELF files (`elf`), by calls of their functions
//! (`time`, `call`), and by single steps (`steps`, `torn`, `unwind`). `program` is the loader.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod call;
mod clock;
mod elf;
mod program;
mod steps;
mod time;
mod torn;
mod unwind;
