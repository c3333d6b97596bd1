//! The two finished vDSO images, tried out on the host: as ELF files (`elf`), as code that a
//! program calls (`call`), and instruction by instruction (`steps`, `unwind`). `program` is the loader.

mod call;
mod elf;
mod program;
mod steps;
mod unwind;
