//! epoll(7): waiting for many files, at a cost that grows with the ready ones alone.
//!
//! An [`Item`] is in the wait queues of the file it watches. A wake-up adds the item to the
//! instance's ready list; epoll_wait(2) polls the items in that list and no others. A
//! level-triggered item returns to the list while its file is ready.
//!
//! EPOLLEXCLUSIVE is checked, but every instance is woken, which epoll_ctl(2) allows ("one or
//! more"); EPOLLWAKEUP has no effect, as the machine never suspends. Left out: busy polling.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::fmt::Write as _;
use core::ops::Bound::{Excluded, Unbounded};

use crate::sched::preempt::{self, Stride};
use crate::sync::{Mutex, rank};
use linux_raw_sys::general::{EPOLLET, EPOLLONESHOT};

use super::anon;
use super::file::{File, flags};
use super::inode::FileOps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::mm::fallible::Text;
use crate::mm::frame;
use crate::sched::wait::{WaitQueue, is_interrupted};

pub mod item;
mod list;
mod nesting;
pub mod quota;

pub use item::{Event, Item, Watchers};
use item::{Key, key};
use list::List;

/// An epoll instance.
pub struct Epoll {
    me: Weak<Epoll>,
    /// The creator's user ID, for [`quota`].
    owner: u32,
    items: Mutex<BTreeMap<Key, Arc<Item>>, rank::EpollItems>,
    /// Items that may be ready, each once.
    list: Mutex<List, rank::EpollList>,
    /// Callers of epoll_wait(2), and the items of instances that watch this one.
    listed: WaitQueue,
    /// The instance's open file.
    file: Mutex<Weak<File>, rank::EpollFile>,
}

/// Creates an instance of the user `owner`, with `flags` of epoll_create1(2).
///
/// # Errors
/// `ENOMEM`.
pub fn new(flags: u32, owner: u32) -> Result<Arc<File>, Errno> {
    let epoll = Arc::new_cyclic(|me| Epoll {
        me: me.clone(),
        owner,
        items: Mutex::default(),
        list: Mutex::default(),
        listed: WaitQueue::new(),
        file: Mutex::default(),
    });
    let file = anon::file("eventpoll", epoll.clone(), flags | flags::O_RDWR)?;
    epoll.file.set(Arc::downgrade(&file));
    Ok(file)
}

/// The instance behind an open file, if it is one.
pub fn of(file: &File) -> Option<Arc<Epoll>> {
    let ops: &dyn core::any::Any = &**file.ops();
    ops.downcast_ref::<Epoll>()?.me.upgrade()
}

impl Epoll {
    /// EPOLL_CTL_ADD: watches `file`.
    ///
    /// # Errors
    /// `EEXIST`; `ELOOP` if instances would watch each other in a cycle or too deeply; `ENOMEM`;
    /// `ENOSPC` at fs.epoll.max_user_watches.
    pub fn add(&self, file: &Arc<File>, fd: i32, event: Event) -> Result<(), Errno> {
        if self.items.lock().contains_key(&key(file, fd)) {
            return Err(Errno::EEXIST);
        }
        if frame::is_low() {
            return Err(Errno::ENOMEM);
        }
        if let Some(other) = of(file) {
            nesting::check(self, &other)?;
        }
        quota::charge(self.owner)?;
        let item = self
            .create_item(file, fd, event)
            .inspect_err(|_| quota::discharge(self.owner, 1))?;
        self.items.lock().insert(item.key, item.clone());
        self.list_if_ready(item);
        Ok(())
    }

    /// Creates an item in the wait queues of `file`.
    fn create_item(&self, file: &Arc<File>, fd: i32, event: Event) -> Result<Arc<Item>, Errno> {
        let place = self.list.lock().enter()?;
        Item::new(self.me.clone(), place, file, fd, event)
            .inspect_err(|_| drop(self.list.lock().leave(place)))
    }

    /// The item of `file` under `fd`.
    ///
    /// # Errors
    /// `ENOENT`.
    pub fn find(&self, file: &Arc<File>, fd: i32) -> Result<Arc<Item>, Errno> {
        let items = self.items.lock();
        items.get(&key(file, fd)).cloned().ok_or(Errno::ENOENT)
    }

    /// The address of the `which`-th file added as descriptor `fd` (KCMP_EPOLL_TFD).
    pub fn watched_by_number(&self, fd: i32, which: usize) -> Option<usize> {
        let items = self.items.lock();
        let mut keys = items.keys().filter(|(_, number)| *number == fd);
        keys.nth(which).map(|(file, _)| *file)
    }

    /// EPOLL_CTL_MOD: replaces the requested events.
    pub fn modify(&self, item: Arc<Item>, event: Event) {
        item.set_event(event);
        self.list_if_ready(item);
    }

