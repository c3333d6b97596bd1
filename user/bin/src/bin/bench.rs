//! The cost of each way into the kernel. Expected: exit 0.
//!
//! Prints a line `bench: NAME TICKS` per row. Other programs parse the names: they must not change.
//! The 32-bit build's names end in `_32`. A row that this kernel or CPU doesn't support is omitted.
//! `measure.rs` has the method, `costs.rs` the rows.
#![no_std]
#![cfg_attr(bare, no_main)]

use programs::costs::{self, MONOTONIC, MONOTONIC_COARSE};
use programs::measure::Cost;
use sys::vdso::Vdso;
use sys::{Env, os, println};

sys::entry!(run);

const NO_SUCH_CALL: usize = 5000;

fn row(name: &str, cost: impl Into<Option<Cost>>) {
    let suffix = if cfg!(target_pointer_width = "32") {
        "_32"
    } else {
        ""
    };
    if let Some(cost) = cost.into() {
        println!("bench: {name}{suffix} {cost}");
    }
}

fn run(env: &Env) -> i32 {
    // Linux leaves /dev of an initramfs empty.
    if os::open(c"/dev/zero", os::O_RDONLY)
        .and_then(os::close)
        .is_err()
    {
        let _ = os::mount_devices(c"/dev"); // without it a row has no figure
    }
    row("call_empty", costs::function_call());
    #[cfg(target_arch = "x86_64")]
    {
        row("getpid_syscall", costs::getpid_syscall());
        row("enosys_syscall", costs::syscall_number(NO_SUCH_CALL));
    }
    row("getpid_int80", costs::getpid_int80());
    row("enosys_int80", costs::int80_number(NO_SUCH_CALL));
    #[cfg(target_arch = "x86")]
    if let Some(instruction) = sys::sysenter::instruction() {
        let (getpid, enosys) = match instruction {
            sys::sysenter::Instruction::Sysenter => ("getpid_sysenter", "enosys_sysenter"),
            sys::sysenter::Instruction::Syscall => ("getpid_syscall32", "enosys_syscall32"),
            sys::sysenter::Instruction::Int80 => ("getpid_vsyscall_int80", "enosys_vsyscall_int80"),
        };
        row(getpid, costs::getpid_vsyscall());
        row(enosys, costs::vsyscall_number(NO_SUCH_CALL));
    }
    row("clock_gettime_entered", costs::clock_gettime_entered());
    if let Some(vdso) = Vdso::find(env) {
        row(
            "vdso_clock_gettime",
            costs::vdso_clock_gettime(&vdso, MONOTONIC),
        );
        row(
            "vdso_clock_gettime_coarse",
            costs::vdso_clock_gettime(&vdso, MONOTONIC_COARSE),
        );
        row("vdso_gettimeofday", costs::vdso_gettimeofday(&vdso));
        row("vdso_time", costs::vdso_time(&vdso));
        row("vdso_getcpu", costs::vdso_getcpu(&vdso));
    }
    row("read_zero", costs::read_zero());
    row("write_empty", costs::write_empty());
    row("first_touch", costs::page_touch());
    0
}
