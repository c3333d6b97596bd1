//! The controlling terminal of a session, as its processes see it: each refers to it, and the
//! terminal to its session and foreground process group. `hangup.rs` has the loss of it.
//!
//! The terminals themselves are in `tty/`, a floor above: this one knows them as [`Terminal`].

use alloc::sync::Arc;
use core::any::Any;

use crate::abi::errno::Errno;
use crate::abi::metadata::Device;
use crate::vfs::inode::FileOps;

/// A terminal that may control a session.
pub trait Terminal: Any + Send + Sync {
    /// Device number.
    fn number(&self) -> Device;
    /// The foreground process group; 0 for none.
    fn foreground(&self) -> u32;
    /// Removes session and foreground process group.
    fn release(&self);
    /// Whether the exit of the session's leader hangs the terminal up: not a pseudo-terminal, whose
    /// master does that.
    fn hangs_up_at_exit(&self) -> bool;
    /// Hangs the terminal up: open files of it are dead, and the session leader gets SIGHUP and
    /// SIGCONT. `with_session`: the leader exits, so that the foreground process group gets SIGHUP
    /// too.
    fn hang_up(&self, with_session: bool);
    /// Opens the terminal (/dev/tty).
    ///
    /// # Errors
    /// `EIO` for a pseudo-terminal that is locked or whose master is closed.
    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno>;
}

/// A process's controlling terminal.
#[derive(Default)]
pub struct Controlling {
    /// The terminal, if any.
    pub tty: Option<Arc<dyn Terminal>>,
    /// Foreground process group of a session leader's terminal at its hang-up; 0 for none.
    pub(super) old_foreground: u32,
}

impl Controlling {
    /// `tty` as the controlling terminal.
    pub fn new(tty: Arc<dyn Terminal>) -> Self {
        Self {
            tty: Some(tty),
            old_foreground: 0,
        }
    }

    /// The state of a child after fork(2).
    pub fn inherited(&self) -> Self {
        Self {
            tty: self.tty.clone(),
            old_foreground: 0,
        }
    }

    /// Whether `tty` is the controlling terminal.
    pub fn is(&self, tty: &dyn Terminal) -> bool {
        let own = self.tty.as_ref();
        own.is_some_and(|own| core::ptr::addr_eq(Arc::as_ptr(own), tty))
    }
}
