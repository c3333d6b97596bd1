//! epoll(7): waiting for many files, at a cost that grows with those that are ready only.
//!
//! An [`Item`] stands in the queues of the file it watches. When it is woken it is put into the
//! instance's list; waiting looks at the items in the list and at no others. Level-triggered items
//! go back into the list as long as the file is found ready.
//!
//! EPOLLEXCLUSIVE is checked, but every instance is woken, which epoll_ctl(2) allows ("one or more");
//! EPOLLWAKEUP means nothing to a machine that never sleeps. Left out: busy polling.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::fmt::Write as _;
use core::ops::Bound::{Excluded, Unbounded};

use crate::sync::{Mutex, rank};
use linux_raw_sys::general::{EPOLLET, EPOLLONESHOT};

use super::file::{File, flags};
use super::inode::{FileOps, Ready};
use super::{anon, caller};
use crate::mm::fallible::Text;
use crate::mm::frame;
use crate::process::wait::{WaitQueue, is_interrupted};
use crate::syscall::errno::{Errno, SysResult};

mod item;
mod list;
mod nesting;
mod quota;

pub use item::{Event, Item, Watchers};
use item::{Key, key};
use list::List;
pub use quota::max as max_user_watches;

/// An epoll instance.
pub struct Epoll {
    me: Weak<Epoll>,
    /// The user who made it, for [`quota`].
    owner: u32,
    items: Mutex<BTreeMap<Key, Arc<Item>>, rank::EpollItems>,
    /// Items that may be ready, each once.
    list: Mutex<List, rank::EpollList>,
    /// epoll_wait(2)'s callers, and whoever watches this instance in its turn.
    listed: WaitQueue,
    /// Its own open file.
    file: Mutex<Weak<File>, rank::EpollFile>,
}

/// Makes one, with `flags` of epoll_create1(2).
///
/// # Errors
/// `ENOMEM`.
pub fn new(flags: u32) -> Result<Arc<File>, Errno> {
    let owner = caller::credentials().uid;
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

/// The instance behind an open file.
pub fn of(file: &File) -> Option<Arc<Epoll>> {
    let ops: &dyn core::any::Any = &**file.ops();
    ops.downcast_ref::<Epoll>()?.me.upgrade()
}

impl Epoll {
    /// EPOLL_CTL_ADD.
    ///
    /// # Errors
    /// `EEXIST`; `ELOOP` if instances would watch each other in a circle or too deep; `ENOMEM`;
    /// `ENOSPC` where the user's instances watch too many files.
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
            .enter(file, fd, event)
            .inspect_err(|_| quota::discharge(self.owner, 1))?;
        self.items.lock().insert(item.key, item.clone());
        self.list_if_ready(item);
        Ok(())
    }

    /// A new item, in the queues of `file`.
    fn enter(&self, file: &Arc<File>, fd: i32, event: Event) -> Result<Arc<Item>, Errno> {
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

    /// The address of the `which`-th file that was entered by the number `fd` (kcmp(2)).
    pub fn watched_by_number(&self, fd: i32, which: usize) -> Option<usize> {
        let items = self.items.lock();
        let mut keys = items.keys().filter(|(_, number)| *number == fd);
        keys.nth(which).map(|(file, _)| *file)
    }

    /// EPOLL_CTL_MOD.
    pub fn modify(&self, item: Arc<Item>, event: Event) {
        item.set_event(event);
        self.list_if_ready(item);
    }

    /// EPOLL_CTL_DEL.
    pub fn delete(&self, item: &Item) {
        item.leave();
        self.forget(&item.key);
    }

    /// Takes an item out that is in its file's queues no more.
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

    /// Puts an item into the list, and wakes one of those who wait for that.
    fn list(&self, item: Arc<Item>) {
        self.list.lock().push(item);
        self.listed.wake(Ready::READ, 1);
    }

    /// Hands events to `put` until there are no more, or `max` of them; returns how many.
    fn collect(
        &self,
        max: usize,
        put: &mut dyn FnMut(usize, Event) -> Result<(), Errno>,
    ) -> SysResult {
        let mut found = 0;
        // Those that go back into the list are not looked at twice.
        let mut left = self.list.lock().len();
        while found < max && left > 0 {
            left -= 1;
            let Some(item) = self.list.lock().pop() else {
                break;
            };
            let ready = item.ready();
            if ready.is_empty() {
                continue;
            }
            let event = item.event();
            let told = Event {
                events: ready.bits().into(),
                data: event.data,
            };
            if let Err(errno) = put(found, told) {
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

    /// Waits until there are events, or until `deadline` (ns of CLOCK_MONOTONIC): no events.
    ///
    /// # Errors
    /// `EINTR`; `EFAULT` of `put`.
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
        // What is left over is for the next one who waits.
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
        for item in items.into_values() {
            item.leave();
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
            // Not ready after all.
            let listed = self.list.lock().remove(item.place);
            drop(listed);
        }
    }

    fn describe(&self, text: &mut Text) {
        let mut after = Unbounded;
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
        }
    }

    fn kept_bytes(&self) -> usize {
        /// The item, and its nodes and places in tables here and at the file.
        const ITEM: usize = 384;
        self.items.try_lock().map_or(0, |items| items.len() * ITEM)
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&self.listed);
        true
    }
}
