//! Lab 0, the tour with the debugger: the grader takes the same tour, and compares.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, bail};
use harness::gdb::{self, Gdb, Register, Registers};

use super::go_to_program;
use crate::crash::Crash;
use crate::grade::Context;
use crate::machine::{Bench, Machine};
use crate::report::Marks;

/// The student's file.
pub const ANSWERS: &str = "labs/00-tour/answers.toml";
/// Offsets in the kernel's frame.
const ORIG_RAX: u64 = 0x80;
/// Length of a row of the kernel's counters, and sched_yield's number in the x86_64 table.
const NUMBERS: u64 = 471;
const SCHED_YIELD: u64 = 24;

/// What the tour shows.
#[derive(Clone, Debug, Default)]
struct Shown {
    /// At the first instruction of SYSCALL's stub and of INT 0x80's.
    syscall: Option<Registers>,
    int80: Option<Registers>,
    /// The answers by their numbers.
    answers: BTreeMap<u32, u64>,
}

/// Marks all checks.
pub fn grade(
    context: &mut Context<'_>,
    bench: &Bench,
    marks: &mut Marks<'_>,
) -> Result<Option<Crash>> {
    let text = context.handed_in.text(ANSWERS).unwrap_or_default();
    let given: BTreeMap<String, String> = match toml::from_str(text) {
        Ok(given) => given,
        Err(error) => {
            let lines: Vec<String> = error
                .to_string()
                .lines()
                .map(|line| format!("  {line}"))
                .collect();
            marks.end("answers", &[("why", format!("\n{}", lines.join("\n")))])?;
            return Ok(None);
        }
    };
    let shown = Arc::new(Mutex::new(Shown::default()));
    let (symbols, notes) = (gdb::symbols(context.program)?, shown.clone());
    let machine = Machine::new(context.program, &[]);
    let watched = bench.watch(&machine, move |gdb| tour(gdb, &symbols, &notes))?;
    let shown = shown.lock().map(|shown| shown.clone()).unwrap_or_default();
    if shown.answers.len() < 10 {
        return Ok(watched.end());
    }
    let answers = shown.answers.iter();
    let answers: Vec<String> = answers
        .map(|(number, value)| format!("q{number} = \"{value:#x}\"\n"))
        .collect();
    marks.keep_answers(answers.concat());
    for (number, right) in &shown.answers {
        let id = format!("q{number}");
        let answer = given.get(&id).map_or("", |answer| answer.trim());
        let values = [("id", id.clone()), ("answer", answer.to_owned())];
        match number_of(answer) {
            _ if answer.is_empty() => marks.fail(&id, "no-answer", &values)?,
            None => marks.fail(&id, "no-number", &values)?,
            Some(found) if found == *right => marks.pass(&id)?,
            Some(found) => mistake(&shown, *number, found, *right, &values, marks)?,
        }
    }
    Ok(None)
}

/// A number as gdb prints it, with or without a sign.
fn number_of(text: &str) -> Option<u64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let value = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if is_negative {
        value.wrapping_neg()
    } else {
        value
    })
}

/// Takes the tour.
fn tour(gdb: &mut Gdb, program: &[(String, u64)], shown: &Mutex<Shown>) -> Result<()> {
    let label = |name: &str| {
        let found = program.iter().find(|(symbol, _)| symbol == name);
        found
            .map(|(_, at)| *at)
            .with_context(|| format!("no {name}"))
    };
    let note = |number: u32, value: u64| {
        if let Ok(mut shown) = shown.lock() {
            shown.answers.insert(number, value);
        }
    };
    go_to_program(gdb, label("station_1")?)?;
    gdb.go_to(gdb.symbol("entry_syscall_64")?)?;
    let registers = gdb.registers()?;
    note(1, registers.get(Register::R10));
    note(2, registers.get(Register::Rsp));
    note(3, registers.get(Register::R11));
    let counters = gdb.symbol("CALLS")?;
    note(8, gdb.word(counters + 8 * (NUMBERS + SCHED_YIELD))?);
    gdb.go_to(gdb.symbol("call_by_syscall")?)?;
    note(4, gdb.registers()?.get(Register::KernelGsBase));
    gdb.go_to(label("after_1")?)?;
    note(5, gdb.registers()?.get(Register::Rax));

    go_to_program(gdb, label("station_2")?)?;
    gdb.go_to(gdb.symbol("entry_int80")?)?;
    let at_gate = gdb.registers()?;
    // rip, cs, rflags.
    note(7, gdb.word(at_gate.get(Register::Rsp) + 16)?);
    gdb.go_to(gdb.symbol("call_by_int80")?)?;
    let rsp = gdb.registers()?.get(Register::Rsp);
    note(6, gdb.word(rsp + ORIG_RAX)?);

    if let Ok(mut shown) = shown.lock() {
        shown.syscall = Some(registers);
        shown.int80 = Some(at_gate);
    }
    gdb.go_to(label("after_2")?)?;
    gdb.go_to(gdb.symbol_in("exceptions", "page_fault")?)?;
    let registers = gdb.registers()?;
    note(9, registers.get(Register::Cr2));
    note(10, gdb.word(registers.get(Register::Rsp))?);
    bail!("the tour ends here")
}

/// Fails a check with the message that fits the mistake.
fn mistake(
    shown: &Shown,
    number: u32,
    found: u64,
    right: u64,
    values: &[(&str, String)],
    marks: &mut Marks<'_>,
) -> Result<()> {
    let (Some(syscall), Some(int80)) = (&shown.syscall, &shown.int80) else {
        return Ok(());
    };
    let id = format!("q{number}");
    let here = if number == 6 || number == 7 {
        int80
    } else {
        syscall
    };
    let there = if number == 6 || number == 7 {
        syscall
    } else {
        int80
    };
    let registers = [
        (Register::Rax, "rax"),
        (Register::Rbx, "rbx"),
        (Register::Rcx, "rcx"),
        (Register::Rdx, "rdx"),
        (Register::Rsi, "rsi"),
        (Register::Rdi, "rdi"),
        (Register::Rbp, "rbp"),
        (Register::Rsp, "rsp"),
        (Register::R8, "r8"),
        (Register::R9, "r9"),
        (Register::R10, "r10"),
        (Register::R11, "r11"),
        (Register::R12, "r12"),
        (Register::R13, "r13"),
        (Register::R14, "r14"),
        (Register::R15, "r15"),
    ];
    let message = match number {
        3 | 7 if found == here.get(Register::Eflags) => "kernel-flags",
        5 if found == right.wrapping_neg() => "sign",
        6 if found == here.get(Register::Rax) => "upper-half",
        1 if found == there.get(Register::R10) => "other-call",
        2 if found == there.get(Register::Rsp) => "other-call",
        3 if Some(&found) == shown.answers.get(&7) => "other-call",
        7 if Some(&found) == shown.answers.get(&3) => "other-call",
        _ => {
            let same = registers
                .iter()
                .find(|(register, _)| here.get(*register) == found);
            if let (Some((_, name)), 1..=7) = (same, number) {
                let mut values = values.to_vec();
                values.push(("name", (*name).to_owned()));
                return marks.fail(&id, "other-register", &values);
            }
            return marks.fail(&id, &id, values);
        }
    };
    marks.fail(&id, message, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_gdb_prints_them() {
        assert_eq!(number_of("0x1f"), Some(31));
        assert_eq!(number_of("-9"), Some(9_u64.wrapping_neg()));
        assert_eq!(
            number_of("18446744073709551607"),
            Some(9_u64.wrapping_neg())
        );
        assert_eq!(number_of("r10"), None);
    }
}
