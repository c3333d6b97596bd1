//! The line discipline (N_TTY): processing of input before a program reads it, and of output before
//! it is sent.
//!
//! `input.rs` processes typed bytes, `erase.rs` edits the line, `echo.rs` echoes, `output.rs`
//! processes output, `read.rs` is the reader's side, `latin1.rs` classifies letters. It has no
//! hardware, no locks and no signals: effects outside of the line are returned to the caller.

use alloc::collections::VecDeque;

use super::termios::{Input, Local, Termios};
use crate::abi::errno::Errno;
use crate::mm::fallible::Grow as _;
use echo::Echo;
pub use input::Typed;

mod echo;
mod erase;
mod input;
mod latin1;
mod output;
mod read;

/// Size of the input buffer in bytes (N_TTY_BUF_SIZE).
const CAPACITY: usize = 4096;

/// A byte in the input buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    byte: u8,
    /// Ends a line in canonical mode. A byte of 0 is then an end of file, and is not read.
    ends_line: bool,
}

impl Cell {
    const fn is_end_of_file(self) -> bool {
        self.ends_line && self.byte == 0
    }
}

/// State of the line discipline: input buffer, editing, echoes, flow control.
pub struct Line {
    termios: Termios,
    /// The input buffer.
    typed: VecDeque<Cell>,
    /// Number of bytes in complete lines (canonical mode). The rest is being edited.
    complete: usize,
    /// The next byte is literal (after VLNEXT).
    literal: bool,
    /// Erased characters are being shown after a \ (ECHOPRT).
    erasing: bool,
    /// Column of the cursor, and at the start of the line being edited.
    column: usize,
    line_column: usize,
    /// Queued echoes.
    echo: VecDeque<Echo>,
    /// Output is stopped, by VSTOP or tcflow(3).
    stopped: bool,
    /// Output is stopped by tcflow(3), which alone restarts it.
    stopped_by_program: bool,
}

impl Line {
    /// An empty line discipline with these settings.
    pub const fn new(termios: Termios) -> Self {
        Self {
            termios,
            typed: VecDeque::new(),
            complete: 0,
            literal: false,
            erasing: false,
            column: 0,
            line_column: 0,
            echo: VecDeque::new(),
            stopped: false,
            stopped_by_program: false,
        }
    }

    /// Reserves memory for full buffers: the number of terminals is up to programs.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn reserve(&mut self) -> Result<(), Errno> {
        self.typed.room_for(CAPACITY)?;
        self.echo.room_for(echo::ECHO_MAX)
    }

    /// The settings.
    pub const fn termios(&self) -> &Termios {
        &self.termios
    }

    /// Whether canonical mode is on: lines are edited and read whole.
    pub const fn is_canonical(&self) -> bool {
        self.termios.has(Local::ICANON)
    }

    /// Changes the settings (n_tty_set_termios). A switch of canonical mode keeps the input: it
    /// becomes one line, or loses its line ends.
    pub fn set(&mut self, termios: Termios) {
        let old = core::mem::replace(&mut self.termios, termios);
        if (old.local ^ termios.local).contains(Local::ICANON) {
            for cell in &mut self.typed {
                cell.ends_line = false;
            }
            self.complete = 0;
            if termios.has(Local::ICANON)
                && let Some(last) = self.typed.back_mut()
            {
                // As on Linux, a last byte of 0 becomes an end of file.
                last.ends_line = true;
                self.complete = self.typed.len();
            }
            self.erasing = false;
            self.literal = false;
        }
        let freed = old.input.contains(Input::IXON) && !termios.input.contains(Input::IXON);
        if freed && !self.stopped_by_program {
            self.start();
        }
    }

    /// Discards the input buffer (TCIFLUSH, VINTR).
    pub fn flush_input(&mut self) {
        self.typed.clear();
        self.complete = 0;
        self.erasing = false;
    }

    /// Discards queued echoes.
    pub fn flush_echo(&mut self) {
        self.echo.clear();
    }

    /// Stops output.
    pub const fn stop(&mut self) {
        self.stopped = true;
    }

    /// Restarts output.
    pub const fn start(&mut self) {
        self.stopped = false;
    }

    /// Stops or restarts output by tcflow(3) (TCOOFF, TCOON).
    pub const fn stop_by_program(&mut self, stop: bool) {
        if self.stopped_by_program != stop {
            self.stopped_by_program = stop;
            self.stopped = stop;
        }
    }

    /// Whether output is stopped.
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }
}
