//! flock(2): shared and exclusive locks on whole files, held by an open file until it is unlocked
//! or closed.

use alloc::sync::Arc;

use super::{Held, LAST, Range, tidy, with};
use crate::abi::errno::Errno;
use crate::mm::fallible::TryPush as _;
use crate::mm::frame;
use crate::sched::wait::is_interrupted;
use crate::vfs::inode::Inode;

/// A lock held by an open file description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub file: usize,
    pub exclusive: bool,
    pub pid: u32,
}

impl Whole {
    /// The lock as /proc/locks shows it.
    pub fn held(&self) -> Held {
        Held {
            range: Range {
                start: 0,
                end: LAST,
            },
            exclusive: self.exclusive,
            pid: Some(self.pid),
        }
    }
}

/// Releases the lock of the open file at address `file`.
pub fn unlock(inode: &Arc<dyn Inode>, file: usize) {
    with(inode, |locks| {
        locks.whole.retain(|whole| whole.file != file);
        locks.changed.wake_all();
    });
    tidy(inode);
}

/// Locks for the open file at address `file`. A lock of the other type is released first, even if
/// the new one can't be acquired (flock(2)).
///
/// # Errors
/// `EAGAIN` instead of waiting, `ENOLCK` without memory, `ERESTARTSYS`.
pub fn lock(
    inode: &Arc<dyn Inode>,
    file: usize,
    exclusive: bool,
    pid: u32,
    wait: bool,
) -> Result<(), Errno> {
    if frame::is_low() {
        return Err(Errno::ENOLCK);
    }
    let new = Whole {
        file,
        exclusive,
        pid,
    };
    let queue = with(inode, |locks| locks.changed.clone());
    let result = queue.wait_for(|| {
        let taken = with(inode, |locks| {
            let has = |whole: &Whole| whole.file == file;
            match locks.whole.iter().find(|whole| has(whole)) {
                Some(own) if own.exclusive == exclusive => return Ok(true),
                Some(_) => {
                    locks.whole.retain(|whole| !has(whole));
                    locks.changed.wake_all();
                }
                None => {}
            }
            let free = !locks.whole.iter().any(|other| other.exclusive || exclusive);
            if free {
                locks.whole.try_push(new).map_err(|_| Errno::ENOLCK)?;
            }
            Ok(free)
        });
        match taken {
            Ok(true) => Some(Ok(())),
            Err(errno) => Some(Err(errno)),
            Ok(false) if !wait => Some(Err(Errno::EAGAIN)),
            Ok(false) => is_interrupted().then_some(Err(Errno::ERESTARTSYS)),
        }
    });
    drop(queue);
    tidy(inode);
    result
}
