//! From a path to a file: one component at a time, as path_resolution(7) tells.
//!
//! Left out: automounts, fs.protected_fifos and fs.protected_regular.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::access;
use super::dentry::Location;
use super::protected;
use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;
use crate::abi::resolve::Resolve;
use crate::mm::fallible;

/// Longest path in bytes, its NUL included.
pub const PATH_MAX: usize = 4096;
/// Longest name in bytes.
pub const NAME_MAX: usize = 255;
/// Most symbolic links on the way (MAXSYMLINKS).
const LINKS_MAX: usize = 40;

/// Who passes through every directory.
const SEARCH_ANYWHERE: Caps = Caps::DAC_OVERRIDE.union(Caps::DAC_READ_SEARCH);

/// Where a process looks from.
#[derive(Clone)]
pub struct FsContext {
    /// Its `/`.
    pub root: Location,
    /// Its working directory.
    pub cwd: Location,
    /// Permission bits that new files don't get.
    pub umask: u32,
}

/// The last component of a path, not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// A name.
    Name,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// There is none: the path is `/`.
    Root,
}

/// The directory that a path's last component is in, and that component.
pub struct ParentOf {
    /// The directory.
    pub dir: Location,
    /// The component's kind.
    pub last: Last,
    /// The component; a name only for [`Last::Name`].
    pub name: Vec<u8>,
    /// A slash follows: only a directory may have this name.
    pub wants_dir: bool,
}

/// Where the walk ends.
enum Until {
    /// At the file; through a last symbolic link or not.
    File { follow: bool },
    /// At the directory that holds the last component.
    Parent,
    /// At the file, or at the directory that it is missing from.
    Create { follow: bool },
}

/// What a walk to open or create finds.
pub enum Found {
    /// The file.
    File(Location),
    /// No such name in this directory.
    Missing(ParentOf),
}

/// A walk through the tree for one caller.
pub struct Walk<'a> {
    /// The caller's `/`.
    pub root: &'a Location,
    /// Where relative paths begin.
    pub start: &'a Location,
    /// Who asks.
    pub who: &'a Credentials,
    /// Where the walk may not go.
    pub resolve: Resolve,
}

