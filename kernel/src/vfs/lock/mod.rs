//! File locks: record locks of fcntl(2), owned by a process or an open file description, and
//! flock(2)'s locks on whole files.
//!
//! `record.rs` has the rules of ranges, `posix.rs` fcntl(2)'s two kinds, `flock.rs` flock(2). The
//! locks are advisory: reads and writes don't check them. One table finds the locks of a file by
//! its inode, so that an inode without locks has no state for them.
//!
//! Left out: mandatory locks, leases (`F_SETLEASE`), locks of remote file systems.

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
use record::{Owned, Record, Records};

pub mod flock;
pub mod posix;
pub mod record;

pub use record::{LAST, Range};

/// Owner of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A process, by its table of descriptors; as on Linux, threads that share the table share the
    /// locks.
    Table(u64),
    /// An open file description, by its address (F_OFD_SETLK, flock(2)).
    File(usize),
}

impl Owner {
    /// A new ID for a table of descriptors.
    pub fn new_table() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

/// A lock as reported to others (F_GETLK, /proc/locks).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The locked range.
    pub range: Range,
    /// Whether it is a write lock.
    pub exclusive: bool,
    /// The process that acquired it; `None` for an open file description.
    pub pid: Option<u32>,
}

/// The locks of one file.
struct FileLocks {
    file: (Device, u64),
    records: Records,
    whole: Vec<Whole>,
    /// Woken when a lock is released.
    changed: Arc<WaitQueue>,
}

/// The locks by [`key`]. A file is listed while it has locks or waiters.
static FILES: Mutex<BTreeMap<usize, FileLocks>, rank::FileLocks> = Mutex::new(BTreeMap::new());

/// A file's identity: the address of its inode. A lock's owner has the file open, so the inode
/// stays.
fn key(inode: &Arc<dyn Inode>) -> usize {
    Arc::as_ptr(inode).cast::<()>() as usize
}

/// Calls `f` with the locks of `inode`, created if there are none.
fn with<T>(inode: &Arc<dyn Inode>, f: impl FnOnce(&mut FileLocks) -> T) -> T {
    let mut files = FILES.lock();
    let locks = files.entry(key(inode)).or_insert_with(|| {
        let metadata = inode.metadata();
        FileLocks {
            file: (metadata.dev, metadata.ino),
            records: Records::new(),
            whole: Vec::new(),
            changed: Arc::default(),
        }
    });
    f(locks)
}

/// Removes the entry of a file without locks and waiters.
fn tidy(inode: &Arc<dyn Inode>) {
    let mut files = FILES.lock();
    let unused = |locks: &FileLocks| {
        locks.records.is_empty() && locks.whole.is_empty() && Arc::strong_count(&locks.changed) == 1
    };
    if files.get(&key(inode)).is_some_and(unused) {
        files.remove(&key(inode));
    }
}

/// Releases the locks of `owner` on one file, at close(2).
pub fn release(inode: &Arc<dyn Inode>, owner: Owner) {
    if FILES.lock().contains_key(&key(inode)) {
        with(inode, |locks| locks.release(owner));
        tidy(inode);
    }
}

/// Releases all locks of `owner`, when its table of descriptors is freed.
pub fn release_all(owner: Owner) {
    let mut files = FILES.lock();
    files.retain(|_, locks| {
        locks.release(owner);
        let used = !locks.records.is_empty() || !locks.whole.is_empty();
        used || Arc::strong_count(&locks.changed) > 1
    });
}

/// Kernel memory in bytes held by the record locks that `owner` has on a file.
pub fn record_bytes(inode: &Arc<dyn Inode>, owner: Owner) -> usize {
    let files = FILES.lock();
    let locks = files.get(&key(inode));
    locks.map_or(0, |locks| locks.kept_bytes(owner))
}

/// Kernel memory in bytes held by the lock of an open file description by flock(2), if it ever had
/// one.
pub fn kept_by_file(has_locks: bool) -> usize {
    usize::from(has_locks) * size_of::<Whole>()
}

/// Kernel memory in bytes held by the record locks of `owner`; 0 while the locks are being changed.
pub fn kept_bytes(owner: Owner) -> usize {
    let Some(files) = FILES.try_lock() else {
        return 0;
    };
    files.values().map(|locks| locks.kept_bytes(owner)).sum()
}

