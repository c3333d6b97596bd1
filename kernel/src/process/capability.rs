//! Capabilities: root's rights, one by one (capabilities(7)).
//!
//! A check names the capability that it needs: [`capable`] and [`require`]. How the sets change is
//! in `abi/cred.rs` (set*id calls) and `setid.rs` (execve(2)).

use super::try_current;
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;

/// Whether the running thread has a capability; the kernel itself has all while it boots.
#[cfg_attr(debug_assertions, track_caller)]
pub fn capable(capability: Caps) -> bool {
    // No closure: its caller would be none of the checks.
    match try_current() {
        Some(task) => task.cred().has(capability),
        None => true,
    }
}

/// Checks that the running thread has a capability.
///
/// # Errors
/// `EPERM`.
#[cfg_attr(debug_assertions, track_caller)]
pub fn require(capability: Caps) -> Result<(), Errno> {
    if capable(capability) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}