impl Walk<'_> {
    /// The file at `path`.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`.
    pub fn file(&self, path: &[u8], follow: bool) -> Result<Location, Errno> {
        match self.walk(path, &Until::File { follow })? {
            Found::File(location) => Ok(location),
            Found::Missing(_) => Err(Errno::ENOENT),
        }
    }

    /// The file at `path`, or where it would have to be made.
    ///
    /// # Errors
    /// As [`Walk::file`], but `ENOENT` only for a directory on the way.
    pub fn file_or_place(&self, path: &[u8], follow: bool) -> Result<Found, Errno> {
        self.walk(path, &Until::Create { follow })
    }

    /// The directory that the last component of `path` is in.
    ///
    /// # Errors
    /// As [`Walk::file`], about the directories on the way.
    pub fn parent(&self, path: &[u8]) -> Result<ParentOf, Errno> {
        match self.walk(path, &Until::Parent)? {
            Found::Missing(parent) => Ok(parent),
            Found::File(dir) => Ok(ParentOf {
                dir,
                last: Last::Root,
                name: Vec::new(),
                wants_dir: true,
            }),
        }
    }

    /// Whether it stays below where it starts.
    fn is_scoped(&self) -> bool {
        self.resolve.intersects(Resolve::BENEATH | Resolve::IN_ROOT)
    }

    /// Where an absolute path begins.
    fn top(&self) -> Result<Location, Errno> {
        if self.resolve.contains(Resolve::BENEATH) {
            return Err(Errno::EXDEV);
        }
        Ok(if self.is_scoped() {
            self.start.clone()
        } else {
            self.root.clone()
        })
    }

    /// `..`
    fn up(&self, at: &Location) -> Result<Location, Errno> {
        if self.resolve.contains(Resolve::BENEATH) && at.is(self.start) {
            return Err(Errno::EXDEV);
        }
        let top = if self.is_scoped() {
            self.start
        } else {
            self.root
        };
        self.crossing(at, at.above(top))
    }

    /// A link that leads to a file itself.
    fn jump(&self, from: &Location, to: Location) -> Result<Location, Errno> {
        if self.resolve.contains(Resolve::NO_MAGICLINKS) {
            return Err(Errno::ELOOP);
        }
        if self.is_scoped() {
            return Err(Errno::EXDEV);
        }
        self.crossing(from, to)
    }

    /// A step, which may not lead to another mount if none may.
    fn crossing(&self, from: &Location, to: Location) -> Result<Location, Errno> {
        let crosses = || !Arc::ptr_eq(&from.mount, &to.mount);
        if self.resolve.contains(Resolve::NO_XDEV) && crosses() {
            return Err(Errno::EXDEV);
        }
        Ok(to)
    }

    fn walk(&self, path: &[u8], until: &Until) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut path = Cow::Borrowed(path);
        let mut position = 0;
        let mut links = 0;
        let mut at = if path[0] == b'/' {
            self.top()?
        } else {
            self.start.clone()
        };
        loop {
            position += path[position..]
                .iter()
                .take_while(|&&byte| byte == b'/')
                .count();
            let component = path[position..]
                .split(|&byte| byte == b'/')
                .next()
                .unwrap_or_default();
            if component.is_empty() {
                return Ok(Found::File(at));
            }
            let after = &path[position + component.len()..];
            let is_last = after.iter().all(|&byte| byte == b'/');
            let wants_dir = !after.is_empty();

            if at.inode().kind() != mode::S_IFDIR {
                return Err(Errno::ENOTDIR);
            }
            if self.who.has_any(SEARCH_ANYWHERE) {
                // Only what goes by something else than permissions may refuse.
                if at.inode().permits(access::EXECUTE) == Some(false) {
                    return Err(Errno::EACCES);
                }
            } else {
                access::check_inode(self.who, &**at.inode(), access::EXECUTE)?;
            }
            if is_last && matches!(until, Until::Parent) {
                let last = match component {
                    b"." => Last::Dot,
                    b".." => Last::DotDot,
                    _ => Last::Name,
                };
                let name = fallible::to_vec(component)?;
                return Ok(Found::Missing(ParentOf {
                    dir: at,
                    last,
                    name,
                    wants_dir,
                }));
            }
            let end = position + component.len();
            match component {
                b"." => {}
                b".." => at = self.up(&at)?,
                name => {
                    let found = check_name(name).and_then(|()| at.inode().lookup(&at.dentry, name));
                    let next = match found {
                        Err(Errno::ENOENT) if is_last && matches!(until, Until::Create { .. }) => {
                            let name = fallible::to_vec(name)?;
                            return Ok(Found::Missing(ParentOf {
                                dir: at,
                                last: Last::Name,
                                name,
                                wants_dir,
                            }));
                        }
                        next => next?,
                    };
                    let follow = match until {
                        Until::File { follow } | Until::Create { follow } => *follow,
                        Until::Parent => true,
                    };
                    // A file can be mounted on a link, which then is none.
                    let is_link = next.inode().kind() == mode::S_IFLNK && !next.is_covered();
                    if is_link && (!is_last || wants_dir || follow) {
                        links += 1;
                        if links > LINKS_MAX || self.resolve.contains(Resolve::NO_SYMLINKS) {
                            return Err(Errno::ELOOP);
                        }
                        if is_last {
                            let (dir, link) = (at.inode().metadata(), next.inode().metadata());
                            protected::check_follow(self.who, &dir, &link)?;
                        }
                        if let Some(target) = next.inode().jump() {
                            at = self.jump(&at, target?)?;
                        } else {
                            let mut target = next.inode().read_link()?;
                            let mount = at.mount.clone();
                            Location {
                                mount,
                                dentry: next,
                            }
                            .accessed();
                            match target.first() {
                                None => return Err(Errno::ENOENT),
                                Some(b'/') => at = self.crossing(&at, self.top()?)?,
                                Some(_) => {}
                            }
                            fallible::extend_from_slice(&mut target, after)?;
                            path = Cow::Owned(target);
                            position = 0;
                            continue;
                        }
                    } else {
                        let is_covered = next.is_covered();
                        at.dentry = next;
                        if is_covered {
                            let top = at.clone().uncovered();
                            at = self.crossing(&at, top)?;
                        }
                    }
                }
            }
            if wants_dir && is_last && at.inode().kind() != mode::S_IFDIR {
                return Err(Errno::ENOTDIR);
            }
            position = end;
        }
    }
}

/// Checks that a component is no longer than names are.
///
/// # Errors
/// `ENAMETOOLONG`.
pub fn check_name(name: &[u8]) -> Result<(), Errno> {
    if name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    Ok(())
}

/// What `name` stands for in directory `dir`, mounts included.
///
/// # Errors
/// `ENOENT`, `ENAMETOOLONG`, `ENOTDIR`.
pub fn child(dir: &Location, name: &[u8]) -> Result<Location, Errno> {
    check_name(name)?;
    let dentry = dir.inode().lookup(&dir.dentry, name)?;
    Ok(Location {
        mount: dir.mount.clone(),
        dentry,
    }
    .uncovered())
}
