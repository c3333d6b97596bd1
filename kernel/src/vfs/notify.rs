//! Events of files for inotify watches (fs/notify/fsnotify.c).
//!
//! The common path of each operation reports here: an open file is read, written, closed
//! ([`file()`]), attributes change through a name ([`name`]), a directory gains or loses an entry
//! ([`entry`]). A directory's watches also get the events of its entries, with their names.
//! `inotify/` has the watches and the delivery.
//!
//! Without any watch in the system, the cost is a test of one word ([`is_on`]).
//!
//! The events of each call and their order are those of Linux 6.1 (include/linux/fsnotify.h).

use alloc::sync::Arc;

use linux_raw_sys::general as linux;

use super::dentry::Dentry;
use super::file::File;
use super::inode::Inode;
use super::inotify::watch::{self, Event};
use crate::abi::metadata::{Change, Device, mode};

pub use super::inotify::watch::is_on;

/// Event bits, as requested and as reported (include/uapi/linux/inotify.h).
#[allow(missing_docs)] // Linux's names, without IN_.
pub mod events {
    use super::linux;
    pub const ACCESS: u32 = linux::IN_ACCESS;
    pub const MODIFY: u32 = linux::IN_MODIFY;
    pub const ATTRIB: u32 = linux::IN_ATTRIB;
    pub const CLOSE_WRITE: u32 = linux::IN_CLOSE_WRITE;
    pub const CLOSE_NOWRITE: u32 = linux::IN_CLOSE_NOWRITE;
    pub const OPEN: u32 = linux::IN_OPEN;
    pub const MOVED_FROM: u32 = linux::IN_MOVED_FROM;
    pub const MOVED_TO: u32 = linux::IN_MOVED_TO;
    pub const CREATE: u32 = linux::IN_CREATE;
    pub const DELETE: u32 = linux::IN_DELETE;
    pub const DELETE_SELF: u32 = linux::IN_DELETE_SELF;
    pub const MOVE_SELF: u32 = linux::IN_MOVE_SELF;
    pub const UNMOUNT: u32 = linux::IN_UNMOUNT;
    pub const ISDIR: u32 = linux::IN_ISDIR;
    /// With [`OPEN`]: opened by execve(2) (FS_OPEN_EXEC). Not reported to programs.
    pub const OPEN_EXEC: u32 = 0x1000;
}
use events::*;

/// The name of a directory's entry.
pub type Name = Arc<[u8]>;

/// IN_ISDIR for a directory.
fn of_kind(kind: u32) -> u32 {
    if kind == mode::S_IFDIR { ISDIR } else { 0 }
}

/// Reports events of an open file, except an O_PATH one.
#[cold]
#[inline(never)]
pub fn file(file: &File, events: u32) {
    if !file.is_path() {
        let dentry = &file.location().dentry;
        child(dentry, events, dentry.is_removed());
    }
}

/// Reports events of the file named `dentry`, such as a change of attributes.
#[inline]
pub fn name(dentry: &Dentry, events: u32) {
    if is_on() && events != 0 {
        child(dentry, events, false);
    }
}

/// Reports events to the watches of `dentry`'s directory and of the file. `is_unlinked`: the name
/// is removed (IN_EXCL_UNLINK).
#[cold]
fn child(dentry: &Dentry, events: u32, is_unlinked: bool) {
    let kind = dentry.inode().kind();
    let mut event = Event {
        events: events | of_kind(kind),
        cookie: 0,
        name: None,
        is_unlinked,
    };
    // Reads and writes of a device or a FIFO are not reported to the directory.
    let is_special = matches!(
        kind,
        mode::S_IFCHR | mode::S_IFBLK | mode::S_IFIFO | mode::S_IFSOCK
    );
    if (!is_special || events & !(ACCESS | MODIFY) != 0)
        && let Some(parent) = dentry.parent()
    {
        event.name = Some(dentry.name());
        watch::tell(parent.inode(), &event);
        event.name = None;
    }
    watch::tell(dentry.inode(), &event);
}

