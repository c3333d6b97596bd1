//! Relays bytes between the serial line and the program's pipes until the program ends.
//!
//! Input arrives in pieces: two bytes of length, low byte first, then the bytes; length 0 is the
//! end of the file. init reads more only after writing all it has read to the program's pipe.
//! Meanwhile input fills the terminal's buffer, then the UART's, and then the host waits: nothing
//! is lost, without flow control messages.

use core::fmt::{self, Write};

use sys::Errno;
use sys::os::{self, Ending};

use crate::calls::{self, Poll};
use crate::frame::{self, Line};
use crate::request::{End, Request};

const EAGAIN: Errno = Errno(11);
const SIGCONT: usize = 18;
/// SIGTSTP, SIGTTIN, SIGTTOU: no shell would continue a process that these stop.
const TERMINAL_STOPS: core::ops::RangeInclusive<i32> = 20..=22;

const SIGKILL: usize = 9;
/// CLOCK_MONOTONIC.
const MONOTONIC: i32 = 1;

/// Number of reads that empty the largest pipe (1 MiB).
const LAST_ROUNDS: usize = 256;

/// The pipes and the buffered input.
pub struct Relay {
    signals: usize,
    /// The line, until the end of the input.
    line: Option<usize>,
    /// Write end of the program's standard input.
    input: Option<usize>,
    /// Read ends of its standard output and error.
    outputs: [Option<usize>; 2],
    /// When the program is killed, in milliseconds of the monotonic clock.
    deadline: Option<i64>,
    /// Bytes of the current piece that are yet to be read.
    left: usize,
    buffer: [u8; 4096],
    /// The part of the buffer that is yet to be written.
    waiting: core::ops::Range<usize>,
}

impl Relay {
    /// Makes the pipes of the request; also returns the program's three files.
    pub fn new(
        request: &Request,
        terminal: usize,
        signals: usize,
    ) -> Result<(Self, [usize; 3]), Errno> {
        let mut relay = Self {
            signals,
            line: None,
            input: None,
            outputs: [None; 2],
            deadline: request.limit.map(|limit| now() + i64::from(limit) * 1000),
            left: 0,
            buffer: [0; 4096],
            waiting: 0..0,
        };
        let mut ends = [terminal; 3];
        if request.ends[0] == End::Pipe {
            let [reading, writing] = calls::pipe()?;
            calls::set_nonblocking(writing)?;
            (relay.line, relay.input, ends[0]) = (Some(terminal), Some(writing), reading);
        }
        let outputs = relay.outputs.iter_mut().zip(&mut ends[1..]);
        for ((output, end), wanted) in outputs.zip(&request.ends[1..]) {
            if *wanted == End::Pipe {
                let [reading, writing] = calls::pipe()?;
                calls::set_nonblocking(reading)?;
                (*output, *end) = (Some(reading), writing);
            }
        }
        Ok((relay, ends))
    }

    /// Relays until `program` and its process group have ended; returns how the program ended.
    pub fn run(&mut self, line: &mut Line, program: usize) -> Ending {
        let mut ending = None;
        loop {
            if let (found @ Some(how), None) = (reap(program), ending) {
                line.send(frame::ENDED, Words::of(how).text());
                ending = found;
            }
            if let Some(ending) = ending
                && calls::kill_group(program, 0).is_err()
            {
                // The rest of the output; a limit, as a process of another group may still write.
                (0..LAST_ROUNDS).for_each(|_| self.carry_output(line));
                return ending;
            }
            if self.deadline.is_some_and(|deadline| deadline <= now()) {
                self.deadline = None;
                line.send(frame::LIMIT, &[]);
                let _ = calls::kill_group(program, SIGKILL);
            }
            self.wait(line);
        }
    }

    /// Milliseconds until the deadline, as poll takes them.
    fn left_time(&self) -> i32 {
        let left = self.deadline.map(|deadline| (deadline - now()).max(0));
        left.map_or(-1, |left| left.try_into().unwrap_or(i32::MAX))
    }

