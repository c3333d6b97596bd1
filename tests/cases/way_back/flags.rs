//! Rules 3, 4, 9, 12 and 15: the flags in the kernel's code, and the part of rax that it saves.

use anyhow::{Result, bail, ensure};
use harness::gdb::{Gdb, Register};
use harness::{Case, cases};

use super::{AC, AMD, FIXED, ID, IF, INTEL, IOPL, NT, PLAIN, RF, TF, frame, machine, passes};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = cases![
        syscall_masks_every_flag,
        all_of_rax_is_saved,
        half_of_rax_is_saved,
        errors_fill_all_of_rax
    ];
    for (cpu, width, entry, call) in [
        (AMD, 64, "entry_int80", "call_by_int80"),
        (AMD, 32, "entry_syscall_32", "call_by_syscall32"),
        (INTEL, 32, "entry_sysenter", "call_by_sysenter"),
    ] {
        cases.push(Case::new(format!("flags::{entry}"), move || {
            flags_are_clean(cpu, width, entry, call)
        }));
    }
    cases
}

fn flags_are(gdb: &mut Gdb, wanted: u64, where_: &str) -> Result<()> {
    let flags = gdb.registers()?.get(Register::Eflags);
    ensure!(
        flags == wanted,
        "flags at {where_}: {flags:#x}, not {wanted:#x}"
    );
    Ok(())
}

/// Rule 3. gdb sets the flags at the program's SYSCALL instruction, including IOPL and RF, which
/// the program can't set there.
fn syscall_masks_every_flag() -> Result<()> {
    let vm = machine(AMD, 64, "door_numbers")?;
    passes(vm, |gdb| {
        let entry = gdb.symbol("entry_syscall_64")?;
        // Then the program is in its long loop of calls.
        for _ in 0..50 {
            gdb.go_to(entry)?;
        }
        // SYSCALL has two bytes; the program's later calls use the same instruction.
        let instruction = gdb.registers()?.get(Register::Rcx) - 2;
        for flag in [TF, IF, PLAIN, IOPL, NT, RF, AC, ID] {
            gdb.go_to(instruction)?;
            let before = gdb.registers()?;
            let mut changed = before.clone();
            changed.set(Register::Eflags, before.get(Register::Eflags) | flag);
            gdb.set_registers(&changed)?;
            gdb.go_to(entry)?;
            flags_are(gdb, FIXED, &format!("the entry with {flag:#x} set before"))?;
            // Restores the program's flags.
            let mut registers = gdb.registers()?;
            registers.set(Register::R11, before.get(Register::Eflags));
            gdb.set_registers(&registers)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Rules 9 and 12: whatever the program's flags, the kernel's code after the stub runs with
/// interrupts disabled and DF, NT, AC and TF clear. The program sets them one after another.
fn flags_are_clean(
    cpu: &'static str,
    width: u32,
    entry: &'static str,
    call: &'static str,
) -> Result<()> {
    let vm = machine(cpu, width, "door_flags")?;
    passes(vm, move |gdb| {
        let (entry, call) = (gdb.symbol(entry)?, gdb.symbol(call)?);
        gdb.go_to(entry)?;
        let mut seen = 0;
        // The program makes a dozen calls through each door, and some to print.
        for _ in 0..40 {
            if seen & (NT | AC | ID) == NT | AC | ID {
                return Ok(());
            }
            gdb.go_to(call)?;
            let registers = gdb.registers()?;
            let flags = registers.get(Register::Eflags) & (TF | IF | 1 << 10 | IOPL | NT | RF | AC);
            ensure!(flags == 0, "flags after the stub: {flags:#x}");
            seen |= gdb.word(registers.get(Register::Rsp) + frame::RFLAGS)?;
        }
        bail!("the program only set {seen:#x}")
    })?;
    Ok(())
}

/// Rule 4: the number is the low half of rax, but all of rax is visible to a tracer.
fn all_of_rax_is_saved() -> Result<()> {
    const HIGH: u64 = 0x8765_4321 << 32;
    passes(machine(AMD, 64, "door_numbers")?, |gdb| {
        let (entry, call) = (
            gdb.symbol("entry_syscall_64")?,
            gdb.symbol("call_by_syscall")?,
        );
        gdb.go_to(entry)?;
        let mut registers = gdb.registers()?;
        let number = registers.get(Register::Rax) | HIGH;
        registers.set(Register::Rax, number);
        gdb.set_registers(&registers)?;
        gdb.go_to(call)?;
        let frame = gdb.registers()?.get(Register::Rsp);
        let kept = gdb.word(frame + frame::ORIG_RAX)?;
        ensure!(kept == number, "orig_rax is {kept:#x}, not {number:#x}");
        Ok(())
    })?;
    Ok(())
}

/// Rule 8, and the other doors of the i386 table: only the lower halves of rax and of a 32-bit
/// program's stack pointer are saved.
fn half_of_rax_is_saved() -> Result<()> {
    for (cpu, width, entry, call) in [
        (AMD, 64, "entry_int80", "call_by_int80"),
        (AMD, 32, "entry_syscall_32", "call_by_syscall32"),
        (INTEL, 32, "entry_sysenter", "call_by_sysenter"),
    ] {
        passes(machine(cpu, width, "door_numbers")?, move |gdb| {
            let (entry, call) = (gdb.symbol(entry)?, gdb.symbol(call)?);
            gdb.go_to(entry)?;
            let mut registers = gdb.registers()?;
            let number = registers.get(Register::Rax);
            if width == 32 {
                // The registers of the program's stack pointer at the two doors.
                for register in [Register::Rbp, Register::Rsp] {
                    let value = registers.get(register);
                    registers.set(register, value | 0x8765_4321 << 32);
                }
            }
            registers.set(Register::Rax, number | 0x8765_4321 << 32);
            gdb.set_registers(&registers)?;
            gdb.go_to(call)?;
            let frame = gdb.registers()?.get(Register::Rsp);
            let stack = gdb.word(frame + frame::RSP)?;
            ensure!(width == 64 || stack >> 32 == 0, "rsp is {stack:#x}");
            let kept = gdb.word(frame + frame::ORIG_RAX)?;
            ensure!(kept == number, "orig_rax is {kept:#x}, not {number:#x}");
            Ok(())
        })?;
    }
    Ok(())
}

/// Rule 15: a negative result of a 32-bit call is sign-extended to 64 bits, visible to a tracer.
fn errors_fill_all_of_rax() -> Result<()> {
    for (cpu, width, exit) in [
        (AMD, 32, "return_from_syscall32"),
        (INTEL, 32, "return_from_sysenter"),
        (AMD, 64, "return_from_int80"),
    ] {
        passes(machine(cpu, width, "door_regs")?, move |gdb| {
            let exit = gdb.symbol(exit)?;
            for _ in 0..40 {
                gdb.go_to(exit)?;
                let rax = gdb.registers()?.get(Register::Rax);
                if rax as u32 == -38_i32 as u32 {
                    ensure!(rax as i64 == -38, "-ENOSYS is {rax:#x}");
                    return Ok(());
                }
            }
            bail!("no -ENOSYS among 40 calls")
        })?;
    }
    Ok(())
}
