//! Items of an epoll instance: a file under a descriptor, and the requested events.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::sched::preempt::{self, Stride};
use crate::sync::{Mutex, rank};
use linux_raw_sys::general::{EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP};

use super::Epoll;
use crate::abi::errno::Errno;
use crate::abi::ready::Ready;
use crate::mm::fallible;
use crate::sched::wait::{Ticket, Wake};
use crate::vfs::file::File;
use crate::vfs::inode::FileOps;

/// `struct epoll_event`: the events, and the program's value.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// `EPOLL*`.
    pub events: u32,
    /// The program's value, returned with each event.
    pub data: u64,
}

/// Bits of `events` that are flags, not events (EP_PRIVATE_BITS).
const PRIVATE: u32 = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP;

impl Event {
    /// The requested events.
    pub fn asked(self) -> Ready {
        Ready::from_bits_truncate(self.events as u16)
    }

    /// Whether any of these `EPOLL*` bits is set.
    pub fn has(self, bits: u32) -> bool {
        self.events & bits != 0
    }
}

/// Address of the open file, and the descriptor by which it was added.
pub type Key = (usize, i32);

/// The key of `file` under `fd`.
pub fn key(file: &Arc<File>, fd: i32) -> Key {
    (Arc::as_ptr(file) as usize, fd)
}

/// An item: a file watched by an epoll instance (struct epitem).
pub struct Item {
    me: Weak<Item>,
    /// Key in the instance.
    pub key: Key,
    /// The file; the item doesn't keep it open.
    pub file: Weak<File>,
    epoll: Weak<Epoll>,
    event: Mutex<Event, rank::EpollEvent>,
    ticket: Ticket,
    /// Place in the instance's ready list.
    pub(super) place: usize,
    /// Removed from the instance.
    is_gone: AtomicBool,
}

impl Item {
    /// What one that is taken out counts among the bytes between two points of a long call.
    pub(super) const LEAVING: usize = 2048;

    /// Creates an item, and joins the wait queues and the watchers of `file`; `place` is the item's
    /// in the ready list.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(
        epoll: Weak<Epoll>,
        place: usize,
        file: &Arc<File>,
        fd: i32,
        event: Event,
    ) -> Result<Arc<Self>, Errno> {
        let item = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            key: key(file, fd),
            file: Arc::downgrade(file),
            epoll,
            event: Mutex::new(event),
            ticket: Ticket::new(),
            place,
            is_gone: AtomicBool::new(false),
        });
        let mut joined = Ok(());
        file.ops().wait_queues(&mut |queue| {
            let join = |()| queue.join(item.ticket, Ready::all(), item.clone());
            joined = joined.and_then(join);
        });
        if let Err(errno) = joined {
            item.detach(&**file.ops());
            return Err(errno);
        }
        let mut watchers = file.watchers.0.lock();
        watchers.insert(item.ticket, Arc::downgrade(&item));
        drop(watchers);
        Ok(item)
    }

    /// The instance of the item.
    pub fn epoll(&self) -> Option<Arc<Epoll>> {
        self.epoll.upgrade()
    }

    /// The requested events and the program's value.
    pub fn event(&self) -> Event {
        *self.event.lock()
    }

    /// Replaces the requested events and the program's value.
    pub fn set_event(&self, event: Event) {
        self.event.set(event);
    }

    /// Disables the item after an event with EPOLLONESHOT, until EPOLL_CTL_MOD.
    pub fn disable(&self) {
        self.event.lock().events &= PRIVATE;
    }

    /// The requested events for which the file is ready.
    pub fn ready(&self) -> Ready {
        let event = self.event();
        if self.is_gone() || event.asked().is_empty() {
            return Ready::empty();
        }
        match self.file.upgrade() {
            Some(file) => file.ops().ready() & event.asked(),
            None => Ready::empty(),
        }
    }

    /// Whether the item is removed from the instance.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// Marks the item as removed and leaves the file's wait queues.
    pub fn detach(&self, ops: &dyn FileOps) {
        self.is_gone.store(true, Ordering::Relaxed);
        ops.wait_queues(&mut |queue| queue.leave(self.ticket));
    }

    /// Leaves the file's wait queues and its watchers.
    pub fn leave(&self) {
        if let Some(file) = self.file.upgrade() {
            self.detach(&**file.ops());
            file.watchers.0.lock().remove(&self.ticket);
        }
    }
}

impl Wake for Item {
    fn wake(&self, events: Ready) {
        let event = self.event();
        if event.asked().intersects(events)
            && let Some(epoll) = self.epoll()
            && let Some(me) = self.me.upgrade()
        {
            epoll.list(me);
        }
    }
}

/// The epoll items of an open file, by ticket: removing one doesn't search the others.
#[derive(Default)]
pub struct Watchers(pub(super) Mutex<BTreeMap<Ticket, Weak<Item>>, rank::EpollWatchers>);

impl Watchers {
    /// Removes the items from their instances, at the close of the file.
    pub fn file_closed(&self, ops: &dyn FileOps) {
        let items = self.0.take();
        let mut stride = Stride::default();
        for item in items.into_values() {
            if let Some(item) = item.upgrade() {
                item.detach(ops);
                if let Some(epoll) = item.epoll() {
                    epoll.forget(&item.key);
                }
            }
            if stride.passes(Item::LEAVING) {
                preempt::point();
            }
        }
    }

    /// The epoll instances that watch the file.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn instances(&self) -> Result<Vec<Arc<Epoll>>, Errno> {
        let items = self.0.lock();
        let items = items.values().filter_map(Weak::upgrade);
        fallible::collect(items.filter_map(|item| item.epoll()))
    }
}
