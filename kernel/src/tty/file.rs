//! A terminal's open file: read, write, poll.
//!
//! A write copies a part of the bytes from user memory ([`In::take`]: `vfs/io.rs`, then
//! `usercopy.rs`) and passes it to [`Tty::write`] in `device.rs`. There the line discipline
//! processes it (`line/output.rs`: a line feed becomes a carriage return and a line feed), and the
//! result goes to the master of a pseudo-terminal, or through `serial.rs` to the serial port.
//!
//! The next file on a call's path: `dev/console.rs`, the serial port's driver.

use alloc::sync::Arc;

use super::device::Tty;
use super::serial;
use super::termios::Local;
use super::termios::character as ch;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::abi::signal::{SIGTTIN, SIGTTOU};
use crate::process::capability::capable;
use crate::sched::preempt::{self, Stride};
use crate::sched::wait::{WaitQueue, is_interrupted};
use crate::time::uptime_ns;
use crate::usercopy::UserRange;
use crate::vfs::file::flags::{O_ACCMODE, O_NOCTTY, O_WRONLY};
use crate::vfs::inode::FileOps;
use crate::vfs::io::{In, Moved, Out, UserBuffer};

/// Most bytes copied at a time.
const PART: usize = 256;
/// Weight of sending a byte between two preemption points, in bytes copied.
const SENDING: usize = 64;
/// Unit of VTIME.
const TENTH_NS: u64 = 100_000_000;

/// A terminal's open file.
pub struct TerminalFile {
    pub(super) tty: Arc<Tty>,
    /// Value of the terminal's `hang_ups` at the open.
    hang_ups: u32,
    /// Opened as /dev/console: exempt from job control and hang-ups.
    is_console: bool,
}

impl TerminalFile {
    /// An open file of a terminal.
    pub fn new(tty: Arc<Tty>) -> Self {
        Self::open(tty, false)
    }

    /// An open file of a terminal opened as /dev/console.
    pub fn console(tty: Arc<Tty>) -> Self {
        Self::open(tty, true)
    }

    fn open(tty: Arc<Tty>, is_console: bool) -> Self {
        let hang_ups = {
            let mut state = tty.state();
            state.opens += 1;
            state.hang_ups
        };
        if let Some(master) = &tty.master {
            master.set_slave_gone(false);
        }
        Self {
            tty,
            hang_ups,
            is_console,
        }
    }

    /// Whether the terminal was hung up since the open.
    pub(super) fn is_hung_up(&self) -> bool {
        !self.is_console && self.tty.state().hang_ups != self.hang_ups
    }

    /// Reads typed bytes from the UART.
    fn refill(&self) {
        if self.tty.master.is_none() {
            serial::receive();
        }
    }

    /// Waits for input; false on a hang-up, `None` at the deadline.
    fn wait_input(&self, nonblocking: bool, deadline: Option<u64>) -> Option<Result<bool, Errno>> {
        // An expired deadline precedes errors.
        let is_over = deadline.is_some_and(|deadline| uptime_ns() >= deadline);
        let result = self.tty.changed.wait_until(deadline, || {
            self.refill();
            if self.tty.state().line.has_input() {
                return Some(Some(Ok(true)));
            }
            if self.is_hung_up() {
                return Some(Some(Ok(false)));
            }
            if is_over {
                return Some(None);
            }
            if nonblocking {
                return Some(Some(Err(Errno::EAGAIN)));
            }
            is_interrupted().then_some(Some(Err(Errno::ERESTARTSYS)))
        });
        result.flatten()
    }

    /// Copies available input; false after the end of a line.
    fn copy_out(&self, out: &mut dyn Out) -> Result<bool, Errno> {
        let mut bytes = [0; PART];
        while out.left() > 0 {
            let wanted = out.left().min(PART);
            let (len, ended) = self.tty.state().line.take(&mut bytes[..wanted]);
            out.put(&bytes[..len])?;
            if ended {
                return Ok(false);
            }
            if len == 0 {
                return Ok(true);
            }
        }
        self.tty.state().line.skip_end_of_file();
        Ok(true)
    }

