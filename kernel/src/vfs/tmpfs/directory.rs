//! The names in a directory, by name and in the order they were made.
//!
//! A listing goes by that order: a position given to a program stays right while names come and go.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use hashbrown::HashMap;

use super::Node;
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;
use crate::mm::fallible::Grow as _;
use crate::mm::reserve;
use crate::vfs::dentry::{Dentry, Parent};
use crate::vfs::inode::{Inode, ListEntry};

/// First position of a listing that is not `.` or `..`.
const FIRST: u64 = 2;

/// A directory's names.
#[derive(Default)]
pub(super) struct Entries {
    by_name: HashMap<Arc<[u8]>, (u64, Arc<Dentry>)>,
    by_position: BTreeMap<u64, Listed>,
    made: u64,
}

/// What a listing tells of a name.
struct Listed {
    name: Arc<[u8]>,
    ino: u64,
    kind: u32,
}

impl Entries {
    /// The name, if it is there.
    pub fn get(&self, name: &[u8]) -> Option<Arc<Dentry>> {
        self.by_name.get(name).map(|(_, dentry)| dentry.clone())
    }

    /// Number of names.
    pub fn len(&self) -> u64 {
        self.by_name.len() as u64
    }

    /// Makes sure that the next [`Entries::insert`] finds memory for the larger table it may need, and
    /// for what is kept of a name.
    fn make_room(&mut self) -> Result<(), Errno> {
        let room = self.by_name.room_for(1).and_then(|()| reserve::top_up());
        room.map_err(|_| Errno::ENOSPC)
    }

    /// The name that is listed first.
    fn first(&self) -> Option<Arc<Dentry>> {
        let (_, listed) = self.by_position.first_key_value()?;
        self.get(&listed.name)
    }

    fn insert(&mut self, name: Arc<[u8]>, dentry: Arc<Dentry>, node: &Node) {
        let position = FIRST + self.made;
        self.made += 1;
        let listed = Listed {
            name: name.clone(),
            ino: node.ino,
            kind: node.kind,
        };
        self.by_position.insert(position, listed);
        if let Some((old, _)) = self.by_name.insert(name, (position, dentry)) {
            self.by_position.remove(&old);
        }
    }

    fn remove(&mut self, name: &[u8]) {
        if let Some((position, _)) = self.by_name.remove(name) {
            self.by_position.remove(&position);
        }
    }
}

impl Node {
    /// Gives `node` the name `name` here.
    pub(super) fn add(
        &self,
        this: &Arc<Dentry>,
        name: &[u8],
        node: Arc<Self>,
    ) -> Result<Arc<Dentry>, Errno> {
        let mut entries = self.entries()?.lock();
        if this.is_removed() {
            return Err(Errno::ENOENT);
        }
        if entries.get(name).is_some() {
            return Err(Errno::EEXIST);
        }
        entries.make_room()?;
        let is_directory = node.kind == mode::S_IFDIR;
        let name: Arc<[u8]> = name.into();
        let dentry = Dentry::new(
            Parent::Holds(Arc::downgrade(this)),
            name.clone(),
            node.clone(),
        );
        entries.insert(name, dentry.clone(), &node);
        drop(entries);
        if is_directory {
            self.count_link(1);
        }
        self.touch();
        Ok(dentry)
    }

    /// Gives a file of this file system another name here.
    pub(super) fn add_link(
        &self,
        this: &Arc<Dentry>,
        name: &[u8],
        target: &Arc<dyn Inode>,
    ) -> Result<(), Errno> {
        let node = Self::of(target)?;
        let has_names = node.metadata().nlink > 0;
        let mut entries = self.entries()?.lock();
        if entries.get(name).is_some() {
            return Err(Errno::EEXIST);
        }
        entries.make_room()?;
        // Each name counts as a file, but for the first, which counts with the file (shmem_link).
        if has_names {
            self.space.take_inode()?;
        }
        let name: Arc<[u8]> = name.into();
        let dentry = Dentry::new(
            Parent::Holds(Arc::downgrade(this)),
            name.clone(),
            target.clone(),
        );
        entries.insert(name, dentry, node);
        drop(entries);
        node.named();
        self.touch();
        Ok(())
    }

