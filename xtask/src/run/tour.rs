//! `make run` without a program: the tour, in two machines, since a CPU has one vendor, and each
//! vendor has a door of its own for 32-bit programs.

use std::process::ExitCode;

use anyhow::Result;
use harness::{Outcome, Verdict, Vm};

use super::{on_terminal, report};
use crate::{shell, ui};

/// What to type next.
const NEXT: &[&str] = &[
    "Next:",
    "  make run PROGRAM=./a.out   your own program, STRACE=1 with its calls and their doors",
    "  make shell                 a shell; ROOTFS=debian has bash, strace, gdb and python",
    "  make debug                 gdb in the kernel and the program at once",
    "  make bench                 instructions of each call, beside Linux's",
];

/// Runs the tour; returns its exit status, and whether it ran to its end.
pub fn run(vm: &Vm, seconds: Option<u64>) -> Result<(ExitCode, bool)> {
    let shown = if shell::at_terminal() { ",pauses" } else { "" };
    let shown = format!("{shown}{}", if has_colours() { ",colours" } else { "" });
    let other = |outcome: &Outcome| other_vendor(vm, &outcome.serial);
    // KVM's CPUs have the host's doors, whatever vendor they report.
    let is_emulated = vm.accelerator().starts_with("tcg");
    let first = if is_emulated { "first" } else { "" };
    let vm = vm.clone();
    let outcome = on_terminal(
        &vm.clone().append_first(format!("TOUR={first}{shown}")),
        seconds,
    )?;
    let code = report(&outcome, vm.accelerator())?;
    if outcome.verdict != Verdict::Pass {
        return Ok((code, false));
    }
    if is_emulated {
        let second = vm.clone().cpu(other(&outcome));
        let outcome = on_terminal(
            &second.append_first(format!("quiet TOUR=other{shown}")),
            seconds,
        )?;
        let code = report(&outcome, vm.accelerator())?;
        if outcome.verdict != Verdict::Pass {
            return Ok((code, false));
        }
    }
    NEXT.iter().for_each(ui::note);
    Ok((code, true))
}

/// Whether bars and titles have colours: <https://no-color.org>.
fn has_colours() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    shell::at_terminal() && !is_set("NO_COLOR") && !is_dumb
}

/// The same CPU model of the vendor whose door the tour has not shown.
fn other_vendor(vm: &Vm, serial: &str) -> String {
    let vendor = match serial.contains("SYSENTER by way of") {
        true => "AuthenticAMD",
        false => "GenuineIntel",
    };
    let features = vm.cpu_model().split(',');
    let mut features: Vec<_> = features.filter(|f| !f.starts_with("vendor=")).collect();
    let vendor = format!("vendor={vendor}");
    features.push(&vendor);
    features.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_vendor_is_the_one_not_seen() {
        let other = |cpu: &str, serial| other_vendor(&Vm::new().cpu(cpu), serial);
        assert_eq!(other("max", "SYSCALL by way of"), "max,vendor=GenuineIntel");
        assert_eq!(
            other("max,vendor=GenuineIntel,-smap", "SYSENTER by way of"),
            "max,-smap,vendor=AuthenticAMD"
        );
    }
}
