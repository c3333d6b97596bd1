//! Inodes of tmpfs: attributes, and dispatch to the content.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use crate::sched::sleep_lock::SleepLock;
use crate::sync::{Mutex, rank};
use linux_raw_sys::general::F_SEAL_SEAL;

use super::data::Data;
use super::entries::Entries;
use super::space::Space;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Change, Device, Metadata, NewFile, Time, mode};
use crate::mm::fallible;
use crate::time::wall_clock;
use crate::vfs::chrdev;
use crate::vfs::dentry::Dentry;
use crate::vfs::endpoint::Endpoint;
use crate::vfs::inode::{FileOps, Inode, ListEntry};
use crate::vfs::xattr::Xattrs;
use crate::vm::mappers::{self, Mappers};
use crate::vm::vma::PageSource;

/// Reported size of a directory per entry (BOGO_DIRENT_SIZE).
const NAME_SIZE: u64 = 20;

/// Attributes that change.
#[derive(Clone, Copy)]
struct Attributes {
    permissions: u32,
    uid: u32,
    gid: u32,
    nlink: u32,
    atime: Time,
    mtime: Time,
    ctime: Time,
}

/// Content by file type.
pub(super) enum Content {
    File(Mutex<Data, rank::FileData>),
    Directory(Mutex<Entries, rank::Directory>),
    Symlink(Vec<u8>),
    Device(Device),
    /// A FIFO or socket.
    Endpoint(Endpoint),
}

/// A file of any type.
pub struct Node {
    pub(super) space: Arc<Space>,
    pub(super) ino: u64,
    pub(super) kind: u32,
    born: Time,
    attributes: Mutex<Attributes, rank::InodeAttributes>,
    pub(super) content: Content,
    xattrs: Mutex<Xattrs, rank::Xattrs>,
    seals: AtomicU32,
    writers: AtomicI32,
    linkable: AtomicBool,
    pub(super) turn: SleepLock<()>,
    pub(super) mappers: Mappers,
}

impl Node {
    /// Creates a file in `space`, which has charged it already.
    ///
    /// # Errors
    /// `ENOMEM` for the target of a symbolic link.
    fn new(space: Arc<Space>, ino: u64, new: &NewFile) -> Result<Arc<Self>, Errno> {
        let content = match new.mode & mode::S_IFMT {
            mode::S_IFREG => Content::File(Mutex::new(Data::new(space.clone()))),
            mode::S_IFDIR => Content::Directory(Mutex::default()),
            mode::S_IFLNK => Content::Symlink(fallible::to_vec(&new.target)?),
            mode::S_IFIFO | mode::S_IFSOCK => Content::Endpoint(Endpoint::default()),
            _ => Content::Device(new.rdev),
        };
        Ok(Self::of_content(space, ino, new, content))
    }

    /// Creates a directory in `space`, which has charged it already.
    pub(super) fn directory(space: Arc<Space>, ino: u64, new: &NewFile) -> Arc<Self> {
        Self::of_content(space, ino, new, Content::Directory(Mutex::default()))
    }

    fn of_content(space: Arc<Space>, ino: u64, new: &NewFile, content: Content) -> Arc<Self> {
        let kind = new.mode & mode::S_IFMT;
        let born = wall_clock();
        let attributes = Attributes {
            permissions: new.mode & mode::PERMISSIONS,
            uid: new.uid,
            gid: new.gid,
            nlink: if kind == mode::S_IFDIR { 2 } else { 1 },
            atime: born,
            mtime: born,
            ctime: born,
        };
        Arc::new(Self {
            space,
            ino,
            kind,
            born,
            attributes: Mutex::new(attributes),
            content,
            xattrs: Mutex::default(),
            seals: AtomicU32::new(F_SEAL_SEAL),
            writers: AtomicI32::new(0),
            linkable: AtomicBool::new(false),
            turn: SleepLock::default(),
            mappers: Mappers::default(),
        })
    }

