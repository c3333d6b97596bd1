//! Limit of the items of one user's epoll instances (fs.epoll.max_user_watches).
//!
//! An event of a file reaches all items that watch it in one loop: the limit bounds the time of
//! that loop, as well as the memory.

use alloc::collections::BTreeMap;

use crate::abi::errno::Errno;
use crate::mm::{PAGE_SIZE, frame};
use crate::sync::{Mutex, rank};

/// Number of items by the user ID of the instance's creator.
static USERS: Mutex<BTreeMap<u32, u64>, rank::EpollQuota> = Mutex::new(BTreeMap::new());

/// Most items of one user: a twenty-fifth of memory (eventpoll_init in fs/eventpoll.c).
pub fn max() -> u64 {
    /// Bytes of an item on Linux (EP_ITEM_COST).
    const COST: u64 = 184;
    let (_, total) = frame::statistics();
    total * PAGE_SIZE / 25 / COST
}

/// Charges an item to user `uid`.
///
/// # Errors
/// `ENOSPC` at the limit.
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

/// Ends the charge of `items` items to user `uid`.
pub fn discharge(uid: u32, items: u64) {
    let mut users = USERS.lock();
    if let Some(count) = users.get_mut(&uid) {
        *count = count.saturating_sub(items);
        if *count == 0 {
            users.remove(&uid);
        }
    }
}
