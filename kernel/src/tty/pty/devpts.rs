//! devpts: the file system of pseudo-terminals, /dev/pts/N and /dev/pts/ptmx.

use alloc::format;
use alloc::sync::Arc;

use spin::Once;

use super::Tty;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Change, Device, Metadata, NewFile, Time, mode};
use crate::process::caller;
use crate::vfs::chrdev;
use crate::vfs::dentry::{Dentry, Location, Parent};
use crate::vfs::inode::{FileOps, Inode, ListEntry};
use crate::vfs::mount::{self, FileSystem, Statistics};
use crate::vfs::notify;

/// DEVPTS_SUPER_MAGIC.
const MAGIC: u32 = 0x1cd1;
/// Group and permissions of terminals and of ptmx: the mount options of the distributions, where
/// group 5 is `tty` (`gid=5,mode=620,ptmxmode=666`).
const GROUP: u32 = 5;
const PERMISSIONS: u32 = 0o620;
const PTMX_PERMISSIONS: u32 = 0o666;
/// Inode numbers of the root directory, of ptmx, and of terminal 0.
const TOP_INO: u64 = 1;
const PTMX_INO: u64 = 2;
const FIRST_INO: u64 = 3;
/// Positions of ptmx and of terminal 0 in a listing.
const PTMX_POSITION: u64 = 2;
const FIRST_POSITION: u64 = 3;

/// A terminal's attributes, changed by chmod(2), chown(2) and utimensat(2).
#[derive(Clone, Copy)]
pub struct Attributes {
    permissions: u32,
    uid: u32,
    gid: u32,
    born: Time,
    atime: Time,
    mtime: Time,
    ctime: Time,
}

impl Attributes {
    /// Attributes of a terminal created by the caller.
    pub fn new() -> Self {
        let now = crate::time::wall_clock();
        Self {
            permissions: PERMISSIONS,
            uid: caller::credentials().fsuid,
            gid: GROUP,
            born: now,
            atime: now,
            mtime: now,
            ctime: now,
        }
    }
}

/// The devpts file system; all mounts share one instance.
pub struct DevPts {
    root: Arc<Dentry>,
}

/// The only instance.
pub fn instance() -> Arc<DevPts> {
    static INSTANCE: Once<Arc<DevPts>> = Once::new();
    INSTANCE
        .call_once(|| {
            let born = crate::time::wall_clock();
            let device = Device::new(0, mount::anonymous_device());
            let root = Dentry::root(Arc::new(Top { device, born }));
            Arc::new(DevPts { root })
        })
        .clone()
}

/// Location of terminal `index`, if devpts is mounted.
pub fn location(index: u32) -> Option<Location> {
    let fs = instance();
    let mount = mount::all()
        .into_iter()
        .find(|mount| core::ptr::addr_eq(Arc::as_ptr(mount.fs()), Arc::as_ptr(&fs)))?;
    let name = format!("{index}");
    let dentry = fs.root.inode().lookup(&fs.root, name.as_bytes()).ok()?;
    Some(Location { mount, dentry })
}

/// Reports the creation or removal of a terminal to the watches of the directory.
pub fn notice(index: u32, events: u32) {
    if notify::is_on() {
        let name = format!("{index}").into_bytes();
        let root = &instance().root;
        notify::entry(root.inode(), events, mode::S_IFCHR, &name.into(), 0);
    }
}

impl FileSystem for DevPts {
    fn name(&self) -> &'static str {
        "devpts"
    }

    fn root(&self) -> Arc<Dentry> {
        self.root.clone()
    }

    fn statistics(&self) -> Statistics {
        Statistics {
            magic: MAGIC,
            ..Statistics::default()
        }
    }
}

/// The root directory.
struct Top {
    device: Device,
    born: Time,
}

/// A terminal's inode, or ptmx.
struct Node {
    device: Device,
    /// The terminal; `None` for ptmx.
    tty: Option<Arc<Tty>>,
    born: Time,
}

