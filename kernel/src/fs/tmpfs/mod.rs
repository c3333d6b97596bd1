//! tmpfs: files whose bytes are page frames, directories that are maps.
//!
//! The root of the tree, /dev and /sys are such file systems. A [`Node`] (`node.rs`) is a file of
//! any kind; what a regular file holds is in `data.rs`, what a directory holds in `directory.rs`. Space is what RAM
//! there is: the last of it is kept for the kernel, and a write that would need it gets `ENOSPC`.
//!
//! Left out of Linux's: mount options (`size=`, `mode=`), extended attributes, huge pages.

use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicU64, Ordering};

use super::dentry::Dentry;
use super::inode::{Device, NewFile, mode};
use super::mount::{self, FileSystem, Statistics};
use crate::mm::frame;

mod data;
mod directory;
mod node;

pub use node::Node;

/// A file system in memory.
pub struct TmpFs {
    name: &'static str,
    magic: u32,
    next_ino: AtomicU64,
    root: Arc<Dentry>,
}

impl TmpFs {
    /// An empty one; `name` and `magic` are what it says it is.
    pub fn new(name: &'static str, magic: u32) -> Arc<Self> {
        Arc::new_cyclic(|fs: &Weak<Self>| {
            let device = Device::new(0, mount::anonymous_device());
            let new = NewFile {
                mode: mode::S_IFDIR | 0o755,
                ..NewFile::default()
            };
            let root = Node::make(fs.clone(), device, 1, &new);
            Self {
                name,
                magic,
                next_ino: AtomicU64::new(2),
                root: Dentry::root(root),
            }
        })
    }

    /// An inode number that no other file has.
    fn new_ino(&self) -> u64 {
        self.next_ino.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for TmpFs {
    /// Takes the tree apart level by level: left to itself each directory would drop those in it,
    /// and a deep tree would need a deep stack.
    fn drop(&mut self) {
        let mut left = alloc::vec![self.root.clone()];
        while let Some(dentry) = left.pop() {
            if let Ok(node) = Node::of(dentry.inode()) {
                node.take_names(&mut left);
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

    fn statistics(&self) -> Statistics {
        let (free, total) = frame::statistics();
        Statistics {
            magic: self.magic,
            blocks: total,
            free,
            files: total,
            files_free: free,
        }
    }
}
