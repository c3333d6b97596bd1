//! A process's descriptors.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::file::File;
use super::lock::{self, Owner};
use crate::mm::fallible::{self, Grow as _};
use crate::syscall::errno::Errno;

/// Most descriptors a table can hold, whatever the limit (fs.nr_open).
pub const NR_OPEN: usize = 1 << 20;

/// A descriptor.
#[derive(Clone)]
struct Slot {
    file: Arc<File>,
    close_on_exec: bool,
}

/// The table from numbers to open files.
#[derive(Default)]
pub struct FdTable {
    slots: Vec<Option<Slot>>,
    /// No free number lies below this.
    lowest_free: usize,
    /// As whom its process holds record locks, once it took one.
    owner: Option<u64>,
}

impl Drop for FdTable {
    fn drop(&mut self) {
        if let Some(owner) = self.owner {
            lock::release_all(Owner::Table(owner));
        }
    }
}

impl FdTable {
    /// What closing one descriptor counts among the bytes between two points of a long call.
    pub const CLOSING: usize = 1024;

    /// An empty table.
    pub const fn new() -> Self {
        Self {
            slots: Vec::new(),
            lowest_free: 0,
            owner: None,
        }
    }

    /// A table with the same files, which holds no locks: what fork(2) makes.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn copy(&self) -> Result<Self, Errno> {
        Ok(Self {
            slots: fallible::to_vec(&self.slots)?,
            lowest_free: self.lowest_free,
            owner: None,
        })
    }

    /// As whom the process holds record locks.
    pub fn lock_owner(&mut self) -> Owner {
        Owner::Table(*self.owner.get_or_insert_with(Owner::new_table))
    }

    /// Bytes of the record locks that its process holds.
    pub fn lock_bytes(&self) -> usize {
        let owner = self.owner.map(Owner::Table);
        owner.map_or(0, lock::kept_bytes)
    }

    /// Gives up the record locks on a file of which a descriptor is closed, whichever others there
    /// are: POSIX's rule.
    fn release_locks(&self, file: &File) {
        if let Some(owner) = self.owner {
            lock::release(file.inode(), Owner::Table(owner));
        }
    }

    /// The file behind `fd`, those opened with O_PATH included.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn get_any(&self, fd: i32) -> Result<Arc<File>, Errno> {
        self.slot(fd).map(|slot| slot.file.clone())
    }

    /// The file behind `fd`.
    ///
    /// # Errors
    /// `EBADF`, also for one opened with O_PATH.
    pub fn get(&self, fd: i32) -> Result<Arc<File>, Errno> {
        self.get_any(fd).and_then(|file| {
            if file.is_path() {
                Err(Errno::EBADF)
            } else {
                Ok(file)
            }
        })
    }

    fn slot(&self, fd: i32) -> Result<&Slot, Errno> {
        let index = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        self.slots
            .get(index)
            .and_then(Option::as_ref)
            .ok_or(Errno::EBADF)
    }

    /// Puts `file` under the lowest free number from `from` on, below `limit` (RLIMIT_NOFILE). The caller
    /// keeps its own reference: the last one must not go while the table is locked.
    ///
    /// # Errors
    /// `EMFILE` if there is none, `ENOMEM`.
    pub fn insert(
        &mut self,
        file: &Arc<File>,
        close_on_exec: bool,
        from: usize,
        limit: usize,
    ) -> Result<i32, Errno> {
        let start = from.max(self.lowest_free);
        let free = (start..self.slots.len()).find(|&index| self.slots[index].is_none());
        let index = free.unwrap_or(start.max(self.slots.len()));
        if index >= limit.min(NR_OPEN) {
            return Err(Errno::EMFILE);
        }
        self.put(index, file, close_on_exec)?;
        if from <= self.lowest_free {
            self.lowest_free = index + 1;
        }
        Ok(index as i32)
    }

    /// Puts `file` under `fd`, below `limit`, and returns what was there.
    ///
    /// # Errors
    /// `EBADF` for a number out of range, `ENOMEM`.
    pub fn replace(
        &mut self,
        fd: i32,
        file: &Arc<File>,
        close_on_exec: bool,
        limit: usize,
    ) -> Result<Option<Arc<File>>, Errno> {
        let index = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        if index >= limit.min(NR_OPEN) {
            return Err(Errno::EBADF);
        }
        let old = self.put(index, file, close_on_exec)?;
        let old = old.map(|slot| slot.file);
        if let Some(old) = &old {
            self.release_locks(old);
        }
        Ok(old)
    }

    fn put(
        &mut self,
        index: usize,
        file: &Arc<File>,
        close_on_exec: bool,
    ) -> Result<Option<Slot>, Errno> {
        if index >= self.slots.len() {
            let more = index + 1 - self.slots.len();
            self.slots.room_for(more)?;
            self.slots.resize(index + 1, None);
        }
        Ok(self.slots[index].replace(Slot {
            file: file.clone(),
            close_on_exec,
        }))
    }

    /// Takes `fd` out and returns its file.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn remove(&mut self, fd: i32) -> Result<Arc<File>, Errno> {
        self.slot(fd)?;
        let index = fd as usize;
        self.lowest_free = self.lowest_free.min(index);
        let slot = self.slots[index].take().ok_or(Errno::EBADF)?;
        self.release_locks(&slot.file);
        Ok(slot.file)
    }

    /// Whether `fd` is closed at execve(2).
    ///
    /// # Errors
    /// `EBADF`.
    pub fn is_close_on_exec(&self, fd: i32) -> Result<bool, Errno> {
        self.slot(fd).map(|slot| slot.close_on_exec)
    }

    /// Sets whether `fd` is closed at execve(2).
    ///
    /// # Errors
    /// `EBADF`.
    pub fn set_close_on_exec(&mut self, fd: i32, on: bool) -> Result<(), Errno> {
        self.slot(fd)?;
        if let Some(slot) = &mut self.slots[fd as usize] {
            slot.close_on_exec = on;
        }
        Ok(())
    }

    /// Takes out the first from `from` on that execve(2) closes; what comes next is from `from` on.
    pub fn close_on_exec(&mut self, from: &mut usize) -> Option<Arc<File>> {
        let slots = self.slots.get_mut(*from..)?.iter_mut();
        let mut taken = slots
            .enumerate()
            .filter_map(|(at, slot)| Some((at, slot.take_if(|slot| slot.close_on_exec)?)));
        let (at, slot) = taken.next()?;
        *from += at + 1;
        self.lowest_free = 0;
        self.release_locks(&slot.file);
        Some(slot.file)
    }

    /// Takes the last file out, of a table that ends.
    pub fn take_last(&mut self) -> Option<Arc<File>> {
        let slot = loop {
            if let Some(slot) = self.slots.pop()? {
                break slot;
            }
        };
        self.release_locks(&slot.file);
        Some(slot.file)
    }

    /// The open files, one for each descriptor.
    pub fn files(&self) -> impl Iterator<Item = &Arc<File>> {
        self.slots.iter().flatten().map(|slot| &slot.file)
    }

    /// The numbers in use from `from` on, in order.
    pub fn numbers(&self, from: usize) -> impl Iterator<Item = i32> {
        let used = self
            .slots
            .iter()
            .enumerate()
            .skip(from)
            .filter(|(_, slot)| slot.is_some());
        used.map(|(index, _)| index as i32)
    }

    /// Number of slots, used or not: FDSize of /proc/PID/status.
    pub fn capacity(&self) -> usize {
        self.slots.len().next_multiple_of(64).max(64)
    }
}
