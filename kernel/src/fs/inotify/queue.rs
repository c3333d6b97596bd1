//! The events that wait in an instance.

use alloc::collections::VecDeque;

use linux_raw_sys::general::{IN_ALL_EVENTS, IN_IGNORED, IN_ISDIR, IN_Q_OVERFLOW, IN_UNMOUNT};

use crate::fs::notify::Name;
use crate::mm::fallible::Grow as _;

/// Bytes of `struct inotify_event` without its name.
pub const HEAD: usize = 16;
/// Bytes of the longest one.
pub const LONGEST: usize = HEAD + 256;
/// The events that a program sees.
const SHOWN: u32 = IN_ALL_EVENTS | IN_ISDIR | IN_UNMOUNT | IN_IGNORED | IN_Q_OVERFLOW;

/// An event for one watch.
pub struct Queued {
    /// The watch.
    pub wd: i32,
    /// What happened.
    pub events: u32,
    /// Joins the two halves of a move.
    pub cookie: u32,
    /// Which of the directory's files it is about.
    pub name: Option<Name>,
}

impl Queued {
    /// Bytes that read(2) gives: the name has a NUL at least, and ends where the next structure may begin.
    pub fn size(&self) -> usize {
        let name = self.name.as_ref();
        HEAD + name.map_or(0, |name| (name.len() + 1).next_multiple_of(HEAD))
    }

    /// Writes it as `struct inotify_event`: watch, events, cookie, length of the name; the name.
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

    /// Whether it says nothing that `last` doesn't say (event_compare in fs/notify/inotify).
    fn repeats(&self, last: &Self) -> bool {
        last.events & IN_IGNORED == 0
            && (self.wd, self.events) == (last.wd, last.events)
            && self.name == last.name
    }
}

/// The queue.
pub struct Queue {
    events: VecDeque<Queued>,
    /// Bytes that read(2) has to give.
    bytes: usize,
    /// Most events in it, beside the one that says it is full.
    most: usize,
    /// That one waits in it.
    has_overflowed: bool,
}

impl Queue {
    /// An empty one, for at most so many events.
    pub fn new(most: usize) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            most,
            has_overflowed: false,
        }
    }

    /// Adds an event. Where there is no room, or no memory, one that says so takes its place. Returns whether
    /// there is more to read than before.
    pub fn push(&mut self, event: Queued) -> bool {
        // Room for the one that says there is none is always there.
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

    /// Takes the first event out, if it has no more than `room` bytes; `Some(None)` if it has.
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

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Bytes that wait to be read.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory that it takes.
    pub fn kept_bytes(&self) -> usize {
        self.events.capacity() * size_of::<Queued>() + self.bytes
    }
}
