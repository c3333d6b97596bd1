//! Changes to a file's attributes and size by one of its names, with their inotify events
//! (notify_change in fs/attr.c).
//!
//! Permission is checked by the caller.

use super::access;
use super::dentry::Location;
use super::file::File;
use super::inode::Inode;
use super::notify::{self, events};
use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Change, mode};

/// The mode bits that a change of the content clears.
const SET_IDS: u32 = mode::S_ISUID | mode::S_ISGID;

/// Clears the set-ID bits of a file whose content `who` changed: it must not run as its owner
/// (file_remove_privs).
pub fn drop_set_ids(inode: &dyn Inode, who: &Credentials) {
    if !inode.has_set_ids() || who.has(Caps::FSETID) {
        return;
    }
    let metadata = inode.metadata();
    let kept = access::without_set_ids(who, metadata.mode & mode::PERMISSIONS, metadata.gid);
    // A file system whose files have the bits can change them.
    let _ = inode.change(&Change {
        permissions: Some(kept),
        ..Change::default()
    });
}

impl Location {
    /// Changes attributes and queues the event.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn change(&self, change: &Change) -> Result<(), Errno> {
        self.inode().change(change)?;
        notify::name(&self.dentry, notify::of_change(change));
        Ok(())
    }

    /// Updates the change time after a change of extended attributes, and queues the event.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn xattrs_changed(&self) -> Result<(), Errno> {
        self.inode().change(&Change::default())?;
        notify::name(&self.dentry, events::ATTRIB);
        Ok(())
    }

    /// Sets the size of a regular file on behalf of `who` and queues the event.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn truncate(&self, size: u64, who: &Credentials) -> Result<(), Errno> {
        let before = self.set_ids_if_watched();
        self.inode().truncate(size)?;
        drop_set_ids(&**self.inode(), who);
        notify::name(&self.dentry, events::MODIFY | self.lost_set_ids(before));
        Ok(())
    }

    /// The set-user-ID and set-group-ID bits, 0 if no file is watched.
    pub fn set_ids_if_watched(&self) -> u32 {
        if notify::is_on() {
            self.inode().metadata().mode & SET_IDS
        } else {
            0
        }
    }

    /// IN_ATTRIB if bits of `before` were cleared, else 0.
    pub fn lost_set_ids(&self, before: u32) -> u32 {
        if before != 0 && before != self.set_ids_if_watched() {
            events::ATTRIB
        } else {
            0
        }
    }
}

impl File {
    /// Allocates a range of a regular file, or punches a hole, as
    /// [`Inode::allocate`], and queues the event.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn allocate(
        &self,
        start: u64,
        end: u64,
        keep_size: bool,
        punch: bool,
        who: &Credentials,
    ) -> Result<(), Errno> {
        self.inode().allocate(start, end, keep_size, punch)?;
        drop_set_ids(&**self.inode(), who);
        if notify::is_on() {
            notify::file(self, events::MODIFY);
        }
        Ok(())
    }
}
