//! Files in use: open for writing, or run as a program; never both (`ETXTBSY`).
//!
//! As in Linux each such file has one count: above 0, how often it is open for writing; below, how many
//! programs run it. A mount counts its writers too: it can't become read-only while there are any.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};

use super::dentry::Location;
use super::file::File;
use crate::syscall::errno::Errno;

fn count(location: &Location) -> Option<&AtomicI32> {
    location.inode().writers()
}

/// Checks that no program runs the file: for what writes to it without opening it.
///
/// # Errors
/// `ETXTBSY`.
pub fn check_not_running(location: &Location) -> Result<(), Errno> {
    match count(location).map(|count| count.load(Relaxed)) {
        Some(..0) => Err(Errno::ETXTBSY),
        _ => Ok(()),
    }
}

/// Counts a writer; [`end_write`] takes it off again.
///
/// # Errors
/// `ETXTBSY`.
pub fn begin_write(location: &Location) -> Result<(), Errno> {
    check_not_running(location)?;
    if let Some(count) = count(location) {
        count.fetch_add(1, Relaxed);
    }
    location.mount.count_writer(1);
    Ok(())
}

/// A writer closed the file.
pub fn end_write(location: &Location) {
    if let Some(count) = count(location) {
        count.fetch_sub(1, Relaxed);
    }
    location.mount.count_writer(-1);
}

/// A file that a program was started from, for as long as some process runs it.
pub struct Program(Arc<File>);

impl Program {
    /// An open file, which nobody may write to from now on.
    ///
    /// # Errors
    /// `ETXTBSY` if it is open for writing.
    pub fn new(file: Arc<File>) -> Result<Self, Errno> {
        if let Some(count) = count(file.location()) {
            if count.load(Relaxed) > 0 {
                return Err(Errno::ETXTBSY);
            }
            count.fetch_sub(1, Relaxed);
        }
        Ok(Self(file))
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        self.0.location()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(count) = count(self.location()) {
            count.fetch_add(1, Relaxed);
        }
    }
}
