//! Directory entries, and locations in the tree of mounts.
//!
//! A [`Dentry`] is one name of a file. It has its parent directory, so that the path of an open
//! file, a working directory or a mapping can be computed at any time. The file system decides how
//! long a dentry lives: a tmpfs keeps its dentries, procfs creates one for each lookup.
//!
//! A [`Location`] is a dentry and the mount through which it was reached.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::sync::{Mutex, rank};

use super::inode::Inode;
use super::mount::{self, Mount, MountFlags};
use super::notify;
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;
use crate::mm::fallible::{self, Grow as _, TryPush as _};

/// The parent directory of a dentry.
#[derive(Clone)]
pub enum Parent {
    /// None: the root of a file system, or a file outside any tree.
    Root,
    /// The directory owns its dentries (tmpfs).
    Holds(Weak<Dentry>),
    /// The dentry owns its directory (procfs).
    Held(Arc<Dentry>),
}

/// Parent and name; both change in rename(2).
struct Place {
    parent: Parent,
    name: Arc<[u8]>,
}

/// A directory entry: one name of a file.
pub struct Dentry {
    place: Mutex<Place, rank::Dentry>,
    inode: Arc<dyn Inode>,
    /// The name is removed: the path ends in " (deleted)".
    removed: AtomicBool,
    /// A mount point: something is mounted here, on this mount or another one of the same file
    /// system.
    covered: AtomicBool,
}

impl Drop for Dentry {
    /// The end of the last reference to a removed name ends the watches of its file.
    fn drop(&mut self) {
        if *self.removed.get_mut() && notify::is_on() {
            notify::name_gone(&self.inode);
        }
    }
}

impl Dentry {
    /// The root dentry of a file system.
    pub fn root(inode: Arc<dyn Inode>) -> Arc<Self> {
        Self::new(Parent::Root, Arc::new([]), inode)
    }

    /// A dentry `name` for `inode` in `parent`.
    pub fn new(parent: Parent, name: Arc<[u8]>, inode: Arc<dyn Inode>) -> Arc<Self> {
        Arc::new(Self {
            place: Mutex::new(Place { parent, name }),
            inode,
            removed: AtomicBool::new(false),
            covered: AtomicBool::new(false),
        })
    }

    /// The file.
    pub fn inode(&self) -> &Arc<dyn Inode> {
        &self.inode
    }

    /// The name in its directory.
    pub fn name(&self) -> Arc<[u8]> {
        self.place.lock().name.clone()
    }

    /// The parent directory; none at a file system's root, and where the directory is freed.
    pub fn parent(&self) -> Option<Arc<Dentry>> {
        match &self.place.lock().parent {
            Parent::Root => None,
            Parent::Holds(parent) => parent.upgrade(),
            Parent::Held(parent) => Some(parent.clone()),
        }
    }

    /// Moves the dentry to another directory or name.
    pub fn place_at(&self, parent: Parent, name: Arc<[u8]>) {
        self.place.set(Place { parent, name });
    }

    /// Marks the name as removed.
    pub fn set_removed(&self) {
        self.removed.store(true, Ordering::Relaxed);
    }

    /// Whether the name is removed.
    pub fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Relaxed)
    }

    /// Marks the dentry as a mount point, or as none.
    pub fn set_covered(&self, covered: bool) {
        self.covered.store(covered, Ordering::Relaxed);
    }

    /// Whether the dentry may be a mount point.
    pub fn is_covered(&self) -> bool {
        self.covered.load(Ordering::Relaxed)
    }

    /// The path from the root of its file system (the root field of /proc/PID/mountinfo).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn path_in_file_system(self: &Arc<Self>) -> Result<Vec<u8>, Errno> {
        path_of(|name| {
            let mut at = self.clone();
            while let Some(parent) = at.parent() {
                name(&at.name());
                at = parent;
            }
        })
    }

    /// Whether `ancestor` is this directory or an ancestor of it.
    pub fn is_below(self: &Arc<Self>, ancestor: &Arc<Dentry>) -> bool {
        let mut at = Some(self.clone());
        while let Some(dentry) = at {
            if Arc::ptr_eq(&dentry, ancestor) {
                return true;
            }
            at = dentry.parent();
        }
        false
    }
}

