//! The ready list of an epoll instance: items that may be ready, each once, in order of delivery.
//!
//! A wake-up adds an item, also in an interrupt, where no memory can be allocated: each item has a
//! place in the list from its creation on.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Item;
use crate::abi::errno::Errno;
use crate::mm::fallible::TryPush as _;

/// The list: doubly linked, so that an item can be removed from the middle.
#[derive(Default)]
pub struct List {
    places: Vec<Place>,
    /// First unused place; unused places are linked by `next`.
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
    /// Number of items in the list.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Reserves a place for a new item, which is not in the list yet.
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

    /// Frees a place and returns the item in the list at it, if any.
    pub fn leave(&mut self, place: usize) -> Option<Arc<Item>> {
        let item = self.remove(place);
        self.places[place].next = self.unused.replace(place);
        item
    }

    /// Appends an item, unless it is in the list.
    pub fn push(&mut self, item: Arc<Item>) {
        let last = self.last;
        self.insert(item, last, None);
    }

    /// Prepends an item, unless it is in the list.
    pub fn push_first(&mut self, item: Arc<Item>) {
        let first = self.first;
        self.insert(item, None, first);
    }

    fn insert(&mut self, item: Arc<Item>, previous: Option<usize>, next: Option<usize>) {
        let at = item.place;
        // The place of an item removed from the instance is freed already.
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

    /// The link to the place behind `previous`, or to the first.
    fn link_to(&mut self, previous: Option<usize>) -> &mut Option<usize> {
        match previous {
            Some(place) => &mut self.places[place].next,
            None => &mut self.first,
        }
    }

    /// The link back to the place before `next`, or to the last.
    fn link_back(&mut self, next: Option<usize>) -> &mut Option<usize> {
        match next {
            Some(place) => &mut self.places[place].previous,
            None => &mut self.last,
        }
    }

    /// The first item.
    pub fn first(&self) -> Option<Arc<Item>> {
        self.places[self.first?].item.clone()
    }

    /// Removes the first item.
    pub fn pop(&mut self) -> Option<Arc<Item>> {
        self.remove(self.first?)
    }

    /// Removes the item with this place, if it is in the list.
    pub fn remove(&mut self, place: usize) -> Option<Arc<Item>> {
        let item = self.places[place].item.take()?;
        let Place { next, previous, .. } = core::mem::take(&mut self.places[place]);
        *self.link_to(previous) = next;
        *self.link_back(next) = previous;
        self.len -= 1;
        Some(item)
    }
}
