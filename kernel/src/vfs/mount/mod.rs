//! The table of mounts: which file systems make up the tree, and where.
//!
//! A [`Mount`] shows a directory of a file system (its top, or with a bind mount any other) at a place
//! in the tree. `change.rs` adds, moves and takes away; `kinds.rs` knows the file systems by name.
//! Flags are the mount's own: Linux has those of the file system beside them, so that there
//! `remount,ro` of one mount shows in its bind mounts too.
//!
//! Left out of Linux's: mount namespaces, propagation, mounts on files of other kinds than the
//! mounted one.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use crate::sync::{Mutex, rank};
use bitflags::bitflags;
use linux_raw_sys::general as linux;
use spin::Once;

use super::dentry::{Dentry, Location};
use crate::abi::errno::Errno;

pub mod change;
pub mod kinds;

pub use change::{add, bind, move_to, pivot_root, remove};
pub use kinds::{KINDS, make};

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

    /// Its options as /proc/mounts shows them, each with a comma in front.
    fn options(&self) -> String {
        String::new()
    }

    /// Changes options: what `remount` is given.
    ///
    /// # Errors
    /// `EINVAL`.
    fn remount(&self, _options: &[u8]) -> Result<(), Errno> {
        Ok(())
    }
}

bitflags! {
    /// What is not done through a mount, with the values of mount(2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MountFlags: u32 {
        /// Nothing is written.
        const READ_ONLY = linux::MS_RDONLY;
        /// The set-user-ID and set-group-ID bits don't count.
        const NO_SUID = linux::MS_NOSUID;
        /// Devices can't be opened.
        const NO_DEVICES = linux::MS_NODEV;
        /// Programs can't be run.
        const NO_EXEC = linux::MS_NOEXEC;
        /// Reading doesn't move access times.
        const NO_ATIME = linux::MS_NOATIME;
        /// The same for directories.
        const NO_DIR_ATIME = linux::MS_NODIRATIME;
        /// Reading moves an access time that is no later than the last change, or a day old: the
        /// default.
        const RELATIME = linux::MS_RELATIME;
    }
}

impl MountFlags {
    /// From mount(2)'s flags: relatime unless something else is asked for.
    pub fn of(flags: u32) -> Self {
        let mut kept = Self::from_bits_truncate(flags);
        let other = linux::MS_NOATIME | linux::MS_STRICTATIME;
        kept.set(Self::RELATIME, flags & other == 0);
        kept
    }

    /// As fstab(5) writes them.
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

/// A file system at its place in the tree.
pub struct Mount {
    /// Its number in /proc/PID/mountinfo.
    pub id: u32,
    fs: Arc<dyn FileSystem>,
    root: Arc<Dentry>,
    /// What it covers; nothing for the root of all, and for what is mounted nowhere.
    point: Mutex<Option<Location>, rank::MountPoint>,
    /// What mount(2) was given as the device: shown in /proc/mounts.
    source: String,
    flags: AtomicU32,
    /// Files open for writing through it.
    writers: AtomicI32,
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
        })
    }

    /// A file system that is mounted nowhere: for files without a path, such as pipes.
    pub fn detached(fs: Arc<dyn FileSystem>, source: String) -> Arc<Self> {
        let root = fs.root();
        Self::new(fs, root, None, source, MountFlags::empty())
    }

    /// The file system.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// The directory of it that is seen here.
    pub fn root_dentry(&self) -> &Arc<Dentry> {
        &self.root
    }

    /// Its top directory through this mount.
    pub fn root(self: &Arc<Self>) -> Location {
        Location {
            mount: self.clone(),
            dentry: self.root.clone(),
        }
    }

    /// What it covers.
    pub fn mount_point(&self) -> Option<Location> {
        self.point.lock().clone()
    }

    /// What mount(2) was given as the device.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its flags.
    pub fn flags(&self) -> MountFlags {
        MountFlags::from_bits_truncate(self.flags.load(Ordering::Relaxed))
    }

    /// Changes its flags.
    ///
    /// # Errors
    /// `EBUSY` for read-only while a file is open for writing.
    pub fn set_flags(&self, flags: MountFlags) -> Result<(), Errno> {
        let has_writers = self.writers.load(Ordering::Relaxed) > 0;
        if has_writers && flags.contains(MountFlags::READ_ONLY) {
            return Err(Errno::EBUSY);
        }
        self.flags.store(flags.bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Counts files open for writing.
    pub fn count_writer(&self, by: i32) {
        self.writers.fetch_add(by, Ordering::Relaxed);
    }

    /// Checks that something may be changed through this mount.
    ///
    /// # Errors
    /// `EROFS`.
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

/// Makes `fs` the root of the tree.
pub fn mount_root(fs: Arc<dyn FileSystem>) -> Location {
    let make = || {
        let root = fs.root();
        Mount::new(fs, root, None, String::from("rootfs"), MountFlags::empty())
    };
    let mount = ROOT.call_once(make);
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
    let covers = |mount: &&Arc<Mount>| {
        let point = mount.point.lock();
        point.as_ref().is_some_and(|point| point.is(location))
    };
    mounts.iter().find(covers).cloned()
}

/// All mounts, in the order they were made, each looked up by itself.
pub fn all() -> impl Iterator<Item = Arc<Mount>> {
    (0..).map_while(|number: usize| MOUNTS.lock().get(number).cloned())
}

/// A minor device number for a file system that has no device.
pub fn anonymous_device() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
