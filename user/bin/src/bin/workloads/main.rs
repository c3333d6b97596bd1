//! Costs of processes, memory and files. Expected: exit 0.
//!
//! Prints a line `bench: NAME TICKS` per row, as `bench` does for the doors, and `bench: end` last.
//! The same file runs as init on Linux, for comparison. A row that this kernel doesn't support is
//! omitted. The loops make the system calls directly, without a C library.
//!
//! With the argument `latency` only the rows of [`latency`] are measured.
//!
//! [`processes`]: creation, exit, switches and signals; [`memory`]: mappings and faults; [`files`]:
//! paths and directories; [`growth`]: the same with increasing numbers of each; [`latency`]: delay
//! of other processes and of signals by long calls.
#![no_std]
#![cfg_attr(bare, no_main)]

use sys::Env;

#[cfg(target_arch = "x86_64")]
mod calls;
#[cfg(target_arch = "x86_64")]
mod files;
#[cfg(target_arch = "x86_64")]
mod growth;
#[cfg(target_arch = "x86_64")]
mod latency;
#[cfg(target_arch = "x86_64")]
mod memory;
#[cfg(target_arch = "x86_64")]
mod processes;

sys::entry!(run);

#[cfg(target_arch = "x86_64")]
fn run(env: &Env) -> i32 {
    // The program that the exec rows start.
    if env.args().nth(1) == Some("exit") {
        return 0;
    }
    if env.args().nth(1) == Some("latency") {
        latency::measure();
        sys::println!("bench: end");
        return 0;
    }
    processes::measure(env);
    memory::measure();
    files::measure();
    growth::measure();
    latency::measure();
    sys::println!("bench: end");
    0
}

/// Only measured in 64-bit programs.
#[cfg(target_arch = "x86")]
fn run(_: &Env) -> i32 {
    2
}
