//! Pseudo file systems without a mount point: home of pipes and sockets.

use alloc::string::String;
use alloc::sync::Arc;

use super::dentry::Dentry;
use super::inode::{FileOps, Inode};
use super::mount::{FileSystem, Mount, Statistics};
use crate::abi::errno::Errno;
use crate::abi::metadata::{Metadata, mode};

/// A pseudo file system.
struct Nowhere {
    name: &'static str,
    magic: u32,
    root: Arc<Dentry>,
}

/// Its root directory, which no path reaches.
struct Top;

impl Inode for Top {
    fn metadata(&self) -> Metadata {
        Metadata {
            mode: mode::S_IFDIR,
            ..Metadata::default()
        }
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        Err(Errno::ENXIO)
    }
}

impl FileSystem for Nowhere {
    fn name(&self) -> &'static str {
        self.name
    }

    fn root(&self) -> Arc<Dentry> {
        self.root.clone()
    }

    fn statistics(&self) -> Statistics {
        Statistics {
            magic: self.magic,
            ..Statistics::default()
        }
    }
}

/// An internal mount of a pseudo file system with this name and magic number
/// (include/uapi/linux/magic.h).
pub fn mount(name: &'static str, magic: u32) -> Arc<Mount> {
    let root = Dentry::root(Arc::new(Top));
    Mount::detached(Arc::new(Nowhere { name, magic, root }), String::from(name))
}
