//! tmpfs: files whose bytes are page frames, directories that are maps.
//!
//! The root of the tree, /dev and /sys are such file systems. A [`Node`] (`node.rs`) is a file of
//! any kind; what a regular file holds is in `data.rs`, what is done with one in `file.rs`, what a directory holds in `directory.rs`. Space is what RAM
//! there is: the last of it is kept for the kernel, and a write that would need it gets `ENOSPC`.
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

mod data;
mod directory;
mod file;
mod node;
mod options;
mod space;

pub use node::Node;
use options::Options;
use space::Space;
pub use space::pages_in_files;

/// A file system in memory.
pub struct TmpFs {
    name: &'static str,
    magic: u32,
    space: Arc<Space>,
    root: Arc<Dentry>,
}

impl TmpFs {
    /// An empty one without limits; `name` and `magic` are what it says it is.
    pub fn new(name: &'static str, magic: u32) -> Arc<Self> {
        Self::with_root(name, magic, 0o755, 0, 0)
    }

    /// One as mount(2) makes it: by default half of RAM may be used, and a file for each page of that.
    ///
    /// # Errors
    /// `EINVAL` for options that are none.
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

    /// Sets limits, of which 0 is none.
    fn limit(&self, pages: Option<u64>, inodes: Option<u64>) -> Result<(), Errno> {
        let most = |limit: u64| if limit == 0 { u64::MAX } else { limit };
        self.space.limit(pages.map(most), inodes.map(most))
    }

    /// The same, with permissions and owner of its top directory.
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
    /// Takes the tree apart from below: left to itself each directory would drop those in it, and a deep
    /// tree would need a deep stack. The way back up is each directory's own note of its parent, so that
    /// no memory is needed either.
    fn drop(&mut self) {
        notify::unmounted(self.space.device);
        let first_of = |dentry: &Arc<Dentry>| Node::of(dentry.inode()).ok()?.first_name();
        let mut at = self.root.clone();
        loop {
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
