//! What happens to files, told to those who watch them (fs/notify/fsnotify.c).
//!
//! Whatever uses or changes a file says so here, where the common path of the calls is: an open file
//! that is read, written, closed ([`file()`]), attributes that change by whichever name ([`name`]), a
//! directory that gains or loses a name ([`entry`]). The watcher of a directory is told of the
//! files in it too, with their names. Who watches, and what becomes of an event, is in `inotify/`.
//!
//! As long as nothing in the machine is watched all this is the test of one word ([`is_on`]).
//!
//! What each call tells, and in which order, is Linux 6.1's (include/linux/fsnotify.h).

use alloc::sync::Arc;

use linux_raw_sys::general as linux;

use super::dentry::Dentry;
use super::file::File;
use super::inode::Inode;
use super::inotify::watch::{self, Event};
use crate::abi::metadata::{Change, Device, mode};

pub use super::inotify::watch::is_on;

/// Events, as watches ask for them and as they are told (include/uapi/linux/inotify.h).
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
    /// Beside [`OPEN`]: by execve(2). No program sees it (FS_OPEN_EXEC).
    pub const OPEN_EXEC: u32 = 0x1000;
}
use events::*;

/// The name of a directory's entry.
pub type Name = Arc<[u8]>;

/// The mark of a directory's own events.
fn of_kind(kind: u32) -> u32 {
    if kind == mode::S_IFDIR { ISDIR } else { 0 }
}

/// Something was done with an open file. One that only stands for a place does nothing.
#[cold]
#[inline(never)]
pub fn file(file: &File, events: u32) {
    if !file.is_path() {
        let dentry = &file.location().dentry;
        child(dentry, events, dentry.is_removed());
    }
}

/// What a file is was changed, by the name `dentry`.
#[inline]
pub fn name(dentry: &Dentry, events: u32) {
    if is_on() && events != 0 {
        child(dentry, events, false);
    }
}

/// Tells the watchers of the directory that `dentry` is in, and those of the file. `is_unlinked`: some
/// don't want to hear of such any more (IN_EXCL_UNLINK).
#[cold]
fn child(dentry: &Dentry, events: u32, is_unlinked: bool) {
    let kind = dentry.inode().kind();
    let mut event = Event {
        events: events | of_kind(kind),
        cookie: 0,
        name: None,
        is_unlinked,
    };
    // Bytes that go through a device or a FIFO are not the directory's affair.
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

/// Tells the watchers of a file, and not those of a directory that it is in.
fn own(inode: &Arc<dyn Inode>, events: u32) {
    let event = Event {
        events: events | of_kind(inode.kind()),
        cookie: 0,
        name: None,
        is_unlinked: false,
    };
    watch::tell(inode, &event);
}

/// Tells the watchers of a directory what became of a name in it, under which is or was a file of `kind`.
pub fn entry(dir: &Arc<dyn Inode>, events: u32, kind: u32, name: &Name, cookie: u32) {
    let event = Event {
        events: events | of_kind(kind),
        cookie,
        name: Some(name.clone()),
        is_unlinked: false,
    };
    watch::tell(dir, &event);
}

/// A file was made in a directory, under this name.
#[inline]
pub fn created(dir: &Arc<dyn Inode>, dentry: &Dentry) {
    if is_on() {
        entry(dir, CREATE, dentry.inode().kind(), &dentry.name(), 0);
    }
}

/// A file was given another name, in this directory.
pub fn linked(dir: &Arc<dyn Inode>, name: &[u8], target: &Arc<dyn Inode>) {
    if is_on() {
        own(target, ATTRIB);
        entry(dir, CREATE, target.kind(), &name.into(), 0);
    }
}

/// A name was taken out of a directory; `dentry` is the last thing the caller has of it.
pub fn unlinked(dir: &Arc<dyn Inode>, dentry: Arc<Dentry>) {
    if !is_on() {
        return;
    }
    let (inode, name) = (dentry.inode().clone(), dentry.name());
    let kind = inode.kind();
    if kind != mode::S_IFDIR {
        own(&inode, ATTRIB);
    }
    // Unless the file is in use, this is its end.
    drop(dentry);
    entry(dir, DELETE, kind, &name, 0);
}

/// A name was moved: from where, to where.
pub struct Move<'a> {
    /// The name that was moved.
    pub dentry: &'a Dentry,
    /// The directory it was in.
    pub from: &'a Arc<dyn Inode>,
    /// What it was there.
    pub old_name: &'a Name,
    /// The directory it is in.
    pub to: &'a Arc<dyn Inode>,
    /// The name whose place it took.
    pub replaced: Option<&'a Dentry>,
}

/// A name was moved (fsnotify_move).
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

/// The last that is known of a name that was taken away goes: if the file has no other, it goes as well
/// (dentry_unlink_inode).
#[cold]
pub fn name_gone(inode: &Arc<dyn Inode>) {
    if inode.metadata().nlink == 0 {
        own(inode, DELETE_SELF);
        watch::end_of(inode);
    }
}

/// A file system is gone, with the files in it.
pub fn unmounted(device: Device) {
    if is_on() {
        watch::end_on(device, |inode| own(inode, UNMOUNT));
    }
}

/// What the watchers of a file are told of a change of its attributes (fsnotify_change).
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
