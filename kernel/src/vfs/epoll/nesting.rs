//! Nesting of epoll instances: no cycle and no deep chain, as a wake-up runs through all of them.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Epoll, of};
use crate::abi::errno::Errno;
use crate::mm::{fallible, reserve};

/// Longest chain of instances watching each other, the first not counted (EP_MAX_NESTS).
const MAX_NESTS: usize = 4;

/// Depths found so far, by address: chains may meet more than once.
type Known = BTreeMap<usize, usize>;

/// Instances that another one watches, or that watch it.
type Instances = Vec<Arc<Epoll>>;

/// Checks that `outer` may watch `inner` (ep_loop_check in fs/eventpoll.c).
///
/// # Errors
/// `ELOOP`, `ENOMEM`.
pub fn check(outer: &Epoll, inner: &Arc<Epoll>) -> Result<(), Errno> {
    // `outer` must not be below `inner`; the map bounds the walk where chains meet.
    let mut known = Known::from([(address(outer), usize::MAX)]);
    let below = depth(inner, &mut known, 0, &|epoll| {
        let items = epoll.items.lock();
        let files = items.values().filter_map(|item| item.file.upgrade());
        fallible::collect(files.filter_map(|file| of(&file)))
    })?;
    let above = depth(outer, &mut Known::new(), 0, &|epoll| {
        let file = epoll.file.lock().upgrade();
        file.map_or(Ok(Vec::new()), |file| file.watchers.instances())
    })?;
    if below + 1 + above > MAX_NESTS {
        return Err(Errno::ELOOP);
    }
    Ok(())
}

fn address(epoll: &Epoll) -> usize {
    core::ptr::from_ref(epoll) as usize
}

/// Length of the longest chain from `epoll` along `next`.
fn depth(
    epoll: &Epoll,
    known: &mut Known,
    level: usize,
    next: &dyn Fn(&Epoll) -> Result<Instances, Errno>,
) -> Result<usize, Errno> {
    match known.get(&address(epoll)) {
        Some(&usize::MAX) => return Err(Errno::ELOOP),
        Some(&depth) => return Ok(depth),
        None if level > MAX_NESTS => return Err(Errno::ELOOP),
        None => {}
    }
    let mut longest = 0;
    for other in next(epoll)? {
        longest = longest.max(depth(&other, known, level + 1, next)? + 1);
    }
    reserve::top_up()?;
    known.insert(address(epoll), longest);
    Ok(longest)
}
