//! Pauses: SIGSTOP and SIGCONT to QEMU in turns, as from a busy host.

use std::process::Child;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Durations of a turn.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    pub stopped: Duration,
    pub running: Duration,
}

impl Pauses {
    /// One turn. `child` is not reaped yet, so its PID can't have been reused.
    pub fn turn(self, child: &Child) {
        for (signal, time) in [(Signal::STOP, self.stopped), (Signal::CONT, self.running)] {
            // An error: it has ended meanwhile.
            let _ = kill_process(Pid::from_child(child), signal);
            thread::sleep(time);
        }
    }
}
