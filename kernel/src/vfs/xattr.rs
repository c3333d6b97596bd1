//! Extended attributes: names with values that a file carries along (xattr(7)).
//!
//! Whoever may read or write a file may read or write its `user.` attributes; `trusted.` and
//! `security.` ones are root's. Access control lists (`system.posix_acl_*`) are left out: `EOPNOTSUPP`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::access::{self, READ, WRITE};
use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Metadata, mode};
use crate::mm::fallible::{self, Grow as _};
use crate::mm::frame;

/// Longest name (XATTR_NAME_MAX).
pub const NAME_MAX: usize = 255;
/// Longest value (XATTR_SIZE_MAX).
pub const VALUE_MAX: usize = 65536;
/// Most bytes of names and values that one file may have.
const TOTAL_MAX: usize = 128 * 1024;

/// Those of one file. Most have none.
#[derive(Default)]
pub struct Xattrs(BTreeMap<Vec<u8>, Vec<u8>>);

impl Xattrs {
    /// The value of `name`.
    ///
    /// # Errors
    /// `ENODATA`, `ENOMEM`.
    pub fn get(&self, name: &[u8]) -> Result<Vec<u8>, Errno> {
        fallible::to_vec(self.0.get(name).ok_or(Errno::ENODATA)?)
    }

    /// Sets `name`: `create`, only if it isn't there; `replace`, only if it is.
    ///
    /// # Errors
    /// `EEXIST`, `ENODATA`, `ENOSPC`.
    pub fn set(
        &mut self,
        name: &[u8],
        value: Vec<u8>,
        create: bool,
        replace: bool,
    ) -> Result<(), Errno> {
        let map = &mut self.0;
        let old = map.get(name).map(|old| name.len() + old.len());
        match old {
            Some(_) if create => return Err(Errno::EEXIST),
            None if replace => return Err(Errno::ENODATA),
            _ => {}
        }
        let used: usize = map
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let needed = used - old.unwrap_or(0) + name.len() + value.len();
        if needed > TOTAL_MAX || frame::is_low() {
            return Err(Errno::ENOSPC);
        }
        let name = fallible::to_vec(name).map_err(|_| Errno::ENOSPC)?;
        map.insert(name, value);
        Ok(())
    }

    /// Takes `name` away.
    ///
    /// # Errors
    /// `ENODATA`.
    pub fn remove(&mut self, name: &[u8]) -> Result<(), Errno> {
        self.0.remove(name).map(|_| ()).ok_or(Errno::ENODATA)
    }

    /// The names that `who` may know of, each with a NUL behind it.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn list(&self, who: &Credentials) -> Result<Vec<u8>, Errno> {
        let mut list = Vec::new();
        for name in self
            .0
            .keys()
            .filter(|name| who.has(Caps::SYS_ADMIN) || !name.starts_with(b"trusted."))
        {
            list.room_for(name.len() + 1)?;
            list.extend_from_slice(name);
            list.push(0);
        }
        Ok(list)
    }
}

/// Checks that `who` may read, or with `write` change, the attribute `name` of a file
/// (xattr_permission in fs/xattr.c).
///
/// # Errors
/// `EOPNOTSUPP` for a name of no kind, `EPERM`, `EACCES`; `ENODATA` for what may not even be asked for.
pub fn check(who: &Credentials, file: &Metadata, name: &[u8], write: bool) -> Result<(), Errno> {
    let of = |kind: &[u8]| name.len() > kind.len() && name.starts_with(kind);
    if of(b"trusted.") {
        return match who.has(Caps::SYS_ADMIN) {
            true => Ok(()),
            false if write => Err(Errno::EPERM),
            false => Err(Errno::ENODATA),
        };
    }
    if of(b"security.") {
        let may_write = || match name {
            b"security.capability" => who.has(Caps::SETFCAP),
            _ => who.has(Caps::SYS_ADMIN),
        };
        return match !write || may_write() {
            true => Ok(()),
            false => Err(Errno::EPERM),
        };
    }
    if !of(b"user.") {
        let is_bare = matches!(name, b"user." | b"trusted." | b"security.");
        return Err(if is_bare {
            Errno::EINVAL
        } else {
            Errno::EOPNOTSUPP
        });
    }
    match file.kind() {
        mode::S_IFREG => {}
        // In a directory that everybody may write to, only its owner sets the tone.
        mode::S_IFDIR
            if write && file.mode & mode::S_ISVTX != 0 && !access::is_owner(who, file) =>
        {
            return Err(Errno::EPERM);
        }
        mode::S_IFDIR => {}
        _ if write => return Err(Errno::EPERM),
        _ => return Err(Errno::ENODATA),
    }
    access::check(who, file, if write { WRITE } else { READ })
}
