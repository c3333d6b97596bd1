//! tmpfs: files in page frames, directories in maps.
//!
//! The root, /dev and /sys are such file systems. A [`Node`] (`node.rs`) is a file of any type;
//! `data.rs` has the content of a regular file, `file.rs` its operations, `entries.rs` the entries
//! of a directory, `directory.rs` their changes. Space is limited by RAM: the last of it is
//! reserved for the kernel, and a write that would need it fails with `ENOSPC`.
//!
//! Left out of Linux's: swap, huge pages, quotas.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::Write;

use super::dentry::Dentry;
use super::mount::{self, FileSystem, Statistics};
use super::notify;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Device, NewFile, mode};
use crate::mm::{PAGE_SIZE, frame};
use crate::sched::leftovers;
use crate::sched::preempt::{self, Stride};

mod data;
mod directory;
mod entries;
mod file;
mod node;
mod options;
mod space;

pub use node::Node;
use options::Options;
use space::Space;
pub use space::pages_in_files;

/// An instance of tmpfs.
pub struct TmpFs {
    name: &'static str,
    magic: u32,
    space: Arc<Space>,
    root: Arc<Dentry>,
}

impl TmpFs {
    /// An empty instance without limits; `name` and `magic` identify its type.
    pub fn new(name: &'static str, magic: u32) -> Arc<Self> {
        Self::with_root(name, magic, 0o755, 0, 0)
    }

    /// An instance with options of mount(2). Defaults: half of RAM, and a file per page of it.
    ///
    /// # Errors
    /// `EINVAL` for invalid options.
    pub fn with_options(text: &[u8]) -> Result<Arc<Self>, Errno> {
        const TMPFS_MAGIC: u32 = 0x0102_1994;
        let options = Options::parse(text)?;
        let (uid, gid) = (options.uid.unwrap_or(0), options.gid.unwrap_or(0));
        let fs = Self::with_root(
            "tmpfs",
            TMPFS_MAGIC,
            options.mode.unwrap_or(0o1777),
            uid,
            gid,
        );
        let (_, total) = frame::statistics();
        let half = Some(total / 2);
        fs.limit(options.pages.or(half), options.inodes.or(half))?;
        Ok(fs)
    }

    /// Sets limits; 0 is unlimited.
    fn limit(&self, pages: Option<u64>, inodes: Option<u64>) -> Result<(), Errno> {
        let most = |limit: u64| if limit == 0 { u64::MAX } else { limit };
        self.space.limit(pages.map(most), inodes.map(most))
    }

    /// An empty instance, with permissions and owner of its root directory.
    fn with_root(
        name: &'static str,
        magic: u32,
        permissions: u32,
        uid: u32,
        gid: u32,
    ) -> Arc<Self> {
        let space = Arc::new(Space::new(Device::new(0, mount::anonymous_device())));
        let new = NewFile {
            mode: mode::S_IFDIR | permissions,
            uid,
            gid,
            ..NewFile::default()
        };
        let root = Node::directory(space.clone(), 1, &new);
        Arc::new(Self {
            name,
            magic,
            space,
            root: Dentry::root(root),
        })
    }
}

impl Drop for TmpFs {
    /// Frees the tree from its leaves, with preemption points; no lock is held where the last
    /// reference to a mount is dropped. Why from the leaves: recursive drops of a deep tree would
    /// need a deep stack. The way back up follows the parent links of the dentries, so no memory is
    /// allocated either.
    fn drop(&mut self) {
        /// Weight of a step between two points, in bytes copied.
        const FREEING: usize = 1024;
        notify::unmounted(self.space.device);
        let first_of = |dentry: &Arc<Dentry>| Node::of(dentry.inode()).ok()?.first_name();
        let mut at = self.root.clone();
        let mut stride = Stride::default();
        loop {
            if stride.passes(FREEING) {
                leftovers::give_back();
                preempt::point();
            }
            match first_of(&at) {
                Some(child) if first_of(&child).is_some() => at = child,
                Some(child) => {
                    if let Ok(node) = Node::of(at.inode()) {
                        node.drop_name(&child.name());
                    }
                }
                None => match at.parent() {
                    Some(parent) => at = parent,
                    None => return,
                },
            }
        }
    }
}

impl FileSystem for TmpFs {
    fn name(&self) -> &'static str {
        self.name
    }

    fn root(&self) -> Arc<Dentry> {
        self.root.clone()
    }

    fn options(&self) -> String {
        let (_, pages) = self.space.pages();
        let (_, inodes) = self.space.inodes();
        let mut text = String::new();
        // Writing to a String can't fail.
        if pages != u64::MAX {
            let _ = write!(text, ",size={}k", pages * (PAGE_SIZE / 1024));
        }
        if inodes != u64::MAX {
            let _ = write!(text, ",nr_inodes={inodes}");
        }
        let root = self.root.inode().metadata();
        let permissions = root.mode & mode::PERMISSIONS;
        if self.name == "tmpfs" && permissions != 0o1777 {
            let _ = write!(text, ",mode={permissions:o}");
        }
        for (name, id) in [("uid", root.uid), ("gid", root.gid)] {
            if id != 0 {
                let _ = write!(text, ",{name}={id}");
            }
        }
        text
    }

    fn remount(&self, options: &[u8]) -> Result<(), Errno> {
        let options = Options::parse(options)?;
        self.limit(options.pages, options.inodes)
    }

    fn statistics(&self) -> Statistics {
        let (free, total) = frame::statistics();
        let (pages, max_pages) = self.space.pages();
        let (inodes, max_inodes) = self.space.inodes();
        Statistics {
            magic: self.magic,
            blocks: max_pages.min(total),
            free: free.min(max_pages.saturating_sub(pages)),
            files: max_inodes.min(total),
            files_free: free.min(max_inodes.saturating_sub(inodes)),
        }
    }
}
