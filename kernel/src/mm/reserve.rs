#![allow(dead_code)] // Until every site is converted.
//! Memory that the kernel keeps for itself, and who must ask before taking some.
//!
//! What a program's number decides asks for [`room`] first; single objects under a page come out of
//! what [`top_up`] made sure is there.

use super::{PAGE_SIZE, frame};
use crate::syscall::errno::Errno;

/// Passed by every allocation that may fail: a test build can make the n-th one fail.
///
/// # Errors
/// `ENOMEM`, if this one is to fail.
#[inline]
pub fn fail_point() -> Result<(), Errno> {
    Ok(())
}

/// Fills what single objects under a page are taken from. A call does this, and each turn of a loop
/// over a program's numbers, before it changes anything.
///
/// # Errors
/// `ENOMEM`.
#[inline]
pub fn top_up() -> Result<(), Errno> {
    fail_point()?;
    if frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    Ok(())
}

/// Whether the kernel's data may grow by `bytes` without taking what it keeps for itself.
///
/// # Errors
/// `ENOMEM`.
#[inline]
pub fn room(bytes: usize) -> Result<(), Errno> {
    fail_point()?;
    if frame::has_room((bytes as u64).div_ceil(PAGE_SIZE)) {
        Ok(())
    } else {
        Err(Errno::ENOMEM)
    }
}