    /// EPOLL_CTL_DEL: removes the item.
    pub fn delete(&self, item: &Item) {
        item.leave();
        self.forget(&item.key);
    }

    /// Removes an item that has left its file's wait queues.
    fn forget(&self, key: &Key) {
        let item = self.items.lock().remove(key);
        if let Some(item) = item {
            quota::discharge(self.owner, 1);
            let listed = self.list.lock().leave(item.place);
            drop(listed);
        }
    }

    fn list_if_ready(&self, item: Arc<Item>) {
        if !item.ready().is_empty() {
            self.list(item);
        }
    }

    /// Adds an item to the ready list, and wakes one waiter.
    fn list(&self, item: Arc<Item>) {
        self.list.lock().push(item);
        self.listed.wake(Ready::READ, 1);
    }

    /// Delivers up to `max` events to `put`; returns their number.
    fn collect(
        &self,
        max: usize,
        put: &mut dyn FnMut(usize, Event) -> Result<(), Errno>,
    ) -> SysResult {
        /// Weight of an item between two points, in bytes copied.
        const LOOK: usize = 256;
        let mut found = 0;
        // Items that return to the list are not polled twice.
        let mut left = self.list.lock().len();
        let mut stride = Stride::default();
        while found < max && left > 0 {
            left -= 1;
            if stride.passes(LOOK) {
                preempt::point();
            }
            let Some(item) = self.list.lock().pop() else {
                break;
            };
            let ready = item.ready();
            if ready.is_empty() {
                continue;
            }
            let event = item.event();
            let reported = Event {
                events: ready.bits().into(),
                data: event.data,
            };
            if let Err(errno) = put(found, reported) {
                self.list.lock().push_first(item);
                return if found == 0 { Err(errno) } else { Ok(found) };
            }
            found += 1;
            if event.has(EPOLLONESHOT) {
                item.disable();
            } else if !event.has(EPOLLET) {
                self.list.lock().push(item);
            }
        }
        Ok(found)
    }

    /// Waits for events until `deadline` (ns of CLOCK_MONOTONIC); returns their number, 0 at the
    /// deadline.
    ///
    /// # Errors
    /// `EINTR`; `EFAULT` from `put`.
    pub fn wait(
        &self,
        max: usize,
        deadline: Option<u64>,
        mut put: impl FnMut(usize, Event) -> Result<(), Errno>,
    ) -> SysResult {
        let result = self
            .listed
            .wait_exclusively(deadline, || match self.collect(max, &mut put) {
                Ok(0) => is_interrupted().then_some(Err(Errno::EINTR)),
                done => Some(done),
            });
        // The next waiter gets the items left over.
        if self.list.lock().len() > 0 {
            self.listed.wake_one();
        }
        result.unwrap_or(Ok(0))
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        let items = self.items.take();
        quota::discharge(self.owner, items.len() as u64);
        let mut stride = Stride::default();
        for item in items.into_values() {
            item.leave();
            drop(item);
            if stride.passes(Item::LEAVING) {
                preempt::point();
            }
        }
    }
}

impl FileOps for Epoll {
    fn is_stream(&self) -> bool {
        true
    }

    fn ignores_seeks(&self) -> bool {
        true
    }

    fn ready(&self) -> Ready {
        loop {
            let Some(item) = self.list.lock().first() else {
                return Ready::empty();
            };
            if !item.ready().is_empty() {
                return Ready::READ;
            }
            // Not ready any more.
            let listed = self.list.lock().remove(item.place);
            drop(listed);
        }
    }

    fn describe(&self, text: &mut Text) {
        let mut after = Unbounded;
        let mut stride = Stride::default();
        loop {
            let next = {
                let items = self.items.lock();
                let next = items.range((after, Unbounded)).next();
                next.map(|(_, item)| item.clone())
            };
            let Some(item) = next else {
                break;
            };
            after = Excluded(item.key);
            let Some(file) = item.file.upgrade() else {
                continue;
            };
            let (event, inode) = (item.event(), file.inode().metadata());
            let _ = writeln!(
                text,
                "tfd: {:8} events: {:8x} data: {:16x}  pos:{} ino:{:x} sdev:{:x}",
                item.key.1,
                event.events,
                event.data,
                file.offset(),
                inode.ino,
                inode.dev.encode()
            );
            if stride.passes(Item::LEAVING) {
                preempt::point();
            }
        }
    }

    fn kept_bytes(&self) -> usize {
        /// The item, and its nodes in the tables of the instance and of the file.
        const ITEM: usize = 384;
        self.items.try_lock().map_or(0, |items| items.len() * ITEM)
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&self.listed);
        true
    }
}
