//! The table of mounts, and the kinds of file system there are.
//!
//! Left out of Linux's: bind mounts, mount namespaces and propagation, read-only mounts.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use spin::{Mutex, Once};

use super::dentry::{Dentry, Location};
use super::tmpfs::TmpFs;
use super::{devfs, procfs};
use crate::syscall::errno::Errno;

/// What statfs(2) tells of a file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    /// Its magic number (include/uapi/linux/magic.h).
    pub magic: u32,
    /// Pages it may take.
    pub blocks: u64,
    /// Pages that are free.
    pub free: u64,
    /// Files it may hold.
    pub files: u64,
    /// Files that may be added.
    pub files_free: u64,
}

/// A file system: what can be mounted.
pub trait FileSystem: Send + Sync {
    /// Its name in /proc/filesystems.
    fn name(&self) -> &'static str;
    /// Its top directory.
    fn root(&self) -> Arc<Dentry>;
    /// What statfs(2) tells.
    fn statistics(&self) -> Statistics;
}

/// A file system at its place in the tree.
pub struct Mount {
    fs: Arc<dyn FileSystem>,
    root: Arc<Dentry>,
    /// What it covers; nothing for the root of all.
    point: Option<Location>,
    /// What mount(2) was given as the device: shown in /proc/mounts.
    source: String,
}

impl Mount {
    /// A file system that is mounted nowhere: for files without a path, such as pipes.
    pub fn detached(fs: Arc<dyn FileSystem>, source: String) -> Arc<Self> {
        let root = fs.root();
        Arc::new(Self {
            fs,
            root,
            point: None,
            source,
        })
    }

    /// The file system.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// Its top directory through this mount.
    pub fn root(self: &Arc<Self>) -> Location {
        Location {
            mount: self.clone(),
            dentry: self.root.clone(),
        }
    }

    /// What it covers.
    pub fn mount_point(&self) -> Option<&Location> {
        self.point.as_ref()
    }

    /// What mount(2) was given as the device.
    pub fn source(&self) -> &str {
        &self.source
    }
}

static MOUNTS: Mutex<Vec<Arc<Mount>>> = Mutex::new(Vec::new());
static ROOT: Once<Arc<Mount>> = Once::new();

/// Makes `fs` the root of the tree.
pub fn mount_root(fs: Arc<dyn FileSystem>) -> Location {
    let mount = ROOT.call_once(|| {
        let root = fs.root();
        Arc::new(Mount {
            fs,
            root,
            point: None,
            source: String::from("rootfs"),
        })
    });
    MOUNTS.lock().push(mount.clone());
    mount.root()
}

/// The top of the tree.
///
/// # Panics
/// Before [`mount_root`].
pub fn root() -> Location {
    ROOT.get().expect("the root is mounted first").root()
}

/// The mount on top of `location`, if something is mounted there.
pub fn on(location: &Location) -> Option<Arc<Mount>> {
    let mounts = MOUNTS.lock();
    mounts
        .iter()
        .find(|mount| mount.point.as_ref().is_some_and(|point| point.is(location)))
        .cloned()
}

/// All mounts, in the order they were made.
pub fn all() -> Vec<Arc<Mount>> {
    MOUNTS.lock().clone()
}

/// Mounts `fs` over `point`.
pub fn add(point: Location, fs: Arc<dyn FileSystem>, source: String) -> Arc<Mount> {
    point.dentry.set_covered();
    let root = fs.root();
    let mount = Arc::new(Mount {
        fs,
        root,
        point: Some(point),
        source,
    });
    MOUNTS.lock().push(mount.clone());
    mount
}

/// Takes away the mount whose root `location` is.
///
/// # Errors
/// `EINVAL` if it is none, `EBUSY` for the root of all, and while something is mounted in it or,
/// unless `lazy`, open in it.
pub fn remove(location: &Location, lazy: bool) -> Result<(), Errno> {
    if !location.is(&location.mount.root()) {
        return Err(Errno::EINVAL);
    }
    let mount = &location.mount;
    if mount.point.is_none() {
        return Err(Errno::EBUSY);
    }
    let mut mounts = MOUNTS.lock();
    let inside = |other: &Arc<Mount>| {
        other
            .point
            .as_ref()
            .is_some_and(|p| Arc::ptr_eq(&p.mount, mount))
    };
    // References: the table's and the caller's. Any other is a file or a working directory.
    let in_use = Arc::strong_count(mount) > 2;
    if mounts.iter().any(inside) || in_use && !lazy {
        return Err(Errno::EBUSY);
    }
    mounts.retain(|other| !Arc::ptr_eq(other, mount));
    Ok(())
}

/// A file system by the name that mount(2) is given.
///
/// # Errors
/// `ENODEV` for a name that is none.
pub fn make(kind: &[u8]) -> Result<Arc<dyn FileSystem>, Errno> {
    const TMPFS_MAGIC: u32 = 0x0102_1994;
    const SYSFS_MAGIC: u32 = 0x6265_6572;
    Ok(match kind {
        b"tmpfs" | b"ramfs" => TmpFs::new("tmpfs", TMPFS_MAGIC),
        // Nothing is in it yet: programs that mount it as a matter of course go on without.
        b"sysfs" => TmpFs::new("sysfs", SYSFS_MAGIC),
        b"devtmpfs" => devfs::instance(),
        b"proc" => procfs::instance(),
        _ => return Err(Errno::ENODEV),
    })
}

/// Names of the kinds [`make`] knows, for /proc/filesystems.
pub const KINDS: [&str; 5] = ["tmpfs", "ramfs", "sysfs", "devtmpfs", "proc"];

/// A minor device number for a file system that has no device.
pub fn anonymous_device() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
