//! Rule 7: exceptions and NMIs at any instruction of the stubs.

use anyhow::{Result, ensure};
use harness::gdb::{self, Gdb, Register};
use harness::{Case, Verdict, cases};

use super::{AMD, INTEL, machine, passes};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = cases![a_kernel_stack_overflow_is_a_panic, sysenter_is_trapped_once];
    for (cpu, width, entry, exit) in [
        (AMD, 64, "entry_syscall_64", "return_from_syscall"),
        (AMD, 64, "entry_int80", "return_from_int80"),
        (AMD, 32, "entry_syscall_32", "return_from_syscall32"),
        (INTEL, 32, "entry_sysenter", "return_from_sysenter"),
        (AMD, 64, "irq0", "return_by_iret"),
    ] {
        cases.push(Case::new(format!("nmi::{entry}"), move || {
            nmi_at_each_instruction(cpu, width, entry, exit)
        }));
    }
    cases
}

/// Rule 7: an NMI at each instruction of an entry stub and its exit path in turn, with the
/// user GS base or the kernel's, on either stack. The program's state is unchanged.
fn nmi_at_each_instruction(
    cpu: &str,
    width: u32,
    entry: &'static str,
    exit: &'static str,
) -> Result<()> {
    let vm = machine(cpu, width, "door_numbers")?;
    passes(vm, move |gdb| {
        let nmi = gdb.symbol("nmi")?;
        let mut places = instructions(gdb, entry)?;
        // The last one is the call to Rust code, which runs with the kernel's GS base.
        let kernel_gs = gdb.registers()?.get(Register::GsBase);
        places.extend(instructions(gdb, exit)?);
        for place in places {
            gdb.go_to(place)?;
            let before = gdb.registers()?;
            gdb.nmi()?;
            gdb.go_to(nmi)?;
            let stack = gdb.registers()?.get(Register::Rsp);
            let own = stack.abs_diff(before.get(Register::Rsp)) > 0x8000;
            ensure!(own, "an NMI at {place:#x} runs on the interrupted stack");
            step_to_call(gdb)?;
            let gs = gdb.registers()?.get(Register::GsBase);
            ensure!(
                gs == kernel_gs,
                "GS's base is {gs:#x} after an NMI at {place:#x}"
            );
            gdb.go_to(place)?;
            ensure!(
                gdb.registers()? == before,
                "registers changed by an NMI at {place:#x}"
            );
        }
        Ok(())
    })?;
    Ok(())
}

/// Whether the instruction is a CALL: direct, or through the table of handlers.
fn is_call(gdb: &mut Gdb, rip: u64) -> Result<bool> {
    Ok(matches!(gdb.read(rip, 2)?[..], [0xe8, _] | [0xff, 0x14]))
}

/// Steps to a stub's call to Rust code.
fn step_to_call(gdb: &mut Gdb) -> Result<()> {
    loop {
        let rip = gdb.rip()?;
        if is_call(gdb, rip)? {
            return Ok(());
        }
        gdb.step()?;
    }
}

/// The addresses of a stub's instructions, from `start` to the call to Rust code, or to the last
/// one before the program.
fn instructions(gdb: &mut Gdb, start: &str) -> Result<Vec<u64>> {
    const NEAR: u64 = 0x1000;
    let start = gdb.symbol(start)?;
    gdb.go_to(start)?;
    let mut places = Vec::new();
    loop {
        let rip = gdb.rip()?;
        // The stubs are close together in memory: the program isn't.
        if rip.abs_diff(start) > NEAR {
            return Ok(places);
        }
        places.push(rip);
        if is_call(gdb, rip)? {
            return Ok(places);
        }
        gdb.step()?;
    }
}

/// Rule 12: with TF set SYSENTER raises #DB at the kernel's first instruction, once; the rest of
/// the entry stub isn't traced.
fn sysenter_is_trapped_once() -> Result<()> {
    let files = machine(INTEL, 32, "door_flags")?;
    let outcome = gdb::run(files.append("-- trap sysenter"), |gdb| {
        let (debug, rust) = (gdb.symbol("debug")?, gdb.symbol("call_by_sysenter")?);
        gdb.go_to(debug)?;
        // Pushed by the CPU: rip, cs.
        let stack = gdb.registers()?.get(Register::Rsp);
        let (rip, cs) = (gdb.word(stack)?, gdb.word(stack + 8)?);
        ensure!(
            rip == gdb.symbol("entry_sysenter")?,
            "the first trap is at {rip:#x}"
        );
        ensure!(cs == 0x10, "the first trap comes from ring {}", cs & 3);
        gdb.break_at(debug)?;
        gdb.step()?;
        gdb.go_to(rust)?;
        gdb.unbreak(debug)
    })?;
    outcome
        .expect(Verdict::InitFailed)?
        .contains("killed by signal 5")?;
    Ok(())
}

/// #DF has an IST stack: a kernel stack overflow is a panic with a message, not a reset.
fn a_kernel_stack_overflow_is_a_panic() -> Result<()> {
    let outcome = gdb::run(machine(AMD, 64, "hello")?, |gdb| {
        let rust = gdb.symbol("call_by_syscall")?;
        gdb.go_to(rust)?;
        let mut registers = gdb.registers()?;
        // Down to the guard page: the next push faults, and so does the page fault's frame.
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
