//! Write/execute exclusion (`ETXTBSY`): a file is open for writing or run as a program, never both.
//!
//! As in Linux (i_writecount), each file has one count: above 0, the number of open files that
//! write; below 0, the number of programs running it. A mount counts its writers too: it can't be
//! remounted read-only while it has any.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};

use super::dentry::Location;
use super::file::File;
use crate::abi::errno::Errno;
use crate::vm::address_space::AddressSpace;

fn count(location: &Location) -> Option<&AtomicI32> {
    location.inode().writers()
}

/// Checks that no program runs the file, before a write that opens no file (truncate(2)).
///
/// # Errors
/// `ETXTBSY`.
pub fn check_not_running(location: &Location) -> Result<(), Errno> {
    match count(location).map(|count| count.load(Relaxed)) {
        Some(..0) => Err(Errno::ETXTBSY),
        _ => Ok(()),
    }
}

/// Counts a writer, until [`end_write`].
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

/// Ends the count of a writer, at the close of its open file.
pub fn end_write(location: &Location) {
    if let Some(count) = count(location) {
        count.fetch_sub(1, Relaxed);
    }
    location.mount.count_writer(-1);
}

/// The executable file of a program, protected from writing until the last process running it drops
/// it.
pub struct Program(Arc<File>);

impl Program {
    /// Denies writing to an open file from now on.
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

    /// The program that runs in an address space, if exec(2) has put one there.
    pub fn of(mm: &AddressSpace) -> Option<Arc<Self>> {
        mm.program.clone()?.downcast().ok()
    }

    /// The file's location.
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
