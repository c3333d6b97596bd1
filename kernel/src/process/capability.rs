//! Checks of capabilities, the separate privileges of root (capabilities(7)).
//!
//! [`capable`] and [`require`] name the capability that an operation needs. `abi/cred.rs` changes
//! the sets in set*id calls, `setid.rs` in execve(2).

use super::try_current;
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;

/// Whether the running thread has a capability. The kernel has all of them while it boots.
#[cfg_attr(debug_assertions, track_caller)]
pub fn capable(capability: Caps) -> bool {
    // Not a closure: test builds record the caller's location, which `track_caller` loses in one.
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
