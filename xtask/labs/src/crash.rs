//! Ends of a machine that are none of init's: a panic, a reset, a hang, and what each shows of its
//! cause.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use harness::gdb::{self, Gdb, Register};
use harness::{Outcome, Verdict};

use crate::machine::{Bench, Machine};

/// First address of the kernel's half.
const KERNEL: u64 = 1 << 63;
/// Instructions that a machine which doesn't end is watched for.
const SAMPLE: usize = 200;

/// How a machine ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// The kind, which is also the message's name: `panic`, `reset`, `hang`, `init`.
    pub kind: &'static str,
    /// What is known of its cause, in one line.
    pub cause: String,
}

/// Describes the end of a run; boots the machine again where more is to be seen.
pub fn describe(bench: &Bench, machine: &Machine, outcome: &Outcome) -> Result<Crash> {
    Ok(match &outcome.verdict {
        Verdict::Panic => panic(&outcome.serial),
        Verdict::Reset => reset(bench, machine)?,
        Verdict::Timeout => hang(bench, machine)?,
        _ => init(outcome),
    })
}

/// [`describe`] of a run under a script, which may have ended the machine itself.
pub fn from_outcome(bench: &Bench, machine: &Machine, outcome: &Outcome) -> Result<Option<Crash>> {
    match &outcome.verdict {
        // The script failed, and its end killed QEMU.
        Verdict::Qemu(_) | Verdict::Pass => Ok(None),
        _ => describe(bench, machine, outcome).map(Some),
    }
}

/// Whose an address is.
fn whose(address: u64) -> &'static str {
    if address < KERNEL {
        "the program's"
    } else {
        "the kernel's"
    }
}

/// A panic: its message, its place and the registers that tell most.
fn panic(serial: &str) -> Crash {
    let text = serial
        .split_once("Kernel panic: ")
        .map_or(serial, |(_, text)| text);
    let mut lines = text.lines();
    let mut cause = lines.next().unwrap_or_default().trim().to_owned();
    let mut callers = Vec::new();
    let mut in_trace = false;
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["at", ref place @ ..] => {
                let _ = write!(cause, "; at {}", place.join(" "));
            }
            ["rsp", value, "ss", ..] => {
                let value = u64::from_str_radix(value, 16).unwrap_or(0);
                let _ = write!(cause, "; rsp was {value:#x}, {}", whose(value));
            }
            ["Backtrace:"] => in_trace = true,
            [_, name, ..] if in_trace && callers.len() < 4 => callers.push(name.to_owned()),
            _ => {}
        }
    }
    if !callers.is_empty() {
        let _ = write!(cause, "; in {}", callers.join(", called by "));
    }
    Crash {
        kind: "panic",
        cause,
    }
}

/// An end of init that no check asked for.
fn init(outcome: &Outcome) -> Crash {
    let last: Vec<&str> = outcome.serial.lines().rev().take(3).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    let cause = format!("{}; its last lines: {}", outcome.verdict, last.join(" | "));
    Crash {
        kind: "init",
        cause,
    }
}

/// A reset: QEMU's record of the last exceptions, from a second run.
fn reset(bench: &Bench, machine: &Machine) -> Result<Crash> {
    let folder = tempfile::tempdir()?;
    let record = folder.path().join("exceptions");
    let vm = bench.vm(machine)?;
    let vm = vm.args(["-d", "int", "-D", &record.to_string_lossy()]);
    vm.run()?;
    let text = std::fs::read(&record).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let names = names(bench)?;
    let mut steps: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| line.contains(" v=")) {
        let field = |name: &str| -> Option<u64> {
            let (_, rest) = line.split_once(name)?;
            let digits = rest.split([' ', ':']).next()?;
            u64::from_str_radix(digits, 16).ok()
        };
        let (Some(vector), Some(level), Some(place)) = (field(" v="), field("cpl="), field(" pc="))
        else {
            continue;
        };
        if vector > 31 {
            continue; // a call or an interrupt
        }
        if level == 3 {
            steps.clear();
        }
        let stack = line.split_once("SP=").and_then(|(_, rest)| {
            let (_, stack) = rest.split(' ').next()?.split_once(':')?;
            u64::from_str_radix(stack, 16).ok()
        });
        let stack = stack.map_or(String::new(), |at| format!(", rsp {at:#x} ({})", whose(at)));
        let place = names.name(place);
        steps.push(format!("exception {vector} in {place}{stack}"));
    }
    let from = steps.len().saturating_sub(3);
    let cause = match steps[from..].join(", then ") {
        none if none.is_empty() => "no exception was recorded".into(),
        some => some,
    };
    Ok(Crash {
        kind: "reset",
        cause,
    })
}

