//! Space accounting of tmpfs: pages and files, with the limits `size=` and `nr_inodes=`.
//!
//! Whatever the limits, some RAM is reserved for the kernel and for programs' memory: an allocation
//! that would need it fails with `ENOSPC` too.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::abi::errno::Errno;
use crate::abi::metadata::Device;
use crate::mm::frame;

/// Pages in files of all instances.
static ALL_PAGES: AtomicU64 = AtomicU64::new(0);

/// Pages in files (Shmem in /proc/meminfo).
pub fn pages_in_files() -> u64 {
    ALL_PAGES.load(Relaxed)
}

/// Pages of RAM available to files.
fn spare_pages() -> u64 {
    let (free, total) = frame::statistics();
    free.saturating_sub((total / 32).clamp(64, 4096))
}

/// The space of one instance.
pub(super) struct Space {
    pub device: Device,
    next_ino: AtomicU64,
    pages: AtomicU64,
    inodes: AtomicU64,
    max_pages: AtomicU64,
    max_inodes: AtomicU64,
}

impl Space {
    /// Space without limits, with one file, the root.
    pub fn new(device: Device) -> Self {
        Self {
            device,
            next_ino: AtomicU64::new(2),
            pages: AtomicU64::new(0),
            inodes: AtomicU64::new(1),
            max_pages: AtomicU64::new(u64::MAX),
            max_inodes: AtomicU64::new(u64::MAX),
        }
    }

    /// Sets limits; `None` leaves one unchanged.
    ///
    /// # Errors
    /// `EINVAL` for a limit below the use.
    pub fn limit(&self, pages: Option<u64>, inodes: Option<u64>) -> Result<(), Errno> {
        let too_small =
            |limit: Option<u64>, used: &AtomicU64| limit.is_some_and(|l| l < used.load(Relaxed));
        if too_small(pages, &self.pages) || too_small(inodes, &self.inodes) {
            return Err(Errno::EINVAL);
        }
        if let Some(pages) = pages {
            self.max_pages.store(pages, Relaxed);
        }
        if let Some(inodes) = inodes {
            self.max_inodes.store(inodes, Relaxed);
        }
        Ok(())
    }

    /// (used, limit) pages; the limit is `u64::MAX` if unlimited.
    pub fn pages(&self) -> (u64, u64) {
        (self.pages.load(Relaxed), self.max_pages.load(Relaxed))
    }

    /// (used, limit) files.
    pub fn inodes(&self) -> (u64, u64) {
        (self.inodes.load(Relaxed), self.max_inodes.load(Relaxed))
    }

    /// Pages that can be allocated.
    pub fn room(&self) -> u64 {
        let (used, most) = self.pages();
        spare_pages().min(most.saturating_sub(used))
    }

    /// Whether a page can be allocated.
    pub fn has_room(&self) -> bool {
        self.room() > 0
    }

    /// Charges pages to the instance. The caller has allocated the RAM.
    pub fn take_pages(&self, count: u64) -> Result<(), Errno> {
        let (used, most) = self.pages();
        if count > most.saturating_sub(used) {
            return Err(Errno::ENOSPC);
        }
        self.pages.fetch_add(count, Relaxed);
        ALL_PAGES.fetch_add(count, Relaxed);
        Ok(())
    }

    /// Ends the charge of pages.
    pub fn give_pages(&self, count: u64) {
        self.pages.fetch_sub(count, Relaxed);
        ALL_PAGES.fetch_sub(count, Relaxed);
    }

    /// Charges a new file and returns its inode number, which is unique.
    pub fn take_inode(&self) -> Result<u64, Errno> {
        let (used, most) = self.inodes();
        if used >= most || spare_pages() == 0 {
            return Err(Errno::ENOSPC);
        }
        self.inodes.fetch_add(1, Relaxed);
        Ok(self.next_ino.fetch_add(1, Relaxed))
    }

    /// Ends the charge of a file.
    pub fn give_inode(&self) {
        self.inodes.fetch_sub(1, Relaxed);
    }
}
