//! Directory entries, by name and by order of creation.
//!
//! A listing follows the order of creation: a position given to a program stays valid while entries
//! are added and removed.
//!
//! The hash table by name grows without a long step: a large one is replaced by an empty one of
//! twice the size, and each new entry takes some of the old ones along.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use hashbrown::HashMap;

use super::Node;
use crate::abi::errno::Errno;
use crate::mm::fallible::Grow as _;
use crate::mm::reserve;
use crate::vfs::dentry::Dentry;

/// First position of a listing, after `.` and `..`.
pub const FIRST: u64 = 2;
/// A table of up to this number of entries grows in one step.
const SMALL: usize = 1024;
/// Entries that move to the larger table with each new one: all have moved before it is full.
const MOVED: usize = 4;

/// Position and dentry, by name.
type Names = HashMap<Arc<[u8]>, (u64, Arc<Dentry>)>;

/// The entries of a directory.
#[derive(Default)]
pub(super) struct Entries {
    by_name: Names,
    /// Entries that have not moved to a larger `by_name` yet.
    unmoved: Names,
    /// All unmoved entries are at this position or behind it.
    unmoved_from: u64,
    by_position: BTreeMap<u64, Listed>,
    made: u64,
}

/// Attributes of an entry for listings.
pub(super) struct Listed {
    pub name: Arc<[u8]>,
    pub ino: u64,
    pub kind: u32,
}

impl Entries {
    /// Looks up an entry.
    pub fn get(&self, name: &[u8]) -> Option<Arc<Dentry>> {
        let found = self.by_name.get(name);
        let found = found.or_else(|| self.unmoved.get(name));
        found.map(|(_, dentry)| dentry.clone())
    }

    /// Number of entries.
    pub fn len(&self) -> u64 {
        self.by_position.len() as u64
    }

    /// Reserves memory for the next [`Entries::insert`]: a larger table, and the entry.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub fn make_room(&mut self) -> Result<(), Errno> {
        let room = self.grow().and_then(|()| reserve::top_up());
        room.map_err(|_| Errno::ENOSPC)
    }

    fn grow(&mut self) -> Result<(), Errno> {
        let len = self.by_name.len();
        if len < SMALL || len < self.by_name.capacity() {
            return self.by_name.room_for(1);
        }
        let mut larger = Names::default();
        larger.room_for(len * 2)?;
        // Nothing is left, unless many entries were removed and added again meanwhile.
        self.move_names(usize::MAX);
        self.unmoved = core::mem::replace(&mut self.by_name, larger);
        self.unmoved_from = FIRST;
        Ok(())
    }

    /// Moves up to `most` entries to the larger table, which has room for all.
    fn move_names(&mut self, most: usize) {
        let behind = self.by_position.range(self.unmoved_from..);
        for (position, listed) in behind.take(most) {
            if self.unmoved.is_empty() {
                break;
            }
            if let Some((name, entry)) = self.unmoved.remove_entry(&listed.name) {
                self.by_name.insert(name, entry);
            }
            self.unmoved_from = position + 1;
        }
        if self.unmoved.is_empty() && self.unmoved.capacity() > 0 {
            self.unmoved = Names::default();
        }
    }

    /// The entry listed first.
    pub fn first(&self) -> Option<Arc<Dentry>> {
        let (_, listed) = self.by_position.first_key_value()?;
        self.get(&listed.name)
    }

    /// The entries from a position on.
    pub fn listed(&self, from: u64) -> impl Iterator<Item = (&u64, &Listed)> {
        self.by_position.range(from..)
    }

    /// Adds or replaces an entry; [`Entries::make_room`] must have been called.
    pub fn insert(&mut self, name: Arc<[u8]>, dentry: Arc<Dentry>, node: &Node) {
        self.move_names(MOVED);
        let position = FIRST + self.made;
        self.made += 1;
        let listed = Listed {
            name: name.clone(),
            ino: node.ino,
            kind: node.kind,
        };
        self.by_position.insert(position, listed);
        let unmoved = self.unmoved.remove(&name);
        let old = self.by_name.insert(name, (position, dentry)).or(unmoved);
        if let Some((old, _)) = old {
            self.by_position.remove(&old);
        }
    }

    /// Removes an entry.
    pub fn remove(&mut self, name: &[u8]) {
        let removed = self.by_name.remove(name);
        let removed = removed.or_else(|| self.unmoved.remove(name));
        if let Some((position, _)) = removed {
            self.by_position.remove(&position);
        }
    }
}
