//! Changes of a file by one of its names, told to those who watch it (notify_change in fs/attr.c).
//!
//! Whether the caller may is checked before.

use super::dentry::Location;
use super::file::File;
use super::inode::{Change, mode};
use super::notify::{self, events};
use crate::syscall::errno::Errno;

/// The bits of a mode that a change of the content takes away.
const SET_IDS: u32 = mode::S_ISUID | mode::S_ISGID;

impl Location {
    /// Changes attributes.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn change(&self, change: &Change) -> Result<(), Errno> {
        self.inode().change(change)?;
        notify::name(&self.dentry, notify::of_change(change));
        Ok(())
    }

    /// Notes a change of extended attributes.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn xattrs_changed(&self) -> Result<(), Errno> {
        self.inode().change(&Change::default())?;
        notify::name(&self.dentry, events::ATTRIB);
        Ok(())
    }

    /// Cuts or extends a regular file.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn truncate(&self, size: u64) -> Result<(), Errno> {
        let before = self.set_ids_if_watched();
        self.inode().truncate(size)?;
        notify::name(&self.dentry, events::MODIFY | self.lost_set_ids(before));
        Ok(())
    }

    /// The set-user-ID and set-group-ID bits, if they are of interest.
    pub fn set_ids_if_watched(&self) -> u32 {
        if notify::is_on() {
            self.inode().metadata().mode & SET_IDS
        } else {
            0
        }
    }

    /// The event of a change that took away some of the bits that were there before.
    pub fn lost_set_ids(&self, before: u32) -> u32 {
        if before != 0 && before != self.set_ids_if_watched() {
            events::ATTRIB
        } else {
            0
        }
    }
}

impl File {
    /// Makes room in a regular file, or a hole, as [`Inode::allocate`](super::inode::Inode::allocate) says.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn allocate(
        &self,
        start: u64,
        end: u64,
        keep_size: bool,
        punch: bool,
    ) -> Result<(), Errno> {
        self.inode().allocate(start, end, keep_size, punch)?;
        if notify::is_on() {
            notify::file(self, events::MODIFY);
        }
        Ok(())
    }
}
