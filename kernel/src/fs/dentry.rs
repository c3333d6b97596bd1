//! Names in the tree, and the mounts that join file systems to one.
//!
//! A [`Dentry`] is one name of a file: it knows the directory it is in, so that the path of an open
//! file, a working directory or a mapping can be told whatever happens to it. Who keeps it alive is
//! the file system's business: a tmpfs keeps its own, procfs makes one for each look.
//!
//! A [`Location`] is a name and the mount through which it was reached.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::sync::{Mutex, rank};

use super::inode::{Inode, mode};
use super::mount::{self, Mount, MountFlags};
use super::notify;
use crate::mm::fallible;
use crate::syscall::errno::Errno;

/// The directory that a name is in.
#[derive(Clone)]
pub enum Parent {
    /// None: the root of a file system.
    Root,
    /// The directory holds on to its names.
    Holds(Weak<Dentry>),
    /// The name holds on to its directory.
    Held(Arc<Dentry>),
}

/// Where a name is.
struct Place {
    parent: Parent,
    name: Arc<[u8]>,
}

/// One name of a file.
pub struct Dentry {
    place: Mutex<Place, rank::Dentry>,
    inode: Arc<dyn Inode>,
    /// The name was taken away: the path ends in " (deleted)".
    removed: AtomicBool,
    /// Something is mounted here, on this file system's mount or another one of the same.
    covered: AtomicBool,
}

impl Drop for Dentry {
    /// A file that was removed goes with the last that is known of its name.
    fn drop(&mut self) {
        if *self.removed.get_mut() && notify::is_on() {
            notify::name_gone(&self.inode);
        }
    }
}

impl Dentry {
    /// The root of a file system.
    pub fn root(inode: Arc<dyn Inode>) -> Arc<Self> {
        Self::new(Parent::Root, Arc::new([]), inode)
    }

    /// The name `name` for `inode` in `parent`.
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

    /// The directory it is in; none at a file system's root, and where that directory is gone too.
    pub fn parent(&self) -> Option<Arc<Dentry>> {
        match &self.place.lock().parent {
            Parent::Root => None,
            Parent::Holds(parent) => parent.upgrade(),
            Parent::Held(parent) => Some(parent.clone()),
        }
    }

    /// Puts it into another directory or gives it another name.
    pub fn place_at(&self, parent: Parent, name: Arc<[u8]>) {
        self.place.set(Place { parent, name });
    }

    /// Notes that the name was taken away.
    pub fn set_removed(&self) {
        self.removed.store(true, Ordering::Relaxed);
    }

    /// Whether the name was taken away.
    pub fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Relaxed)
    }

    /// Notes that something is mounted here, or nothing any more.
    pub fn set_covered(&self, covered: bool) {
        self.covered.store(covered, Ordering::Relaxed);
    }

    /// Whether something may be mounted here.
    pub fn is_covered(&self) -> bool {
        self.covered.load(Ordering::Relaxed)
    }

    /// The path from the top of its file system: what a bind mount shows of it.
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

    /// Whether `ancestor` is this directory or one above it.
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

/// A name, and the mount through which it is reached.
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

    /// Notes that the file was read, if its mount wants that noted (touch_atime in fs/inode.c).
    pub fn accessed(&self) {
        let flags = self.mount.flags();
        let is_off = flags.intersects(MountFlags::NO_ATIME | MountFlags::READ_ONLY)
            || flags.contains(MountFlags::NO_DIR_ATIME) && self.inode().kind() == mode::S_IFDIR;
        if !is_off {
            let relative = flags.contains(MountFlags::RELATIME);
            self.inode().accessed(relative);
        }
    }

    /// Whether both are the same place.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.mount, &other.mount) && Arc::ptr_eq(&self.dentry, &other.dentry)
    }

    /// The same place, or the root of what is mounted on it.
    pub fn uncovered(mut self) -> Self {
        while self.dentry.covered.load(Ordering::Relaxed) {
            let Some(mount) = mount::on(&self) else { break };
            self = mount.root();
        }
        self
    }

    /// The directory it is in, unless it is the top of its mount.
    fn parent_in_mount(&self) -> Option<Arc<Dentry>> {
        if Arc::ptr_eq(&self.dentry, self.mount.root_dentry()) {
            None
        } else {
            self.dentry.parent()
        }
    }

    /// The directory above, which is that of the mount point at the root of a mount. Stays put at
    /// `root`, the caller's root directory, and at the root of everything.
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

    /// The path from `root`; with false where the place can't be reached from there.
    ///
    /// # Errors
    /// `ENOMEM`: directories may lie as deep as a program makes them.
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
        // A file outside the tree has a name of another kind: "pipe:[7]".
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

/// The path of the names that `walk` hands on, the last one first. It walks twice: to count the bytes,
/// and to put them in place from the end on.
fn path_of(mut walk: impl FnMut(&mut dyn FnMut(&[u8]))) -> Result<Vec<u8>, Errno> {
    let mut len = 0;
    walk(&mut |name| len += 1 + name.len());
    let mut path = fallible::zeroed(len.max(1))?;
    if len == 0 {
        path[0] = b'/';
    }
    let mut at = len;
    walk(&mut |name| {
        path[at - name.len()..at].copy_from_slice(name);
        at -= name.len() + 1;
        path[at] = b'/';
    });
    Ok(path)
}