/// A hang: where the machine is after a second run of the same time.
fn hang(bench: &Bench, machine: &Machine) -> Result<Crash> {
    let found = Arc::new(Mutex::new(String::new()));
    let (to, limit) = (found.clone(), bench.limit);
    let vm = bench.vm(machine)?.timeout(limit * 3);
    let ends = gdb::run_with_symbols(vm, &bench.kernel.elf, move |gdb| {
        gdb.go_for(limit)?;
        let text = sample(gdb)?;
        if let Ok(mut to) = to.lock() {
            *to = text;
        }
        anyhow::bail!("the machine is ended here")
    })?;
    let text = found.lock().map(|text| text.clone()).unwrap_or_default();
    let last = ends
        .machine
        .serial
        .lines()
        .next_back()
        .unwrap_or("")
        .to_owned();
    let cause = if text.is_empty() {
        format!("the second run ended: {}", ends.machine.verdict)
    } else {
        format!("{text}; last line: {last:?}")
    };
    Ok(Crash {
        kind: "hang",
        cause,
    })
}

/// Where the next instructions are.
fn sample(gdb: &mut Gdb) -> Result<String> {
    let mut places = Vec::new();
    let (mut in_kernel, mut at_zero) = (0, false);
    let mut names: Vec<String> = Vec::new();
    for _ in 0..SAMPLE {
        let registers = gdb.registers()?;
        let rip = registers.get(Register::Rip);
        if rip >= KERNEL {
            in_kernel += 1;
            let name = gdb.name_of(rip).map(|(name, _)| plain(name));
            let name = name.unwrap_or_else(|| format!("{rip:#x}"));
            if !names.contains(&name) {
                names.push(name);
            }
        }
        at_zero |= rip < 4096;
        if !places.contains(&rip) {
            places.push(rip);
        }
        gdb.step()?;
    }
    names.truncate(4);
    let count = places.len();
    Ok(if at_zero {
        "the machine executes at address 0".into()
    } else if in_kernel == 0 {
        format!(
            "the program runs: {count} different instructions in {SAMPLE}, from {:#x}",
            places[0]
        )
    } else {
        format!(
            "in {}: {count} different instructions in {SAMPLE}",
            names.join(", ")
        )
    })
}

/// The kernel's symbols.
struct Names(Vec<(String, u64)>);

fn names(bench: &Bench) -> Result<Names> {
    Ok(Names(gdb::symbols(&bench.kernel.elf)?))
}

impl Names {
    /// An address as symbol and distance.
    fn name(&self, address: u64) -> String {
        let below = self.0.iter().filter(|(name, at)| {
            *at <= address && *at >= KERNEL && !name.is_empty() && !name.starts_with('.')
        });
        match below.max_by_key(|(_, at)| *at) {
            Some((name, at)) if address >= KERNEL => format!("{}+{:#x}", plain(name), address - at),
            _ => format!("{address:#x}"),
        }
    }
}

/// The last part of a mangled name.
fn plain(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    name.rsplit("::").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_one_line() {
        let serial = "\nKernel panic: double fault in the kernel, error 0x0, address 0x4\n  rip 0 cs 0008 rflags 0\n  rsp 00000000004c1000 ss 002b entry 0x8\nBacktrace:\n  0xffffffff80200003 entry_syscall_64+0x3\n";
        assert_eq!(
            panic(serial).cause,
            "double fault in the kernel, error 0x0, address 0x4; rsp was 0x4c1000, the program's; in entry_syscall_64+0x3"
        );
    }

    #[test]
    fn mangled_names_end_in_the_functions() {
        assert_eq!(
            plain("_RNvNtNtCs4fqI2P2rA04_7trident7syscall2io5write"),
            "write"
        );
        assert_eq!(plain("entry_int80"), "entry_int80");
    }
}
