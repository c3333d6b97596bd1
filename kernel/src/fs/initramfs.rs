//! Unpacking of the initramfs into the root file system (init/initramfs.c).
//!
//! Names are resolved from the root directory like any path, so `..` and symbolic links can't leave
//! it. As in Linux, a member that can't be created is logged and skipped, and a later member
//! replaces an earlier one. An archive larger than memory and an image that is no archive panic:
//! init might lack what is missing.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use formats::cmdline;
use formats::cpio::{Header, Sink};
use formats::initramfs::{self, Problem, Source};

use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Change, Device, NewFile, Time, mode};
use crate::abi::resolve::Resolve;
use crate::dev::log::{always, log};
use crate::mm::fallible::{self, TryPush as _};
use crate::mm::reserve;
use crate::vfs::dentry::Location;
use crate::vfs::inode::{FileOps, Inode};
use crate::vfs::io::KernelIn;
use crate::vfs::path::{Found, Last, ParentOf, Walk};

/// Unpacks all archives in `image` below `root`.
///
/// # Panics
/// If memory is short, and if a nonempty image contains no archive.
pub fn unpack(image: &mut impl Source, root: &Location) {
    let who = Credentials::default();
    let mut unpacker = Unpacker {
        walk: Walk {
            root,
            start: root,
            who: &who,
            resolve: Resolve::empty(),
        },
        current: Current::Nothing,
        header: Header::default(),
        links: BTreeMap::new(),
        directories: Vec::new(),
        members: 0,
        bytes: 0,
    };
    let result = initramfs::unpack(image, &mut unpacker);
    // Filling a directory changed its modification time: set it last.
    for (directory, time) in core::mem::take(&mut unpacker.directories) {
        let _ = directory.change(&Change {
            mtime: Some(time),
            ..Change::default()
        });
    }
    log!(
        "initramfs: {} files, {} KiB",
        unpacker.members,
        unpacker.bytes / 1024
    );
    let Err(error) = result else {
        return;
    };
    let at = error.offset;
    match error.problem {
        Problem::Memory | Problem::Sink(Errno::ENOMEM | Errno::ENOSPC) => panic!(
            "out of memory unpacking the initramfs, after {} files and {} KiB of them",
            unpacker.members,
            unpacker.bytes / 1024
        ),
        Problem::Compression("unknown") if unpacker.members == 0 => {
            panic!("the initramfs is not a newc archive, nor one that gzip packed")
        }
        Problem::Archive(error) if unpacker.members == 0 => {
            panic!("the initramfs is not a newc archive: {error:?}")
        }
        Problem::Compression(name) if unpacker.members == 0 => {
            panic!("the initramfs is packed by {name}: only gzip is known")
        }
        problem => always!("initramfs: damaged in the part at byte {at}: {problem:?}"),
    }
}

/// Destination of the current member's bytes.
enum Current {
    /// None: the bytes are skipped.
    Nothing,
    /// A regular file; the position in bytes.
    File(Arc<dyn Inode>, Arc<dyn FileOps>, u64),
    /// The target of a symbolic link to create at this place.
    Symlink(ParentOf, Vec<u8>),
}

struct Unpacker<'a> {
    walk: Walk<'a>,
    current: Current,
    header: Header,
    /// First name of each group of hard links, by device and inode number.
    links: BTreeMap<(u32, u32, u32), Arc<dyn Inode>>,
    directories: Vec<(Arc<dyn Inode>, Time)>,
    members: usize,
    bytes: u64,
}

impl Sink for Unpacker<'_> {
    type Error = Errno;

    fn begin(&mut self, header: &Header, name: &[u8]) -> Result<(), Errno> {
        self.header = *header;
        self.current = Current::Nothing;
        if name == cmdline::FILE {
            return Ok(()); // The loader's command line for the kernel, not a file of the archive's.
        }
        match self.create(header, name) {
            // Without memory the rest fails too; any other error concerns this member alone.
            Err(errno @ (Errno::ENOSPC | Errno::ENOMEM)) => Err(errno),
            Err(errno) => {
                let name = fallible::lossy(name)?;
                log!(
                    "initramfs: cannot make {name}: {}",
                    errno.name().unwrap_or("?")
                );
                Ok(())
            }
            Ok(()) => {
                self.members += 1;
                Ok(())
            }
        }
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        match &mut self.current {
            Current::Nothing => Ok(()),
            Current::File(_, ops, offset) => {
                ops.write(*offset, &mut KernelIn::new(bytes), false)?;
                *offset += bytes.len() as u64;
                self.bytes += bytes.len() as u64;
                Ok(())
            }
            Current::Symlink(_, target) => fallible::extend_from_slice(target, bytes),
        }
    }

    fn end(&mut self) -> Result<(), Errno> {
        match core::mem::replace(&mut self.current, Current::Nothing) {
            Current::Nothing => {}
            Current::File(inode, ..) => inode.change(&attributes(&self.header))?,
            Current::Symlink(place, mut target) => {
                target.truncate(
                    target
                        .iter()
                        .position(|&byte| byte == 0)
                        .unwrap_or(target.len()),
                );
                let new = NewFile {
                    target,
                    ..new_file(&self.header)
                };
                let dentry = place
                    .dir
                    .inode()
                    .create(&place.dir.dentry, &place.name, &new)?;
                dentry.inode().change(&Change {
                    permissions: None,
                    ..attributes(&self.header)
                })?;
            }
        }
        Ok(())
    }

    fn trailer(&mut self) {
        self.links.clear();
    }
}

