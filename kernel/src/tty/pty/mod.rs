//! Pseudo-terminals: a terminal whose other end is a program's (pty(7)).
//!
//! Opening /dev/ptmx makes a pair: `master.rs` is the program's end, the terminal is
//! [`Tty`] as any other, and `devpts.rs` is the file system that shows it as /dev/pts/N.
//! `packet.rs` is what the program's end can be told in packet mode.
//!
//! Left out of Linux's: the pairs of BSD (/dev/ptyp0), and instances of devpts of their own: all
//! mounts of it show the same terminals.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::{Arc, Weak};

use crate::mm::fallible::Grow as _;
use crate::sync::{Mutex, rank};

use super::Tty;
use super::termios::Termios;
use crate::abi::errno::Errno;
use crate::abi::metadata::Device;
use crate::mm::frame;
use crate::sched::wait::WaitQueue;
use crate::vfs::inode::FileOps;
use crate::vfs::notify::events;

pub mod devpts;
mod master;
mod packet;

use master::MasterEnd;

/// The terminals' major number (UNIX98_PTY_SLAVE_MAJOR).
pub const TERMINAL_MAJOR: u32 = 136;
/// Most pairs (NR_UNIX98_PTY_DEFAULT).
const PAIRS_MAX: u32 = 4096;
/// Most bytes kept for the program's end to read.
const CAPACITY: usize = 8 * 1024;

/// All pairs by number. One is there until neither end is open.
static PAIRS: Mutex<BTreeMap<u32, Weak<Tty>>, rank::Ptys> = Mutex::new(BTreeMap::new());

/// The program's end of a pseudo-terminal, as far as the terminal knows it.
pub struct Master {
    index: u32,
    state: Mutex<State, rank::PtyMaster>,
    /// Woken when it may have something to read, or room to write.
    pub(super) changed: WaitQueue,
}

struct State {
    /// Written to the terminal and not read here.
    output: VecDeque<u8>,
    /// TIOCSPTLCK: the terminal can't be opened.
    locked: bool,
    /// It is open. Once it isn't, it never is again.
    open: bool,
    /// The terminal was open, and isn't any more.
    slave_gone: bool,
    packet: packet::Packet,
    attributes: devpts::Attributes,
}

impl Master {
    /// Whether the terminal may be opened.
    pub(super) fn lets_in(&self) -> bool {
        let state = self.state.lock();
        state.open && !state.locked
    }

    /// The terminal was opened, or is open no more.
    pub(super) fn set_slave_gone(&self, gone: bool) {
        self.state.lock().slave_gone = gone;
        self.changed.wake_all();
    }

    /// How many bytes can be sent here.
    pub(super) fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.state.lock().output.len())
    }

    /// Takes what the terminal sends; no more than [`Master::room`].
    pub(super) fn push(&self, bytes: &[u8]) {
        self.state.lock().output.extend(bytes);
        self.changed.wake_all();
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        PAIRS.lock().remove(&self.index);
    }
}

/// Opens /dev/ptmx: makes a pair, the terminal locked.
///
/// # Errors
/// `ENOSPC` if there are too many, `ENOMEM`.
pub fn open_master() -> Result<Arc<dyn FileOps>, Errno> {
    // A program decides how many there are.
    if frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    let mut output = VecDeque::new();
    output.room_for(CAPACITY)?;
    let mut pairs = PAIRS.lock();
    let index = (0..PAIRS_MAX)
        .zip(pairs.keys().map(Some).chain(core::iter::repeat(None)))
        .find(|(index, used)| *used != Some(index))
        .map(|(index, _)| index)
        .ok_or(Errno::ENOSPC)?;
    let master = Master {
        index,
        state: Mutex::new(State {
            output,
            locked: true,
            open: true,
            slave_gone: false,
            packet: packet::Packet::default(),
            attributes: devpts::Attributes::new(),
        }),
        changed: WaitQueue::new(),
    };
    let number = Device::new(TERMINAL_MAJOR, index);
    let tty = Tty::new(number, Termios::pseudo(), Some(master));
    if let Err(errno) = tty.reserve() {
        // As it goes it strikes its number off the list.
        drop(pairs);
        return Err(errno);
    }
    pairs.insert(index, Arc::downgrade(&tty));
    drop(pairs);
    devpts::notice(index, events::CREATE);
    Ok(Arc::new(MasterEnd::new(tty)))
}

/// The terminal with this number, while its other end is open.
pub fn find(index: u32) -> Option<Arc<Tty>> {
    let tty = PAIRS.lock().get(&index)?.upgrade()?;
    let open = tty.master.as_ref().is_some_and(|m| m.state.lock().open);
    open.then_some(tty)
}

/// The numbers of all terminals that have both ends.
fn numbers() -> impl Iterator<Item = u32> {
    let mut from = 0;
    let all = core::iter::from_fn(move || {
        let (&index, _) = PAIRS.lock().range(from..).next()?;
        from = index + 1;
        Some(index)
    });
    all.filter(|index| find(*index).is_some())
}