impl Inode for Top {
    fn metadata(&self) -> Metadata {
        Metadata {
            dev: self.device,
            ino: TOP_INO,
            mode: mode::S_IFDIR | 0o755,
            nlink: 2,
            ..Metadata::since(self.born)
        }
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        Ok(self)
    }

    fn lookup(&self, this: &Arc<Dentry>, name: &[u8]) -> Result<Arc<Dentry>, Errno> {
        let tty = if name == b"ptmx" {
            None
        } else {
            let text = core::str::from_utf8(name).map_err(|_| Errno::ENOENT)?;
            let index = text.parse::<u32>().map_err(|_| Errno::ENOENT)?;
            if format!("{index}") != text {
                return Err(Errno::ENOENT);
            }
            Some(super::find(index).ok_or(Errno::ENOENT)?)
        };
        let node = Arc::new(Node {
            device: self.device,
            tty,
            born: self.born,
        });
        Ok(Dentry::new(Parent::Held(this.clone()), name.into(), node))
    }

    fn takes_names(&self) -> bool {
        true
    }

    fn create(
        &self,
        _this: &Arc<Dentry>,
        _name: &[u8],
        new: &NewFile,
    ) -> Result<Arc<Dentry>, Errno> {
        // open(2) with O_CREAT fails with another error than mknod(2), as on Linux.
        let is_file = new.mode & mode::S_IFMT == mode::S_IFREG;
        Err(if is_file { Errno::EACCES } else { Errno::EPERM })
    }

    fn list(&self, from: u64, emit: &mut dyn FnMut(ListEntry<'_>) -> bool) -> Result<(), Errno> {
        let kind = mode::S_IFCHR;
        if from <= PTMX_POSITION {
            let ptmx = ListEntry {
                name: b"ptmx",
                ino: PTMX_INO,
                kind,
                next: FIRST_POSITION,
            };
            if !emit(ptmx) {
                return Ok(());
            }
        }
        for index in super::numbers() {
            let position = FIRST_POSITION + u64::from(index);
            if position < from {
                continue;
            }
            let name = format!("{index}");
            let entry = ListEntry {
                name: name.as_bytes(),
                ino: FIRST_INO + u64::from(index),
                kind,
                next: position + 1,
            };
            if !emit(entry) {
                break;
            }
        }
        Ok(())
    }
}

impl FileOps for Top {}

impl Inode for Node {
    fn metadata(&self) -> Metadata {
        let Some((tty, master)) = self
            .tty
            .as_ref()
            .and_then(|tty| Some((tty, tty.master.as_ref()?)))
        else {
            return Metadata {
                dev: self.device,
                ino: PTMX_INO,
                mode: mode::S_IFCHR | PTMX_PERMISSIONS,
                rdev: chrdev::PTMX,
                ..Metadata::since(self.born)
            };
        };
        let attributes = master.state.lock().attributes;
        Metadata {
            dev: self.device,
            ino: FIRST_INO + u64::from(master.index),
            mode: mode::S_IFCHR | attributes.permissions,
            nlink: 1,
            uid: attributes.uid,
            gid: attributes.gid,
            rdev: tty.number,
            atime: attributes.atime,
            mtime: attributes.mtime,
            ctime: attributes.ctime,
            btime: attributes.born,
            ..Metadata::default()
        }
    }

    fn change(&self, change: &Change) -> Result<(), Errno> {
        let master = self.tty.as_ref().and_then(|tty| tty.master.as_ref());
        let mut state = master.ok_or(Errno::EPERM)?.state.lock();
        let to = &mut state.attributes;
        to.permissions = change.permissions.unwrap_or(to.permissions);
        to.uid = change.uid.unwrap_or(to.uid);
        to.gid = change.gid.unwrap_or(to.gid);
        to.atime = change.atime.unwrap_or(to.atime);
        to.mtime = change.mtime.unwrap_or(to.mtime);
        to.ctime = crate::time::wall_clock();
        Ok(())
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        match &self.tty {
            Some(tty) => Ok(crate::tty::open_slave(tty)?),
            None => super::open_master(),
        }
    }
}
