//! The kernel's call log compared with the host's strace: both trace the same binary, and their
//! output is the same line for line, except for the door's name at the start and for values that
//! differ between runs (addresses, times, process IDs).

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, beginning, cases, oracle, paths, token};
use regex_lite::Regex;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = cases![
        each_door_is_named,
        init_is_traced_from_execve_to_exit,
        an_untraced_program_prints_no_calls,
        bad_pointers_are_printed,
    ];
    let compilers = [
        Compiler::Glibc64,
        Compiler::Glibc32,
        Compiler::Musl64,
        Compiler::StaticPie64,
    ];
    cases.extend(compilers.map(|compiler| {
        Case::new(format!("same_lines::{}", compiler.name()), move || {
            same_lines(compiler)
        })
    }));
    cases
}

/// Boots a program of `tests/programs` with the call log on.
fn traced(name: &str, compiler: Compiler, vm: Vm, words: &str) -> Result<String> {
    let files = Initramfs::new()
        .dir("/work")
        .executable_from("/init", &compile(name, compiler)?)?;
    let vm = vm
        .initramfs(&files)
        .append(format!("quiet strace -- {words}"));
    let outcome = vm.run()?;
    outcome.expect(Verdict::Pass)?;
    Ok(outcome.serial)
}

/// `tests/programs/strace.c` makes many calls between two markers: the line of each equals
/// strace's.
fn same_lines(compiler: Compiler) -> Result<()> {
    if !oracle::AVAILABLE {
        return Ok(());
    }
    let expected = comparable(&on_host(&compile("strace", compiler)?)?)?;
    let printed = comparable(&traced("strace", compiler, Vm::new(), "/work")?)?;
    ensure!(expected.len() > 100, "strace printed only {expected:#?}");
    let mut part = "the start";
    let mut differences = Vec::new();
    for (expected, printed) in expected.iter().zip(&printed) {
        // The program's marker of a part: access("== files", F_OK) = ...
        if let Some((_, name)) = expected.split_once("access(\"== ") {
            part = name.split('"').next().unwrap_or(name);
        }
        if expected != printed {
            differences.push(format!(
                "in {part}:\nstrace:  {expected}\nTrident: {printed}"
            ));
        }
    }
    ensure!(
        differences.is_empty() && expected.len() == printed.len(),
        "{} lines of {} differ:\n{}",
        differences.len() + expected.len().abs_diff(printed.len()),
        expected.len(),
        differences.join("\n")
    );
    Ok(())
}

/// The host's strace output for a program, without padding.
fn on_host(program: &Path) -> Result<String> {
    let directory = paths::scratch().join(format!("strace-{}", token::random()));
    let log = directory.join("log");
    fs::create_dir_all(directory.join("work"))?;
    let mut strace = beginning::command("strace")?;
    let status = strace
        .args(["-f", "-a1", "-o"])
        .arg(&log)
        .arg(program)
        .arg(directory.join("work"))
        // strace prints dates in local time.
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .status()
        .context("cannot start strace: `make doctor` lists missing tools")?;
    let text = fs::read_to_string(&log);
    fs::remove_dir_all(&directory)?;
    ensure!(status.success(), "strace on the host: {status}");
    Ok(text?)
}

/// The lines between the markers, grouped by process, interrupted calls joined, values that differ
/// between runs masked.
fn comparable(text: &str) -> Result<Vec<String>> {
    let line = Regex::new(r"^(?:(\d+) +|\[pid +(\d+)\] )?(?:\[\w+\] )?(.*)$")?;
    let unfinished = Regex::new(r"^(.*) <unfinished \.\.\.>$")?;
    let resumed = Regex::new(r"^<\.\.\. \w+ resumed>(.*)$")?;
    // Pid, whole lines, and the first half of an unfinished call.
    let mut processes: Vec<(String, Vec<String>, Option<String>)> = Vec::new();
    for raw in text.lines() {
        let Some(parts) = line.captures(raw) else {
            continue;
        };
        let pid = parts
            .get(1)
            .or(parts.get(2))
            .map_or("1", |pid| pid.as_str());
        let text = parts[3].to_string();
        let process = match processes.iter().position(|(known, ..)| known == pid) {
            Some(index) => &mut processes[index],
            None => {
                processes.push((pid.to_string(), Vec::new(), None));
                processes.last_mut().context("just pushed")?
            }
        };
        if let Some(parts) = unfinished.captures(&text) {
            process.2 = Some(parts[1].to_string());
        } else if let Some(parts) = resumed.captures(&text) {
            let start = process.2.take().unwrap_or_default();
            process.1.push(format!("{start}{}", &parts[1]));
        } else {
            process.1.push(text);
        }
    }
    let is_call = Regex::new(r"^(\w+\(|\+\+\+|--- SIG)")?;
    let mut lines: Vec<String> = Vec::new();
    for (index, (_, process, _)) in processes.iter().enumerate() {
        let marker = |name: &str| {
            process
                .iter()
                .position(|l| l.starts_with(&format!("access(\"{name}\"")))
        };
        // The calls before main() are compared too, except execve, which has the host's paths. All
        // children end before the last marker.
        let between = match index {
            0 => {
                let begin = process.iter().position(|line| line.starts_with("execve("));
                let begin = begin.context("no line for the start")? + 1;
                let end = marker("end").context("no line for the last marker")?;
                &process[begin..end]
            }
            _ => &process[..],
        };
        // The call log prints no line for a signal without a handler.
        let lines_of_calls = between
            .iter()
            .filter(|l| is_call.is_match(l) && !l.starts_with("--- SIGCHLD"));
        lines.extend(lines_of_calls.map(|line| masked(line)));
    }
    Ok(lines)
}

