//! Packet mode: the master reads changes of the terminal's state (TIOCPKT of ioctl_tty(2)).
//!
//! Each read begins with a byte: 0 before output, else the changes since the last read.

use linux_raw_sys::general::{
    TIOCPKT_DOSTOP, TIOCPKT_FLUSHREAD, TIOCPKT_FLUSHWRITE, TIOCPKT_NOSTOP, TIOCPKT_START,
    TIOCPKT_STOP,
};

use super::Master;

/// Packet mode, and the status to report.
#[derive(Default)]
pub struct Packet {
    on: bool,
    status: u8,
}

impl Packet {
    /// Whether packet mode is on.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Turns packet mode on or off; changes before that are not reported.
    pub fn set(&mut self, on: bool) {
        if on && !self.on {
            self.status = 0;
        }
        self.on = on;
    }

    /// Whether there is a status to report.
    pub fn has_status(&self) -> bool {
        self.on && self.status != 0
    }

    /// Takes the status.
    pub fn take_status(&mut self) -> u8 {
        core::mem::take(&mut self.status)
    }

    fn update(&mut self, clear: u32, set: u32) {
        self.status = self.status & !(clear as u8) | set as u8;
    }
}

impl Master {
    fn report(&self, clear: u32, set: u32) {
        let mut state = self.state.lock();
        if state.packet.is_on() {
            state.packet.update(clear, set);
            drop(state);
            self.changed.wake_all();
        }
    }

    /// Reports that the terminal's output was stopped or restarted.
    pub fn report_flow(&self, stopped: bool) {
        if stopped {
            self.report(TIOCPKT_START, TIOCPKT_STOP);
        } else {
            self.report(TIOCPKT_STOP, TIOCPKT_START);
        }
    }

    /// Reports that the terminal's input or output was flushed.
    pub fn report_flush(&self, input: bool, output: bool) {
        let read = if input { TIOCPKT_FLUSHREAD } else { 0 };
        let write = if output { TIOCPKT_FLUSHWRITE } else { 0 };
        self.report(0, read | write);
    }

    /// Reports whether ^S and ^Q now stop and restart output.
    pub fn report_flow_control(&self, on: bool) {
        if on {
            self.report(TIOCPKT_NOSTOP, TIOCPKT_DOSTOP);
        } else {
            self.report(TIOCPKT_DOSTOP, TIOCPKT_NOSTOP);
        }
    }
}
