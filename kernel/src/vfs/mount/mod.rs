//! The mount table: the file systems of the tree and their mount points.
//!
//! A [`Mount`] shows a directory of a file system (its root, or with a bind mount any other) at a
//! mount point. `change.rs` adds, moves and removes mounts; `kinds.rs` lists the types of file
//! systems. Flags belong to the mount alone: on Linux the file system has flags besides, so that
//! `remount,ro` of one mount affects its bind mounts too.
//!
//! Left out: mount namespaces, propagation.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use crate::sync::{Mutex, rank};
use bitflags::bitflags;
use linux_raw_sys::general as linux;
use spin::Once;

use super::dentry::{Dentry, Location};
use crate::abi::errno::Errno;

pub mod change;
mod kinds;

pub use change::{add, bind, move_to, pivot_root, remove};
pub use kinds::{Kind, init, kinds, make};

/// Numbers of statfs(2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    /// Magic number (include/uapi/linux/magic.h).
    pub magic: u32,
    /// Size limit in pages.
    pub blocks: u64,
    /// Free pages.
    pub free: u64,
    /// Limit of files.
    pub files: u64,
    /// Free files.
    pub files_free: u64,
}

/// A file system that can be mounted (struct super_block).
pub trait FileSystem: Send + Sync {
    /// Name of the type in /proc/filesystems.
    fn name(&self) -> &'static str;
    /// The root directory.
    fn root(&self) -> Arc<Dentry>;
    /// The numbers of statfs(2).
    fn statistics(&self) -> Statistics;

    /// The options as /proc/mounts shows them, each preceded by a comma.
    fn options(&self) -> String {
        String::new()
    }

    /// Changes options, for MS_REMOUNT.
    ///
    /// # Errors
    /// `EINVAL`.
    fn remount(&self, _options: &[u8]) -> Result<(), Errno> {
        Ok(())
    }
}

bitflags! {
    /// Flags of a mount, with the values of mount(2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MountFlags: u32 {
        /// No writes.
        const READ_ONLY = linux::MS_RDONLY;
        /// Set-user-ID and set-group-ID bits are ignored.
        const NO_SUID = linux::MS_NOSUID;
        /// Device nodes can't be opened.
        const NO_DEVICES = linux::MS_NODEV;
        /// Programs can't be executed.
        const NO_EXEC = linux::MS_NOEXEC;
        /// Reads don't update access times.
        const NO_ATIME = linux::MS_NOATIME;
        /// Reads of directories don't update access times.
        const NO_DIR_ATIME = linux::MS_NODIRATIME;
        /// A read updates the access time if that is not later than the last change, or a day old:
        /// the default.
        const RELATIME = linux::MS_RELATIME;
    }
}

impl MountFlags {
    /// Converts mount(2)'s flags; relatime is the default.
    pub fn of(flags: u32) -> Self {
        let mut kept = Self::from_bits_truncate(flags);
        let other = linux::MS_NOATIME | linux::MS_STRICTATIME;
        kept.set(Self::RELATIME, flags & other == 0);
        kept
    }

    /// The flags in the form of fstab(5).
    pub fn text(self) -> String {
        let names = [
            (Self::NO_SUID, ",nosuid"),
            (Self::NO_DEVICES, ",nodev"),
            (Self::NO_EXEC, ",noexec"),
            (Self::NO_ATIME, ",noatime"),
            (Self::NO_DIR_ATIME, ",nodiratime"),
            (Self::RELATIME, ",relatime"),
        ];
        let start = if self.contains(Self::READ_ONLY) {
            "ro"
        } else {
            "rw"
        };
        let mut text = String::from(start);
        for (flag, name) in names {
            if self.contains(flag) {
                text.push_str(name);
            }
        }
        text
    }
}

/// A mounted file system (struct vfsmount).
pub struct Mount {
    /// ID in /proc/PID/mountinfo.
    pub id: u32,
    fs: Arc<dyn FileSystem>,
    root: Arc<Dentry>,
    /// The mount point; none for the root and for an internal mount.
    point: Mutex<Option<Location>, rank::MountPoint>,
    /// The source argument of mount(2), shown in /proc/mounts.
    source: String,
    flags: AtomicU32,
    /// Number of files open for writing through this mount.
    writers: AtomicI32,
    /// Leaves the table, with others ([`remove`]).
    is_leaving: AtomicBool,
}

