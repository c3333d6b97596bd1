//! Changes and lookups of a directory's entries (`entries.rs`).

use alloc::sync::Arc;

use super::Node;
use super::entries::{FIRST, Listed};
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;
use crate::vfs::dentry::{Dentry, Parent};
use crate::vfs::inode::{Inode, ListEntry};

impl Node {
    /// Adds an entry `name` for `node`.
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

    /// Adds an entry `name` for a file of this file system (link(2)).
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
        // Each link but the first is charged as a file; the first is charged with the file
        // (shmem_link).
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

    /// Removes the entry `child`.
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

    /// Marks `child` as removed and updates link counts and the charge.
    fn forget(&self, child: &Arc<Dentry>, node: &Self) {
        child.set_removed();
        if node.kind == mode::S_IFDIR {
            // Links of a directory: its name and its "."; its ".." is one of the parent's.
            node.count_link(-2);
            self.count_link(-1);
        } else if node.count_link(-1) > 0 {
            self.space.give_inode();
        }
    }

    /// Moves the entry `child` to the directory `to` as `name` (rename(2)).
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

    /// The entry listed first.
    pub(super) fn first_name(&self) -> Option<Arc<Dentry>> {
        self.entries().ok()?.lock().first()
    }

    /// Removes an entry of a file system that is freed.
    pub(super) fn drop_name(&self, name: &[u8]) {
        if let Ok(entries) = self.entries() {
            entries.lock().remove(name);
        }
    }

    /// Lists the entries from a position on.
    pub(super) fn list_names(
        &self,
        from: u64,
        emit: &mut dyn FnMut(ListEntry<'_>) -> bool,
    ) -> Result<(), Errno> {
        let entries = self.entries()?.lock();
        for (position, listed) in entries.listed(from.max(FIRST)) {
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
