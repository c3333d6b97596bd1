//! File locks: records of fcntl(2), of a process or of an open file, and whole files of flock(2).
//!
//! `record.rs` has the rules of ranges, `posix.rs` fcntl(2)'s two kinds, `flock.rs` the other.
//! They are advisory: nothing here is on the way of a read or a write. The locks of a file are found
//! by the file's identity in one table, so that a file without locks carries nothing for them.
//!
//! Left out: mandatory locks, leases (`F_SETLEASE`), locks of other machines.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::sync::{Mutex, rank};

use super::inode::Inode;
use crate::abi::metadata::Device;
use crate::mm::fallible::{Text, put};
use crate::sched::wait::WaitQueue;
use flock::Whole;
use record::Record;

pub mod flock;
pub mod posix;
pub mod record;

pub use record::{LAST, Range};

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A process, by its table of descriptors (as in Linux: threads that share that share locks).
    Table(u64),
    /// An open file, by its address: F_OFD_SETLK and flock(2).
    File(usize),
}

impl Owner {
    /// A number for a new table of descriptors.
    pub fn new_table() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

/// A lock as somebody else sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it covers.
    pub range: Range,
    /// For writing.
    pub exclusive: bool,
    /// The process that took it; `None` for an open file's.
    pub pid: Option<u32>,
}

/// The locks of one file.
struct FileLocks {
    file: (Device, u64),
    records: Vec<Record>,
    whole: Vec<Whole>,
    /// Woken whenever a lock goes.
    changed: Arc<WaitQueue>,
}

/// By [`key`]. A file is here while it has locks or somebody waits for one.
static FILES: Mutex<BTreeMap<usize, FileLocks>, rank::FileLocks> = Mutex::new(BTreeMap::new());

/// A file's identity: its address. Whoever holds a lock has the file open, so that it stays.
fn key(inode: &Arc<dyn Inode>) -> usize {
    Arc::as_ptr(inode).cast::<()>() as usize
}

/// Does something with the locks of `inode`, which may have none yet.
fn with<T>(inode: &Arc<dyn Inode>, f: impl FnOnce(&mut FileLocks) -> T) -> T {
    let mut files = FILES.lock();
    let locks = files.entry(key(inode)).or_insert_with(|| {
        let metadata = inode.metadata();
        FileLocks {
            file: (metadata.dev, metadata.ino),
            records: Vec::new(),
            whole: Vec::new(),
            changed: Arc::default(),
        }
    });
    f(locks)
}

/// Drops what a file without locks and waiters has here.
fn tidy(inode: &Arc<dyn Inode>) {
    let mut files = FILES.lock();
    let unused = |locks: &FileLocks| {
        locks.records.is_empty() && locks.whole.is_empty() && Arc::strong_count(&locks.changed) == 1
    };
    if files.get(&key(inode)).is_some_and(unused) {
        files.remove(&key(inode));
    }
}

/// Gives up the locks that `owner` holds on one file: at close(2).
pub fn release(inode: &Arc<dyn Inode>, owner: Owner) {
    if FILES.lock().contains_key(&key(inode)) {
        with(inode, |locks| locks.release(owner));
        tidy(inode);
    }
}

/// Gives up all that `owner` holds: as its table of descriptors ends.
pub fn release_all(owner: Owner) {
    let mut files = FILES.lock();
    files.retain(|_, locks| {
        locks.release(owner);
        let used = !locks.records.is_empty() || !locks.whole.is_empty();
        used || Arc::strong_count(&locks.changed) > 1
    });
}

/// Bytes of the records that `owner` has; 0 where the locks are being changed just now.
pub fn kept_bytes(owner: Owner) -> usize {
    let Some(files) = FILES.try_lock() else {
        return 0;
    };
    let of = |locks: &FileLocks| {
        locks
            .records
            .iter()
            .filter(|record| record.owner == owner)
            .count()
    };
    files.values().map(of).sum::<usize>() * size_of::<Record>()
}

impl FileLocks {
    fn release(&mut self, owner: Owner) {
        let before = self.records.len() + self.whole.len();
        self.records.retain(|record| record.owner != owner);
        self.whole.retain(|whole| Owner::File(whole.file) != owner);
        if self.records.len() + self.whole.len() < before {
            self.changed.wake_all();
        }
    }
}

/// The text of /proc/locks (fs/locks.c, lock_get_status).
pub fn list(_: &(), text: &mut Text) {
    let mut number = 0;
    let mut line = |kind: &str, held: Held, (device, ino): (Device, u64)| {
        number += 1;
        let access = if held.exclusive { "WRITE" } else { "READ " };
        let pid = held.pid.map_or(-1, i64::from);
        let (major, minor, start) = (device.major, device.minor, held.range.start);
        put!(
            text,
            "{number}: {kind} ADVISORY  {access} {pid} {major:02x}:{minor:02x}:{ino} {start} "
        );
        match held.range.end {
            LAST => text.push_str("EOF\n"),
            end => put!(text, "{end}\n"),
        }
    };
    for locks in FILES.lock().values() {
        for whole in &locks.whole {
            line("FLOCK ", whole.held(), locks.file);
        }
        for record in &locks.records {
            let kind = match record.owner {
                Owner::Table(_) => "POSIX ",
                Owner::File(_) => "OFDLCK",
            };
            line(kind, record.held(), locks.file);
        }
    }
}
