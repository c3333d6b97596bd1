//! Rule 14: `__kernel_vsyscall` enters the kernel by the instruction that suits the CPU.
//! `vsyscall_door DOOR` makes calls through it and compares the kernel's counters of each door.
//! Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use sys::Env;

sys::entry!(run);

/// 64-bit programs have no `__kernel_vsyscall`.
#[cfg(target_arch = "x86_64")]
fn run(_: &Env) -> i32 {
    2
}

#[cfg(target_arch = "x86")]
fn run(env: &Env) -> i32 {
    use programs::check::Checks;
    use programs::doors_file;
    use sys::Door;
    use sys::sysenter::{Instruction, instruction};

    const CALLS: u64 = 100;

    let wanted = match env.args().nth(1) {
        Some("int80") => Instruction::Int80,
        Some("sysenter") => Instruction::Sysenter,
        Some("syscall32") => Instruction::Syscall,
        _ => return 2,
    };
    let mut checks = Checks::default();
    checks.equal(instruction(), Some(wanted), format_args!("the instruction"));
    let counts = doors_file::delta(|| {
        for _ in 0..CALLS {
            // SAFETY: getpid touches no memory of the program.
            unsafe { sys::call(Door::Vsyscall, sys::numbers::GETPID.i386, [0; 6]) };
        }
    });
    if let Some(counts) = counts {
        let through = match wanted {
            Instruction::Int80 => counts.int80,
            Instruction::Sysenter => counts.sysenter,
            Instruction::Syscall => counts.syscall32,
        };
        checks.equal(through, CALLS, format_args!("calls counted for this door"));
        checks.equal(counts.total(), CALLS, format_args!("calls counted in all"));
    }
    checks.status()
}
