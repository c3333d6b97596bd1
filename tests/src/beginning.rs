//! The initial state of a program on the host: init's here, independent of how the tests are run.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Result, ensure};

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

#[cfg(test)]
mod tests {
    use super::*;

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