    /// Creates a file in the same file system.
    fn sibling(&self, new: &NewFile) -> Result<Arc<Self>, Errno> {
        let ino = self.space.take_inode()?;
        Self::new(self.space.clone(), ino, new).inspect_err(|_| self.space.give_inode())
    }

    pub(super) fn entries(&self) -> Result<&Mutex<Entries, rank::Directory>, Errno> {
        match &self.content {
            Content::Directory(entries) => Ok(entries),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// Removes pages cut off from the file from every mapping.
    pub(super) fn unmap(&self, from: u64, to: u64) {
        if from < to {
            mappers::drop_cut_pages(self, from..to);
        }
    }

    /// Checks that none of `seals` is set.
    pub(super) fn check_seals(&self, seals: u32) -> Result<(), Errno> {
        if self.seals.load(Ordering::Relaxed) & seals == 0 {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }

    /// Number of links.
    pub(super) fn links(&self) -> u32 {
        self.attributes.try_lock().map_or(1, |own| own.nlink)
    }

    /// Updates the times after a change of the content.
    pub(super) fn touch(&self) {
        let time = wall_clock();
        let mut attributes = self.attributes.lock();
        attributes.mtime = time;
        attributes.ctime = time;
    }

    /// Adds `by` to the number of links; returns the new number.
    pub(super) fn count_link(&self, by: i32) -> u32 {
        let mut attributes = self.attributes.lock();
        attributes.nlink = attributes.nlink.saturating_add_signed(by);
        attributes.ctime = wall_clock();
        attributes.nlink
    }

    /// Counts a new link.
    pub(super) fn named(&self) {
        self.count_link(1);
        self.linkable.store(false, Ordering::Relaxed);
    }

    /// The node of an inode; `EXDEV` for another file system's.
    pub(super) fn of(inode: &Arc<dyn Inode>) -> Result<&Node, Errno> {
        let any: &dyn Any = &**inode;
        any.downcast_ref().ok_or(Errno::EXDEV)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.space.give_inode();
    }
}

impl Inode for Node {
    fn metadata(&self) -> Metadata {
        let (size, blocks) = match &self.content {
            Content::File(data) => {
                let data = data.lock();
                (data.size(), data.pages() * 8)
            }
            Content::Directory(entries) => ((entries.lock().len() + 2) * NAME_SIZE, 0),
            Content::Symlink(target) => (target.len() as u64, 0),
            Content::Device(_) | Content::Endpoint(_) => (0, 0),
        };
        let attributes = *self.attributes.lock();
        Metadata {
            dev: self.space.device,
            ino: self.ino,
            mode: self.kind | attributes.permissions,
            nlink: attributes.nlink,
            uid: attributes.uid,
            gid: attributes.gid,
            rdev: if let Content::Device(device) = self.content {
                device
            } else {
                Device::default()
            },
            size,
            blocks,
            atime: attributes.atime,
            mtime: attributes.mtime,
            ctime: attributes.ctime,
            btime: self.born,
        }
    }

    fn kind(&self) -> u32 {
        self.kind
    }

    fn change(&self, change: &Change) -> Result<(), Errno> {
        let mut attributes = self.attributes.lock();
        let old = *attributes;
        *attributes = Attributes {
            permissions: change
                .permissions
                .map_or(old.permissions, |bits| bits & mode::PERMISSIONS),
            uid: change.uid.unwrap_or(old.uid),
            gid: change.gid.unwrap_or(old.gid),
            atime: change.atime.unwrap_or(old.atime),
            mtime: change.mtime.unwrap_or(old.mtime),
            ctime: wall_clock(),
            nlink: old.nlink,
        };
        Ok(())
    }

    fn accessed(&self, relative: bool) {
        /// Seconds after which an access is recorded in any case.
        const DAY: i64 = 24 * 60 * 60;
        let time = wall_clock();
        let mut own = self.attributes.lock();
        let is_due =
            own.atime <= own.mtime.max(own.ctime) || time.sec.saturating_sub(own.atime.sec) >= DAY;
        if !relative || is_due {
            own.atime = time;
        }
    }

    fn has_set_ids(&self) -> bool {
        let set_ids = self.attributes.lock().permissions & (mode::S_ISUID | mode::S_ISGID);
        set_ids != 0 && self.kind == mode::S_IFREG
    }

    fn truncate(&self, size: u64) -> Result<(), Errno> {
        self.set_size(size)
    }

    fn allocate(&self, start: u64, end: u64, keep_size: bool, punch: bool) -> Result<(), Errno> {
        self.make_room(start, end, keep_size, punch)
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        match (&self.content, self.kind) {
            (Content::Device(device), mode::S_IFCHR) => chrdev::open(*device),
            // There are no block devices; FIFOs are opened by `pipe::open_fifo`, sockets by
            // connect(2).
            (Content::Device(_) | Content::Endpoint(_), _) => Err(Errno::ENXIO),
            _ => Ok(self),
        }
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        match &self.content {
            Content::Symlink(target) => fallible::to_vec(target),
            _ => Err(Errno::EINVAL),
        }
    }

    fn lookup(&self, _this: &Arc<Dentry>, name: &[u8]) -> Result<Arc<Dentry>, Errno> {
        self.entries()?.lock().get(name).ok_or(Errno::ENOENT)
    }

    fn takes_names(&self) -> bool {
        true
    }

    fn create(&self, this: &Arc<Dentry>, name: &[u8], new: &NewFile) -> Result<Arc<Dentry>, Errno> {
        self.add(this, name, self.sibling(new)?)
    }

    fn create_unnamed(&self, new: &NewFile, linkable: bool) -> Result<Arc<dyn Inode>, Errno> {
        let node = self.sibling(new)?;
        node.attributes.lock().nlink = 0;
        node.linkable.store(linkable, Ordering::Relaxed);
        Ok(node)
    }

    fn is_linkable(&self) -> bool {
        self.linkable.load(Ordering::Relaxed)
    }

    fn xattrs(&self) -> Option<&Mutex<Xattrs, rank::Xattrs>> {
        Some(&self.xattrs)
    }

    fn turn(&self) -> Option<&SleepLock<()>> {
        Some(&self.turn)
    }

    fn seals(&self) -> Option<&AtomicU32> {
        (self.kind == mode::S_IFREG).then_some(&self.seals)
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        match &self.content {
            Content::Endpoint(endpoint) => Some(endpoint),
            _ => None,
        }
    }

    fn writers(&self) -> Option<&AtomicI32> {
        (self.kind == mode::S_IFREG).then_some(&self.writers)
    }

    fn seek(&self, offset: u64, hole: bool, size: u64) -> Option<u64> {
        match &self.content {
            Content::File(data) => data.lock().seek(offset, hole, size),
            _ => Some(if hole { size } else { offset }),
        }
    }

    fn link(&self, this: &Arc<Dentry>, name: &[u8], target: &Arc<dyn Inode>) -> Result<(), Errno> {
        self.add_link(this, name, target)
    }

    fn remove(&self, child: &Arc<Dentry>) -> Result<(), Errno> {
        self.remove_name(child)
    }

    fn rename(
        &self,
        child: &Arc<Dentry>,
        to: &Arc<Dentry>,
        name: &[u8],
        exchange: bool,
    ) -> Result<(), Errno> {
        self.move_name(child, to, name, exchange)
    }

    fn list(&self, from: u64, emit: &mut dyn FnMut(ListEntry<'_>) -> bool) -> Result<(), Errno> {
        self.list_names(from, emit)
    }

    fn pages(self: Arc<Self>) -> Option<Arc<dyn PageSource>> {
        matches!(self.content, Content::File(_)).then_some(self as Arc<dyn PageSource>)
    }
}
