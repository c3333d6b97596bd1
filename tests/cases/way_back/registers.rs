//! Rule 4: the registers with which a handler starts: the arguments, and no other value of the
//! program's unless `clear_registers=off` says so.
//!
//! The test build compares all registers with the frame before each call of a handler
//! (kernel/src/entry/call.rs, `assert_call`), and panics if one is not as it should be.

use anyhow::Result;
use harness::gdb::{self, Register};
use harness::{Case, Verdict, cases};

use super::{AMD, INTEL, machine};

/// Programs that make calls through each door with a value of their own in each register.
const PROGRAMS: &[&str] = &["door_regs", "door_args", "door_numbers"];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = cases![a_wrong_register_is_a_panic];
    for (name, option) in [("cleared", ""), ("kept", "clear_registers=off")] {
        for (cpu, vendor) in [(AMD, "amd"), (INTEL, "intel")] {
            for width in [64, 32] {
                cases.push(Case::new(
                    format!("registers::{name}::{vendor}_{width}"),
                    move || handlers_start_with(option, cpu, width),
                ));
            }
        }
    }
    cases
}

/// The programs pass on the test build; with the option also on the other.
fn handlers_start_with(option: &str, cpu: &str, width: u32) -> Result<()> {
    for program in PROGRAMS {
        let vm = machine(cpu, width, program)?.append(option);
        for vm in [vm.clone().checked(), vm] {
            let outcome = vm.run()?;
            outcome.expect(Verdict::Pass)?.lacks("panic")?;
            if !option.is_empty() {
                outcome.contains("doors: registers are not cleared")?;
            }
        }
    }
    Ok(())
}

/// The test build's check finds a register that was not cleared, another argument and another
/// index, which gdb sets.
fn a_wrong_register_is_a_panic() -> Result<()> {
    for (register, message) in [
        (Register::R13, "a register is not cleared"),
        (Register::Rdx, "the arguments of a"),
        (Register::Rax, "the number"),
    ] {
        let outcome = gdb::run(machine(AMD, 64, "door_regs")?.checked(), move |gdb| {
            let check = gdb.symbol("check_call")?;
            gdb.go_to(check)?;
            let mut registers = gdb.registers()?;
            registers.set(register, registers.get(register) + 1);
            gdb.set_registers(&registers)
        })?;
        outcome.expect(Verdict::Panic)?.contains(message)?;
    }
    Ok(())
}
