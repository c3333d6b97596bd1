//! The root file system of Debian's packages that `make rootfs` makes.

use std::path::PathBuf;

use crate::paths;

/// Where it is made.
pub fn directory() -> PathBuf {
    paths::target().join("rootfs")
}

/// The archive without further packages.
pub fn archive() -> PathBuf {
    directory().join("debian.cpio")
}
