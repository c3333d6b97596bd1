//! The table of file descriptors.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::file::File;
use super::lock::{self, Owner};
use crate::abi::errno::Errno;
use crate::mm::fallible::{self, Grow as _};
use crate::sched::preempt::STRIDE;

/// Size limit of a table, whatever RLIMIT_NOFILE (fs.nr_open).
pub const NR_OPEN: usize = 1 << 20;

/// Slots in a word of the bit map.
const WORD: usize = 64;

/// A table of descriptors, shared by CLONE_FILES. A slot is only the file: each read and write
/// looks it up there.
#[derive(Default)]
pub struct FdTable {
    slots: Vec<Option<Arc<File>>>,
    /// Bit map of the slots in use, 64 in a word.
    used: Vec<u64>,
    /// Bit map of those that execve(2) closes.
    close_on_exec: Vec<u64>,
    /// All numbers below are in use.
    lowest_free: usize,
    /// ID that owns the record locks of the process, from its first one on.
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
    /// Weight of closing one descriptor between two preemption points, in bytes copied.
    pub const CLOSING: usize = 1024;
    /// Slots that are gone through between two points.
    const SLOTS: usize = 4096;

    /// An empty table.
    pub const fn new() -> Self {
        Self {
            slots: Vec::new(),
            used: Vec::new(),
            close_on_exec: Vec::new(),
            lowest_free: 0,
            owner: None,
        }
    }

