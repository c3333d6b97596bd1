//! The number of instructions of one getpid, single-stepped through QEMU's gdb stub: a check of the
//! counter's figure.

use std::sync::mpsc;

use anyhow::{Context, Result, ensure};
use harness::gdb::{self, Register};
use harness::{Verdict, Vm};

/// A door whose calls are stepped through.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// For the table.
    pub title: &'static str,
    /// The kernel's entry stub.
    stub: &'static str,
    /// The microscope's record of the same call.
    pub journey: &'static str,
    /// getpid's number in the table that the door uses.
    getpid: u64,
    /// Linux's steps.
    pub linux: u32,
}

/// Both doors of the 64-bit program, with Linux's steps.
pub const DOORS: [Door; 2] = [
    Door {
        title: "getpid stepped through by gdb's protocol, SYSCALL",
        stub: "entry_syscall_64",
        journey: "syscall64-getpid",
        getpid: 39,
        linux: 306,
    },
    Door {
        title: "getpid stepped through by gdb's protocol, INT 0x80",
        stub: "entry_int80",
        journey: "int80-64-getpid",
        getpid: 20,
        linux: 350,
    },
];

/// Calls of other numbers that may come before the first getpid.
const PATIENCE: u32 = 1000;
/// Most instructions of a call: a mistake must not step for ever.
const MOST_STEPS: u32 = 20_000;

/// Counts the instructions from the one that enters to the program's next one.
pub fn count(door: Door) -> Result<u32> {
    let vm = Vm::new().initramfs(&super::init("bench")?).append("quiet");
    let (sender, receiver) = mpsc::channel();
    let outcome = gdb::run(vm, move |gdb| {
        let entry = gdb.symbol(door.stub)?;
        let mut others = 0;
        loop {
            gdb.go_to(entry)?;
            if gdb.registers()?.get(Register::Rax) == door.getpid {
                break;
            }
            others += 1;
            ensure!(others < PATIENCE, "no getpid through {}", door.stub);
        }
        sender.send(gdb.steps_to_user(MOST_STEPS)?)?;
        Ok(())
    })?;
    outcome.expect(Verdict::Pass)?;
    receiver.try_recv().context("no count")
}
