//! Restrictions of a walk: where openat2(2) has it not go.

use bitflags::bitflags;
use linux_raw_sys::general as linux;

bitflags! {
    /// Where a walk may not go, with openat2(2)'s values.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Resolve: u32 {
        /// To another mount: `EXDEV`.
        const NO_XDEV = linux::RESOLVE_NO_XDEV;
        /// Through the links of /proc that jump: `ELOOP`.
        const NO_MAGICLINKS = linux::RESOLVE_NO_MAGICLINKS;
        /// Through any symbolic link: `ELOOP`.
        const NO_SYMLINKS = linux::RESOLVE_NO_SYMLINKS;
        /// Out of the directory it starts in: `EXDEV`.
        const BENEATH = linux::RESOLVE_BENEATH;
        /// The same, but that directory counts as `/`.
        const IN_ROOT = linux::RESOLVE_IN_ROOT;
        /// Where it would have to wait: nothing ever does here.
        const CACHED = linux::RESOLVE_CACHED;
    }
}