    /// Waits for any event, and relays the available bytes.
    fn wait(&mut self, line: &mut Line) {
        let is_full = !self.waiting.is_empty();
        let mut polls = [
            Poll::reading(Some(self.signals)),
            Poll::reading(self.line.filter(|_| !is_full)),
            Poll::writing(self.input.filter(|_| is_full)),
            Poll::reading(self.outputs[0]),
            Poll::reading(self.outputs[1]),
        ];
        if calls::poll(&mut polls, self.left_time()).is_err() {
            return;
        }
        if polls[0].is_ready() {
            // The content doesn't matter: `reap` waits for all children.
            let _ = os::read(self.signals, &mut [0; 1024]);
        }
        if polls[1].is_ready() {
            self.take_input();
        }
        if polls[2].is_ready() {
            self.forward();
        }
        self.carry_output(line);
    }

    /// Reads a piece's length, or the available part of its bytes.
    fn take_input(&mut self) {
        let Some(line) = self.line else { return };
        if self.left == 0 {
            let mut length = [0; 2];
            if !matches!(os::read_all(line, &mut length), Ok([_, _])) {
                return;
            }
            self.left = usize::from(u16::from_le_bytes(length));
            if self.left == 0 {
                self.line = None;
                self.close_input();
            }
            return;
        }
        let most = self.left.min(self.buffer.len());
        if let Ok(count) = os::read(line, &mut self.buffer[..most]) {
            self.left -= count;
            self.waiting = 0..count;
            self.forward();
        }
    }

    /// Writes buffered input to the program's pipe. Input is discarded once the pipe has no reader.
    fn forward(&mut self) {
        let Some(input) = self.input else {
            self.waiting = 0..0;
            return;
        };
        match os::write(input, &self.buffer[self.waiting.clone()]) {
            Ok(count) => self.waiting.start += count,
            Err(EAGAIN) => {}
            Err(_) => {
                self.waiting = 0..0;
                self.close_input();
            }
        }
    }

    fn close_input(&mut self) {
        if let Some(input) = self.input.take() {
            let _ = os::close(input);
        }
    }

    /// Sends a limited amount of output, so that much output can't delay input or the end.
    fn carry_output(&mut self, line: &mut Line) {
        let mut bytes = [0; 4096];
        for (index, kind) in [(1, frame::ERROR), (0, frame::OUTPUT)] {
            let Some(output) = self.outputs[index] else {
                continue;
            };
            match os::read(output, &mut bytes) {
                Ok(count @ 1..) => line.send(kind, &bytes[..count]),
                Err(EAGAIN) => {}
                Ok(0) | Err(_) => {
                    let _ = os::close(output);
                    self.outputs[index] = None;
                }
            }
        }
    }
}

/// The monotonic clock, in milliseconds.
fn now() -> i64 {
    let now = os::clock_gettime(MONOTONIC).unwrap_or_default();
    now.sec as i64 * 1000 + now.nsec as i64 / 1_000_000
}

/// Waits for all children that have ended or stopped; returns how `program` ended, if it did.
fn reap(program: usize) -> Option<Ending> {
    let mut ending = None;
    while let Some(child) = calls::changed_child() {
        if child.status & 0xff == 0x7f {
            if TERMINAL_STOPS.contains(&(child.status >> 8)) {
                let _ = calls::kill_group(child.pid, SIGCONT);
            }
        } else if child.pid == program {
            ending = Some(Ending::of(child.status));
        }
    }
    ending
}

/// An ending as text, for a frame.
struct Words {
    bytes: [u8; 24],
    used: usize,
}

impl Words {
    fn of(ending: Ending) -> Self {
        let mut words = Self {
            bytes: [0; 24],
            used: 0,
        };
        // The longest text fits.
        let _ = match ending {
            Ending::Exit(status) => write!(words, "exit {status}"),
            Ending::Signal(signal) => write!(words, "signal {signal}"),
        };
        words
    }

    fn text(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

impl Write for Words {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let place = self.bytes.get_mut(self.used..self.used + text.len());
        place.ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.used += text.len();
        Ok(())
    }
}