/// Reports events to the watches of a file, but not of its directory.
fn own(inode: &Arc<dyn Inode>, events: u32) {
    let event = Event {
        events: events | of_kind(inode.kind()),
        cookie: 0,
        name: None,
        is_unlinked: false,
    };
    watch::tell(inode, &event);
}

/// Reports events of an entry `name` to the watches of its directory; `kind` is the type of the
/// file.
pub fn entry(dir: &Arc<dyn Inode>, events: u32, kind: u32, name: &Name, cookie: u32) {
    let event = Event {
        events: events | of_kind(kind),
        cookie,
        name: Some(name.clone()),
        is_unlinked: false,
    };
    watch::tell(dir, &event);
}

/// Reports that `dentry` was created in `dir`.
#[inline]
pub fn created(dir: &Arc<dyn Inode>, dentry: &Dentry) {
    if is_on() {
        entry(dir, CREATE, dentry.inode().kind(), &dentry.name(), 0);
    }
}

/// Reports that `target` was linked as `name` in `dir`.
pub fn linked(dir: &Arc<dyn Inode>, name: &[u8], target: &Arc<dyn Inode>) {
    if is_on() {
        own(target, ATTRIB);
        entry(dir, CREATE, target.kind(), &name.into(), 0);
    }
}

/// Reports that a name was removed from `dir`; `dentry` is the caller's last reference to it.
pub fn unlinked(dir: &Arc<dyn Inode>, dentry: Arc<Dentry>) {
    if !is_on() {
        return;
    }
    let (inode, name) = (dentry.inode().clone(), dentry.name());
    let kind = inode.kind();
    if kind != mode::S_IFDIR {
        own(&inode, ATTRIB);
    }
    // The last reference to an unused file: IN_DELETE_SELF comes before IN_DELETE.
    drop(dentry);
    entry(dir, DELETE, kind, &name, 0);
}

/// A rename.
pub struct Move<'a> {
    /// The renamed dentry, at its new place.
    pub dentry: &'a Dentry,
    /// The old directory.
    pub from: &'a Arc<dyn Inode>,
    /// The old name.
    pub old_name: &'a Name,
    /// The new directory.
    pub to: &'a Arc<dyn Inode>,
    /// The dentry replaced by the rename.
    pub replaced: Option<&'a Dentry>,
}

/// Reports a rename (fsnotify_move).
pub fn moved(this: &Move<'_>) {
    let inode = this.dentry.inode();
    let (kind, cookie) = (inode.kind(), watch::next_cookie());
    entry(this.from, MOVED_FROM, kind, this.old_name, cookie);
    entry(this.to, MOVED_TO, kind, &this.dentry.name(), cookie);
    if let Some(replaced) = this.replaced {
        own(replaced.inode(), ATTRIB);
    }
    own(inode, MOVE_SELF);
}

/// Reports the end of the last reference to a removed name: a file without other names is gone
/// (dentry_unlink_inode).
#[cold]
pub fn name_gone(inode: &Arc<dyn Inode>) {
    if inode.metadata().nlink == 0 {
        own(inode, DELETE_SELF);
        watch::end_of(inode);
    }
}

/// Reports that a file system was unmounted, and removes the watches in it.
pub fn unmounted(device: Device) {
    if is_on() {
        watch::end_on(device, |inode| own(inode, UNMOUNT));
    }
}

/// The events of a change of attributes (fsnotify_change).
pub fn of_change(change: &Change) -> u32 {
    let mut events = 0;
    if change.permissions.is_some() || change.uid.is_some() || change.gid.is_some() {
        events |= ATTRIB;
    }
    events
        | match (change.atime, change.mtime) {
            (Some(_), Some(_)) => ATTRIB,
            (Some(_), None) => ACCESS,
            (None, Some(_)) => MODIFY,
            (None, None) => 0,
        }
}
