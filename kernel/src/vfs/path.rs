//! Path lookup, one component at a time (path_resolution(7); fs/namei.c).
//!
//! Left out: automounts, fs.protected_fifos and fs.protected_regular.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::access;
use super::dentry::Location;
use super::mount;
use super::protected;
use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;
use crate::abi::resolve::Resolve;
use crate::mm::fallible;

/// Longest path in bytes, including its NUL.
pub const PATH_MAX: usize = 4096;
/// Longest name in bytes.
pub const NAME_MAX: usize = 255;
/// Most symbolic links followed in a lookup (MAXSYMLINKS).
const LINKS_MAX: usize = 40;

/// Either capability allows searching any directory.
const SEARCH_ANYWHERE: Caps = Caps::DAC_OVERRIDE.union(Caps::DAC_READ_SEARCH);

/// A process's file-system context (struct fs_struct).
#[derive(Clone)]
pub struct FsContext {
    /// Root directory.
    pub root: Location,
    /// Working directory.
    pub cwd: Location,
    /// Permission bits cleared in the mode of new files.
    pub umask: u32,
}

impl FsContext {
    /// Root directory as root and working directory: the context that init starts with.
    pub fn root() -> Self {
        Self {
            root: mount::root(),
            cwd: mount::root(),
            umask: 0o022,
        }
    }
}

/// Type of a path's last component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// A name.
    Name,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// None: the path is `/`.
    Root,
}

/// A path's last component and its directory.
pub struct ParentOf {
    /// The directory.
    pub dir: Location,
    /// Type of the component.
    pub last: Last,
    /// The component's text; a name for [`Last::Name`].
    pub name: Vec<u8>,
    /// A slash follows: the component must be a directory.
    pub wants_dir: bool,
}

/// Where the lookup ends.
enum Until {
    /// At the file, following a last symbolic link or not.
    File { follow: bool },
    /// At the directory of the last component.
    Parent,
    /// At the file, or at its directory if the file is missing.
    Create { follow: bool },
}

/// Result of a lookup.
pub enum Found {
    /// The file.
    File(Location),
    /// No such name in its directory; or, of [`Walk::parent`], a component not looked up.
    Missing(ParentOf),
}

/// A path lookup with the context of one caller.
pub struct Walk<'a> {
    /// The root directory.
    pub root: &'a Location,
    /// Start of relative paths.
    pub start: &'a Location,
    /// Credentials for permission checks.
    pub who: &'a Credentials,
    /// Restrictions of openat2(2).
    pub resolve: Resolve,
}

impl Walk<'_> {
    /// Looks up the file at `path`.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`.
    pub fn file(&self, path: &[u8], follow: bool) -> Result<Location, Errno> {
        match self.walk(path, &Until::File { follow })? {
            Found::File(location) => Ok(location),
            Found::Missing(_) => Err(Errno::ENOENT),
        }
    }

    /// Looks up the file at `path`, or the place to create it.
    ///
    /// # Errors
    /// As [`Walk::file`], but `ENOENT` only for a directory of the path.
    pub fn file_or_place(&self, path: &[u8], follow: bool) -> Result<Found, Errno> {
        self.walk(path, &Until::Create { follow })
    }

    /// Looks up the directory of the last component of `path`.
    ///
    /// # Errors
    /// As [`Walk::file`], for the directories of the path.
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

    /// Whether the lookup is confined to the start directory.
    fn is_scoped(&self) -> bool {
        self.resolve.intersects(Resolve::BENEATH | Resolve::IN_ROOT)
    }

    /// Start of an absolute path.
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

    /// The parent directory, for `..`.
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

    /// Follows a magic link of /proc.
    fn jump(&self, from: &Location, to: Location) -> Result<Location, Errno> {
        if self.resolve.contains(Resolve::NO_MAGICLINKS) {
            return Err(Errno::ELOOP);
        }
        if self.is_scoped() {
            return Err(Errno::EXDEV);
        }
        self.crossing(from, to)
    }

    /// Checks a step against RESOLVE_NO_XDEV.
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
                // Capabilities override permission bits, but not an inode's own rule.
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
                    // A symbolic link that is a mount point is not followed.
                    let is_link = next.inode().kind() == mode::S_IFLNK && !next.is_covered();
                    if is_link && (!is_last || wants_dir || follow) {
                        links += 1;
                        if links > LINKS_MAX || self.resolve.contains(Resolve::NO_SYMLINKS) {
                            return Err(Errno::ELOOP);
                        }
                        if is_last {
                            protected::check_follow(self.who, &**at.inode(), &**next.inode())?;
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
                            if !after.is_empty() {
                                fallible::extend_from_slice(&mut target, after)?;
                            }
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

/// Checks the length of a component.
///
/// # Errors
/// `ENAMETOOLONG` above NAME_MAX.
pub fn check_name(name: &[u8]) -> Result<(), Errno> {
    if name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    Ok(())
}

/// Looks up `name` in directory `dir`, and crosses a mount point.
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
