//! Pseudo-terminals: terminals whose other end is a program (pty(7)).
//!
//! Opening /dev/ptmx creates a pair: `master.rs` is the program's end, the terminal is a [`Tty`]
//! like any other, and `devpts.rs` is the file system that shows it as /dev/pts/N. `packet.rs` is
//! packet mode.
//!
//! Left out of Linux's: BSD pairs (/dev/ptyp0), and multiple instances of devpts: all mounts show
//! the same terminals.

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

/// Major device number of the terminals (UNIX98_PTY_SLAVE_MAJOR).
pub const TERMINAL_MAJOR: u32 = 136;
/// Most pairs (NR_UNIX98_PTY_DEFAULT).
const PAIRS_MAX: u32 = 4096;
/// Size of the master's buffer in bytes.
const CAPACITY: usize = 8 * 1024;

/// All pairs by number, each while an end is open.
static PAIRS: Mutex<BTreeMap<u32, Weak<Tty>>, rank::Ptys> = Mutex::new(BTreeMap::new());

/// The master's state, as part of the terminal.
pub struct Master {
    index: u32,
    state: Mutex<State, rank::PtyMaster>,
    /// Woken when the master may have something to read, or room to write.
    pub(super) changed: WaitQueue,
}

struct State {
    /// Output of the terminal, not read yet.
    output: VecDeque<u8>,
    /// TIOCSPTLCK: the terminal can't be opened.
    locked: bool,
    /// The master is open. Once closed, it stays closed.
    open: bool,
    /// The terminal was open, and its last file is closed.
    slave_gone: bool,
    packet: packet::Packet,
    attributes: devpts::Attributes,
}

impl Master {
    /// Whether the terminal can be opened.
    pub(super) fn is_openable(&self) -> bool {
        let state = self.state.lock();
        state.open && !state.locked
    }

    /// Records the open of the terminal, or the close of its last file.
    pub(super) fn set_slave_gone(&self, gone: bool) {
        self.state.lock().slave_gone = gone;
        self.changed.wake_all();
    }

    /// Room for the terminal's output, in bytes.
    pub(super) fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.state.lock().output.len())
    }

    /// Appends output of the terminal, at most [`Master::room`].
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

/// Opens /dev/ptmx: creates a pair, with the terminal locked.
///
/// # Errors
/// `ENOSPC` at the limit of pairs, `ENOMEM`.
pub fn open_master() -> Result<Arc<dyn FileOps>, Errno> {
    // The number of pairs is up to programs: the last free frames are not for them.
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
        // Dropping the terminal locks `PAIRS`, to remove its number.
        drop(pairs);
        return Err(errno);
    }
    pairs.insert(index, Arc::downgrade(&tty));
    drop(pairs);
    devpts::notice(index, events::CREATE);
    Ok(Arc::new(MasterEnd::new(tty)))
}

/// The terminal with number `index`, while its master is open.
pub fn find(index: u32) -> Option<Arc<Tty>> {
    let tty = PAIRS.lock().get(&index)?.upgrade()?;
    let open = tty.master.as_ref().is_some_and(|m| m.state.lock().open);
    open.then_some(tty)
}

/// The numbers of all terminals whose master is open.
fn numbers() -> impl Iterator<Item = u32> {
    let mut from = 0;
    let all = core::iter::from_fn(move || {
        let (&index, _) = PAIRS.lock().range(from..).next()?;
        from = index + 1;
        Some(index)
    });
    all.filter(|index| find(*index).is_some())
}
