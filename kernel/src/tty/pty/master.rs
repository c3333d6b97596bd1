//! The master of a pseudo-terminal: what /dev/ptmx opens.

use alloc::sync::Arc;

use linux_raw_sys::general::{TCIFLUSH, TCIOFLUSH, TCOFLUSH};
use linux_raw_sys::ioctl;

use super::{Master, Tty, devpts};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::abi::signal::{SIGINT, SIGQUIT, SIGTSTP};
use crate::process::caller;
use crate::process::terminal::Terminal as _;
use crate::sched::wait::{WaitQueue, is_interrupted};
use crate::tty;
use crate::tty::ioctl::shared;
use crate::tty::job::Asker;
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::file::flags::{O_ACCMODE, O_CLOEXEC, O_NONBLOCK};
use crate::vfs::inode::FileOps;
use crate::vfs::io::{In, Out};
use crate::vfs::notify::events;

/// Most bytes copied at a time.
const PART: usize = 256;

/// The master's open file.
pub struct MasterEnd(Arc<Tty>);

impl MasterEnd {
    /// The master's open file of a new pair.
    pub fn new(tty: Arc<Tty>) -> Self {
        Self(tty)
    }

    fn master(&self) -> &Master {
        self.0
            .master
            .as_ref()
            .expect("a pair is made with both ends")
    }

    fn wait<T>(
        &self,
        nonblocking: bool,
        mut condition: impl FnMut() -> Option<Result<T, Errno>>,
    ) -> Result<T, Errno> {
        self.master().changed.wait_for(|| {
            if let Some(result) = condition() {
                Some(result)
            } else if nonblocking {
                Some(Err(Errno::EAGAIN))
            } else {
                is_interrupted().then_some(Err(Errno::ERESTARTSYS))
            }
        })
    }

    /// Opens the terminal without its path (TIOCGPTPEER).
    fn open_peer(&self, flags: u64) -> SysResult {
        let flags = flags as u32;
        let location = devpts::location(self.master().index).ok_or(Errno::EIO)?;
        let terminal = tty::open_slave(&self.0)?;
        terminal.opened(flags)?;
        let kept = flags & (O_ACCMODE | O_NONBLOCK);
        let file = File::new(location, terminal, kept);
        caller::install(file, flags & O_CLOEXEC != 0).map(|fd| fd as usize)
    }

    /// TCFLSH: discards the output of the terminal that is not read yet.
    fn flush(&self, argument: u64) -> SysResult {
        let what = u32::try_from(argument).map_err(|_| Errno::EINVAL)?;
        match what {
            TCIFLUSH | TCOFLUSH | TCIOFLUSH => {}
            _ => return Err(Errno::EINVAL),
        }
        if what != TCOFLUSH {
            self.master().state.lock().output.clear();
            self.0.wake();
        }
        Ok(0)
    }
}

impl Drop for MasterEnd {
    fn drop(&mut self) {
        {
            let mut state = self.master().state.lock();
            state.open = false;
            state.output.clear();
        }
        devpts::notice(self.master().index, events::DELETE);
        self.0.hang_up(false);
    }
}

impl FileOps for MasterEnd {
    fn is_stream(&self) -> bool {
        true
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        if out.left() == 0 {
            return Ok(());
        }
        let master = self.master();
        let status = self.wait(nonblocking, || {
            let mut state = master.state.lock();
            if state.packet.has_status() {
                Some(Ok(Some(state.packet.take_status())))
            } else if !state.output.is_empty() {
                Some(Ok(state.packet.is_on().then_some(0)))
            } else {
                state.slave_gone.then_some(Err(Errno::EIO))
            }
        })?;
        if let Some(status) = status {
            out.put(&[status])?;
            if status != 0 {
                return Ok(());
            }
        }
        let mut bytes = [0; PART];
        while out.left() > 0 {
            let mut state = master.state.lock();
            let len = out.left().min(PART).min(state.output.len());
            let (first, second) = state.output.as_slices();
            let (first, second) = (&first[..first.len().min(len)], second);
            bytes[..first.len()].copy_from_slice(first);
            bytes[first.len()..len].copy_from_slice(&second[..len - first.len()]);
            state.output.drain(..len);
            drop(state);
            if len == 0 {
                break;
            }
            let result = out.put(&bytes[..len]);
            // Room for queued echoes and for writers.
            let tty = &self.0;
            tty.send_echo(&mut tty.state());
            tty.changed.wake_all();
            result?;
        }
        Ok(())
    }

    fn write(&self, _offset: u64, from: &mut dyn In, nonblocking: bool) -> Result<(), Errno> {
        let tty = &self.0;
        let mut bytes = [0; PART];
        while from.left() > 0 {
            if is_interrupted() {
                return Err(Errno::ERESTARTSYS);
            }
            let room = self.wait(nonblocking, || {
                let room = tty.state().line.room();
                (room > 0).then_some(Ok(room))
            })?;
            let part = &mut bytes[..from.left().min(PART).min(room)];
            let before = from.done();
            let result = from.take(part);
            tty.receive(&part[..from.done() - before]);
            result?;
        }
        Ok(())
    }

    fn ready(&self) -> Ready {
        let accepts = self.0.state().line.accepts();
        let state = self.master().state.lock();
        let mut ready = Ready::empty();
        ready.set(Ready::PRIORITY, state.packet.has_status());
        let readable = !state.output.is_empty() || state.packet.has_status();
        ready.set(Ready::READ, readable);
        ready.set(Ready::WRITE, accepts);
        ready.set(Ready::HANGUP, state.slave_gone);
        ready
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&self.master().changed);
        true
    }

    fn ioctl(&self, request: u32, argument: u64) -> SysResult {
        let tty = &self.0;
        let master = self.master();
        match request {
            ioctl::TIOCSPTLCK => {
                let locked = UserPtr::<i32>::new(argument).read()? != 0;
                master.state.lock().locked = locked;
            }
            ioctl::TIOCGPTLCK => {
                let locked = master.state.lock().locked;
                UserPtr::<i32>::new(argument).write(i32::from(locked))?;
            }
            ioctl::TIOCGPTN => UserPtr::<u32>::new(argument).write(master.index)?,
            ioctl::TIOCGPTPEER => return self.open_peer(argument),
            ioctl::TIOCPKT => {
                let on = UserPtr::<i32>::new(argument).read()? != 0;
                master.state.lock().packet.set(on);
            }
            ioctl::TIOCGPKT => {
                let on = master.state.lock().packet.is_on();
                UserPtr::<i32>::new(argument).write(i32::from(on))?;
            }
            ioctl::TIOCSIG => match u8::try_from(argument) {
                Ok(signo @ (SIGINT | SIGQUIT | SIGTSTP)) => tty.signal_foreground(signo),
                _ => return Err(Errno::EINVAL),
            },
            ioctl::FIONREAD => {
                let available = master.state.lock().output.len() as u32;
                UserPtr::<u32>::new(argument).write(available)?;
            }
            ioctl::TCFLSH => return self.flush(argument),
            _ => return shared(tty, Asker::Master, request, argument),
        }
        Ok(0)
    }
}
