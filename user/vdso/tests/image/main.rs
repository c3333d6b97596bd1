//! The two finished vDSO images, tried out on the host: as ELF files (`elf`), as code that a
//! program calls (`time`, `call`), and instruction by instruction (`steps`, `unwind`). `program` is the loader.

mod call;
mod clock;
mod elf;
mod program;
mod steps;
mod time;
mod unwind;
