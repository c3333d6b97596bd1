//! The line discipline (Linux's N_TTY): what becomes of typed bytes before a program reads them, and
//! of written bytes before they are sent.
//!
//! `input.rs` takes typed bytes, `erase.rs` edits the line being typed, `echo.rs` shows it,
//! `output.rs` changes what is written, `read.rs` is the reader's side, `latin1.rs` knows letters. No hardware, no locks and no signals:
//! what is to be done beyond the line is returned to the caller.

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

/// Most bytes kept for a reader (N_TTY_BUF_SIZE).
const CAPACITY: usize = 4096;

/// A typed byte, as a reader will find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    byte: u8,
    /// Canonical mode: a line ends with it. A byte of 0 is then an end of file, and not read itself.
    ends_line: bool,
}

impl Cell {
    const fn is_end_of_file(self) -> bool {
        self.ends_line && self.byte == 0
    }
}

/// Input on its way to a reader, and output on its way to the line.
pub struct Line {
    termios: Termios,
    /// Typed and not read.
    typed: VecDeque<Cell>,
    /// How many of `typed` are in whole lines (canonical mode). What follows is still being edited.
    complete: usize,
    /// The next byte is taken as it is (VLNEXT came).
    literal: bool,
    /// What is being erased is shown behind a \ (ECHOPRT).
    erasing: bool,
    /// Where the cursor is, and where it was when the line being typed began.
    column: usize,
    line_column: usize,
    /// Echoes that are still to be sent.
    echo: VecDeque<Echo>,
    /// Output is held back by VSTOP or TIOCSTOP.
    stopped: bool,
    /// It is held back by tcflow(3): only that lets it go.
    stopped_by_program: bool,
}

impl Line {
    /// An empty one.
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

    /// Makes room for all that it may ever hold: programs decide how many there are, and how full.
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

    /// Whether lines are edited and read whole.
    pub const fn is_canonical(&self) -> bool {
        self.termios.has(Local::ICANON)
    }

    /// Changes the settings (n_tty_set_termios). Between the modes what was typed is kept: it becomes
    /// one line, or loses its ends of lines.
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
                // Even a byte of 0 ends it here, and is then taken for an end of file, as on Linux.
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

    /// Drops what was typed and not read (TCIFLUSH, and what VINTR does).
    pub fn flush_input(&mut self) {
        self.typed.clear();
        self.complete = 0;
        self.erasing = false;
    }

    /// Drops the echoes that are still to be sent.
    pub fn flush_echo(&mut self) {
        self.echo.clear();
    }

    /// Holds output back.
    pub const fn stop(&mut self) {
        self.stopped = true;
    }

    /// Lets output go on.
    pub const fn start(&mut self) {
        self.stopped = false;
    }

    /// tcflow(3) with TCOOFF and TCOON.
    pub const fn stop_by_program(&mut self, stop: bool) {
        if self.stopped_by_program != stop {
            self.stopped_by_program = stop;
            self.stopped = stop;
        }
    }

    /// Whether output is held back.
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }
}
