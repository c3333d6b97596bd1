//! Extended attributes (xattr(7)): named values of a file.
//!
//! Access to `user.` attributes follows the file's permissions; `trusted.` and `security.`
//! attributes require capabilities. Access control lists (`system.posix_acl_*`) are left out:
//! `EOPNOTSUPP`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound;

use super::access::{self, READ, WRITE};
use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Metadata, mode};
use crate::mm::fallible::{self, Grow as _};
use crate::mm::frame;

/// Longest name in bytes (XATTR_NAME_MAX).
pub const NAME_MAX: usize = 255;
/// Longest value in bytes (XATTR_SIZE_MAX).
pub const VALUE_MAX: usize = 65536;
/// Most bytes of names and values of one file.
const TOTAL_MAX: usize = 128 * 1024;

/// The extended attributes of one file.
#[derive(Default)]
pub struct Xattrs {
    by_name: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Bytes of all names and values.
    bytes: usize,
}

impl Xattrs {
    /// The value of attribute `name`.
    ///
    /// # Errors
    /// `ENODATA`, `ENOMEM`.
    pub fn get(&self, name: &[u8]) -> Result<Vec<u8>, Errno> {
        fallible::to_vec(self.by_name.get(name).ok_or(Errno::ENODATA)?)
    }

    /// Sets attribute `name`; with `create`, only if it doesn't exist; with `replace`, only if it
    /// does.
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
        let old = self.by_name.get(name).map(|old| name.len() + old.len());
        match old {
            Some(_) if create => return Err(Errno::EEXIST),
            None if replace => return Err(Errno::ENODATA),
            _ => {}
        }
        let needed = self.bytes - old.unwrap_or(0) + name.len() + value.len();
        if needed > TOTAL_MAX || frame::is_low() {
            return Err(Errno::ENOSPC);
        }
        let name = fallible::to_vec(name).map_err(|_| Errno::ENOSPC)?;
        self.by_name.insert(name, value);
        self.bytes = needed;
        Ok(())
    }

    /// Removes attribute `name`.
    ///
    /// # Errors
    /// `ENODATA`.
    pub fn remove(&mut self, name: &[u8]) -> Result<(), Errno> {
        let (name, value) = self.by_name.remove_entry(name).ok_or(Errno::ENODATA)?;
        self.bytes -= name.len() + value.len();
        Ok(())
    }

    /// Appends names after `last` that are visible to `who` to `list`, each followed by a NUL, and
    /// leaves the last one seen in `last`. Returns whether more remain.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn list_part(
        &self,
        who: &Credentials,
        last: &mut Vec<u8>,
        list: &mut Vec<u8>,
    ) -> Result<bool, Errno> {
        /// Names in a part.
        const PART: usize = 1024;
        let shows_all = who.has(Caps::SYS_ADMIN);
        let after = (Bound::Excluded(last.as_slice()), Bound::Unbounded);
        let mut names = self.by_name.range::<[u8], _>(after).map(|(name, _)| name);
        let mut seen = None;
        for name in names.by_ref().take(PART) {
            seen = Some(name);
            if shows_all || !name.starts_with(b"trusted.") {
                list.room_for(name.len() + 1)?;
                list.extend_from_slice(name);
                list.push(0);
            }
        }
        let more = names.next().is_some();
        if let Some(name) = seen {
            *last = fallible::to_vec(name)?;
        }
        Ok(more)
    }
}

/// Checks that `who` may read, or with `write` change, attribute `name` of a file (xattr_permission
/// in fs/xattr.c).
///
/// # Errors
/// `EOPNOTSUPP` for an unknown namespace, `EPERM`, `EACCES`; `ENODATA` for an attribute that `who`
/// may not see.
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
        // In a sticky directory only the owner may set attributes.
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