impl Mount {
    fn new(
        fs: Arc<dyn FileSystem>,
        root: Arc<Dentry>,
        point: Option<Location>,
        source: String,
        flags: MountFlags,
    ) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            fs,
            root,
            point: Mutex::new(point),
            source,
            flags: AtomicU32::new(flags.bits()),
            writers: AtomicI32::new(0),
            is_leaving: AtomicBool::new(false),
        })
    }

    /// An internal mount without a mount point, for files without a path, such as pipes.
    pub fn detached(fs: Arc<dyn FileSystem>, source: String) -> Arc<Self> {
        let root = fs.root();
        Self::new(fs, root, None, source, MountFlags::empty())
    }

    /// The file system.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// The directory of the file system shown by this mount.
    pub fn root_dentry(&self) -> &Arc<Dentry> {
        &self.root
    }

    /// The location of the mount's root directory.
    pub fn root(self: &Arc<Self>) -> Location {
        Location {
            mount: self.clone(),
            dentry: self.root.clone(),
        }
    }

    /// The mount point, if any.
    pub fn mount_point(&self) -> Option<Location> {
        self.point.lock().clone()
    }

    /// The source argument of mount(2).
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The flags.
    pub fn flags(&self) -> MountFlags {
        MountFlags::from_bits_truncate(self.flags.load(Ordering::Relaxed))
    }

    /// Changes the flags.
    ///
    /// # Errors
    /// `EBUSY` for read-only while files are open for writing.
    pub fn set_flags(&self, flags: MountFlags) -> Result<(), Errno> {
        let has_writers = self.writers.load(Ordering::Relaxed) > 0;
        if has_writers && flags.contains(MountFlags::READ_ONLY) {
            return Err(Errno::EBUSY);
        }
        self.flags.store(flags.bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Adds `by` to the number of files open for writing.
    pub fn count_writer(&self, by: i32) {
        self.writers.fetch_add(by, Ordering::Relaxed);
    }

    /// Checks that the mount allows changes.
    ///
    /// # Errors
    /// `EROFS` for a read-only mount.
    pub fn check_writable(&self) -> Result<(), Errno> {
        if self.flags().contains(MountFlags::READ_ONLY) {
            Err(Errno::EROFS)
        } else {
            Ok(())
        }
    }
}

static MOUNTS: Mutex<Vec<Arc<Mount>>, rank::Mounts> = Mutex::new(Vec::new());
static ROOT: Once<Arc<Mount>> = Once::new();

/// Mounts `fs` as the root of the tree.
pub fn mount_root(fs: Arc<dyn FileSystem>) -> Location {
    let make = || {
        let root = fs.root();
        Mount::new(fs, root, None, String::from("rootfs"), MountFlags::empty())
    };
    let mount = ROOT.call_once(make);
    MOUNTS.lock().push(mount.clone());
    mount.root()
}

/// The root of the tree.
///
/// # Panics
/// Before [`mount_root`].
pub fn root() -> Location {
    ROOT.get().expect("the root is mounted first").root()
}

/// The mount at `location`, if it is a mount point.
pub fn on(location: &Location) -> Option<Arc<Mount>> {
    let mounts = MOUNTS.lock();
    let covers = |mount: &&Arc<Mount>| {
        let point = mount.point.lock();
        point.as_ref().is_some_and(|point| point.is(location))
    };
    mounts.iter().find(covers).cloned()
}

/// All mounts in order of creation; the table is locked for each step alone.
pub fn all() -> impl Iterator<Item = Arc<Mount>> {
    all_from(0)
}

/// The mounts from this number on.
pub fn all_from(first: usize) -> impl Iterator<Item = Arc<Mount>> {
    (first..).map_while(|number: usize| MOUNTS.lock().get(number).cloned())
}

/// A minor device number for a file system without a device (get_anon_bdev).
pub fn anonymous_device() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
