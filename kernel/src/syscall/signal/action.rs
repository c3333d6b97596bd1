//! Signal actions: sigaction(2) in its three forms, and signal(2).

use linux_raw_sys::general as linux;

use super::check_size;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::{DEFAULT, IGNORE, IGNORED_BY_DEFAULT, UNBLOCKABLE, bit, check_number};
use crate::process::current;
use crate::process::signal::{self, Action, SA_IA32_ABI};
use crate::usercopy::UserPtr;

/// Supported flags; others are cleared, so that a program can detect their absence (UAPI_SA_FLAGS).
const FLAGS: u64 = (linux::SA_NOCLDSTOP
    | linux::SA_NOCLDWAIT
    | linux::SA_SIGINFO
    | linux::SA_EXPOSE_TAGBITS
    | linux::SA_RESTORER
    | linux::SA_ONSTACK
    | linux::SA_RESTART
    | linux::SA_NODEFER
    | linux::SA_RESETHAND) as u64;

/// Sets the action of a signal if `new` is given; returns the old one.
fn exchange(number: i32, new: Option<Action>) -> Result<Action, Errno> {
    let number = check_number(number)?;
    if number == 0 || new.is_some() && UNBLOCKABLE & bit(number) != 0 {
        return Err(Errno::EINVAL);
    }
    let task = current();
    let actions = task.process.actions();
    let mut actions = actions.lock();
    let mut old = actions.get(number);
    old.flags &= FLAGS;
    if let Some(mut action) = new {
        action.flags &= FLAGS;
        if task.is_i386_call() {
            action.flags |= SA_IA32_ABI;
        }
        action.mask &= !UNBLOCKABLE;
        actions.set(number, action);
        drop(actions);
        // A signal that becomes ignored is discarded if it is pending (POSIX, 2.4.3).
        let ignored = action.handler == IGNORE
            || action.handler == DEFAULT && IGNORED_BY_DEFAULT & bit(number) != 0;
        if ignored {
            signal::forget(&task.process, bit(number));
        }
    }
    Ok(old)
}

/// Exchanges actions in the 64-bit structure's order: handler, flags, restorer, mask.
fn exchange_words(number: i32, new: Option<[u64; 4]>) -> Result<[u64; 4], Errno> {
    let new = new.map(|[handler, flags, restorer, mask]| Action {
        handler,
        flags,
        restorer,
        mask,
    });
    let old = exchange(number, new)?;
    Ok([old.handler, old.flags, old.restorer, old.mask])
}

/// rt_sigaction(2). The kernel's struct sigaction: handler, flags, restorer, mask.
pub fn rt_sigaction(
    number: i32,
    new: UserPtr<[u64; 4]>,
    old: UserPtr<[u64; 4]>,
    size: usize,
) -> SysResult {
    check_size(size)?;
    let previous = exchange_words(number, new.read_opt()?)?;
    old.write_opt(previous).map(|()| 0)
}

/// rt_sigaction(2) with the 32-bit structure: handler, flags, restorer, two halves of the mask.
pub fn rt_sigaction32(
    number: i32,
    new: UserPtr<[u32; 5]>,
    old: UserPtr<[u32; 5]>,
    size: usize,
) -> SysResult {
    check_size(size)?;
    let new = new.read_opt()?.map(|words| {
        let [handler, flags, restorer, low, high] = words.map(u64::from);
        [handler, flags, restorer, low | high << 32]
    });
    let [handler, flags, restorer, mask] = exchange_words(number, new)?;
    let words = [handler, flags, restorer, mask, mask >> 32].map(|word| word as u32);
    old.write_opt(words).map(|()| 0)
}

/// i386's old sigaction(2), with struct old_sigaction: handler, mask, flags, restorer.
pub fn sigaction32(number: i32, new: UserPtr<[u32; 4]>, old: UserPtr<[u32; 4]>) -> SysResult {
    let new = new.read_opt()?.map(|words| {
        let [handler, mask, flags, restorer] = words.map(u64::from);
        [handler, flags, restorer, mask]
    });
    let [handler, flags, restorer, mask] = exchange_words(number, new)?;
    let words = [handler, mask, flags, restorer].map(|word| word as u32);
    old.write_opt(words).map(|()| 0)
}

/// i386's signal(2): the handler runs once, without blocking the signal; returns the previous
/// handler.
pub fn signal(number: i32, handler: u64) -> SysResult {
    let action = Action {
        handler,
        flags: (linux::SA_RESETHAND | linux::SA_NODEFER).into(),
        ..Action::default()
    };
    exchange(number, Some(action)).map(|old| old.handler as usize)
}
