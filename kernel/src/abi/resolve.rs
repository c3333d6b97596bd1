//! Restrictions of a path lookup (openat2(2)).

use bitflags::bitflags;
use linux_raw_sys::general as linux;

bitflags! {
    /// Restrictions, with the values of openat2(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Resolve: u32 {
        /// No step to another mount: `EXDEV`.
        const NO_XDEV = linux::RESOLVE_NO_XDEV;
        /// No magic links of /proc: `ELOOP`.
        const NO_MAGICLINKS = linux::RESOLVE_NO_MAGICLINKS;
        /// No symbolic links: `ELOOP`.
        const NO_SYMLINKS = linux::RESOLVE_NO_SYMLINKS;
        /// No step out of the start directory: `EXDEV`.
        const BENEATH = linux::RESOLVE_BENEATH;
        /// The start directory is the root directory of the lookup.
        const IN_ROOT = linux::RESOLVE_IN_ROOT;
        /// No lookup that would block; here none does.
        const CACHED = linux::RESOLVE_CACHED;
    }
}
