//! File system types by name. Floors above have most of them, so the table is handed over at boot
//! (`fs/mod.rs`).

use alloc::sync::Arc;

use spin::Once;

use super::FileSystem;
use crate::abi::errno::Errno;

/// A file system type (struct file_system_type).
pub struct Kind {
    /// Name in mount(2) and /proc/filesystems.
    pub name: &'static str,
    /// Its maker.
    pub make: Make,
}

/// Creates or finds a file system, with options of mount(2).
pub type Make = fn(&[u8]) -> Result<Arc<dyn FileSystem>, Errno>;

static KINDS: Once<&'static [Kind]> = Once::new();

/// Sets the types.
pub fn init(kinds: &'static [Kind]) {
    KINDS.call_once(|| kinds);
}

/// The types, in the order of /proc/filesystems.
pub fn kinds() -> &'static [Kind] {
    KINDS.get().copied().unwrap_or_default()
}

/// Creates or finds a file system of the type `name`, with `options` of mount(2).
///
/// # Errors
/// `ENODEV` for an unknown type, `EINVAL` for invalid options.
pub fn make(name: &[u8], options: &[u8]) -> Result<Arc<dyn FileSystem>, Errno> {
    let kind = kinds().iter().find(|kind| kind.name.as_bytes() == name);
    (kind.ok_or(Errno::ENODEV)?.make)(options)
}
