//! Rule 7: what strikes the kernel at an instruction that it did not choose.

use anyhow::{Result, ensure};
use harness::gdb::{self, Gdb, Register};
use harness::{Case, Verdict, cases};

use super::{AMD, INTEL, machine, passes};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = cases![a_kernel_stack_overflow_is_a_panic];
    for (cpu, width, entry, exit) in [
        (AMD, 64, "entry_syscall_64", "return_from_syscall"),
        (AMD, 64, "entry_int80", "return_from_int80"),
        (AMD, 32, "entry_syscall_32", "return_from_syscall32"),
        (INTEL, 32, "entry_sysenter", "return_from_syscall32"),
    ] {
        cases.push(Case::new(format!("nmi::{entry}"), move || {
            nmi_at_each_instruction(cpu, width, entry, exit)
        }));
    }
    cases
}

/// Rule 7: an NMI strikes at each instruction of a way in and of the way back in turn, with the
/// program's GS or the kernel's, on either one's stack. The program sees nothing of it.
fn nmi_at_each_instruction(
    cpu: &str,
    width: u32,
    entry: &'static str,
    exit: &'static str,
) -> Result<()> {
    let vm = machine(cpu, width, "door_numbers")?;
    let outcome = passes(vm, move |gdb| {
        let nmi = gdb.symbol("nmi")?;
        let mut places = instructions(gdb, entry)?;
        places.extend(instructions(gdb, exit)?);
        for place in places {
            gdb.go_to(place)?;
            let before = gdb.registers()?;
            gdb.nmi()?;
            gdb.go_to(nmi)?;
            gdb.go_to(place)?;
            ensure!(
                gdb.registers()? == before,
                "registers changed by an NMI at {place:#x}"
            );
        }
        Ok(())
    })?;
    let count = outcome.serial.matches("NMI at").count();
    ensure!(count >= 30, "only {count} NMIs{}", outcome.transcript());
    Ok(())
}

/// The addresses of a stub's instructions, from `start` on to the first that is not its own: the
/// call to Rust code, or the program.
fn instructions(gdb: &mut Gdb, start: &str) -> Result<Vec<u64>> {
    const NEAR: u64 = 0x1000;
    let start = gdb.symbol(start)?;
    gdb.go_to(start)?;
    let mut places = Vec::new();
    loop {
        let rip = gdb.rip()?;
        // CALL leads away from the stubs, which lie close together.
        if rip.abs_diff(start) > NEAR {
            return Ok(places);
        }
        places.push(rip);
        if gdb.read(rip, 1)? == [0xe8] {
            return Ok(places);
        }
        gdb.step()?;
    }
}

/// #DF has a stack of its own: a kernel stack that runs over ends in a message, not in a reset.
fn a_kernel_stack_overflow_is_a_panic() -> Result<()> {
    let outcome = gdb::run(machine(AMD, 64, "hello")?, |gdb| {
        let rust = gdb.symbol("enter_x86_64")?;
        gdb.go_to(rust)?;
        let mut registers = gdb.registers()?;
        // Down to the guard page: the next push has nowhere to go, nor has the page fault's frame.
        let mut bottom = registers.get(Register::Rsp) & !0xfff;
        while gdb.read(bottom, 1).is_ok() {
            bottom -= 0x1000;
        }
        registers.set(Register::Rsp, bottom + 0x1000);
        gdb.set_registers(&registers)
    })?;
    outcome.expect(Verdict::Panic)?.contains("double fault")?;
    Ok(())
}
