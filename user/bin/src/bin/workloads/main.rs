//! Costs of processes, memory and files. Expected: exit 0.
//!
//! Prints a line `bench: NAME TICKS` per row, as `bench` does for the doors, and `bench: end` last.
//! The same file runs as init on Linux, which is what the figures are held against. A row that this
//! kernel lacks is left out. Measured are only calls that every kernel must make the same way: the
//! loops hold the calls themselves, without a C library.
//!
//! With the argument `latency` only the rows of [`latency`] are measured.
//!
//! [`processes`]: making, ending, switching, signalling; [`memory`]: mapping and faulting; [`files`]:
//! paths and directories; [`growth`]: the same with more and more of everything; [`latency`]: how long others
//! and signals wait for a long call.
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
    // Started by itself, to be measured.
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

/// The costs are the 64-bit program's.
#[cfg(target_arch = "x86")]
fn run(_: &Env) -> i32 {
    2
}
