//! The event queue of an inotify instance.

use alloc::collections::VecDeque;

use linux_raw_sys::general::{IN_ALL_EVENTS, IN_IGNORED, IN_ISDIR, IN_Q_OVERFLOW, IN_UNMOUNT};

use crate::mm::fallible::Grow as _;
use crate::vfs::notify::Name;

/// Bytes of `struct inotify_event` without its name.
pub const HEAD: usize = 16;
/// Bytes of the longest event.
pub const LONGEST: usize = HEAD + 256;
/// The event bits reported to programs.
const SHOWN: u32 = IN_ALL_EVENTS | IN_ISDIR | IN_UNMOUNT | IN_IGNORED | IN_Q_OVERFLOW;

/// A queued event.
pub struct Queued {
    /// Watch descriptor.
    pub wd: i32,
    /// `IN_*` bits.
    pub events: u32,
    /// Connects IN_MOVED_FROM and IN_MOVED_TO of one rename.
    pub cookie: u32,
    /// Name of the directory's entry concerned; `None` for the watched file itself.
    pub name: Option<Name>,
}

impl Queued {
    /// Bytes that read(2) returns: the name is padded with at least one NUL to a multiple of the
    /// structure's size.
    pub fn size(&self) -> usize {
        let name = self.name.as_ref();
        HEAD + name.map_or(0, |name| (name.len() + 1).next_multiple_of(HEAD))
    }

    /// Encodes the event as `struct inotify_event`: wd, mask, cookie, len; name.
    pub fn write<'a>(&self, to: &'a mut [u8; LONGEST]) -> &'a [u8] {
        let size = self.size();
        let words = [
            self.wd as u32,
            self.events & SHOWN,
            self.cookie,
            (size - HEAD) as u32,
        ];
        for (place, word) in to.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        let name = self.name.as_deref().unwrap_or_default();
        to[HEAD..size].fill(0);
        to[HEAD..HEAD + name.len()].copy_from_slice(name);
        &to[..size]
    }

    /// Whether the event repeats `last` (event_compare in fs/notify/inotify).
    fn repeats(&self, last: &Self) -> bool {
        last.events & IN_IGNORED == 0
            && (self.wd, self.events) == (last.wd, last.events)
            && self.name == last.name
    }
}

/// The queue of one instance.
pub struct Queue {
    events: VecDeque<Queued>,
    /// Bytes of all queued events, as read.
    bytes: usize,
    /// Most events, besides the overflow event.
    most: usize,
    /// An overflow event is queued.
    has_overflowed: bool,
}

impl Queue {
    /// An empty queue for at most `most` events.
    pub fn new(most: usize) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            most,
            has_overflowed: false,
        }
    }

    /// Appends an event. Without room or memory, an IN_Q_OVERFLOW event takes its place. Returns
    /// whether the queue has grown.
    pub fn push(&mut self, event: Queued) -> bool {
        // Room for the overflow event is always reserved.
        if self.events.len() >= self.most || self.events.room_for(2).is_err() {
            if self.has_overflowed {
                return false;
            }
            self.has_overflowed = true;
            return self.add(Queued {
                wd: -1,
                events: IN_Q_OVERFLOW,
                cookie: 0,
                name: None,
            });
        }
        if self.events.back().is_some_and(|last| event.repeats(last)) {
            return false;
        }
        self.add(event)
    }

    fn add(&mut self, event: Queued) -> bool {
        self.bytes += event.size();
        self.events.push_back(event);
        true
    }

    /// Removes the first event, if it fits `room` bytes; `Some(None)` if it doesn't.
    pub fn pop(&mut self, room: usize) -> Option<Option<Queued>> {
        if self.events.front()?.size() > room {
            return Some(None);
        }
        let event = self.events.pop_front()?;
        self.bytes -= event.size();
        if event.events & IN_Q_OVERFLOW != 0 {
            self.has_overflowed = false;
        }
        if self.events.is_empty() && self.events.capacity() > 64 {
            self.events = VecDeque::new();
        }
        Some(Some(event))
    }

    /// Whether no event is queued.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Bytes of the queued events, as read (FIONREAD).
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Kernel memory in bytes held by the queue.
    pub fn kept_bytes(&self) -> usize {
        self.events.capacity() * size_of::<Queued>() + self.bytes
    }
}
