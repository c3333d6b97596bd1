//! How many files the instances of one user may watch (fs.epoll.max_user_watches).
//!
//! An event of a file is handed to every item that watches it, in one go: the limit bounds how long that
//! takes, as well as the memory.

use alloc::collections::BTreeMap;

use crate::mm::{PAGE_SIZE, frame};
use crate::sync::{Mutex, rank};
use crate::syscall::errno::Errno;

/// Items by the user who made the instance.
static USERS: Mutex<BTreeMap<u32, u64>, rank::EpollQuota> = Mutex::new(BTreeMap::new());

/// Most items of one user: what takes a twenty-fifth of memory (eventpoll_init in fs/eventpoll.c).
pub fn max() -> u64 {
    /// Bytes that an item takes on Linux (EP_ITEM_COST).
    const COST: u64 = 184;
    let (_, total) = frame::statistics();
    total * PAGE_SIZE / 25 / COST
}

/// One item more of user `uid`.
///
/// # Errors
/// `ENOSPC`.
pub fn charge(uid: u32) -> Result<(), Errno> {
    let max = max();
    let mut users = USERS.lock();
    let count = users.entry(uid).or_default();
    if *count >= max {
        return Err(Errno::ENOSPC);
    }
    *count += 1;
    Ok(())
}

/// So many items of user `uid` are gone.
pub fn discharge(uid: u32, items: u64) {
    let mut users = USERS.lock();
    if let Some(count) = users.get_mut(&uid) {
        *count = count.saturating_sub(items);
        if *count == 0 {
            users.remove(&uid);
        }
    }
}