    /// Takes the name `child` away.
    pub(super) fn remove_name(&self, child: &Arc<Dentry>) -> Result<(), Errno> {
        let node = Self::of(child.inode())?;
        if let Ok(entries) = node.entries()
            && entries.lock().len() > 0
        {
            return Err(Errno::ENOTEMPTY);
        }
        self.entries()?.lock().remove(&child.name());
        self.forget(child, node);
        self.touch();
        Ok(())
    }

    /// What follows from a name's end.
    fn forget(&self, child: &Arc<Dentry>, node: &Self) {
        child.set_removed();
        if node.kind == mode::S_IFDIR {
            // Its name, its own ".", and its ".." here.
            node.count_link(-2);
            self.count_link(-1);
        } else if node.count_link(-1) > 0 {
            self.space.give_inode();
        }
    }

    /// Moves `child` from here to `to` as `name`.
    pub(super) fn move_name(
        &self,
        child: &Arc<Dentry>,
        to: &Arc<Dentry>,
        name: &[u8],
        exchange: bool,
    ) -> Result<(), Errno> {
        let to_node = Self::of(to.inode())?;
        let node = Self::of(child.inode())?;
        let replaced = {
            let mut entries = to_node.entries()?.lock();
            entries.make_room()?;
            entries.get(name)
        };
        let old_name = child.name();
        let name: Arc<[u8]> = name.into();
        if let Some(replaced) = &replaced {
            let other = Self::of(replaced.inode())?;
            if exchange {
                let from = child.parent().ok_or(Errno::ENOENT)?;
                replaced.place_at(Parent::Holds(Arc::downgrade(&from)), old_name.clone());
            } else {
                if let Ok(entries) = other.entries()
                    && entries.lock().len() > 0
                {
                    return Err(Errno::ENOTEMPTY);
                }
                to_node.forget(replaced, other);
            }
        }
        {
            let mut entries = self.entries()?.lock();
            match &replaced {
                Some(replaced) if exchange => {
                    entries.insert(old_name, replaced.clone(), Self::of(replaced.inode())?);
                }
                _ => entries.remove(&old_name),
            }
        }
        child.place_at(Parent::Holds(Arc::downgrade(to)), name.clone());
        to_node.entries()?.lock().insert(name, child.clone(), node);
        let is_dir = |node: &Self| i32::from(node.kind == mode::S_IFDIR);
        let back = match &replaced {
            Some(replaced) if exchange => is_dir(Self::of(replaced.inode())?),
            _ => 0,
        };
        self.count_link(back - is_dir(node));
        to_node.count_link(is_dir(node) - back);
        self.touch();
        to_node.touch();
        node.count_link(0);
        Ok(())
    }

    /// The name in a directory that is listed first.
    pub(super) fn first_name(&self) -> Option<Arc<Dentry>> {
        self.entries().ok()?.lock().first()
    }

    /// Forgets a name, in a directory that nobody will look at again.
    pub(super) fn drop_name(&self, name: &[u8]) {
        if let Ok(entries) = self.entries() {
            entries.lock().remove(name);
        }
    }

    /// Lists the names from a position on.
    pub(super) fn list_names(
        &self,
        from: u64,
        emit: &mut dyn FnMut(ListEntry<'_>) -> bool,
    ) -> Result<(), Errno> {
        let entries = self.entries()?.lock();
        for (position, listed) in entries.by_position.range(from.max(FIRST)..) {
            let Listed { name, ino, kind } = listed;
            if !emit(ListEntry {
                name,
                ino: *ino,
                kind: *kind,
                next: position + 1,
            }) {
                break;
            }
        }
        Ok(())
    }
}
