//! A terminal: its line discipline, its window, whose it is, and the way its bytes take.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::sync::{Mutex, MutexGuard, rank};

use super::line::{Line, Typed};
use super::pty::Master;
use super::serial;
use super::termios::{Local, Termios};
use crate::abi::errno::Errno;
use crate::abi::metadata::Device;
use crate::process::signal::{self, SIGWINCH, SigInfo};
use crate::sched::wait::WaitQueue;

/// Rows, columns, and their size in pixels (`struct winsize`).
pub type Window = [u16; 4];

/// A terminal.
pub struct Tty {
    /// Its device number.
    pub number: Device,
    state: Mutex<State, rank::Tty>,
    /// Woken when there may be something to read, room to write, or a hang-up.
    pub(super) changed: WaitQueue,
    /// The other end; none on the serial line.
    pub(super) master: Option<Master>,
}

/// What changes of it.
pub(super) struct State {
    pub line: Line,
    pub window: Window,
    /// What of the settings doesn't change (TIOCSLCKTRMIOS).
    pub locks: Termios,
    /// The session whose controlling terminal it is; 0: none.
    pub session: u32,
    /// The foreground process group; 0: none.
    pub foreground: u32,
    /// TIOCEXCL: only root may open it again.
    pub exclusive: bool,
    /// Counts hang-ups: what was opened before one is of no use afterwards.
    pub hang_ups: u32,
    /// How often it is open.
    pub opens: u32,
}

impl Tty {
    /// A terminal with these settings; `master`: the other end of a pseudo-terminal.
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

    /// Makes room for all that may ever be typed and echoed.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn reserve(&self) -> Result<(), Errno> {
        self.state().line.reserve()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State, rank::Tty> {
        self.state.lock()
    }

    /// Its foreground group; 0 for none.
    pub fn foreground(&self) -> u32 {
        self.state().foreground
    }

    /// Whether it can be opened at all.
    ///
    /// # Errors
    /// `EIO` for a pseudo-terminal that is locked or has lost its other end.
    pub(super) fn check_openable(&self) -> Result<(), Errno> {
        match &self.master {
            Some(master) if !master.lets_in() => Err(Errno::EIO),
            _ => Ok(()),
        }
    }

    /// Wakes everybody who waits for it.
    pub(super) fn wake(&self) {
        self.changed.wake_all();
        if let Some(master) = &self.master {
            master.changed.wake_all();
        }
    }

    /// How many bytes can be sent now.
    fn room(&self) -> usize {
        self.master.as_ref().map_or(usize::MAX, Master::room)
    }

    /// How many written bytes can be taken now, whatever they become.
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

    /// Sends VSTOP or VSTART to the other side, whatever is held back (tcflow(3)); 0 is none.
    pub(super) fn send_control(&self, byte: u8) {
        if byte != 0 {
            self.send(&[byte]);
        }
    }

    /// Sends what a program wrote; no more than [`Tty::write_room`].
    pub(super) fn write(&self, bytes: &[u8]) {
        let mut out = Vec::with_capacity(2 * bytes.len());
        {
            let mut state = self.state();
            for &byte in bytes {
                state.line.put(byte, &mut out);
            }
        }
        self.send(&out);
    }

    /// Sends the echoes for which there is room.
    pub(super) fn send_echo(&self, state: &mut State) {
        let echo = state.line.take_echo(self.room());
        if !echo.is_empty() {
            self.send(&echo);
        }
    }

    /// Does something with the line that may stop or start its output, or leave echoes.
    pub(super) fn with_line<T>(&self, f: impl FnOnce(&mut Line) -> T) -> T {
        let mut state = self.state();
        let was_stopped = state.line.is_stopped();
        let result = f(&mut state.line);
        self.send_echo(&mut state);
        let is_stopped = state.line.is_stopped();
        drop(state);
        if was_stopped != is_stopped {
            self.tell_flow(is_stopped);
        }
        result
    }

    /// Output was stopped, or goes on.
    fn tell_flow(&self, stopped: bool) {
        if let Some(master) = &self.master {
            master.tell_flow(stopped);
        }
        self.wake();
    }

    /// Takes typed bytes, as many as there is room for; returns how many. Echoes are sent behind the
    /// last: a signal drops those of the bytes before it.
    pub(super) fn receive(&self, bytes: &[u8]) -> usize {
        let mut done = 0;
        for &byte in bytes {
            let mut state = self.state();
            if !state.line.accepts() {
                break;
            }
            let was_stopped = state.line.is_stopped();
            if state.line.starts_by_any(byte) {
                self.send_echo(&mut state);
            }
            let typed = state.line.type_in(byte);
            // A signal sends the echoes before it, unless its own is to follow.
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
                self.tell_flow(is_stopped);
            }
            if let Typed::Signal { signo, flush } = typed {
                if let Some(master) = self.master.as_ref().filter(|_| flush) {
                    master.tell_flush(true, true);
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

    /// Sends a signal to the foreground group.
    pub(super) fn signal_foreground(&self, signo: u8) {
        let group = self.foreground();
        if group != 0 {
            // An empty group is nobody's error.
            let _ = signal::send_group(group, &SigInfo::kernel(signo));
        }
    }

    /// Changes the window's size, and tells the foreground group.
    pub(super) fn resize(&self, window: Window) {
        let changed = core::mem::replace(&mut self.state().window, window) != window;
        if changed {
            self.signal_foreground(SIGWINCH);
        }
    }
}
