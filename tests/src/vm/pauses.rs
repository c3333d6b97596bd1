//! A machine that its host stops and lets run in turns.

use std::process::Child;
use std::thread;
use std::time::Duration;

/// How long it is stopped and runs.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    pub stopped: Duration,
    pub running: Duration,
}

impl Pauses {
    /// One turn. `child` is not reaped yet: its number is no other process's.
    pub fn turn(self, child: &Child) {
        for (signal, time) in [(libc::SIGSTOP, self.stopped), (libc::SIGCONT, self.running)] {
            // SAFETY: sends a signal; no memory is touched.
            unsafe { libc::kill(child.id() as libc::pid_t, signal) };
            thread::sleep(time);
        }
    }
}
