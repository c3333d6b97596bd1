//! Packet mode: the program's end of a pseudo-terminal is told of changes (TIOCPKT of ioctl_tty(2)).
//!
//! Each read then begins with a byte: 0 before output, else what has happened since.

use linux_raw_sys::general::{
    TIOCPKT_DOSTOP, TIOCPKT_FLUSHREAD, TIOCPKT_FLUSHWRITE, TIOCPKT_NOSTOP, TIOCPKT_START,
    TIOCPKT_STOP,
};

use super::Master;

/// Packet mode, and what there is to tell.
#[derive(Default)]
pub struct Packet {
    on: bool,
    status: u8,
}

impl Packet {
    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Turns it on or off; nothing that was before is told.
    pub fn set(&mut self, on: bool) {
        if on && !self.on {
            self.status = 0;
        }
        self.on = on;
    }

    /// Whether there is something to tell.
    pub fn has_status(&self) -> bool {
        self.on && self.status != 0
    }

    /// What there is to tell, once.
    pub fn take_status(&mut self) -> u8 {
        core::mem::take(&mut self.status)
    }

    fn note(&mut self, clear: u32, set: u32) {
        self.status = self.status & !(clear as u8) | set as u8;
    }
}

impl Master {
    fn tell(&self, clear: u32, set: u32) {
        let mut state = self.state.lock();
        if state.packet.is_on() {
            state.packet.note(clear, set);
            drop(state);
            self.changed.wake_all();
        }
    }

    /// The terminal's output was stopped or let go on.
    pub fn tell_flow(&self, stopped: bool) {
        if stopped {
            self.tell(TIOCPKT_START, TIOCPKT_STOP);
        } else {
            self.tell(TIOCPKT_STOP, TIOCPKT_START);
        }
    }

    /// What was typed, or what was written, was dropped.
    pub fn tell_flush(&self, input: bool, output: bool) {
        let read = if input { TIOCPKT_FLUSHREAD } else { 0 };
        let write = if output { TIOCPKT_FLUSHWRITE } else { 0 };
        self.tell(0, read | write);
    }

    /// ^S and ^Q now stop output and let it go on, or no longer do.
    pub fn tell_flow_control(&self, on: bool) {
        if on {
            self.tell(TIOCPKT_NOSTOP, TIOCPKT_DOSTOP);
        } else {
            self.tell(TIOCPKT_DOSTOP, TIOCPKT_NOSTOP);
        }
    }
}