/// Masks the values of a line that differ between runs.
fn masked(line: &str) -> String {
    let replace = |text: String, pattern: &str, by: &str| match Regex::new(pattern) {
        Ok(pattern) => pattern.replace_all(&text, by).into_owned(),
        Err(_) => text,
    };
    let mut text = line.to_string();
    for (pattern, by) in [
        (r"0x[0-9a-f]{5,}", "ADDRESS"),
        (
            r"^(clock_gettime(?:64)?\(\w+, |gettimeofday\()\{.*?\}",
            "${1}NOW",
        ),
        (r"^(time\(.*)$", "time"),
        (r"^(get\w*pid|getpgid|gettid|set_tid_address)\(.*", "$1"),
        (r"^(clone|fork|vfork|wait4)(.*) = \d+$", "$1$2 = PID"),
        (r"\bpid=\d+", "pid=PID"),
        (r"^pidfd_open\(\d+,", "pidfd_open(PID,"),
        (r"^(kill|tkill|rt_sigqueueinfo)\(\d+", "$1(PID"),
        (r"^(tgkill|rt_tgsigqueueinfo)\(\d+, \d+", "$1(PID, PID"),
        (r"si_pid=\d+", "si_pid=PID"),
        (r"(\\x[0-9a-f]{2})+", "RANDOM"),
        (r#"nodename="[^"]*""#, "nodename"),
        (r"^sysinfo\(.*", "sysinfo"),
        (r#"^(chdir|readlink)\("/.*"#, "$1"),
        (r"left \{.*?\}", "left"),
        (r"^(syslog\(.*) = .*", "$1"),
        // May be missing: the C library works without it.
        (r"^(rseq\(.*) = .*", "$1"),
        // Linux returns more fields than requested.
        (r"stx_mask=[A-Z_|]*", "stx_mask"),
    ] {
        text = replace(text, pattern, by);
    }
    text
}

fn each_door_is_named() -> Result<()> {
    let hello = |compiler, cpu: &str| traced("hello", compiler, Vm::new().cpu(cpu), "");
    ensure!(hello(Compiler::Glibc64, "max")?.contains("[syscall] write(1, "));
    // Through `__kernel_vsyscall`: the door depends on the vendor.
    let intel = hello(Compiler::Glibc32, "max,vendor=GenuineIntel")?;
    ensure!(intel.contains("[sysenter] write(1, "), "{intel}");
    ensure!(intel.contains("[int80] "), "{intel}");
    let amd = hello(Compiler::Glibc32, "max,vendor=AuthenticAMD")?;
    ensure!(amd.contains("[syscall32] write(1, "), "{amd}");
    Ok(())
}

/// The kernel itself executes init: the trace still starts with execve and ends with the exit.
fn init_is_traced_from_execve_to_exit() -> Result<()> {
    let text = traced("hello", Compiler::Glibc64, Vm::new(), "")?;
    let first = Regex::new(
        r#"(?m)^\[kernel\] execve\("/init", \["/init"\], 0x7ff[0-9a-f]{9} /\* \d+ vars \*/\) = 0$"#,
    )?;
    ensure!(first.is_match(&text), "{text}");
    ensure!(
        text.contains("[syscall] exit_group(0) = ?\n+++ exited with 0 +++\n"),
        "{text}"
    );
    Ok(())
}

fn an_untraced_program_prints_no_calls() -> Result<()> {
    let files = Initramfs::new().executable_from("/init", &compile("hello", Compiler::Glibc64)?)?;
    let outcome = Vm::new().initramfs(&files).append("quiet").run()?;
    outcome.expect(Verdict::Pass)?.lacks("[syscall]")?;
    outcome.lacks("+++ exited")?;
    Ok(())
}

/// The call log survives a program that passes every kind of bad pointer.
fn bad_pointers_are_printed() -> Result<()> {
    for width in [64, 32] {
        let program = paths::program(width, "bad_pointers");
        let files = Initramfs::new().executable_from("/init", &program)?;
        let outcome = Vm::new().initramfs(&files).append("quiet strace").run()?;
        outcome
            .expect(Verdict::Pass)?
            .contains("= -1 EFAULT (Bad address)")?;
    }
    Ok(())
}
