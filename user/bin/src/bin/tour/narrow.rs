//! The 32-bit half: a greeting through the doors of 32-bit code, and their costs.

use core::fmt::{self, Write};

use programs::costs::{self, MONOTONIC};
use programs::measure::Cost;
use sys::os::{self, O_CREAT, O_TRUNC, O_WRONLY};
use sys::sysenter::Instruction;
use sys::vdso::Vdso;
use sys::{Door, Env, println};

use crate::hello::greet;
use crate::report::{FILE, Failure, INT80, VDSO, VSYSCALL};
use crate::words::{self, OTHER};

/// Runs the 32-bit half; returns exit status 0 if all checks pass.
pub fn run(env: &Env) -> i32 {
    match tour(env) {
        Ok(()) => 0,
        Err(failure) => {
            println!("   FAILED (32-bit program): {failure}");
            1
        }
    }
}

fn tour(env: &Env) -> Result<(), Failure> {
    let Some(instruction) = sys::sysenter::instruction() else {
        return Err("no __kernel_vsyscall in the auxiliary vector");
    };
    let (name, introduction) = match instruction {
        Instruction::Sysenter => (
            VSYSCALL[0].0,
            "32-bit program, SYSENTER by way of __kernel_vsyscall:",
        ),
        Instruction::Syscall => (
            VSYSCALL[1].0,
            "32-bit program, SYSCALL by way of __kernel_vsyscall:",
        ),
        Instruction::Int80 => (
            VSYSCALL[2].0,
            "32-bit program, __kernel_vsyscall (INT 0x80 on this CPU):",
        ),
    };
    greet(Door::Vsyscall, introduction)?;
    if !words::contain(env, OTHER) {
        greet(Door::Int80, "32-bit program, INT 0x80:")?;
    }

    let vdso = Vdso::find(env).ok_or("no vDSO in the auxiliary vector")?;
    let vdso = costs::vdso_clock_gettime(&vdso, MONOTONIC).ok_or("no clock_gettime in the vDSO")?;
    let mut text = Text {
        bytes: [0; 128],
        used: 0,
    };
    let lines = [
        (name, costs::getpid_vsyscall()),
        (INT80, costs::getpid_int80()),
        (VDSO, vdso),
    ];
    for (name, Cost(tenths)) in lines {
        writeln!(text, "{name} {tenths}").map_err(|_| "the report is too long")?;
    }
    let file = os::open(FILE, O_WRONLY | O_CREAT | O_TRUNC).map_err(|_| "can't make the report")?;
    match os::write(file, &text.bytes[..text.used]) {
        Ok(written) if written == text.used => Ok(()),
        _ => Err("can't write the report"),
    }
}

/// A buffer for the report's text.
struct Text {
    bytes: [u8; 128],
    used: usize,
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.used + text.len();
        self.bytes
            .get_mut(self.used..end)
            .ok_or(fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}
