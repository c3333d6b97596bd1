//! Pauses: SIGSTOP and SIGCONT to QEMU in turns, as from a busy host.

use std::process::Child;
use std::thread;
use std::time::Duration;

/// Durations of a turn.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    pub stopped: Duration,
    pub running: Duration,
}

impl Pauses {
    /// One turn. `child` is not reaped yet, so its PID can't have been reused.
    pub fn turn(self, child: &Child) {
        for (signal, time) in [(libc::SIGSTOP, self.stopped), (libc::SIGCONT, self.running)] {
            // SAFETY: sends a signal; no memory is touched.
            unsafe { libc::kill(child.id() as libc::pid_t, signal) };
            thread::sleep(time);
        }
    }
}
