//! The alternate stack (sigaltstack(2)): where it is, who is on it, and the exchange of it.

use linux_raw_sys::general::{MINSIGSTKSZ, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK};

use crate::abi::errno::Errno;
use crate::process::current;

/// sigaltstack(2)'s structure as it was set; `size` 0 is no stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlternateStack {
    /// Lowest address.
    pub base: u64,
    /// `SS_DISABLE`, `SS_ONSTACK` (which means nothing here), `SS_AUTODISARM`.
    pub flags: u32,
    /// Bytes.
    pub size: u64,
}

impl AlternateStack {
    /// None, and that for a reason: a frame that says so takes away what a handler sets.
    pub const DISABLED: Self = Self {
        base: 0,
        flags: SS_DISABLE,
        size: 0,
    };

    /// Whether `sp` points into the stack, which grows down: the end counts as inside, the base
    /// doesn't.
    pub fn contains(&self, sp: u64) -> bool {
        sp > self.base && sp - self.base <= self.size
    }

    /// Whether a program whose stack pointer is `sp` runs on it. With SS_AUTODISARM it never
    /// does: the handler has none, and may set another.
    pub fn is_used_at(&self, sp: u64) -> bool {
        self.flags & SS_AUTODISARM == 0 && self.contains(sp)
    }

    /// What sigaltstack(2) says of it (sas_ss_flags).
    fn state_at(&self, sp: u64) -> u32 {
        match self.size {
            0 => SS_DISABLE,
            _ if self.is_used_at(sp) => SS_ONSTACK,
            _ => 0,
        }
    }

    /// Whether a handler that wants it gets it: there is one, and it is not in use.
    pub fn is_free_at(&self, sp: u64) -> bool {
        self.state_at(sp) == 0
    }
}

/// Puts a stack in place for the running task, whose stack pointer is `sp`; returns the one
/// before, with the flags that sigaltstack(2) reports.
///
/// # Errors
/// `EPERM` on the stack itself, `EINVAL` for unknown flags, `ENOMEM` for a stack too small.
pub fn exchange(new: Option<AlternateStack>, sp: u64) -> Result<AlternateStack, Errno> {
    let task = current();
    let mut signals = task.signals.lock();
    let old = signals.alternate;
    if let Some(new) = new {
        if old.is_used_at(sp) {
            return Err(Errno::EPERM);
        }
        signals.alternate = match new.flags & !SS_AUTODISARM {
            SS_DISABLE => AlternateStack {
                base: 0,
                size: 0,
                flags: new.flags,
            },
            0 | SS_ONSTACK if new != old && new.size < u64::from(MINSIGSTKSZ) => {
                return Err(Errno::ENOMEM);
            }
            0 | SS_ONSTACK => new,
            _ => return Err(Errno::EINVAL),
        };
    }
    Ok(AlternateStack {
        flags: old.state_at(sp) | old.flags & SS_AUTODISARM,
        ..old
    })
}

/// What a frame says the stack was: put back by sigreturn(2), whose other troubles don't concern
/// it (restore_altstack).
pub fn restore(stack: AlternateStack, sp: u64) {
    if current().signals.lock().alternate == stack {
        return;
    }
    let _ = exchange(Some(stack), sp);
}
