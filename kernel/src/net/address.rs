//! Addresses of Unix-domain sockets (struct sockaddr_un), and how a socket is found by its address.
//!
//! bind(2) of a path creates a socket file, whose inode leads to the socket, so renaming the file
//! makes no difference. An abstract name begins with a NUL and is found in a table (unix(7)).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use crate::sync::{Mutex, rank};
use linux_raw_sys::general::AT_FDCWD;
use linux_raw_sys::net::AF_UNIX;

use super::socket::{Kind, Socket};
use crate::abi::errno::Errno;
use crate::abi::metadata::{NewFile, mode};
use crate::process::caller;
use crate::vfs::access::{self, WRITE};
use crate::vfs::endpoint::Endpoint;
use crate::vfs::inode::Inode;
use crate::vfs::open;
use crate::vfs::path::{Last, child};

/// Bytes of the family before the name.
const FAMILY: usize = 2;
/// Bytes of struct sockaddr_un.
const SIZE: usize = 110;

/// A socket's address without its family: a path with its terminating NUL, an abstract name with
/// its leading NUL, or empty for an unnamed socket.
pub type Address = Arc<[u8]>;

/// Checks an address given by a program and returns its name; empty if the address consists of the
/// family alone.
///
/// # Errors
/// `EINVAL` for an invalid length or another family.
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

/// Parses an address that must contain a name.
///
/// # Errors
/// `EINVAL` as for [`parse`], and for an empty name.
pub fn parse_name(address: &[u8]) -> Result<Address, Errno> {
    parse(address).and_then(|name| {
        if name.is_empty() {
            Err(Errno::EINVAL)
        } else {
            Ok(name)
        }
    })
}

/// The family of an address; 0 (AF_UNSPEC) if the address is too short to have one.
pub fn family_of(address: &[u8]) -> u32 {
    match address {
        [low, high, ..] => u16::from_ne_bytes([*low, *high]).into(),
        _ => 0,
    }
}

/// Encodes `name` as an address: the family, then the name.
pub fn encode(name: &Address) -> Vec<u8> {
    [&(AF_UNIX as u16).to_ne_bytes(), &name[..]].concat()
}

/// What a socket is found by.
enum Place {
    /// None: the address is a copy of a listener's, or the socket is closed.
    Nowhere,
    Path(Arc<dyn Inode>),
    Abstract(Kind),
}

/// A socket's address, and what it is found by.
pub struct Binding {
    /// The name.
    pub address: Address,
    place: Place,
}

static ABSTRACT: Mutex<BTreeMap<(Kind, Address), Weak<Socket>>, rank::SocketNames> =
    Mutex::new(BTreeMap::new());

impl Binding {
    /// A copy of an address: the holder is not found by it.
    pub fn copy(address: Address) -> Self {
        Self {
            address,
            place: Place::Nowhere,
        }
    }

    /// Ends the binding: the socket is no longer found by its address. Returns the inode of
    /// the socket file, for the caller to drop with no lock held.
    pub fn unbind(&mut self) -> Option<Arc<dyn Inode>> {
        match core::mem::replace(&mut self.place, Place::Nowhere) {
            Place::Nowhere => None,
            Place::Abstract(kind) => {
                ABSTRACT.lock().remove(&(kind, self.address.clone()));
                None
            }
            Place::Path(inode) => {
                if let Some(endpoint) = inode.endpoint() {
                    endpoint.clear();
                }
                Some(inode)
            }
        }
    }
}

/// Binds `socket` to `address`, as the calling process.
///
/// # Errors
/// `EADDRINUSE`; those of creating a file.
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
        let inode = create_file(&address[..address.len() - 1], permissions)?;
        inode.endpoint().ok_or(Errno::EPERM)?.set(socket);
        Place::Path(inode)
    };
    socket.state().binding = Some(Binding { address, place });
    Ok(())
}

/// Binds `socket` to an unused abstract name of five hexadecimal digits (autobind, unix(7)).
///
/// # Errors
/// `ENOSPC` if all are taken.
pub fn autobind(socket: &Arc<Socket>) -> Result<(), Errno> {
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

/// Creates the socket file with `permissions`, less the caller's umask.
fn create_file(path: &[u8], permissions: u32) -> Result<Arc<dyn Inode>, Errno> {
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

/// Finds the socket at `address` for a socket of `kind` that connects or sends to it.
///
/// # Errors
/// `ECONNREFUSED` if there is none, `EPROTOTYPE` if its type differs; `EACCES` and the errors of
/// the path lookup.
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
    let found = inode.endpoint().and_then(Endpoint::get::<Socket>);
    let socket = found.ok_or(Errno::ECONNREFUSED)?;
    if socket.kind == kind {
        Ok(socket)
    } else {
        Err(Errno::EPROTOTYPE)
    }
}