    /// Copies the next slots into `copy`, which holds no locks: what fork(2) makes. True while
    /// there are more; the table may change between two parts. Free slots behind the last in use
    /// are left out (sane_fdtable_size in fs/file.c).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn copy_part(&self, copy: &mut Self) -> Result<bool, Errno> {
        let from = copy.slots.len();
        let used_words = self.used.iter().rposition(|word| *word != 0);
        let len = used_words.map_or(0, |last| self.slots.len().min((last + 1) * WORD));
        if from == 0 {
            copy.slots.room_for(len)?;
            copy.used.room_for(len.div_ceil(WORD))?;
            copy.close_on_exec.room_for(len.div_ceil(WORD))?;
            copy.lowest_free = self.lowest_free;
        }
        // Since the last part, slots in use may have become free.
        let end = len.clamp(from, from + Self::SLOTS);
        fallible::extend_from_slice(&mut copy.slots, &self.slots[from..end])?;
        let words = self.used.len().min(end.div_ceil(WORD));
        let words = from / WORD..words;
        fallible::extend_from_slice(&mut copy.used, &self.used[words.clone()])?;
        fallible::extend_from_slice(&mut copy.close_on_exec, &self.close_on_exec[words])?;
        copy.lowest_free = copy.lowest_free.min(self.lowest_free);
        Ok(end < len)
    }

    /// Adds free slots on the way to that of `fd`, which is below the limit; true while there are
    /// more to add.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn grow_part(&mut self, fd: usize) -> Result<bool, Errno> {
        let len = self.slots.len();
        if fd < len + Self::SLOTS {
            return Ok(false);
        }
        self.slots.room_for(fd + 1 - len)?;
        self.grow(len + Self::SLOTS)?;
        Ok(true)
    }

    /// Grows the table to `len` slots.
    fn grow(&mut self, len: usize) -> Result<(), Errno> {
        let words = len.div_ceil(WORD);
        self.slots.room_for(len - self.slots.len())?;
        for map in [&mut self.used, &mut self.close_on_exec] {
            map.room_for(words - map.len())?;
            map.resize(words, 0);
        }
        self.slots.resize(len, None);
        Ok(())
    }

    /// The first free number from `start` on, perhaps behind the table.
    fn next_free(&self, start: usize) -> usize {
        let below = (1 << (start % WORD)) - 1;
        let first = start / WORD;
        let words = self.used.iter().enumerate().skip(first);
        for (number, word) in words {
            let free = !word & if number == first { !below } else { u64::MAX };
            if free != 0 {
                return number * WORD + free.trailing_zeros() as usize;
            }
        }
        start.max(self.used.len() * WORD)
    }

    /// Owner of the process's record locks.
    pub fn lock_owner(&mut self) -> Owner {
        Owner::Table(*self.owner.get_or_insert_with(Owner::new_table))
    }

    /// Kernel memory in bytes held by the process's record locks.
    pub fn lock_bytes(&self) -> usize {
        let owner = self.owner.map(Owner::Table);
        owner.map_or(0, lock::kept_bytes)
    }

    /// Releases the record locks on a file when one of its descriptors is closed, even if others
    /// remain open (POSIX).
    fn release_locks(&self, file: &File) {
        if let Some(owner) = self.owner {
            lock::release(file.inode(), Owner::Table(owner));
        }
    }

    /// The open file of `fd`, including O_PATH files.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn get_any(&self, fd: i32) -> Result<Arc<File>, Errno> {
        self.slot(fd).cloned()
    }

    /// The open file of `fd`.
    ///
    /// # Errors
    /// `EBADF`, also for an O_PATH file.
    pub fn get(&self, fd: i32) -> Result<Arc<File>, Errno> {
        let file = self.slot(fd)?;
        if file.is_path() {
            return Err(Errno::EBADF);
        }
        Ok(file.clone())
    }

    #[inline]
    fn slot(&self, fd: i32) -> Result<&Arc<File>, Errno> {
        // A negative number is beyond each table (NR_OPEN).
        let slot = self.slots.get(fd as u32 as usize).and_then(Option::as_ref);
        slot.ok_or(Errno::EBADF)
    }

    /// Installs `file` at the lowest free number from `from` on, below `limit` (RLIMIT_NOFILE). The
    /// caller keeps its reference: the last one must not be dropped while the table is locked.
    ///
    /// # Errors
    /// `EMFILE` if no number is free, `ENOMEM`.
    pub fn insert(
        &mut self,
        file: &Arc<File>,
        close_on_exec: bool,
        from: usize,
        limit: usize,
    ) -> Result<i32, Errno> {
        let index = self.next_free(from.max(self.lowest_free));
        if index >= limit.min(NR_OPEN) {
            return Err(Errno::EMFILE);
        }
        self.set_slot(index, file, close_on_exec)?;
        if from <= self.lowest_free {
            self.lowest_free = index + 1;
        }
        Ok(index as i32)
    }

    /// Installs `file` at `fd`, below `limit`, and returns the file it replaces.
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
        let old = self.set_slot(index, file, close_on_exec)?;
        if let Some(old) = &old {
            self.release_locks(old);
        }
        Ok(old)
    }

    fn set_slot(
        &mut self,
        index: usize,
        file: &Arc<File>,
        close_on_exec: bool,
    ) -> Result<Option<Arc<File>>, Errno> {
        if index >= self.slots.len() {
            self.grow(index + 1)?;
        }
        set_bit(&mut self.used, index, true);
        set_bit(&mut self.close_on_exec, index, close_on_exec);
        Ok(self.slots[index].replace(file.clone()))
    }

    /// Removes `fd` and returns its file.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn remove(&mut self, fd: i32) -> Result<Arc<File>, Errno> {
        self.slot(fd)?;
        let index = fd as usize;
        self.lowest_free = self.lowest_free.min(index);
        let file = self.slots[index].take().ok_or(Errno::EBADF)?;
        set_bit(&mut self.used, index, false);
        self.release_locks(&file);
        Ok(file)
    }

    /// Whether `fd` is closed at execve(2).
    ///
    /// # Errors
    /// `EBADF`.
    pub fn is_close_on_exec(&self, fd: i32) -> Result<bool, Errno> {
        self.slot(fd)?;
        Ok(has_bit(&self.close_on_exec, fd as usize))
    }

    /// Sets whether `fd` is closed at execve(2).
    ///
    /// # Errors
    /// `EBADF`.
    pub fn set_close_on_exec(&mut self, fd: i32, on: bool) -> Result<(), Errno> {
        self.slot(fd)?;
        set_bit(&mut self.close_on_exec, fd as usize, on);
        Ok(())
    }

    /// Takes out the first from `from` on that execve(2) closes; what comes next is from `from` on.
    /// `Some(None)`: there may be more behind many that stay.
    pub fn close_on_exec(&mut self, from: &mut usize) -> Option<Option<Arc<File>>> {
        let end = self.slots.len().min(*from + Self::SLOTS);
        while *from < end {
            let at = *from;
            *from += 1;
            if has_bit(&self.close_on_exec, at)
                && let Some(file) = self.slots[at].take()
            {
                set_bit(&mut self.used, at, false);
                self.lowest_free = 0;
                self.release_locks(&file);
                return Some(Some(file));
            }
        }
        (end < self.slots.len()).then_some(None)
    }

    /// Takes the last file out, of a table that ends. `Some(None)`: there may be more before many
    /// free slots.
    pub fn take_last(&mut self) -> Option<Option<Arc<File>>> {
        for _ in 0..Self::SLOTS {
            if let Some(file) = self.slots.pop()? {
                self.release_locks(&file);
                return Some(Some(file));
            }
        }
        Some(None)
    }

    /// What a step of [`FdTable::take_last`] or [`FdTable::close_on_exec`] counts among the bytes
    /// between two points.
    pub fn weight(taken: Option<&Arc<File>>) -> usize {
        // Locks are searched for among those of others.
        let is_quick = |file: &&Arc<File>| !file.may_have_locks();
        taken.filter(is_quick).map_or(STRIDE, |_| Self::CLOSING)
    }

    /// The open files, one for each descriptor.
    pub fn files(&self) -> impl Iterator<Item = &Arc<File>> {
        self.slots.iter().flatten()
    }

    /// The first descriptor in use from `from` on; `from` moves behind it. `Some(None)`: free slots
    /// were passed, and there may be one behind them.
    pub fn next_number(&self, from: &mut usize) -> Option<Option<i32>> {
        let end = self.slots.len().min(from.saturating_add(Self::SLOTS));
        while *from < end {
            let at = *from;
            *from += 1;
            if self.slots[at].is_some() {
                return Some(Some(at as i32));
            }
        }
        (end < self.slots.len()).then_some(None)
    }

    /// Number of slots, used or free (FDSize of /proc/PID/status).
    pub fn capacity(&self) -> usize {
        self.slots.len().next_multiple_of(64).max(64)
    }
}

/// Whether bit `index` of a bit map is set.
fn has_bit(map: &[u64], index: usize) -> bool {
    map[index / WORD] >> (index % WORD) & 1 != 0
}

/// Sets bit `index` of a bit map to `on`.
fn set_bit(map: &mut [u64], index: usize, on: bool) {
    let word = &mut map[index / WORD];
    *word = *word & !(1 << (index % WORD)) | u64::from(on) << (index % WORD);
}
