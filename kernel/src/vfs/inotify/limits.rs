//! Limits of inotify instances and watches per user (/proc/sys/fs/inotify).

use alloc::collections::BTreeMap;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use spin::Once;

use crate::abi::errno::Errno;
use crate::mm::{PAGE_SIZE, frame};
use crate::sync::{Mutex, rank};

/// Most events queued in an instance created from now on (fs.inotify.max_queued_events).
pub static MAX_QUEUED: AtomicU32 = AtomicU32::new(16384);
/// Most instances of one user (fs.inotify.max_user_instances).
pub static MAX_INSTANCES: AtomicU32 = AtomicU32::new(128);

/// Most watches of one user (fs.inotify.max_user_watches): those that fit a hundredth of memory
/// (inotify_user_setup).
pub fn max_watches() -> &'static AtomicU32 {
    static MAX: Once<AtomicU32> = Once::new();
    /// Bytes that Linux reckons for a watch: the watch and two inodes.
    const COST: u64 = 1264;
    MAX.call_once(|| {
        let (_, pages) = frame::statistics();
        let watches = pages / 100 * PAGE_SIZE / COST;
        AtomicU32::new(watches.clamp(8192, 1 << 20) as u32)
    })
}

/// Number of instances and watches of a user.
#[derive(Default)]
struct Count {
    instances: u32,
    watches: u32,
}

static USERS: Mutex<BTreeMap<u32, Count>, rank::InotifyUsers> = Mutex::new(BTreeMap::new());

/// Charges an instance to `user`.
///
/// # Errors
/// `EMFILE` at the limit.
pub fn take_instance(user: u32) -> Result<(), Errno> {
    let mut users = USERS.lock();
    if users.get(&user).map_or(0, |count| count.instances) >= MAX_INSTANCES.load(Relaxed) {
        return Err(Errno::EMFILE);
    }
    users.entry(user).or_default().instances += 1;
    Ok(())
}

/// Ends the charge of an instance to `user`, whose watches have ended.
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

/// Charges a watch to `user`, who has an instance.
///
/// # Errors
/// `ENOSPC` at the limit.
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

/// Ends the charge of a watch to `user`.
pub fn give_watch(user: u32) {
    if let Some(count) = USERS.lock().get_mut(&user) {
        count.watches -= 1;
    }
}