impl Unpacker<'_> {
    /// Creates a member. A symbolic link waits for its target.
    fn create(&mut self, header: &Header, name: &[u8]) -> Result<(), Errno> {
        let place = self.place(name)?;
        let kind = header.kind();
        if place.last != Last::Name {
            // The root itself, as "." or "/".
            return place.dir.inode().change(&attributes(header));
        }
        if let Some(existing) = existing(&place)? {
            if kind == mode::S_IFDIR && existing.kind() == mode::S_IFDIR {
                self.directories
                    .try_push((existing.clone(), mtime(header)))?;
                return existing.change(&attributes(header));
            }
            if kind == mode::S_IFREG && existing.kind() == mode::S_IFREG && !header.is_hard_link() {
                existing.truncate(0)?;
                return self.fill(existing);
            }
            remove(&place)?;
        }
        if kind == mode::S_IFLNK {
            self.current = Current::Symlink(place, Vec::new());
            return Ok(());
        }
        let (dir, this) = (place.dir.inode(), &place.dir.dentry);
        if header.is_hard_link()
            && let Some(first) = self.links.get(&header.identity()).cloned()
        {
            dir.link(this, &place.name, &first)?;
            // Only one of the names carries the content.
            return if header.size > 0 {
                self.fill(first)
            } else {
                Ok(())
            };
        }
        let inode = dir
            .create(this, &place.name, &new_file(header))?
            .inode()
            .clone();
        inode.change(&attributes(header))?;
        if header.is_hard_link() {
            reserve::top_up()?;
            self.links.insert(header.identity(), inode.clone());
        }
        match kind {
            mode::S_IFREG => self.fill(inode),
            mode::S_IFDIR => self.directories.try_push((inode, mtime(header))),
            _ => Ok(()),
        }
    }

    /// The place of `name`; creates missing parent directories.
    fn place(&self, name: &[u8]) -> Result<ParentOf, Errno> {
        for (at, _) in name
            .iter()
            .enumerate()
            .filter(|&(at, &byte)| byte == b'/' && at > 0)
        {
            if let Found::Missing(missing) = self.walk.file_or_place(&name[..at], true)? {
                let new = NewFile {
                    mode: mode::S_IFDIR | 0o755,
                    ..NewFile::default()
                };
                missing
                    .dir
                    .inode()
                    .create(&missing.dir.dentry, &missing.name, &new)?;
            }
        }
        self.walk.parent(name)
    }

    /// Directs the member's bytes to `inode`.
    fn fill(&mut self, inode: Arc<dyn Inode>) -> Result<(), Errno> {
        let ops = inode.clone().open()?;
        self.current = Current::File(inode, ops, 0);
        Ok(())
    }
}

/// The existing file at `place`, if any.
fn existing(place: &ParentOf) -> Result<Option<Arc<dyn Inode>>, Errno> {
    match place.dir.inode().lookup(&place.dir.dentry, &place.name) {
        Ok(dentry) => Ok(Some(dentry.inode().clone())),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Removes the name at `place`.
fn remove(place: &ParentOf) -> Result<(), Errno> {
    let dentry = place.dir.inode().lookup(&place.dir.dentry, &place.name)?;
    place.dir.inode().remove(&dentry)
}

fn mtime(header: &Header) -> Time {
    Time {
        sec: header.mtime.into(),
        nsec: 0,
    }
}

fn attributes(header: &Header) -> Change {
    Change {
        permissions: Some(header.mode & mode::PERMISSIONS),
        uid: Some(header.uid),
        gid: Some(header.gid),
        atime: Some(mtime(header)),
        mtime: Some(mtime(header)),
    }
}

fn new_file(header: &Header) -> NewFile {
    let rdev = Device::new(header.rdev.0, header.rdev.1);
    NewFile {
        mode: header.mode,
        uid: header.uid,
        gid: header.gid,
        rdev,
        target: Vec::new(),
    }
}
