//! An epoll instance may watch others, but not in a circle, and not too deep: a wake-up goes up
//! through all of them.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Epoll, of};
use crate::mm::{fallible, reserve};
use crate::syscall::errno::Errno;

/// Most instances that may watch one another in a chain, the first not counted (EP_MAX_NESTS).
const MAX_NESTS: usize = 4;

/// Depths that are known already, by address: chains may meet again and again.
type Known = BTreeMap<usize, usize>;

/// Instances that watch, or are watched by, another.
type Instances = Vec<Arc<Epoll>>;

/// Checks that `outer` may watch `inner` (ep_loop_check in fs/eventpoll.c).
///
/// # Errors
/// `ELOOP`, `ENOMEM`.
pub fn check(outer: &Epoll, inner: &Arc<Epoll>) -> Result<(), Errno> {
    // Nothing below `inner` may be `outer`, nor more chains be walked than there are.
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

/// Length of the longest chain from `epoll` on by way of `next`.
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
