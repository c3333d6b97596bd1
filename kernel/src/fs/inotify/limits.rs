//! How many instances and watches each user may have (/proc/sys/fs/inotify).

use alloc::collections::BTreeMap;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use spin::Once;

use crate::mm::{PAGE_SIZE, frame};
use crate::sync::{Mutex, rank};
use crate::syscall::errno::Errno;

/// Most events that wait in one instance (fs.inotify.max_queued_events), for those made from now on.
pub static MAX_QUEUED: AtomicU32 = AtomicU32::new(16384);
/// Most instances of one user (fs.inotify.max_user_instances).
pub static MAX_INSTANCES: AtomicU32 = AtomicU32::new(128);

/// Most watches of one user (fs.inotify.max_user_watches): as many as a hundredth of memory holds
/// (inotify_user_setup).
pub fn max_watches() -> &'static AtomicU32 {
    static MAX: Once<AtomicU32> = Once::new();
    /// What Linux says of a watch: the watch itself and twice an inode.
    const COST: u64 = 1264;
    MAX.call_once(|| {
        let (_, pages) = frame::statistics();
        let watches = pages / 100 * PAGE_SIZE / COST;
        AtomicU32::new(watches.clamp(8192, 1 << 20) as u32)
    })
}

/// What a user has.
#[derive(Default)]
struct Count {
    instances: u32,
    watches: u32,
}

static USERS: Mutex<BTreeMap<u32, Count>, rank::InotifyUsers> = Mutex::new(BTreeMap::new());

/// Counts an instance of `user`'s.
///
/// # Errors
/// `EMFILE` for one too many.
pub fn take_instance(user: u32) -> Result<(), Errno> {
    let mut users = USERS.lock();
    if users.get(&user).map_or(0, |count| count.instances) >= MAX_INSTANCES.load(Relaxed) {
        return Err(Errno::EMFILE);
    }
    users.entry(user).or_default().instances += 1;
    Ok(())
}

/// An instance of `user`'s is gone, and with it its watches.
pub fn give_instance(user: u32) {
    let mut users = USERS.lock();
    if let Some(count) = users.get_mut(&user) {
        count.instances -= 1;
        if count.instances == 0 {
            debug_assert_eq!(count.watches, 0, "watches without an instance");
            users.remove(&user);
        }
    }
}

/// Counts a watch of `user`'s, who has an instance.
///
/// # Errors
/// `ENOSPC` for one too many.
pub fn take_watch(user: u32) -> Result<(), Errno> {
    let most = max_watches().load(Relaxed);
    match USERS.lock().get_mut(&user) {
        Some(count) if count.watches < most => {
            count.watches += 1;
            Ok(())
        }
        _ => Err(Errno::ENOSPC),
    }
}

/// A watch of `user`'s is gone.
pub fn give_watch(user: u32) {
    if let Some(count) = USERS.lock().get_mut(&user) {
        count.watches -= 1;
    }
}
