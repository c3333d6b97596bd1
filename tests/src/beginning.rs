//! The initial state of a program on the host: init's here, independent of how the tests are run.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::programs::{Compiler, compile};

/// A command that starts `program` in init's initial state, by `tests/programs/host/init_state.c`:
/// the niceness, scheduling policy, umask, signals, soft limits, personality, oom_score_adj and
/// descriptors that it has in Trident.
///
/// # Errors
/// The tests run at another niceness, and are not allowed to change it.
pub fn command(program: impl AsRef<OsStr>) -> Result<Command> {
    let nice = rustix::process::getpriority_process(None)?;
    ensure!(
        nice <= 0 || crate::oracle::is_root(),
        "the tests run at niceness {nice}, which shows in what programs print, and only root can undo: run \
         them without nice(1), or as root"
    );
    let mut command = Command::new(compile("host/init_state", Compiler::Glibc64)?);
    command.arg("--").arg(program);
    Ok(command)
}

/// Time limit of a program on the host. The longest one takes a second.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Runs a [`command`] to its end; the result has its standard output.
///
/// # Errors
/// The command can't start, or has not ended after `limit`: it is killed then, with its
/// descendants.
pub fn run(mut command: Command, limit: Duration) -> Result<Output> {
    let shown = format!("{command:?}");
    let child = command.stdout(Stdio::piped()).spawn();
    let child = child.with_context(|| format!("the host cannot run {shown}"))?;
    let pid = child.id();
    let (sender, receiver) = mpsc::channel();
    // Reads until the last descendant has closed the pipe; the child is a zombie until then, so
    // that its number is not another process's.
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(limit) else {
        kill_tree(pid);
        bail!("{shown} has not ended on the host after {limit:?}");
    };
    Ok(output?)
}

/// Kills a process and its descendants, parents first.
fn kill_tree(pid: u32) {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    if let Some(pid) = Pid::from_raw(pid as i32) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, Signal::KILL);
    }
    let children = children.unwrap_or_default();
    for child in children.split_whitespace().flat_map(str::parse) {
        kill_tree(child);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_never_ends_is_killed_with_its_children() {
        let token = format!("{}.25", 1000 + std::process::id());
        let mut command = Command::new("sh");
        command.args(["-c", "sleep \"$0\" & sleep \"$0\"; true", &token]);
        let error = run(command, Duration::from_millis(300)).expect_err("it sleeps");
        assert!(format!("{error:#}").contains("has not ended"), "{error:#}");
        let left = || {
            let processes = std::fs::read_dir("/proc").expect("there is /proc");
            let lines = processes
                .flatten()
                .filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
            lines
                .filter(|line| line.starts_with("sleep") && line.contains(&token))
                .count()
        };
        for _ in 0..200 {
            if left() == 0 {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{} of its processes are left", left());
    }

    #[test]
    fn a_program_begins_as_init_does_however_the_tests_are_run() {
        const SCRIPT: &str = "nice; umask; grep -E '^Sig(Blk|Ign)' /proc/self/status; ulimit -Ss; \
            cut -d' ' -f41 /proc/self/stat; cat /proc/self/personality /proc/self/oom_score_adj; \
            ls /proc/self/fd | wc -l";
        if !crate::oracle::is_root() {
            return;
        }
        let program = compile("host/init_state", Compiler::Glibc64).expect("there is a compiler");
        let mut command = Command::new(program);
        command.args(["disturbed", "--", "sh", "-c", SCRIPT]);
        let output = command.output().expect("there is a shell");
        let expected = "0\n0022\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n8192\n0\n00000000\n0\n4\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
}
