//! The graders, one for each lab. A grader boots the lab's machines and marks the lab's checks.

mod syscall_stub;
mod system_call;
pub mod tour;

use anyhow::{Context as _, Result, bail};
use harness::gdb::{Gdb, Register};

use crate::crash::Crash;
use crate::grade::Context;
use crate::machine::Bench;
use crate::report::Marks;

/// Marks the checks of a lab on the graded kernel; returns an end of a machine, which decides the
/// checks that are still open.
pub type Grader = fn(&mut Context<'_>, &Bench, &mut Marks<'_>) -> Result<Option<Crash>>;
/// The grader of a lab.
///
/// # Errors
/// The lab has none.
pub fn of(lab: u32) -> Result<Grader> {
    Ok(match lab {
        0 => tour::grade,
        2 => system_call::grade,
        4 => syscall_stub::grade,
        _ => bail!("lab {lab} has no grader"),
    })
}

/// Lets the machine run until the program comes to `address`. While the machine boots, other code
/// may be at that address.
fn go_to_program(gdb: &mut Gdb, address: u64) -> Result<()> {
    loop {
        gdb.go_to(address)?;
        if gdb.registers()?.get(Register::Cs) & 3 == 3 {
            return Ok(());
        }
    }
}

/// The lines of a program's output that begin with a word, as words behind it. The last line may be
/// incomplete: it does not count.
fn lines_of<'a>(serial: &'a str, name: &str) -> Vec<Vec<&'a str>> {
    let end = serial.rfind('\n').unwrap_or(0);
    let lines = serial[..end]
        .lines()
        .map(|line| line.split(' ').filter(|word| !word.is_empty()));
    lines
        .filter_map(|mut words| (words.next()? == name).then(|| words.collect()))
        .collect()
}

/// A hexadecimal number of a program's output.
fn hex(text: &str) -> Result<u64> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).with_context(|| format!("{text} is not hexadecimal"))
}
