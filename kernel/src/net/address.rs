//! Names of sockets (struct sockaddr_un), and which socket has which.
//!
//! A path's name is a file that bind(2) makes; the socket is found by that file, whatever happens to
//! the path. An abstract name, which begins with a NUL, stands in a table of its own.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use crate::sync::{Mutex, rank};
use linux_raw_sys::general::AT_FDCWD;
use linux_raw_sys::net::AF_UNIX;

use super::socket::{Kind, Socket};
use crate::fs::access::{self, WRITE};
use crate::fs::inode::{Inode, NewFile, mode};
use crate::fs::path::{Last, child};
use crate::fs::{caller, open};
use crate::syscall::errno::Errno;

/// Bytes of the family in front of the name.
const FAMILY: usize = 2;
/// Bytes of struct sockaddr_un.
const SIZE: usize = 110;

/// A socket's name: what follows the family; nothing if it has none. A path has its NUL.
pub type Address = Arc<[u8]>;

/// Checks an address that a program gave and takes its name; empty if it is the family alone.
///
/// # Errors
/// `EINVAL` for a length that is none, or another family.
pub fn parse(address: &[u8]) -> Result<Address, Errno> {
    let (family, name) = address.split_at_checked(FAMILY).ok_or(Errno::EINVAL)?;
    if address.len() > SIZE || family_of(family) != AF_UNIX {
        return Err(Errno::EINVAL);
    }
    Ok(match name.first() {
        None => Arc::default(),
        Some(0) => name.into(),
        Some(_) => {
            let path = name.split(|byte| *byte == 0).next().unwrap_or_default();
            [path, &[0]].concat().into()
        }
    })
}

/// The same for an address that must have a name.
///
/// # Errors
/// `EINVAL`.
pub fn parse_name(address: &[u8]) -> Result<Address, Errno> {
    parse(address).and_then(|name| {
        if name.is_empty() {
            Err(Errno::EINVAL)
        } else {
            Ok(name)
        }
    })
}

/// The family of an address; 0 (AF_UNSPEC) if it is too short to have one.
pub fn family_of(address: &[u8]) -> u32 {
    match address {
        [low, high, ..] => u16::from_ne_bytes([*low, *high]).into(),
        _ => 0,
    }
}

/// The address of a socket with that name.
pub fn encode(name: &Address) -> Vec<u8> {
    [&(AF_UNIX as u16).to_ne_bytes(), &name[..]].concat()
}

/// How a socket has its name.
enum Place {
    /// Not for finding it: the name is its listener's, or it is closed.
    Nowhere,
    Path(Arc<dyn Inode>),
    Abstract(Kind),
}

/// A socket's hold on its name.
pub struct Binding {
    /// The name.
    pub address: Address,
    place: Place,
}

type Table<K> = Mutex<BTreeMap<K, Weak<Socket>>, rank::SocketNames>;

/// Sockets by where the inode lies that was made for them, which they keep there.
static PATHS: Table<usize> = Mutex::new(BTreeMap::new());
static ABSTRACT: Table<(Kind, Address)> = Mutex::new(BTreeMap::new());

fn key(inode: &Arc<dyn Inode>) -> usize {
    Arc::as_ptr(inode).addr()
}

impl Binding {
    /// The same name, by which the holder isn't found.
    pub fn copy(address: Address) -> Self {
        Self {
            address,
            place: Place::Nowhere,
        }
    }

    /// Gives the name up: the socket is not found by it any more. Returns the file that stood for it,
    /// to be dropped where nothing is locked.
    pub fn give_up(&mut self) -> Option<Arc<dyn Inode>> {
        match core::mem::replace(&mut self.place, Place::Nowhere) {
            Place::Nowhere => None,
            Place::Abstract(kind) => {
                ABSTRACT.lock().remove(&(kind, self.address.clone()));
                None
            }
            Place::Path(inode) => {
                PATHS.lock().remove(&key(&inode));
                Some(inode)
            }
        }
    }
}

/// Gives `socket` the name `address`, for the caller.
///
/// # Errors
/// `EADDRINUSE`, those of making a file.
pub fn bind(socket: &Arc<Socket>, address: Address) -> Result<(), Errno> {
    let place = if address.first() == Some(&0) {
        let mut table = ABSTRACT.lock();
        let key = (socket.kind, address.clone());
        if table.contains_key(&key) {
            return Err(Errno::EADDRINUSE);
        }
        table.insert(key, Arc::downgrade(socket));
        Place::Abstract(socket.kind)
    } else {
        let permissions = socket.owner.lock().permissions;
        let inode = make(&address[..address.len() - 1], permissions)?;
        PATHS.lock().insert(key(&inode), Arc::downgrade(socket));
        Place::Path(inode)
    };
    socket.state().binding = Some(Binding { address, place });
    Ok(())
}

/// Gives `socket` an abstract name of five hexadecimal digits that nobody has (autobind).
///
/// # Errors
/// `ENOSPC` if all are taken.
pub fn bind_anywhere(socket: &Arc<Socket>) -> Result<(), Errno> {
    static NEXT: Mutex<u32, rank::NextSocketName> = Mutex::new(0);
    const NAMES: u32 = 1 << 20;
    for _ in 0..NAMES {
        let number = {
            let mut next = NEXT.lock();
            *next = (*next + 1) % NAMES;
            *next
        };
        match bind(socket, format!("\0{number:05x}").into_bytes().into()) {
            Err(Errno::EADDRINUSE) => {}
            result => return result,
        }
    }
    Err(Errno::ENOSPC)
}

/// Makes the file that stands for a socket with these permissions.
fn make(path: &[u8], permissions: u32) -> Result<Arc<dyn Inode>, Errno> {
    caller::walk_at(AT_FDCWD, path, |walk, context| {
        let place = walk.parent(path)?;
        if place.last != Last::Name {
            return Err(Errno::EADDRINUSE);
        }
        match child(&place.dir, &place.name) {
            Ok(_) => return Err(Errno::EADDRINUSE),
            Err(Errno::ENOENT) if !place.wants_dir => {}
            Err(errno) => return Err(errno),
        }
        let new = NewFile {
            mode: mode::S_IFSOCK | permissions & !context.umask,
            ..NewFile::default()
        };
        Ok(open::create(walk, &place, new, context.umask)?
            .inode()
            .clone())
    })
}

/// The socket with the name `address`, for one of `kind` that the caller wants to reach it by.
///
/// # Errors
/// `ECONNREFUSED` if there is none, `EPROTOTYPE` if it is of another kind; `EACCES` and what else the
/// path gives.
pub fn find(address: &Address, kind: Kind) -> Result<Arc<Socket>, Errno> {
    if address.first() == Some(&0) {
        let found = ABSTRACT.lock().get(&(kind, address.clone())).cloned();
        return found
            .and_then(|socket| socket.upgrade())
            .ok_or(Errno::ECONNREFUSED);
    }
    let path = &address[..address.len() - 1];
    let inode = caller::walk_at(AT_FDCWD, path, |walk, _| {
        let location = walk.file(path, true)?;
        access::check(walk.who, &location.inode().metadata(), WRITE)?;
        Ok(location.inode().clone())
    })?;
    let found = PATHS.lock().get(&key(&inode)).and_then(Weak::upgrade);
    let socket = found.ok_or(Errno::ECONNREFUSED)?;
    if socket.kind == kind {
        Ok(socket)
    } else {
        Err(Errno::EPROTOTYPE)
    }
}
