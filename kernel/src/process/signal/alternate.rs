//! The alternate signal stack (sigaltstack(2)).

use linux_raw_sys::general::{MINSIGSTKSZ, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK};

use crate::abi::errno::Errno;

/// Alternate stack (struct sigaltstack); `size` 0 means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlternateStack {
    /// Lowest address.
    pub base: u64,
    /// `SS_DISABLE`, `SS_ONSTACK` (without effect when set), `SS_AUTODISARM`.
    pub flags: u32,
    /// Size, bytes.
    pub size: u64,
}

impl AlternateStack {
    /// No stack, with `SS_DISABLE`. As the saved stack in a signal frame it makes sigreturn(2)
    /// remove a stack that the handler has set.
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

    /// Whether a program with the stack pointer `sp` runs on the stack (on_sig_stack). Never with
    /// SS_AUTODISARM: the stack is disarmed while the handler runs.
    pub fn is_used_at(&self, sp: u64) -> bool {
        self.flags & SS_AUTODISARM == 0 && self.contains(sp)
    }

    /// The state that sigaltstack(2) reports (sas_ss_flags).
    fn state_at(&self, sp: u64) -> u32 {
        match self.size {
            0 => SS_DISABLE,
            _ if self.is_used_at(sp) => SS_ONSTACK,
            _ => 0,
        }
    }

    /// Whether a handler with SA_ONSTACK switches to the stack: it exists and is not in use.
    pub fn is_free_at(&self, sp: u64) -> bool {
        self.state_at(sp) == 0
    }

    /// Sets the alternate stack of a thread whose stack pointer is `sp`. Returns the previous one,
    /// with the flags that sigaltstack(2) reports.
    ///
    /// # Errors
    /// `EPERM` while running on the stack, `EINVAL` for unknown flags, `ENOMEM` for a stack that is
    /// too small.
    pub fn exchange(&mut self, new: Option<Self>, sp: u64) -> Result<Self, Errno> {
        let old = *self;
        if let Some(new) = new {
            if old.is_used_at(sp) {
                return Err(Errno::EPERM);
            }
            *self = match new.flags & !SS_AUTODISARM {
                SS_DISABLE => Self {
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
        Ok(Self {
            flags: old.state_at(sp) | old.flags & SS_AUTODISARM,
            ..old
        })
    }

    /// Restores the stack saved in a signal frame. As in sigreturn(2) on Linux, errors are ignored
    /// (restore_altstack).
    pub fn restore(&mut self, saved: Self, sp: u64) {
        if *self != saved {
            let _ = self.exchange(Some(saved), sp);
        }
    }
}
