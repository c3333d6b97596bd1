//! What an epoll instance watches: a file under a descriptor's number, and the events asked for.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::sync::{Mutex, rank};
use linux_raw_sys::general::{EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP};

use super::Epoll;
use crate::fs::file::File;
use crate::fs::inode::{FileOps, Ready};
use crate::mm::fallible;
use crate::process::wait::{Ticket, Wake};
use crate::syscall::errno::Errno;

/// `struct epoll_event`: the events, and a value of the program's.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// `EPOLL*`.
    pub events: u32,
    /// Handed back with each event.
    pub data: u64,
}

/// Events that aren't any: how to tell them (EP_PRIVATE_BITS).
const PRIVATE: u32 = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP;

impl Event {
    /// What of a file it is about.
    pub fn asked(self) -> Ready {
        Ready::from_bits_truncate(self.events as u16)
    }

    /// Whether it has one of these `EPOLL*` bits.
    pub fn has(self, bits: u32) -> bool {
        self.events & bits != 0
    }
}

/// The open file (its address) and the descriptor that it was entered by.
pub type Key = (usize, i32);

/// The key of `file` under `fd`.
pub fn key(file: &Arc<File>, fd: i32) -> Key {
    (Arc::as_ptr(file) as usize, fd)
}

/// One entry of an epoll instance.
pub struct Item {
    me: Weak<Item>,
    /// Its place in the instance.
    pub key: Key,
    /// The file; it does not stay open for this.
    pub file: Weak<File>,
    epoll: Weak<Epoll>,
    event: Mutex<Event, rank::EpollEvent>,
    ticket: Ticket,
    /// Its place in the instance's list of what may be ready.
    pub(super) place: usize,
    /// Taken out of the instance.
    is_gone: AtomicBool,
}

impl Item {
    /// Enters `file` into its queues and its list of watchers; `place` is the item's in the instance's
    /// list.
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

    /// The instance it belongs to.
    pub fn epoll(&self) -> Option<Arc<Epoll>> {
        self.epoll.upgrade()
    }

    /// What is asked for.
    pub fn event(&self) -> Event {
        *self.event.lock()
    }

    /// Asks for something else.
    pub fn set_event(&self, event: Event) {
        self.event.set(event);
    }

    /// After an event with EPOLLONESHOT: no more until EPOLL_CTL_MOD.
    pub fn disable(&self) {
        self.event.lock().events &= PRIVATE;
    }

    /// What the file is ready for of what is asked for.
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

    /// Whether it was taken out of the instance.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// Leaves the file's queues.
    pub fn detach(&self, ops: &dyn FileOps) {
        self.is_gone.store(true, Ordering::Relaxed);
        ops.wait_queues(&mut |queue| queue.leave(self.ticket));
    }

    /// Leaves the file altogether.
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

/// The epoll items of an open file, by their tickets: one of many leaves without a look at the others.
#[derive(Default)]
pub struct Watchers(pub(super) Mutex<BTreeMap<Ticket, Weak<Item>>, rank::EpollWatchers>);

impl Watchers {
    /// Called as the last descriptor of a file goes: epoll instances forget it.
    pub fn file_closed(&self, ops: &dyn FileOps) {
        let items = self.0.take();
        for item in items.into_values() {
            if let Some(item) = item.upgrade() {
                item.detach(ops);
                if let Some(epoll) = item.epoll() {
                    epoll.forget(&item.key);
                }
            }
        }
    }

    /// The instances that watch the file.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn instances(&self) -> Result<Vec<Arc<Epoll>>, Errno> {
        let items = self.0.lock();
        let items = items.values().filter_map(Weak::upgrade);
        fallible::collect(items.filter_map(|item| item.epoll()))
    }
}
