//! The items of an epoll instance that may be ready, each once, in the order they are told in.
//!
//! Items are put into it by whatever wakes them, an interrupt too, where there may be no memory: each
//! has a place of its own from the moment that it is entered into the instance.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Item;
use crate::mm::fallible::TryPush as _;
use crate::syscall::errno::Errno;

/// The list: places linked in both directions, so that an item can be taken out from the middle.
#[derive(Default)]
pub struct List {
    places: Vec<Place>,
    /// First of the places that no item has; they are linked by `next`.
    unused: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    len: usize,
}

/// An item's place.
#[derive(Default)]
struct Place {
    /// The item, while it is in the list.
    item: Option<Arc<Item>>,
    next: Option<usize>,
    previous: Option<usize>,
}

impl List {
    /// How many items are in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// A place for a new item, which is not in the list yet.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn enter(&mut self) -> Result<usize, Errno> {
        if let Some(place) = self.unused {
            self.unused = self.places[place].next.take();
            return Ok(place);
        }
        self.places.try_push(Place::default())?;
        Ok(self.places.len() - 1)
    }

    /// Takes a place back.
    pub fn leave(&mut self, place: usize) -> Option<Arc<Item>> {
        let item = self.remove(place);
        self.places[place].next = self.unused.replace(place);
        item
    }

    /// Puts an item last, unless it is in the list.
    pub fn push(&mut self, item: Arc<Item>) {
        let last = self.last;
        self.put(item, last, None);
    }

    /// Puts an item first, unless it is in the list.
    pub fn push_first(&mut self, item: Arc<Item>) {
        let first = self.first;
        self.put(item, None, first);
    }

    fn put(&mut self, item: Arc<Item>, previous: Option<usize>, next: Option<usize>) {
        let at = item.place;
        // One that was taken out of the instance has given its place up.
        if !item.is_gone() && self.places[at].item.is_none() {
            self.places[at] = Place {
                item: Some(item),
                next,
                previous,
            };
            *self.link_to(previous) = Some(at);
            *self.link_back(next) = Some(at);
            self.len += 1;
        }
    }

    /// What names the place behind `previous`: without one it is the first.
    fn link_to(&mut self, previous: Option<usize>) -> &mut Option<usize> {
        match previous {
            Some(place) => &mut self.places[place].next,
            None => &mut self.first,
        }
    }

    /// What names the place before `next`: without one it is the last.
    fn link_back(&mut self, next: Option<usize>) -> &mut Option<usize> {
        match next {
            Some(place) => &mut self.places[place].previous,
            None => &mut self.last,
        }
    }

    /// The first one.
    pub fn first(&self) -> Option<Arc<Item>> {
        self.places[self.first?].item.clone()
    }

    /// Takes the first one out.
    pub fn pop(&mut self) -> Option<Arc<Item>> {
        self.remove(self.first?)
    }

    /// Takes the item with this place out if it is there.
    pub fn remove(&mut self, place: usize) -> Option<Arc<Item>> {
        let item = self.places[place].item.take()?;
        let Place { next, previous, .. } = core::mem::take(&mut self.places[place]);
        *self.link_to(previous) = next;
        *self.link_back(next) = previous;
        self.len -= 1;
        Some(item)
    }
}