    fn read_all(&self, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        let (canonical, least, time) = {
            let state = self.tty.state();
            let characters = &state.line.termios().characters;
            (
                state.line.is_canonical(),
                usize::from(characters[ch::VMIN]),
                u64::from(characters[ch::VTIME]) * TENTH_NS,
            )
        };
        // Without VMIN, VTIME runs from the start of the read; else from each byte.
        let mut deadline = (!canonical && least == 0).then(|| uptime_ns() + time);
        while out.left() > 0 {
            match self.wait_input(nonblocking, deadline) {
                None | Some(Ok(false)) => break,
                Some(result) => result?,
            };
            let goes_on = self.copy_out(out)?;
            if canonical && (!goes_on || out.done() > 0) || out.done() >= least.max(1) {
                break;
            }
            if time > 0 {
                deadline = Some(uptime_ns() + time);
            }
        }
        Ok(())
    }

    /// Checks that the caller may write.
    ///
    /// # Errors
    /// `EIO` after a hang-up; those of job control.
    #[inline]
    fn check_write(&self) -> Result<(), Errno> {
        if self.is_console {
            return Ok(());
        }
        let state = self.tty.state();
        if state.hang_ups != self.hang_ups {
            return Err(Errno::EIO);
        }
        let stops = state.line.termios().has(Local::TOSTOP);
        drop(state);
        if stops {
            self.tty.check_access(SIGTTOU)?;
        }
        Ok(())
    }

    /// Waits for room to write; returns it in bytes.
    fn wait_room(&self, nonblocking: bool) -> Result<usize, Errno> {
        self.tty.changed.wait_for(|| {
            if is_interrupted() {
                return Some(Err(Errno::ERESTARTSYS));
            }
            if self.is_hung_up() {
                return Some(Err(Errno::EIO));
            }
            let room = {
                let mut state = self.tty.state();
                self.tty.send_echo(&mut state);
                self.tty.write_room(&state)
            };
            if room > 0 {
                return Some(Ok(room));
            }
            nonblocking.then_some(Err(Errno::EAGAIN))
        })
    }
}

impl Drop for TerminalFile {
    fn drop(&mut self) {
        let is_last = {
            let mut state = self.tty.state();
            state.opens -= 1;
            state.exclusive &= state.opens > 0;
            state.opens == 0
        };
        if let Some(master) = self.tty.master.as_ref().filter(|_| is_last) {
            master.set_slave_gone(true);
        }
    }
}

impl FileOps for TerminalFile {
    fn is_stream(&self) -> bool {
        true
    }

    fn opened(&self, flags: u32) -> Result<(), Errno> {
        let state = self.tty.state();
        if state.exclusive && !capable(Caps::SYS_ADMIN) {
            return Err(Errno::EBUSY);
        }
        drop(state);
        if flags & O_NOCTTY == 0 && !self.is_console && flags & O_ACCMODE != O_WRONLY {
            self.tty.set_controlling_at_open();
        }
        Ok(())
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        if self.is_hung_up() {
            return Ok(());
        }
        if !self.is_console {
            self.tty.check_access(SIGTTIN)?;
        }
        let result = self.read_all(out, nonblocking);
        self.refill();
        if let Some(master) = &self.tty.master {
            // The input buffer may have room again for the master.
            master.changed.wake_all();
        }
        result
    }

    fn write_user(&self, from: UserRange, nonblocking: bool) -> Moved {
        if from.is_empty() {
            return (0, self.check_write());
        }
        let mut from = UserBuffer::new(from);
        let result = self.write(0, &mut from, nonblocking);
        (In::done(&from), result)
    }

    fn write(&self, _offset: u64, from: &mut dyn In, nonblocking: bool) -> Result<(), Errno> {
        self.check_write()?;
        if from.left() == 0 {
            return Ok(());
        }
        let mut bytes = [0; PART];
        let mut stride = Stride::default();
        while from.left() > 0 {
            let room = self.wait_room(nonblocking)?;
            let part = &mut bytes[..from.left().min(PART).min(room)];
            let before = from.done();
            let result = from.take(part);
            let given = from.done() - before;
            self.tty.write(&part[..given]);
            result?;
            if stride.passes(given * SENDING) {
                preempt::point();
            }
        }
        Ok(())
    }

    fn ready(&self) -> Ready {
        if self.is_hung_up() {
            return Ready::READ | Ready::WRITE | Ready::ERROR | Ready::HANGUP;
        }
        self.refill();
        let state = self.tty.state();
        let mut ready = Ready::empty();
        ready.set(Ready::READ, state.line.is_readable());
        ready.set(Ready::WRITE, self.tty.write_room(&state) > 0);
        ready
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&self.tty.changed);
        true
    }

    fn ioctl(&self, request: u32, argument: u64) -> SysResult {
        super::ioctl::terminal(self, request, argument)
    }
}