/// A dentry and the mount through which it was reached (Linux's struct path).
#[derive(Clone)]
pub struct Location {
    /// The mount.
    pub mount: Arc<Mount>,
    /// The name.
    pub dentry: Arc<Dentry>,
}

impl Location {
    /// The file.
    pub fn inode(&self) -> &Arc<dyn Inode> {
        self.dentry.inode()
    }

    /// Updates the access time after a read, if the mount's flags say so (touch_atime in
    /// fs/inode.c).
    pub fn accessed(&self) {
        let flags = self.mount.flags();
        let is_off = flags.intersects(MountFlags::NO_ATIME | MountFlags::READ_ONLY)
            || flags.contains(MountFlags::NO_DIR_ATIME) && self.inode().kind() == mode::S_IFDIR;
        if !is_off {
            let relative = flags.contains(MountFlags::RELATIME);
            self.inode().accessed(relative);
        }
    }

    /// Whether both are the same location.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.mount, &other.mount) && Arc::ptr_eq(&self.dentry, &other.dentry)
    }

    /// The root of the topmost mount at this location, or the location itself.
    pub fn uncovered(mut self) -> Self {
        while self.dentry.covered.load(Ordering::Relaxed) {
            let Some(mount) = mount::on(&self) else { break };
            self = mount.root();
        }
        self
    }

    /// The parent directory; none at the root of the mount.
    fn parent_in_mount(&self) -> Option<Arc<Dentry>> {
        if Arc::ptr_eq(&self.dentry, self.mount.root_dentry()) {
            None
        } else {
            self.dentry.parent()
        }
    }

    /// The parent directory (`..`), across mount points. At `root`, the caller's root directory,
    /// and at the root of the tree: the location itself.
    pub fn above(&self, root: &Self) -> Self {
        let mut at = self.clone();
        loop {
            if at.is(root) {
                return at;
            }
            if let Some(parent) = at.parent_in_mount() {
                return Self {
                    mount: at.mount,
                    dentry: parent,
                }
                .uncovered();
            }
            match at.mount.mount_point() {
                Some(point) => at = point,
                None => return at.uncovered(),
            }
        }
    }

    /// The path from `root`, and whether the location can be reached from there.
    ///
    /// # Errors
    /// `ENOMEM`: the depth of directories is up to programs.
    pub fn path(&self, root: &Self) -> Result<(Vec<u8>, bool), Errno> {
        let mut reached = false;
        let path = path_of(|name| {
            let mut at = self.clone();
            reached = loop {
                if at.is(root) {
                    break true;
                }
                if let Some(parent) = at.parent_in_mount() {
                    name(&at.dentry.name());
                    at.dentry = parent;
                } else if let Some(point) = at.mount.mount_point() {
                    at = point;
                } else {
                    break false;
                }
            };
        })?;
        Ok((path, reached))
    }

    /// The path as /proc shows it.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn display_path(&self, root: &Self) -> Result<Vec<u8>, Errno> {
        // A file outside the tree has a name such as "pipe:[7]".
        let name = self.dentry.name();
        if self.dentry.parent().is_none() && !self.dentry.is_removed() && !name.is_empty() {
            return fallible::to_vec(&name);
        }
        let (mut path, _) = self.path(root)?;
        if self.dentry.is_removed() {
            fallible::extend_from_slice(&mut path, b" (deleted)")?;
        }
        Ok(path)
    }
}

/// The path made of the names that `walk` passes, the last component first.
fn path_of(walk: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Result<Vec<u8>, Errno> {
    // From its end to its start: the depth isn't known before.
    let mut path = Vec::new();
    let mut result = Ok(());
    walk(&mut |name| {
        if result.is_ok() {
            result = path.room_for(name.len() + 1);
        }
        if result.is_ok() {
            path.extend(name.iter().rev());
            path.push(b'/');
        }
    });
    result?;
    if path.is_empty() {
        path.try_push(b'/')?;
    }
    path.reverse();
    Ok(path)
}
