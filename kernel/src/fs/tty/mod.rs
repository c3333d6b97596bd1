//! The terminal on the serial console: /dev/console, /dev/tty and /dev/ttyS0 are one.
//!
//! `line.rs` is the line discipline, `termios.rs` the settings; here they meet the console and the
//! programs. The console has no interrupt: what was typed is fetched at every timer [`tick`] and
//! before a read waits.
//!
//! Left out of Linux's: signals for ^C, ^\ and ^Z, job control (reads from the background), flow
//! control by ^S and ^Q, hang-up, modem lines.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use linux_raw_sys::ioctl;
use spin::Mutex;

use super::inode::{FileOps, Ready};
use super::io::{In, Out};
use crate::dev::console;
use crate::process;
use crate::process::wait::{WaitQueue, is_interrupted};
use crate::syscall::errno::{Errno, SysResult};
use crate::usercopy::UserPtr;

mod line;
mod termios;
#[cfg(test)]
mod tests;

use line::Line;
use termios::{Termios, character, local};

/// Most bytes that a read moves at a time.
const PART: usize = 256;

static LINE: Mutex<Line> = Mutex::new(Line::new());
static READERS: WaitQueue = WaitQueue::new();
/// Rows, columns and their size in pixels; all 0 on a serial line, where nobody knows.
static WINDOW: Mutex<[u16; 4]> = Mutex::new([0; 4]);
/// The foreground process group.
static FOREGROUND: AtomicU32 = AtomicU32::new(0);

/// The open terminal.
struct Terminal;

/// Opens the terminal.
pub fn open() -> Arc<dyn FileOps> {
    Arc::new(Terminal)
}

/// Called at every timer tick.
pub fn tick() {
    poll();
}

/// Fetches what was typed and wakes whoever waits for it.
fn poll() {
    let mut echo = Vec::new();
    let mut any = false;
    while let Some(byte) = console::receive() {
        LINE.lock().typed(byte, &mut echo);
        any = true;
    }
    if !echo.is_empty() {
        console::send(&echo);
    }
    if any {
        READERS.wake_all();
    }
}

/// Waits until a read of `wanted` bytes has something, or may return without.
fn wait_readable(wanted: usize, nonblocking: bool) -> Result<(), Errno> {
    // VTIME counts in tenths of a second. It ends a read that found nothing at all; Linux also
    // ends one that has some of VMIN bytes, counting from the last.
    let limit = {
        let termios = LINE.lock().termios;
        let tenths = u64::from(termios.characters[character::VTIME]);
        (tenths > 0 && !termios.has(local::ICANON)).then_some(tenths * 100_000_000)
    };
    let deadline = limit.map(|nanoseconds| crate::time::uptime_ns() + nanoseconds);
    let result = READERS.wait_until(deadline, || {
        poll();
        if LINE.lock().is_readable(wanted) {
            Some(Ok(()))
        } else if nonblocking {
            Some(Err(Errno::EAGAIN))
        } else {
            is_interrupted().then_some(Err(Errno::EINTR))
        }
    });
    result.unwrap_or(Ok(()))
}

impl FileOps for Terminal {
    fn is_stream(&self) -> bool {
        true
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        if out.left() == 0 {
            return Ok(());
        }
        wait_readable(out.left(), nonblocking)?;
        let mut bytes = [0; PART];
        loop {
            let wanted = out.left().min(PART);
            let (len, canonical) = {
                let mut line = LINE.lock();
                (
                    line.take(&mut bytes[..wanted]),
                    line.termios.has(local::ICANON),
                )
            };
            out.put(&bytes[..len])?;
            // A line is never followed by the next one in the same read.
            if len < PART || out.left() == 0 || canonical && bytes[len - 1] == b'\n' {
                return Ok(());
            }
        }
    }

    fn write(&self, _offset: u64, from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        let mut bytes = [0; PART];
        let mut processed = Vec::with_capacity(2 * PART);
        while from.left() > 0 {
            let part = &mut bytes[..from.left().min(PART)];
            let before = from.done();
            let result = from.take(part);
            let given = from.done() - before;
            processed.clear();
            {
                let line = LINE.lock();
                for &byte in &part[..given] {
                    line.put(byte, &mut processed);
                }
            }
            console::send(&processed);
            result?;
        }
        Ok(())
    }

    fn ready(&self) -> Ready {
        poll();
        let mut ready = Ready::WRITE;
        ready.set(Ready::READ, LINE.lock().is_readable(1));
        ready
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&READERS);
        true
    }

    fn ioctl(&self, request: u32, argument: u64) -> SysResult {
        match request {
            ioctl::TCGETS | ioctl::TCGETS2 => {
                let termios = LINE.lock().termios;
                termios.write_to(argument, request == ioctl::TCGETS2)?;
            }
            ioctl::TCSETS
            | ioctl::TCSETSW
            | ioctl::TCSETSF
            | ioctl::TCSETS2
            | ioctl::TCSETSW2
            | ioctl::TCSETSF2 => {
                let termios = Termios::read_from(argument)?;
                let mut line = LINE.lock();
                if matches!(request, ioctl::TCSETSF | ioctl::TCSETSF2) {
                    line.flush_input();
                }
                line.set(termios);
            }
            ioctl::TCFLSH => match argument {
                0 | 2 => LINE.lock().flush_input(),
                1 => {}
                _ => return Err(Errno::EINVAL),
            },
            // Output is never held back: it has drained, and nothing is to be started or stopped.
            ioctl::TCSBRK | ioctl::TCSBRKP | ioctl::TCXONC => {}
            ioctl::TIOCGWINSZ => UserPtr::<[u16; 4]>::new(argument).write(*WINDOW.lock())?,
            ioctl::TIOCSWINSZ => *WINDOW.lock() = UserPtr::<[u16; 4]>::new(argument).read()?,
            ioctl::FIONREAD => {
                let available = LINE.lock().available() as u32;
                UserPtr::<u32>::new(argument).write(available)?;
            }
            ioctl::TIOCOUTQ => UserPtr::<u32>::new(argument).write(0)?,
            ioctl::TIOCGPGRP => UserPtr::<u32>::new(argument).write(foreground())?,
            ioctl::TIOCSPGRP => {
                let group = UserPtr::<u32>::new(argument).read()?;
                FOREGROUND.store(group, Ordering::Relaxed);
            }
            ioctl::TIOCGSID => {
                let session = process::current().process.sid.load(Ordering::Relaxed);
                UserPtr::<u32>::new(argument).write(session)?;
            }
            ioctl::TIOCSCTTY | ioctl::TIOCNOTTY => {}
            _ => return Err(Errno::ENOTTY),
        }
        Ok(0)
    }
}

/// The foreground process group; the caller's own until one is set.
fn foreground() -> u32 {
    match FOREGROUND.load(Ordering::Relaxed) {
        0 => process::current().process.pgid.load(Ordering::Relaxed),
        group => group,
    }
}
