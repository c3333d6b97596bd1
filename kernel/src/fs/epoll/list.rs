//! The items of an epoll instance that may be ready, each once, in the order they are told in.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::Item;

/// The list. An item knows its place in it, so that it can be taken out from the middle.
#[derive(Default)]
pub struct List {
    by_place: BTreeMap<i64, Arc<Item>>,
    /// The next place behind all others.
    end: i64,
}

impl List {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_place.len()
    }

    /// Puts an item last, unless it is in the list.
    pub fn push(&mut self, item: Arc<Item>) {
        let mut place = item.place.lock();
        if place.is_none() {
            *place = Some(self.end);
            drop(place);
            self.by_place.insert(self.end, item);
            self.end += 1;
        }
    }

    /// Puts an item first, unless it is in the list.
    pub fn push_first(&mut self, item: Arc<Item>) {
        let before = self.by_place.keys().next().map_or(self.end, |first| *first) - 1;
        let mut place = item.place.lock();
        if place.is_none() {
            *place = Some(before);
            drop(place);
            self.by_place.insert(before, item);
        }
    }

    /// The first one.
    pub fn first(&self) -> Option<Arc<Item>> {
        self.by_place.values().next().cloned()
    }

    /// Takes the first one out.
    pub fn pop(&mut self) -> Option<Arc<Item>> {
        let (_, item) = self.by_place.pop_first()?;
        *item.place.lock() = None;
        Some(item)
    }

    /// Takes `item` out if it is there.
    pub fn remove(&mut self, item: &Item) {
        if let Some(place) = item.place.lock().take() {
            self.by_place.remove(&place);
        }
    }
}
