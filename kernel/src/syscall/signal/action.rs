//! Signal actions: sigaction(2) in its three forms, and signal(2).

use linux_raw_sys::general as linux;

use super::check_size;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::{DEFAULT, IGNORE, IGNORED_BY_DEFAULT, UNBLOCKABLE, bit, check_number};
use crate::process::current;
use crate::process::signal::{self, Action, SA_IA32_ABI};
use crate::usercopy::{Pod, UserPtr};

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

/// Sets the action of a signal if `new` is given; returns the old one. Flags of `new` beyond
/// [`FLAGS`] are the kernel's own.
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

/// `struct sigaction` in user memory, in one of its layouts.
pub trait Sigaction: Pod {
    /// Flag of actions that are set with this layout, by which the signal frame's layout is chosen.
    const ABI: u64;
    /// Encodes handler, flags, restorer and mask.
    fn new(words: [u64; 4]) -> Self;
    /// Decodes handler, flags, restorer and mask.
    fn words(self) -> [u64; 4];
}

/// x86_64's structure: handler, flags, restorer, mask.
impl Sigaction for [u64; 4] {
    const ABI: u64 = 0;

    fn new(words: [u64; 4]) -> Self {
        words
    }

    fn words(self) -> [u64; 4] {
        self
    }
}

/// i386's structure: handler, flags, restorer, two halves of the mask.
impl Sigaction for [u32; 5] {
    const ABI: u64 = SA_IA32_ABI;

    fn new([handler, flags, restorer, mask]: [u64; 4]) -> Self {
        [handler, flags, restorer, mask, mask >> 32].map(|word| word as u32)
    }

    fn words(self) -> [u64; 4] {
        let [handler, flags, restorer, low, high] = self.map(u64::from);
        [handler, flags, restorer, low | high << 32]
    }
}

/// i386's `struct old_sigaction`: handler, mask, flags, restorer.
impl Sigaction for [u32; 4] {
    const ABI: u64 = SA_IA32_ABI;

    fn new([handler, flags, restorer, mask]: [u64; 4]) -> Self {
        [handler, mask, flags, restorer].map(|word| word as u32)
    }

    fn words(self) -> [u64; 4] {
        let [handler, mask, flags, restorer] = self.map(u64::from);
        [handler, flags, restorer, mask]
    }
}

/// i386's old sigaction(2), and rt_sigaction(2) without its check of the mask's size.
pub fn sigaction<S: Sigaction>(number: i32, new: UserPtr<S>, old: UserPtr<S>) -> SysResult {
    let new = new.read_opt()?.map(|new| {
        let [handler, flags, restorer, mask] = new.words();
        Action {
            handler,
            flags: flags & FLAGS | S::ABI,
            restorer,
            mask,
        }
    });
    let before = exchange(number, new)?;
    let words = [before.handler, before.flags, before.restorer, before.mask];
    old.write_opt(S::new(words)).map(|()| 0)
}

/// rt_sigaction(2).
pub fn rt_sigaction<S: Sigaction>(
    number: i32,
    new: UserPtr<S>,
    old: UserPtr<S>,
    size: usize,
) -> SysResult {
    check_size(size)?;
    sigaction(number, new, old)
}

/// i386's signal(2): the handler runs once, without blocking the signal; returns the previous
/// handler.
pub fn signal(number: i32, handler: u64) -> SysResult {
    let action = Action {
        handler,
        flags: u64::from(linux::SA_RESETHAND | linux::SA_NODEFER) | SA_IA32_ABI,
        ..Action::default()
    };
    exchange(number, Some(action)).map(|old| old.handler as usize)
}
