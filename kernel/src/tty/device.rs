//! A terminal: line discipline, window size, session, and output path (struct tty_struct).

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::sync::{Mutex, MutexGuard, rank};

use super::line::{Line, Typed};
use super::pty::Master;
use super::serial;
use super::termios::{Local, Termios};
use crate::abi::errno::Errno;
use crate::abi::metadata::Device;
use crate::abi::signal::{SIGWINCH, SigInfo};
use crate::process::signal;
use crate::process::terminal::Terminal as _;
use crate::sched::wait::WaitQueue;

/// Rows, columns, and their size in pixels (`struct winsize`).
pub type Window = [u16; 4];

/// A terminal.
pub struct Tty {
    /// Device number.
    pub number: Device,
    state: Mutex<State, rank::Tty>,
    /// Woken when there may be input, room to write, or a hang-up.
    pub(super) changed: WaitQueue,
    /// The master of a pseudo-terminal; `None` for the serial line.
    pub(super) master: Option<Master>,
}

/// State under the terminal's lock.
pub(super) struct State {
    pub line: Line,
    pub window: Window,
    /// Locked settings (TIOCSLCKTRMIOS).
    pub locks: Termios,
    /// Session that it controls; 0 for none.
    pub session: u32,
    /// Foreground process group; 0 for none.
    pub foreground: u32,
    /// TIOCEXCL: further opens require CAP_SYS_ADMIN.
    pub exclusive: bool,
    /// Number of hang-ups: files opened before the last one are dead.
    pub hang_ups: u32,
    /// Number of open files.
    pub opens: u32,
}

impl Tty {
    /// Creates a terminal with these settings; `master` for a pseudo-terminal.
    pub(super) fn new(number: Device, termios: Termios, master: Option<Master>) -> Arc<Self> {
        Arc::new(Self {
            number,
            state: Mutex::new(State {
                line: Line::new(termios),
                window: [0; 4],
                locks: Termios::NONE,
                session: 0,
                foreground: 0,
                exclusive: false,
                hang_ups: 0,
                opens: 0,
            }),
            changed: WaitQueue::new(),
            master,
        })
    }

    /// Reserves memory for the input and echo buffers.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn reserve(&self) -> Result<(), Errno> {
        self.state().line.reserve()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State, rank::Tty> {
        self.state.lock()
    }

    /// Checks that the terminal can be opened.
    ///
    /// # Errors
    /// `EIO` for a pseudo-terminal that is locked or whose master is closed.
    pub(super) fn check_openable(&self) -> Result<(), Errno> {
        match &self.master {
            Some(master) if !master.is_openable() => Err(Errno::EIO),
            _ => Ok(()),
        }
    }

    /// Wakes all waiters on both ends.
    pub(super) fn wake(&self) {
        self.changed.wake_all();
        if let Some(master) = &self.master {
            master.changed.wake_all();
        }
    }

    /// Number of bytes that can be sent now.
    fn room(&self) -> usize {
        self.master.as_ref().map_or(usize::MAX, Master::room)
    }

    /// Number of bytes that a program can write now, whatever their expansion.
    pub(super) fn write_room(&self, state: &State) -> usize {
        if state.line.is_stopped() || state.line.has_echo() {
            return 0;
        }
        self.room() / state.line.expansion()
    }

    fn send(&self, bytes: &[u8]) {
        match &self.master {
            Some(master) => master.push(bytes),
            None => serial::send(bytes),
        }
    }

    /// Sends VSTOP or VSTART to the other side even if output is stopped (tcflow(3)); 0 sends
    /// nothing.
    pub(super) fn send_control(&self, byte: u8) {
        if byte != 0 {
            self.send(&[byte]);
        }
    }

    /// Sends bytes written by a program, at most [`Tty::write_room`].
    pub(super) fn write(&self, bytes: &[u8]) {
        let mut out = Vec::with_capacity(2 * bytes.len());
        {
            let mut state = self.state();
            state.line.process_all_output(bytes, &mut out);
        }
        self.send(&out);
    }

    /// Sends queued echoes for which there is room.
    pub(super) fn send_echo(&self, state: &mut State) {
        let echo = state.line.take_echo(self.room());
        if !echo.is_empty() {
            self.send(&echo);
        }
    }

    /// Calls `f` with the line discipline, which may stop or start output or queue echoes.
    pub(super) fn with_line<T>(&self, f: impl FnOnce(&mut Line) -> T) -> T {
        let mut state = self.state();
        let was_stopped = state.line.is_stopped();
        let result = f(&mut state.line);
        self.send_echo(&mut state);
        let is_stopped = state.line.is_stopped();
        drop(state);
        if was_stopped != is_stopped {
            self.flow_changed(is_stopped);
        }
        result
    }

    /// Reports stopped or restarted output to a master in packet mode, and wakes waiters.
    fn flow_changed(&self, stopped: bool) {
        if let Some(master) = &self.master {
            master.report_flow(stopped);
        }
        self.wake();
    }

    /// Processes typed bytes while there is room; returns their number. Echoes are sent after the
    /// last byte: a signal discards those of the bytes before it.
    pub(super) fn receive(&self, bytes: &[u8]) -> usize {
        let mut done = 0;
        for &byte in bytes {
            let mut state = self.state();
            if !state.line.accepts() {
                break;
            }
            let was_stopped = state.line.is_stopped();
            if state.line.restarts_output(byte) {
                self.send_echo(&mut state);
            }
            let typed = state.line.type_in(byte);
            // Echoes before a signal are sent, unless the signal is echoed itself.
            let sends = match typed {
                Typed::Plain => false,
                Typed::Start => true,
                Typed::Signal { .. } => !state.line.termios().has(Local::ECHO),
            };
            if sends {
                self.send_echo(&mut state);
            }
            let is_stopped = state.line.is_stopped();
            drop(state);
            done += 1;
            if was_stopped != is_stopped {
                self.flow_changed(is_stopped);
            }
            if let Typed::Signal { signo, flush } = typed {
                if let Some(master) = self.master.as_ref().filter(|_| flush) {
                    master.report_flush(true, true);
                }
                self.signal_foreground(signo);
            }
        }
        self.send_echo(&mut self.state());
        if done > 0 {
            self.wake();
        }
        done
    }

    /// Sends a signal to the foreground process group.
    pub(super) fn signal_foreground(&self, signo: u8) {
        let group = self.foreground();
        if group != 0 {
            // The group may be empty.
            let _ = signal::send_group(group, &SigInfo::kernel(signo));
        }
    }

    /// Sets the window size; a change sends SIGWINCH to the foreground process group.
    pub(super) fn resize(&self, window: Window) {
        let changed = core::mem::replace(&mut self.state().window, window) != window;
        if changed {
            self.signal_foreground(SIGWINCH);
        }
    }
}