impl FileLocks {
    /// Kernel memory in bytes held by the record locks of `owner`, with its share of the file's
    /// entry.
    fn kept_bytes(&self, owner: Owner) -> usize {
        /// An entry of the table, with its wait queue and the allocator's rounding.
        const ENTRY: usize = 2 * size_of::<FileLocks>() + size_of::<WaitQueue>();
        let Some(own) = self.records.iter().find(|own| own.owner == owner) else {
            return 0;
        };
        let lists = self.records.capacity() * size_of::<Owned>();
        own.records.capacity() * size_of::<Record>() + (ENTRY + lists) / self.records.len()
    }

    /// Number of all locks.
    fn len(&self) -> usize {
        let of = |own: &Owned| own.records.len();
        self.whole.len() + self.records.iter().map(of).sum::<usize>()
    }

    /// Kind and state of the locks from this number on.
    fn from(&self, number: usize) -> impl Iterator<Item = (&'static str, Held)> {
        let mut passed = number.saturating_sub(self.whole.len());
        let whole = self.whole.iter().skip(number);
        let records = self.records.iter().flat_map(move |own| {
            let first = passed.min(own.records.len());
            passed -= first;
            let records = own.records[first..].iter();
            records.map(|record| (own.kind(), own.held(record)))
        });
        whole.map(|whole| ("FLOCK ", whole.held())).chain(records)
    }

    fn release(&mut self, owner: Owner) {
        let before = self.records.len() + self.whole.len();
        self.records.retain(|own| own.owner != owner);
        self.whole.retain(|whole| Owner::File(whole.file) != owner);
        if self.records.len() + self.whole.len() < before {
            self.changed.wake_all();
        }
    }
}

/// Writes lines of /proc/locks from the lock number `from` on (lock_get_status in fs/locks.c);
/// returns whether they are the last.
pub fn list(from: usize, text: &mut Text) -> bool {
    /// Locks listed at once.
    const AT_ONCE: usize = 64;
    let mut number = from;
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
    let files = FILES.lock();
    let mut first = from;
    let mut left = AT_ONCE;
    for locks in files.values() {
        for (kind, held) in locks.from(first) {
            if left == 0 {
                return false;
            }
            left -= 1;
            line(kind, held, locks.file);
        }
        first = first.saturating_sub(locks.len());
    }
    true
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use super::posix::{self, Wanted};
    use super::{Inode, Owner, Range, kept_bytes, release_all};
    use crate::abi::metadata::{NewFile, mode};
    use crate::kernel_test;
    use crate::mm::heap;
    use crate::vfs::mount::FileSystem as _;
    use crate::vfs::tmpfs::TmpFs;

    /// Takes `count` locks on each file, with gaps in between.
    fn lock_often(files: &[Arc<dyn Inode>], owner: Owner, count: u64) {
        for inode in files {
            for at in 0..count {
                let range = Range {
                    start: 2 * at,
                    end: 2 * at,
                };
                let wanted = Wanted {
                    range,
                    exclusive: true,
                    owner,
                    pid: 1,
                };
                posix::lock(inode, &wanted, false).expect("memory");
            }
        }
    }

    kernel_test!(
        fn memory_of_record_locks_is_counted() {
            const FILES: usize = 200;
            let root = TmpFs::new("tmpfs", 0).root();
            let new = NewFile {
                mode: mode::S_IFREG,
                ..NewFile::default()
            };
            let create = |_| root.inode().create_unnamed(&new, false).expect("memory");
            let files: Vec<Arc<dyn Inode>> = (0..FILES).map(create).collect();
            for count in [1, 5, 100] {
                let owner = Owner::Table(Owner::new_table());
                let before = heap::in_use();
                lock_often(&files, owner, count);
                let used = heap::in_use() - before;
                let counted = kept_bytes(owner);
                let text = alloc::format!("{count} each: {counted} bytes of {used}");
                assert!(
                    counted >= used * 9 / 10 && counted <= used * 3 / 2,
                    "{text}"
                );
                release_all(owner);
                assert_eq!(kept_bytes(owner), 0);
            }
        }
    );
}
