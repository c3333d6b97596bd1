//! Tests of the two vDSO images on the host: as ELF files (`elf`), as code that a program calls
//! (`time`, `call`), and instruction by instruction (`steps`, `unwind`). `program` is the loader.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod call;
mod clock;
mod elf;
mod program;
mod steps;
mod time;
mod unwind;
